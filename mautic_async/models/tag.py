"""Tags of contacts."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import UNSET, Entity, Maybe


@define(kw_only=True)
class Tag(Entity):
    """Tag of contacts.

    Attributes:
        tag: Name. Required to create; creating a known name returns the existing tag.
        description: Text for users of Mautic. The API cannot write it; Mautic 5 does not show it either.

    Mautic: REST API, Tags.
    """

    tag: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
