"""Roles."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Role
from mautic_async.resources._base import Endpoint, Resource


class Roles(Resource[Role]):
    """Roles of users; a role that a user has cannot be deleted (428). Mautic: REST API, Roles."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "roles", one="role", many="roles", model=Role, replace_requires=("isAdmin",)
    )
