"""Tags of contacts."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import UNSET, Entity, Maybe


@define(kw_only=True)
class Tag(Entity):
    """A word that contacts can carry.

    Attributes:
        tag: The word itself. Required to create; a known one gives the existing tag.
        description: For people. Mautic 5 has no way to write it and answers None.

    Mautic: REST API, Tags.
    """

    tag: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
