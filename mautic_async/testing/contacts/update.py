"""Writing a contact, up to its save: the merge, the form, what blanks and zeros do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.contacts import companies
from mautic_async.testing.contacts import field_schema as custom
from mautic_async.testing.replies import Crash, invalid
from mautic_async.testing.resources._base import BLOCK
from mautic_async.testing.resources._properties import Invalid

if TYPE_CHECKING:
    from mautic_async.testing.contacts.field_schema import Schema
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row

NOT_UNIQUE: Final = "This field must be unique."
_NOT_VALID: Final = "This value is not valid."


def existing(params: dict[str, Any], ask: Ask) -> Row | None:
    """The contact a create finds by any of its unique fields; an unknown stage breaks the search."""
    if php.truthy(params.get("stage")) and _stage(params["stage"], ask) is None:
        raise Crash
    schema = custom.schema(ask.store, "lead")
    for alias in schema.unique:
        for row in _holders(alias, params.get(alias), schema, ask):
            return row
    return None


def _holders(alias: str, value: Any, schema: Schema, ask: Ask) -> list[Row]:
    if value is None or isinstance(value, (list, dict)):
        return []
    email = schema.by_alias[alias]["type"] == "email"
    text = custom.clean_email(value) if email else php.clean(php.text(value))
    if not text:
        return []
    return ask.table("contacts").find("unique", (alias, php.collate(text)))


def new(ask: Ask) -> Row:
    """A contact before its first save."""
    del ask
    return {
        "id": None,
        "isPublished": True,
        "dateAdded": None,
        "dateModified": None,
        **dict.fromkeys(BLOCK[3:]),
        "points": 0,
        "fields": {},
        "lastActive": None,
        "owner": None,
        "ips": [],
        "tags": [],
        "utm": [],
        "stage": None,
        "dateIdentified": None,
        "image": None,
        "dnc": [],
        "scores": {},
    }


def bind(row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> Row:
    """The form: a draft of the contact.

    Args:
        row: The contact to change, or None.
        params: What was sent.
        method: POST fills in what is missing with blanks (which only count with ``overwriteWithBlank``), PATCH
            does not, PUT blanks it.
        ask: The request.

    Raises:
        Refused: 400 or 422.
        Crash: The request breaks the server.
    """
    if ask.poisoned and php.holds_nul(params):
        ask.table("contacts").last += row is None  # the number is spent although the insert failed
        raise Crash
    if php.values(params.get("frequencyRules")):
        raise Crash
    if method != "PATCH":
        params = _with_defaults(row, params, ask)
    draft = new(ask) if row is None else {name: row[name] for name in row if not name.startswith("_")}
    draft["fields"] = dict(draft["fields"])
    company = draft["fields"].get("company")
    schema = custom.schema(ask.store, "lead")
    problems: dict[str, str] = {}
    values = _form(schema, params, method, problems, ask)
    _relations(draft, row, params, problems, ask)
    clashes = _clashes(row, values, schema, ask)
    if problems or clashes:
        raise invalid(problems | clashes, 422 if clashes and not problems else 400, draft | {"_raw": True})
    if row is None and params.get("companies"):
        raise Crash
    _apply(draft, values, params, method, schema)
    _look_up(draft, company, params, ask)
    return draft


def _with_defaults(row: Row | None, params: dict[str, Any], ask: Ask) -> dict[str, Any]:
    """A create and a PUT give a field its default where neither they nor the contact have a value."""
    made = params
    for field in custom.schema(ask.store, "lead").defaulted:
        alias = field["alias"]
        held = row and (row["points"] if alias == "points" else row["fields"].get(alias))
        if params.get(alias) is None and not held:
            made = made | {alias: field["defaultValue"]}
    return made


def _look_up(draft: Row, held: str | None, params: dict[str, Any], ask: Ask) -> None:
    """Find the tags and the company that the contact is going to have.

    What is missing now is made when the contact is saved, even if another request has made it meanwhile. Only a name
    that differs from the stored one, *held*, leads to a company: sending the same name again links nothing.
    """
    if "tags" in params:
        draft["_tags"] = _tags(params["tags"], ask)
    name = draft["fields"].get("company")
    if name == held:
        return
    found = ask.table("companies").find("name", php.collate(name)) if name else []
    draft["_company"] = (name, found[0]["id"] if found else None)


def _form(schema: Schema, params: dict[str, Any], method: str, problems: dict[str, str], ask: Ask) -> dict[str, Any]:
    values: dict[str, Any] = {} if method == "PATCH" else dict.fromkeys(schema.aliases)
    for alias in params.keys() & schema.by_alias.keys():
        try:
            values[alias] = custom.take(schema.by_alias[alias], params[alias], ask)
        except Invalid as why:
            problems[alias] = str(why)
    return values


def _relations(draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
    if row is not None and "companies" in params:  # stored at once, whatever becomes of the rest
        companies.replace(row["id"], params["companies"], ask)
    if "owner" in params:
        owner = params["owner"]
        if owner in (None, ""):
            draft["owner"] = None
        elif ask.table("users").get(php.integer(owner)) is None:
            problems["owner"] = _NOT_VALID
        else:
            draft["owner"] = php.integer(owner)
    if "stage" in params:
        stage = params["stage"]
        if stage in (None, ""):
            draft["stage"] = None
        elif _stage(stage, ask) is None:
            problems["stage"] = _NOT_VALID
        else:
            draft["stage"] = _stage(stage, ask)


def _stage(given: Any, ask: Ask) -> int | None:
    id = php.integer(given)
    return id if ask.table("stages").get(id) is not None else None


def _clashes(row: Row | None, values: dict[str, Any], schema: Schema, ask: Ask) -> dict[str, str]:
    own = None if row is None else row["id"]
    clashes = {}
    for alias in schema.unique:
        value = values.get(alias)
        if value and any(held["id"] != own for held in _holders(alias, value, schema, ask)):
            clashes[alias] = NOT_UNIQUE
    return clashes


def _zero(value: Any) -> bool:
    return not isinstance(value, bool) and php.numeric(value) and int(float(value)) == 0


def _apply(draft: Row, values: dict[str, Any], params: dict[str, Any], method: str, schema: Schema) -> None:
    """Put the form's values into the contact, by Mautic's rules for blanks and zeros."""
    replace = method == "PUT"
    overwrite = replace or php.truthy(params.get("overwriteWithBlank"))
    blank: dict[str, bool] = {}
    written: set[str] = set()
    for alias, value in values.items():
        if value is not None:
            if replace or not _zero(value):
                _set(draft, alias, value, written)
        elif overwrite:
            _blank(draft, alias, blank, written, replace=replace)
    if overwrite and method == "PATCH":
        for alias in schema.aliases:
            if alias not in values and alias != "points" and draft["fields"].get(alias) is None:
                _blank(draft, alias, blank, written)
    draft["_blank"], draft["_set"] = blank, written


def _set(draft: Row, alias: str, value: Any, written: set[str]) -> None:
    if alias == "points":
        draft["points"] = int(value)
        written.add(alias)
        return
    if draft["fields"].get(alias) != value:
        written.add(alias)
    draft["fields"][alias] = value
    if alias == "last_active":
        draft["lastActive"] = php.strtotime(value, 0)


def _blank(draft: Row, alias: str, blank: dict[str, bool], written: set[str], *, replace: bool = False) -> None:
    if alias == "points":
        draft["points"] = 0
        if draft["id"] is not None or replace:
            written.add(alias)
        return
    had = draft["fields"].pop(alias, None) is not None
    if alias == "last_active" and draft["lastActive"] is not None:
        draft["lastActive"], had = None, True
    blank[alias] = had


def extras(draft: Row, marks: Row, params: dict[str, Any], ask: Ask) -> None:
    """Put into the draft what is no field: tags, ``lastActive``, IP address, image, do-not-contact entries."""
    if "_tags" in marks:
        draft["tags"] = _tagged(draft["tags"], marks["_tags"], ask)
    if params.get("lastActive"):
        moment = php.strtotime(params["lastActive"], ask.now)
        draft["lastActive"] = draft["lastActive"] if moment is None else moment
        draft["fields"].pop("last_active", None)
    if params.get("ipAddress"):
        id = _ip(php.text(params["ipAddress"]), ask)
        if id not in draft["ips"]:
            draft["ips"] = [*draft["ips"], id]
    if "preferred_profile_image" in params:
        draft["image"] = params["preferred_profile_image"] or None
    if params.get("doNotContact"):
        draft["dnc"] = _dnc(draft["dnc"], params["doNotContact"], ask)


def _tags(given: Any, ask: Ask) -> list[tuple[str, int | None]]:
    """Each name sent, and the id of its tag: names add, names with a minus remove the tag of exactly that name."""
    names = given.split(",") if isinstance(given, str) else php.values(given)
    table = ask.table("tags")
    found: dict[str, tuple[str, int | None]] = {}
    for raw in names:
        if isinstance(raw, (list, dict)):
            raise Crash
        name = php.clean(php.text(raw))
        if name.startswith("-"):
            gone = [tag["id"] for tag in table.find("name", php.collate(name[1:])) if tag["tag"] == name[1:]]
            found |= {f"{name} {id}": ("-", id) for id in gone}
        elif name and php.collate(name) not in found:
            tags = table.find("name", php.collate(name))
            found[php.collate(name)] = (name, tags[0]["id"] if tags else None)
    return list(found.values())


def _tagged(held: list[int], found: list[tuple[str, int | None]], ask: Ask) -> list[int]:
    ids = list(held)
    for name, known in found:
        if name == "-":
            ids = [id for id in ids if id != known]
            continue
        id = (
            known if known is not None else ask.table("tags").save({"id": None, "tag": name, "description": None})["id"]
        )
        if id not in ids:
            ids.append(id)
    return ids


def _ip(address: str, ask: Ask) -> int:
    table = ask.table("ips")
    row = next(table.where(ip=address), None) or table.save({"id": None, "ip": address})
    id: int = row["id"]
    return id


def _dnc(held: list[Row], given: Any, ask: Ask) -> list[Row]:
    for one in php.values(given):
        if isinstance(one, dict):
            told = {"reason": php.integer(one.get("reason", 3)), "comments": php.text(one.get("comments"))}
            told["channelId"] = one.get("channelId")
            held = dnc(held, php.text(one.get("channel") or "email"), told, ask)
    return held


def dnc(held: list[Row], channel: str, told: Row, ask: Ask) -> list[Row]:
    """The do-not-contact entries with one added, changed, or (reason 0) removed.

    Args:
        held: Those there are.
        channel: Of the entry.
        told: Its ``reason``, ``comments`` and ``channelId``.
        ask: The request.
    """
    reason = told["reason"]
    present = next((one for one in held if one["channel"] == channel), None)
    others = [one for one in held if one is not present]
    if reason == 0:
        return others
    if present is not None:
        if present["reason"] == reason:
            return held
        changed = present | {"reason": reason, "comments": told["comments"]}
        return [changed if one is present else one for one in held]
    made = ask.table("dnc").save({"id": None, "channel": channel})
    return [*held, made | told | {"dateAdded": ask.now}]
