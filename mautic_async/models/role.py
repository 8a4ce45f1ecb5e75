"""Roles of users."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define

from mautic_async.models._base import UNSET, Maybe, Published, Unset, as_entity


@define(kw_only=True)
class Role(Published):
    """Set of permissions of users.

    Mautic does not store `is_published` of roles from the API.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic.
        is_admin: All permissions; `raw_permissions` is then empty.
        raw_permissions: Permissions by area: ``{"email:emails": ["viewown", "viewother"]}``.

    Mautic: REST API, Roles.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    is_admin: Maybe[bool] = UNSET
    raw_permissions: Maybe[Mapping[str, list[str]]] = UNSET


def as_role(value: Role | int | Unset | None) -> Role | Unset | None:
    """Return the role itself for an id."""
    return as_entity(Role, value)
