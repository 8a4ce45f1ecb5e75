"""Authentication by Basic and Bearer credentials, and the permissions of roles."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mautic_async.testing.replies import UnhandledError

if TYPE_CHECKING:
    from mautic_async.testing.http import Request
    from mautic_async.testing.store import Row, Store

BASIC_DISABLED = (
    "Basic Auth disabled. You need to enable HTTP basic auth in the API settings of Mautic's Configuration."
)
DENIED = "API authorization denied."
BAD_LOGIN = "Authorization denied, invalid credentials."
BAD_TOKEN = "The access token provided is invalid."  # noqa: S105 - a message
EXPIRED_TOKEN = "The access token provided has expired."  # noqa: S105 - a message


_FIELDS = "lead:fields"


@dataclass(slots=True)
class User:
    """The user or the OAuth2 client that sends a request, with its role.

    Attributes:
        id: Id of the user; None for a client-credentials token.
        name: Name as ``createdByUser`` shows it.
        role: Row of the role.
        row: Row of the user; None for a client-credentials token.
        token: The access token, which is also the key of the rate limit; None with Basic.
        client: Row of the OAuth2 client, or None.
    """

    id: int | None
    name: str
    role: Row
    row: Row | None = None
    token: str | None = None
    client: Row | None = None
    rights: dict[str, frozenset[str]] = field(default_factory=dict)

    def may(self, permission: str, verb: str, *, own: bool | None = None) -> bool:
        """Return True if the role allows *verb*.

        Args:
            permission: ``lead:leads`` and the like; empty for what needs no permission.
            verb: view, edit, delete, create or publish.
            own: True for an entity that the user owns, False for an entity of another user, None for any entity.

        Raises:
            UnhandledError: 403; the user is no administrator and wants to edit or delete a custom field.
        """
        if self.role["isAdmin"] or not permission:
            return True
        if permission == _FIELDS and verb in ("create", "edit", "delete"):
            # Mautic knows only "view" and "full" for fields and raises an exception for any other verb. The check of a
            # create takes that for a yes: every user may create fields, and only administrators change them.
            if verb == "create":
                return True
            raise UnhandledError(403)
        rights = self.rights.get(permission)
        if rights is None:
            rights = self.rights[permission] = _rights(self.role, permission)
        if "full" in rights or verb in rights or verb + "other" in rights:
            return True
        return own is not False and verb + "own" in rights


def _rights(role: Row, permission: str) -> frozenset[str]:
    raw = role.get("rawPermissions") or {}
    return frozenset(raw.get(permission, ()) if isinstance(raw, dict) else ())


def user_of_row(user: Row, store: Store, token: str | None = None, client: Row | None = None) -> User:
    """Return the sender of a request that a user is logged in for."""
    role = store["roles"].get(user["role"]) or {"id": 0, "isAdmin": False, "rawPermissions": {}}
    return User(user["id"], f"{user['firstName']} {user['lastName']}", role, user, token, client)


def user_of_client(client: Row, store: Store, token: str) -> User:
    """Return the sender of a request with a client-credentials token, which belongs to no user."""
    role = store["roles"].get(client["role"]) or {"id": 0, "isAdmin": False, "rawPermissions": {}}
    return User(None, f"{client['name']} [{client['id']}]", role, None, token, client)


def bearer_tokens(request: Request, query: dict[str, Any], body: Any) -> list[str]:
    """Return the bearer tokens of a request, from header, query and form field."""
    tokens = []
    header = request.headers.get("authorization", "")
    if header.startswith("Bearer "):
        tokens.append(header[7:].strip())
    if isinstance(query.get("access_token"), str):
        tokens.append(query["access_token"])
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if form and isinstance(body, dict) and isinstance(body.get("access_token"), str):
        tokens.append(body["access_token"])
    return tokens


def basic_login(request: Request) -> tuple[str, str] | None:
    """Return user name and password of a Basic header, two empty texts if it is unreadable, or None without one."""
    header = request.headers.get("authorization", "")
    if not header.startswith("Basic "):
        return None
    try:
        name, _, password = base64.b64decode(header[6:], validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password


def authenticate(request: Request, query: dict[str, Any], body: Any, store: Store, now: float, *, basic: bool) -> User:
    """Return the sender of a request.

    Raises:
        UnhandledError: 401 or 403 in the firewall's shape; 500 for two tokens at once.
    """
    credentials = basic_login(request)
    if credentials is not None and not basic:
        raise UnhandledError(403, BASIC_DISABLED, "access_denied")
    tokens = bearer_tokens(request, query, body)
    if len(tokens) > 1:
        raise UnhandledError
    if credentials is not None and not tokens:
        return _user_of_password(credentials, store)
    if not tokens or not tokens[0]:
        raise UnhandledError(401, DENIED, "access_denied")
    return user_of_token(tokens[0], store, now)


def _user_of_password(credentials: tuple[str, str], store: Store) -> User:
    for user in store["users"]:
        if user["username"] == credentials[0] and user["password"] == credentials[1] and user["isPublished"]:
            return user_of_row(user, store)
    raise UnhandledError(401, BAD_LOGIN, "access_denied")


def user_of_token(token: str, store: Store, now: float) -> User:
    """Return the sender that an access token stands for.

    Raises:
        UnhandledError: 401; the token is unknown or expired, or its user does not exist any more.
    """
    token_row = [row for row in store["tokens"].find("token", token) if row["kind"] == "access"]
    if not token_row:
        raise UnhandledError(401, BAD_TOKEN, "invalid_grant")
    row = token_row[0]
    if row["expires"] <= now:
        raise UnhandledError(401, EXPIRED_TOKEN, "invalid_grant")
    client = store["clients"].get(row["client"])
    if row["user"] is None:
        return user_of_client(client or {"id": 0, "name": "", "role": 0}, store, token)
    user = store["users"].get(row["user"])
    if user is None or not user["isPublished"]:
        raise UnhandledError(401, DENIED, "access_denied")
    return user_of_row(user, store, token, client)
