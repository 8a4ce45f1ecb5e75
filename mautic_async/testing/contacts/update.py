"""Writing a contact, up to its save: the merge, the form, what blanks and zeros do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import ips, php
from mautic_async.testing.contacts import companies
from mautic_async.testing.contacts import field_schema as custom
from mautic_async.testing.replies import UnhandledError, form_errors
from mautic_async.testing.resources._base import PUBLISH_BLOCK
from mautic_async.testing.resources._properties import InvalidChoice, InvalidValue

if TYPE_CHECKING:
    from mautic_async.testing.contacts.field_schema import Schema
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

NOT_UNIQUE: Final = "This field must be unique."
_NOT_VALID: Final = "This value is not valid."


def find_existing(params: dict[str, Any], context: RequestContext) -> Row | None:
    """Return the contact a create finds by any of its unique fields; an unknown stage breaks the search."""
    if php.is_truthy(params.get("stage")) and _stage(params["stage"], context) is None:
        raise UnhandledError
    schema = custom.schema(context.store, "lead")
    for alias in schema.unique:
        for row in _contacts_with(alias, params.get(alias), schema, context):
            return row
    return None


def _contacts_with(alias: str, value: Any, schema: Schema, context: RequestContext) -> list[Row]:
    if value is None or isinstance(value, (list, dict)):
        return []
    email = schema.by_alias[alias]["type"] == "email"
    text = custom.clean_email(value) if email else php.strip_text(php.to_string(value))
    if not text:
        return []
    return context.table("contacts").find("unique", (alias, php.collate(text)))


def new_row(context: RequestContext) -> Row:
    """Return a contact before its first save."""
    del context
    return {
        "id": None,
        "isPublished": True,
        "dateAdded": None,
        "dateModified": None,
        **dict.fromkeys(PUBLISH_BLOCK[3:]),
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


def validate(row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> Row:
    """Run the contact's form, and return a draft of the contact.

    Args:
        row: The contact to change, or None.
        params: What was sent.
        method: POST fills in what is missing with blanks (which only count with ``overwriteWithBlank``), PATCH
            does not, PUT blanks it.
        context: The request.

    Raises:
        ControllerError: 400 or 422.
        UnhandledError: The request breaks the server.
    """
    if context.has_nul and php.has_nul(params):
        context.table("contacts").last_id += row is None  # the number is spent although the insert failed
        raise UnhandledError
    if php.array_values(params.get("frequencyRules")):
        raise UnhandledError
    defaults = _defaults(row, params, method, context)
    params = params | defaults
    draft = new_row(context) if row is None else {name: row[name] for name in row if not name.startswith("_")}
    draft["fields"] = dict(draft["fields"])
    company = draft["fields"].get("company")
    schema = custom.schema(context.store, "lead")
    problems: dict[str, str] = {}
    values = _form(schema, params, method, problems, context)
    _relations(draft, row, params, problems, context)
    clashes = _clashes(row, values, schema, context)
    if problems or clashes:
        raise form_errors(problems | clashes, 422 if clashes and not problems else 400, draft | {"_raw": True})
    if row is None and params.get("companies"):
        raise UnhandledError
    _apply_values(draft, values, params, method, schema)
    draft["_defaults"] = tuple(defaults) if row is None else ()
    draft["_previous"] = {
        alias: None if row is None else row["fields"].get(alias)
        for alias, value in values.items()
        if row is not None and value is not None and schema.by_alias[alias]["type"] == "boolean"
    }
    draft["_patch"] = method == "PATCH"
    _look_up_related(draft, company, params, context)
    return draft


def _defaults(row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> dict[str, Any]:
    """Return the default values of the fields that a new contact, or the points of a replaced one, are not given."""
    if method == "PATCH":
        return {}
    values = {}
    for field in custom.schema(context.store, "lead").fields_with_default:
        alias = field["alias"]
        wanted = row is None or (alias == "points" and not row["points"])
        if wanted and params.get(alias) is None:
            values[alias] = field["defaultValue"]
    return values


def _look_up_related(draft: Row, current: str | None, params: dict[str, Any], context: RequestContext) -> None:
    """Find the tags and the company that the contact is going to have.

    What is missing now is made when the contact is saved, even if another request has made it meanwhile. Only a name
    that differs from the stored one, *current*, leads to a company: sending the same name again links nothing.
    """
    if "tags" in params:
        draft["_tags"] = _tags(params["tags"], context)
    name = draft["fields"].get("company")
    if name == current:
        return
    tags_found = context.table("companies").find("name", php.collate(name)) if name else []
    draft["_company"] = (name, tags_found[0]["id"] if tags_found else None)


def _form(
    schema: Schema, params: dict[str, Any], method: str, problems: dict[str, str], context: RequestContext
) -> dict[str, Any]:
    # A batch of new contacts binds the named fields only, so that ``overwriteWithBlank`` does not wipe the others.
    is_partial = method == "PATCH" or context.request.path.endswith("/batch/new")
    values: dict[str, Any] = {} if is_partial else dict.fromkeys(schema.aliases)
    for alias in params.keys() & schema.by_alias.keys():
        try:
            values[alias] = custom.parse_value(schema.by_alias[alias], params[alias], context)
        except InvalidValue as why:
            problems[alias] = why.words(is_7=context.is_7)
    return values


def _relations(
    draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
) -> None:
    if row is not None and "companies" in params:  # stored at once, whatever becomes of the rest
        companies.replace(row["id"], params["companies"], context)
    if "owner" in params:
        owner = params["owner"]
        if owner in (None, ""):
            draft["owner"] = None
        elif context.table("users").get(php.to_int(owner)) is None:
            problems["owner"] = InvalidChoice().words(is_7=context.is_7)
        else:
            draft["owner"] = php.to_int(owner)
    if "stage" in params:
        stage = params["stage"]
        if stage in (None, ""):
            draft["stage"] = None
        elif _stage(stage, context) is None:
            problems["stage"] = _NOT_VALID
        else:
            draft["stage"] = _stage(stage, context)


def _stage(value: Any, context: RequestContext) -> int | None:
    id = php.to_int(value)
    return id if context.table("stages").get(id) is not None else None


def _clashes(row: Row | None, values: dict[str, Any], schema: Schema, context: RequestContext) -> dict[str, str]:
    row_id = None if row is None else row["id"]
    clashes = {}
    for alias in schema.unique:
        value = values.get(alias)
        if value and any(holder["id"] != row_id for holder in _contacts_with(alias, value, schema, context)):
            clashes[alias] = NOT_UNIQUE
    return clashes


def _drop_zero(value: Any) -> bool:
    return not isinstance(value, bool) and php.is_numeric(value) and int(float(value)) == 0


def _apply_values(draft: Row, values: dict[str, Any], params: dict[str, Any], method: str, schema: Schema) -> None:
    """Put the form's values into the contact, by Mautic's rules for blanks and zeros."""
    replace = method == "PUT"
    overwrite = replace or php.is_truthy(params.get("overwriteWithBlank"))
    blank: dict[str, bool] = {}
    written_aliases: set[str] = set()
    for alias, value in values.items():
        if value is not None:
            if replace or not _drop_zero(value):
                _set_value(draft, alias, value, written_aliases)
        elif overwrite:
            _blank(draft, alias, blank, written_aliases, replace=replace)
    if overwrite and method == "PATCH":
        for alias in schema.aliases:
            if alias not in values and alias != "points" and draft["fields"].get(alias) is None:
                _blank(draft, alias, blank, written_aliases)
    draft["_blank"], draft["_set"] = blank, written_aliases


def _set_value(draft: Row, alias: str, value: Any, written_aliases: set[str]) -> None:
    if alias == "points":
        draft["points"] = int(value)
        written_aliases.add(alias)
        return
    if draft["fields"].get(alias) != value:
        written_aliases.add(alias)
    draft["fields"][alias] = value
    if alias == "last_active":
        draft["lastActive"] = php.strtotime(value, 0)


def _blank(draft: Row, alias: str, blank: dict[str, bool], written_aliases: set[str], *, replace: bool = False) -> None:
    if alias == "points":
        draft["points"] = 0
        if draft["id"] is not None or replace:
            written_aliases.add(alias)
        return
    had_value = draft["fields"].pop(alias, None) is not None
    if alias == "last_active" and draft["lastActive"] is not None:
        draft["lastActive"], had_value = None, True
    blank[alias] = had_value


def extras(draft: Row, sent_values: Row, params: dict[str, Any], context: RequestContext) -> None:
    """Put into the draft what is no field: tags, ``lastActive``, IP address, image, do-not-contact entries."""
    if "_tags" in sent_values:
        draft["tags"] = _tag_ids(draft["tags"], sent_values["_tags"], context)
    if params.get("lastActive"):
        moment = php.strtotime(params["lastActive"], context.now)
        draft["lastActive"] = draft["lastActive"] if moment is None else moment
        draft["fields"].pop("last_active", None)
    if params.get("ipAddress"):
        id = _ip(php.to_string(params["ipAddress"]), context)
        if id not in draft["ips"]:
            draft["ips"] = [*draft["ips"], id]
    if "preferred_profile_image" in params:
        draft["image"] = params["preferred_profile_image"] or None
    if params.get("doNotContact"):
        draft["dnc"] = _dnc(draft["dnc"], params["doNotContact"], context)


def _tags(names_sent: Any, context: RequestContext) -> list[tuple[str, int | None]]:
    """Each name sent, and the id of its tag: names add, names with a minus remove the tag of exactly that name."""
    names = names_sent.split(",") if isinstance(names_sent, str) else php.array_values(names_sent)
    table = context.table("tags")
    tag_ids: dict[str, tuple[str, int | None]] = {}
    for raw in names:
        if isinstance(raw, (list, dict)):
            raise UnhandledError
        name = php.strip_text(php.to_string(raw))
        if name.startswith("-"):
            removed = [tag["id"] for tag in table.find("name", php.collate(name[1:])) if tag["tag"] == name[1:]]
            tag_ids |= {f"{name} {id}": ("-", id) for id in removed}
        elif name and php.collate(name) not in tag_ids:
            tags = table.find("name", php.collate(name))
            tag_ids[php.collate(name)] = (name, tags[0]["id"] if tags else None)
    return list(tag_ids.values())


def _tag_ids(current: list[int], tag_ids: list[tuple[str, int | None]], context: RequestContext) -> list[int]:
    ids = list(current)
    for name, tag_id in tag_ids:
        if name == "-":
            ids = [id for id in ids if id != tag_id]
            continue
        id = (
            tag_id
            if tag_id is not None
            else context.table("tags").save({"id": None, "tag": name, "description": None})["id"]
        )
        if id not in ids:
            ids.append(id)
    return ids


def _ip(address: str, context: RequestContext) -> int:
    table = context.table("ips")
    row = next(table.where(ip=address), None)
    if row is None:
        row = table.save({"id": None, "ip": address} | ({"details": ips.no_details()} if context.is_7 else {}))
    id: int = row["id"]
    return id


def _dnc(current: list[Row], entries: Any, context: RequestContext) -> list[Row]:
    for entry in php.array_values(entries):
        if isinstance(entry, dict):
            values = {"reason": php.to_int(entry.get("reason", 3)), "comments": php.to_string(entry.get("comments"))}
            values["channelId"] = entry.get("channelId")
            current = dnc(current, php.to_string(entry.get("channel") or "email"), values, context)
    return current


def dnc(current: list[Row], channel: str, values: Row, context: RequestContext) -> list[Row]:
    """Return the do-not-contact entries with one added, changed, or (reason 0) removed.

    Args:
        current: Those there are.
        channel: Of the entry.
        values: Its ``reason``, ``comments`` and ``channelId``.
        context: The request.
    """
    reason = values["reason"]
    existing = next((entry for entry in current if entry["channel"] == channel), None)
    remaining = [entry for entry in current if entry is not existing]
    if reason == 0:
        return remaining
    if existing is not None:
        if existing["reason"] == reason:
            return current
        changed = existing | {"reason": reason, "comments": values["comments"]}
        return [changed if entry is existing else entry for entry in current]
    new_entry = context.table("dnc").save({"id": None, "channel": channel})
    return [*current, new_entry | values | {"dateAdded": context.now}]
