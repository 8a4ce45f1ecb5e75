"""Roles and users."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final
from zoneinfo import available_timezones

from mautic_async.testing import auth, php, query
from mautic_async.testing.replies import ControllerError, Reply, UnhandledError, form_errors, not_found
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import (
    ID,
    KEEP,
    NOT_NULL,
    InvalidValue,
    Property,
    boolean,
    html,
    iso_text,
    list_or_map,
    plain_text,
)
from mautic_async.testing.resources._standard import without_nulls

if TYPE_CHECKING:
    from mautic_async.testing.query import ColumnReader, Predicate
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row


class Roles(FakeResource):
    """Roles; one that a user has cannot be deleted."""

    path: ClassVar[str] = "roles"
    singular: ClassVar[str] = "role"
    plural: ClassVar[str] = "roles"
    permission = "user:roles"
    default_order: ClassVar[tuple[str, ...]] = ("name",)
    searched_columns: ClassVar[tuple[str, ...]] = ("name", "description")
    search_commands: ClassVar[tuple[str, ...]] = ("is", "name")
    audit_name: ClassVar[tuple[str, str]] = ("user", "role")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        Property("description", html),
        Property("isAdmin", boolean, default=False, value_on_put=NOT_NULL),
        Property("rawPermissions", list_or_map, default=list, value_on_put=KEEP),
    )

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Keep the permissions if null was sent for them."""
        del problems, context
        if "rawPermissions" in params and params["rawPermissions"] is None:
            draft["rawPermissions"] = [] if row is None else row["rawPermissions"]

    def search_command(self, term: Term, context: RequestContext) -> Predicate | None:
        """Administrators, too."""
        if (term.command, term.value) == ("is", "admin"):
            return lambda row: bool(row["isAdmin"])
        return super().search_command(term, context)

    def delete(self, row: Row, context: RequestContext) -> None:
        """Delete the role unless a user has it."""
        if any(user["role"] == row["id"] for user in context.table("users")):
            raise UnhandledError(428)
        super().delete(row, context)


_ALREADY_USED: Final = "{} is already in use. Please choose another."
_TOO_WEAK: Final = (
    "Please enter a stronger password. Your password must use a combination of upper and lower case,"
    " special characters and numbers."
)
_SHORT_PASSWORD: Final = "Password must be at least 6 characters."  # noqa: S105 - a message
_CHARACTER_CLASSES: Final = ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]")
_BUNDLES: Final = frozenset(
    [
        "api",
        "asset",
        "campaign",
        "category",
        "channel",
        "core",
        "custom_fields",
        "dashboard",
        "dynamiccontent",
        "email",
        "focus",
        "form",
        "lead",
        "lead_list",
        "mauticSocial",
        "mobile_notification",
        "notification",
        "page",
        "plugin",
        "point",
        "queue",
        "report",
        "sms",
        "stage",
        "tagManager",
        "user",
        "webhook",
        "custom_objects",
    ]
)


def _zone(value: Any, context: RequestContext) -> Any:
    text = plain_text(value, context)
    if text is not None and text not in available_timezones():
        raise InvalidValue
    return text


def _language(value: Any, context: RequestContext) -> Any:
    text = plain_text(value, context)
    if text is not None and not re.fullmatch("[a-z]{2}(_[A-Z]{2})?", text):
        raise InvalidValue
    return text


def _user_email(value: Any, context: RequestContext) -> Any:
    try:
        return _parts.email(value, context)
    except InvalidValue:
        raise InvalidValue("The email entered is invalid.") from None


def serialize_role(id: Any, context: RequestContext) -> Any:
    """Return a role inside a user."""
    row = context.table("roles").get(id) if id else None
    return None if row is None else _parts.pick(row, "name", "description", "isAdmin", "rawPermissions")


class Users(FakeResource):
    """Users. The API sets a password once and never again."""

    path: ClassVar[str] = "users"
    singular: ClassVar[str] = "user"
    plural: ClassVar[str] = "users"
    permission = "user:users"
    default_order: ClassVar[tuple[str, ...]] = ("lastName", "firstName", "username")
    searched_columns: ClassVar[tuple[str, ...]] = ("username", "email", "firstName", "lastName", "position", "roleName")
    search_commands: ClassVar[tuple[str, ...]] = ("is", "email", "name", "position", "role", "username")
    audit_name: ClassVar[tuple[str, str]] = ("user", "user")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("username", required="Username is required."),
        Property("firstName", required="First name is required."),
        Property("lastName", required="Last name is required."),
        Property("email", _user_email, required="The email entered is invalid.", minimal=False),
        Property("position", minimal=False),
        Property(
            "role",
            _parts.id_of("roles"),
            serialize_role,
            required="A role must be chosen for this user.",
            minimal=False,
        ),
        Property("timezone", _zone, minimal=False),
        Property("locale", _language, minimal=False),
        Property("lastLogin", serialize=iso_text, writable=False, minimal=False),
        Property("lastActive", serialize=iso_text, writable=False, minimal=False),
        Property("signature", html, minimal=False),
        Property("password", writable=False, hidden=True),
    )

    def column(self, name: str) -> ColumnReader:
        """Return the reader of a column; the name of the role is one."""
        if name == "roleName":
            return lambda row: (self.store["roles"].get(row["role"]) or {}).get("name")
        return super().column(name)

    def search_command(self, term: Term, context: RequestContext) -> Predicate | None:
        """Return the test of a search by name, by role, or for administrators."""
        pattern = term.value if term.strict else f"%{term.value}%"
        if term.command == "name":
            return lambda row: query.like(row["firstName"], pattern) or query.like(row["lastName"], pattern)
        roles = context.table("roles")
        if term.command == "role":
            ids = {role["id"] for role in roles if query.like(role["name"], pattern)}
            return lambda row: row["role"] in ids
        if (term.command, term.value) == ("is", "admin"):
            admins = {role["id"] for role in roles if role["isAdmin"]}
            return lambda row: row["role"] in admins
        return super().search_command(term, context)

    def validate(self, row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> Row:
        """Check a new user's password first; a single edit keeps the user name, a PUT the role, too."""
        params = dict(params)
        if row is None:
            password = self._new_password(params, method, context)
        elif not _parts.is_batch(context):
            params.pop("username", None)
            if method == "PUT":
                params |= {"username": row["username"], "role": row["role"]}
        draft = super().validate(row, params, method, context)
        if row is None:
            draft["password"] = password
        return draft

    def _new_password(self, params: dict[str, Any], method: str, context: RequestContext) -> str:
        """Return the password of a new user; Mautic 7 checks the rest of the form first where there is none."""
        if context.is_7 and not params.get("plainPassword"):
            try:
                super().validate(None, params, method, context)
            except ControllerError as why:
                problems: dict[str, Any] = dict(why.details)
                role = {"role": problems.pop("role")} if "role" in problems else {}
                problems |= {"password": ["Password cannot be blank."], **role}
                raise form_errors(problems, draft=why.draft) from None
        return _password(params.get("plainPassword"))

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """User name and address are one person's."""
        others = [user for user in self.table(context) if row is None or user["id"] != row["id"]]
        for name, word in (("username", "Username"), ("email", "Email")):
            own_value = php.collate(php.to_string(draft[name]))
            if name not in problems and any(php.collate(php.to_string(user[name])) == own_value for user in others):
                problems[name] = _ALREADY_USED.format(word)
        del params

    def extra_routes(self, routes: Router) -> None:
        """Oneself, what one may, and the roles there are."""
        routes.add("GET", "/api/users/self", self.myself)
        routes.add("POST", "/api/users/{id}/permissioncheck", self.permissions)
        routes.add("GET", "/api/users/list/roles", self.roles)

    async def myself(self, context: RequestContext) -> Any:
        """Answer with the sender of the request, without an envelope and without nulls."""
        user = context.user
        role = _plain_view(user.role, "name", "description", "isAdmin", "rawPermissions")
        if user.row is not None:
            names = [
                property_.name
                for property_ in self.visible_properties
                if property_.name not in ("id", "lastLogin", "lastActive")
            ]
            return Reply(without_nulls(_plain_view(user.row, *names) | {"role": role}))
        first, _, last = user.name.rpartition(" ")
        entity = {"isPublished": True, "username": user.name, "firstName": first, "lastName": last}
        return Reply(without_nulls(entity | {"role": role, "timezone": "", "locale": ""}))

    async def permissions(self, context: RequestContext) -> Any:
        """Answer with the permissions of a user."""
        row = self.get(context.path["id"], context)
        if row is None:
            raise not_found()
        requested = context.body.get("permissions") if isinstance(context.body, dict) else None
        if not requested:
            raise ControllerError(400, "mautic.api.call.permissionempty")
        user = auth.user_of_row(row, context.store)
        granted = {}
        for permission in php.array_values(requested):
            parts = php.to_string(permission).split(":")
            permission_names = len(parts) in (3, 4) and (user.role["isAdmin"] or parts[0] in _BUNDLES)
            if not permission_names:
                raise UnhandledError(403)
            granted[php.to_string(permission)] = _is_granted(user, parts)
        return Reply(granted)

    async def roles(self, context: RequestContext) -> Any:
        """Answer with ids and names of published roles."""
        if not (context.user.may(self.permission, "create") or context.user.may(self.permission, "edit")):
            context.require(self.permission, "edit")
        search = f"{php.to_string(context.query.get('filter'))}%"
        rows = [row for row in context.table("roles") if row["isPublished"] and query.like(row["name"], search)]
        limit = php.to_int(context.query.get("limit"))
        rows = query.sort(rows, [(lambda row: row["name"], False)])
        return Reply([{"id": row["id"], "name": row["name"]} for row in rows[: limit or None]])


def _is_granted(user: auth.User, parts: list[str]) -> bool:
    verb = parts[-1]
    own = True if verb.endswith("own") else False if verb.endswith("other") else None
    return user.may(":".join(parts[:-1]), verb.removesuffix("own").removesuffix("other"), own=own)


def _plain_view(row: Row, *names: str) -> dict[str, Any]:
    added, modified = row.get("dateAdded"), row.get("dateModified")
    entity = {
        "isPublished": row.get("isPublished", True),
        "dateAdded": added if added is None else php.iso_datetime(added),
    }
    entity["dateModified"] = modified if modified is None else php.iso_datetime(modified)
    for name in ("createdBy", "createdByUser", "modifiedBy", "modifiedByUser", "id", *names):
        entity[name] = row.get(name)
    return entity


def _password(value: Any) -> str:
    if not isinstance(value, dict) or not value.get("password") or value.get("confirm") != value["password"]:
        raise UnhandledError
    word = php.to_string(value["password"])
    if len(word) < 6:
        raise form_errors({"password": _SHORT_PASSWORD})
    if sum(bool(re.search(kind, word)) for kind in _CHARACTER_CLASSES) < 3:
        raise form_errors({"password": _TOO_WEAK})
    return word
