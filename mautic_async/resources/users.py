"""Users."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from mautic_async import codec, protocol
from mautic_async.errors import ConfigurationError
from mautic_async.models import Role, User
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _responses
from mautic_async.resources._base import Endpoint, Resource


class Users(Resource[User]):
    """Users of Mautic. Mautic: REST API, Users."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(*("users", "user", "users", User), create_requires=("plainPassword",))

    async def me(self) -> User:
        """Return the user of these credentials. Client credentials belong to no user: id is then 0, the e-mail unset.

        Mautic: REST API, Users, Get self user (GET /users/self).
        """
        call = self._build_call("GET", Effect.READ, "self")
        return codec.decode(User, _responses.expect_mapping(call, await self._send_for_body(call)))

    async def check_permissions(self, id: int, permissions: Iterable[str]) -> dict[str, bool]:
        """Return for each permission, such as ``lead:leads:create``, True if the user has it.

        Raises:
            ConfigurationError: *permissions* is empty.
            NotFound: No user has this id.
            PermissionDenied: Not allowed, or a name is malformed.

        Mautic: REST API, Users, Check permissions (POST /users/ID/permissioncheck).
        """
        names = [permissions] if isinstance(permissions, str) else list(permissions)
        if not names:
            raise ConfigurationError("users.check_permissions: no permission is named")
        call = self._build_call(
            "POST", Effect.READ, protocol.validate_id(id), "permissioncheck", body={"permissions": names}
        )
        return {
            name: bool(value)
            for name, value in _responses.expect_mapping(call, await self._send_for_body(call)).items()
        }

    async def roles(self, *, search: str = "", limit: int | None = None) -> list[Role]:
        """Return the roles for users, with id and name.

        Args:
            search: Text that the names contain.
            limit: Largest number of roles.

        Mautic: REST API, Users, List available roles (GET /users/list/roles).
        """
        query = protocol.encode_query({"filter": search or None, "limit": limit})
        call = Call("GET", "users/list/roles", query=query)
        return [codec.decode(Role, row) for row in _responses.expect_rows(call, await self._send_for_body(call))]

    def _create_body(self, entity: User) -> dict[str, Any]:
        body = super()._create_body(entity)
        # Mautic compares both itself, but fails with a 500.
        typed = body["plainPassword"]
        if not typed.get("password") or typed.get("password") != typed.get("confirm"):
            raise ConfigurationError("users: password and confirm differ or are empty, to which Mautic answers 500")
        return body

    def _edit_body(self, entity: User) -> dict[str, Any]:
        return _without_password(super()._edit_body(entity))

    def _replace_body(self, entity: User) -> dict[str, Any]:
        return _without_password(super()._replace_body(entity))


def _without_password(body: dict[str, Any]) -> dict[str, Any]:
    if "plainPassword" in body:
        raise ConfigurationError("users: Mautic's API cannot change a password; it ignores plain_password in edits")
    return body
