"""Groups of custom fields."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import UNSET, Entity, FromServer, Maybe


@define(kw_only=True)
class FieldGroup(Entity):
    """Group of custom fields. Mautic 8 or newer; not tested against a real server.

    Attributes:
        name: Letters, digits and spaces. Required to create.
        alias: Assigned by the server. Read only.
        description: Text for users of Mautic.
        order: Position, from 1.

    Mautic: REST API, Field groups.
    """

    name: Maybe[str] = UNSET
    alias: FromServer[str] = None
    description: Maybe[str] = UNSET
    order: Maybe[int] = UNSET
