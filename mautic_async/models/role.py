"""Roles of users."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define

from mautic_async.models._base import UNSET, Maybe, Published, Unset, as_entity


@define(kw_only=True)
class Role(Published):
    """What its users may do.

    Attributes:
        name: Required to create.
        description: For people.
        is_admin: May do everything; then there are no `raw_permissions`.
        raw_permissions: Levels by area: ``{"email:emails": ["viewown", "viewother"]}``.

    Mautic: REST API, Roles.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    is_admin: Maybe[bool] = UNSET
    raw_permissions: Maybe[Mapping[str, list[str]]] = UNSET


def as_role(value: Role | int | Unset | None) -> Role | Unset | None:
    """Take an id for the role itself."""
    return as_entity(Role, value)
