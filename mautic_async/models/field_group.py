"""Groups of custom fields."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import UNSET, Entity, FromServer, Maybe


@define(kw_only=True)
class FieldGroup(Entity):
    """Fields that people see together. Mautic 8 or newer; not tried on a live server.

    Attributes:
        name: Letters, digits and spaces. Required to create.
        alias: Made by the server. Read only.
        description: For people.
        order: Position.

    Mautic: REST API, Field groups.
    """

    name: Maybe[str] = UNSET
    alias: FromServer[str] = None
    description: Maybe[str] = UNSET
    order: Maybe[int] = UNSET
