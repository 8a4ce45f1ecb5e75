"""Roles and users."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import available_timezones

from mautic_async.testing import auth, php, query
from mautic_async.testing.replies import Crash, Refused, Said, invalid, missing
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import (
    ID,
    KEEP,
    NOT_NULL,
    Invalid,
    Prop,
    mapping,
    moment,
    plain,
    rich,
    switch,
)
from mautic_async.testing.resources._standard import without_nulls

if TYPE_CHECKING:
    from mautic_async.testing.query import Column, Test
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row


class Roles(Noun):
    """Roles; one that a user has cannot be deleted."""

    path = "roles"
    one, many = "role", "roles"
    permission = "user:roles"
    order = ("name",)
    searched = ("name", "description")
    commands = ("is", "name")
    audit = ("user", "role")
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        Prop("description", rich),
        Prop("isAdmin", switch, default=False, blank=NOT_NULL),
        Prop("rawPermissions", mapping, default=list, blank=KEEP),
    )

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """A null leaves the permissions as they were."""
        del problems, ask
        if "rawPermissions" in params and params["rawPermissions"] is None:
            draft["rawPermissions"] = [] if row is None else row["rawPermissions"]

    def commanded(self, term: Term, ask: Ask) -> Test | None:
        """Administrators, too."""
        if (term.command, term.value) == ("is", "admin"):
            return lambda row: bool(row["isAdmin"])
        return super().commanded(term, ask)

    def delete(self, row: Row, ask: Ask) -> None:
        """Not while somebody has it."""
        if any(user["role"] == row["id"] for user in ask.table("users")):
            raise Crash(428)
        super().delete(row, ask)


_TAKEN: Final = "{} is already in use. Please choose another."
_WEAK: Final = (
    "Please enter a stronger password. Your password must use a combination of upper and lower case,"
    " special characters and numbers."
)
_SHORT: Final = "Password must be at least 6 characters."
_KINDS: Final = ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]")
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


def _zone(value: Any, ask: Ask) -> Any:
    text = plain(value, ask)
    if text is not None and text not in available_timezones():
        raise Invalid
    return text


def _language(value: Any, ask: Ask) -> Any:
    text = plain(value, ask)
    if text is not None and not re.fullmatch("[a-z]{2}(_[A-Z]{2})?", text):
        raise Invalid
    return text


def _person_mail(value: Any, ask: Ask) -> Any:
    try:
        return _parts.mail(value, ask)
    except Invalid:
        raise Invalid("The email entered is invalid.") from None


def show_role(id: Any, ask: Ask) -> Any:
    """A role inside a user."""
    row = ask.table("roles").get(id) if id else None
    return None if row is None else _parts.named(row, "name", "description", "isAdmin", "rawPermissions")


class Users(Noun):
    """Users. The API sets a password once and never again."""

    path = "users"
    one, many = "user", "users"
    permission = "user:users"
    order = ("lastName", "firstName", "username")
    searched = ("username", "email", "firstName", "lastName", "position", "roleName")
    commands = ("is", "email", "name", "position", "role", "username")
    audit = ("user", "user")
    props = (
        ID,
        Prop("username", required="Username is required."),
        Prop("firstName", required="First name is required."),
        Prop("lastName", required="Last name is required."),
        Prop("email", _person_mail, required="The email entered is invalid.", minimal=False),
        Prop("position", minimal=False),
        Prop(
            "role",
            _parts.reference("roles"),
            show_role,
            required="A role must be chosen for this user.",
            minimal=False,
        ),
        Prop("timezone", _zone, minimal=False),
        Prop("locale", _language, minimal=False),
        Prop("lastLogin", show=moment, writable=False, minimal=False),
        Prop("lastActive", show=moment, writable=False, minimal=False),
        Prop("signature", rich, minimal=False),
        Prop("password", writable=False, hidden=True),
    )

    def column(self, name: str) -> Column:
        """The name of the role, too."""
        if name == "roleName":
            return lambda row: (self.store["roles"].get(row["role"]) or {}).get("name")
        return super().column(name)

    def commanded(self, term: Term, ask: Ask) -> Test | None:
        """By name, by role, administrators."""
        pattern = term.value if term.strict else f"%{term.value}%"
        if term.command == "name":
            return lambda row: query.like(row["firstName"], pattern) or query.like(row["lastName"], pattern)
        roles = ask.table("roles")
        if term.command == "role":
            ids = {role["id"] for role in roles if query.like(role["name"], pattern)}
            return lambda row: row["role"] in ids
        if (term.command, term.value) == ("is", "admin"):
            admins = {role["id"] for role in roles if role["isAdmin"]}
            return lambda row: row["role"] in admins
        return super().commanded(term, ask)

    def bind(self, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> Row:
        """A new user's password first; a single edit keeps the user name, a PUT the role, too."""
        params = dict(params)
        if row is None:
            password = _password(params.get("plainPassword"))
        elif not _parts.batch(ask):
            params.pop("username", None)
            if method == "PUT":
                params |= {"username": row["username"], "role": row["role"]}
        draft = super().bind(row, params, method, ask)
        if row is None:
            draft["password"] = password
        return draft

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """User name and address are one person's."""
        others = [one for one in self.table(ask) if row is None or one["id"] != row["id"]]
        for name, word in (("username", "Username"), ("email", "Email")):
            mine = php.collate(php.text(draft[name]))
            if name not in problems and any(php.collate(php.text(one[name])) == mine for one in others):
                problems[name] = _TAKEN.format(word)
        del params

    def special(self, routes: Routes) -> None:
        """Oneself, what one may, and the roles there are."""
        routes.add("GET", "/api/users/self", self.myself)
        routes.add("POST", "/api/users/{id}/permissioncheck", self.permissions)
        routes.add("GET", "/api/users/list/roles", self.roles)

    async def myself(self, ask: Ask) -> Any:
        """The actor, without an envelope and without nulls."""
        actor = ask.actor
        role = _bare(actor.role, "name", "description", "isAdmin", "rawPermissions")
        if actor.user is not None:
            names = [prop.name for prop in self.shown if prop.name not in ("id", "lastLogin", "lastActive")]
            return Said(without_nulls(_bare(actor.user, *names) | {"role": role}))
        first, _, last = actor.name.rpartition(" ")
        shown = {"isPublished": True, "username": actor.name, "firstName": first, "lastName": last}
        return Said(without_nulls(shown | {"role": role, "timezone": "", "locale": ""}))

    async def permissions(self, ask: Ask) -> Any:
        """What a user may."""
        row = self.get(ask.path["id"], ask)
        if row is None:
            raise missing()
        wanted = ask.body.get("permissions") if isinstance(ask.body, dict) else None
        if not wanted:
            raise Refused(400, "mautic.api.call.permissionempty")
        actor = auth.user_actor(row, ask.store)
        shown = {}
        for one in php.values(wanted):
            parts = php.text(one).split(":")
            known = len(parts) in (3, 4) and (actor.role["isAdmin"] or parts[0] in _BUNDLES)
            if not known:
                raise Crash(403)
            shown[php.text(one)] = _granted(actor, parts)
        return Said(shown)

    async def roles(self, ask: Ask) -> Any:
        """Ids and names of published roles."""
        if not (ask.actor.may(self.permission, "create") or ask.actor.may(self.permission, "edit")):
            ask.need(self.permission, "edit")
        wanted = f"{php.text(ask.query.get('filter'))}%"
        rows = [row for row in ask.table("roles") if row["isPublished"] and query.like(row["name"], wanted)]
        limit = php.integer(ask.query.get("limit"))
        rows = query.sort(rows, [(lambda row: row["name"], False)])
        return Said([{"id": row["id"], "name": row["name"]} for row in rows[: limit or None]])


def _granted(actor: auth.Actor, parts: list[str]) -> bool:
    verb = parts[-1]
    own = True if verb.endswith("own") else False if verb.endswith("other") else None
    return actor.may(":".join(parts[:-1]), verb.removesuffix("own").removesuffix("other"), own=own)


def _bare(row: Row, *names: str) -> dict[str, Any]:
    added, modified = row.get("dateAdded"), row.get("dateModified")
    shown = {"isPublished": row.get("isPublished", True), "dateAdded": added if added is None else php.iso(added)}
    shown["dateModified"] = modified if modified is None else php.iso(modified)
    for name in ("createdBy", "createdByUser", "modifiedBy", "modifiedByUser", "id", *names):
        shown[name] = row.get(name)
    return shown


def _password(given: Any) -> str:
    if not isinstance(given, dict) or not given.get("password") or given.get("confirm") != given["password"]:
        raise Crash
    word = php.text(given["password"])
    if len(word) < 6:
        raise invalid({"password": _SHORT})
    if sum(bool(re.search(kind, word)) for kind in _KINDS) < 3:
        raise invalid({"password": _WEAK})
    return word
