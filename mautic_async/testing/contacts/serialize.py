"""A contact as JSON: fresh from a create, loaded by id, out of a list, or stripped of its nulls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.contacts import field_schema as custom
from mautic_async.testing.resources._base import publish_block
from mautic_async.testing.resources._properties import serialize_category

if TYPE_CHECKING:
    from mautic_async.testing.contacts.field_schema import Schema
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

GROUPS: Final = ("core", "social", "personal", "professional")
_UTM: Final = (
    "query referer remoteHost url userAgent utmCampaign utmContent utmMedium utmSource utmTerm".split()  # noqa: SIM905 - names
)


def contact(
    row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False, in_list: bool = False
) -> dict[str, Any]:
    """Return a contact.

    Args:
        row: What is stored; ``_blank`` names fields this request blanked, ``_set`` booleans it wrote.
        context: The request.
        minimal: Whether related entities stay away.
        just_created: Whether this request created it.
        in_list: Whether it comes out of a list query, which sorts the fields by column.
    """
    entity = publish_block(row)
    entity["id"] = row["id"]
    entity["points"] = row["points"]
    entity["color"] = None
    entity["fields"] = fields(row, custom.schema(context.store, "lead"), just_created=just_created, in_list=in_list)
    if minimal:
        return entity
    entity["lastActive"] = None if row["lastActive"] is None else php.iso_datetime(row["lastActive"])
    entity["owner"] = user(row["owner"], context)
    entity["ipAddresses"] = [ip(id, context) for id in row["ips"]]
    entity["tags"] = tags(row, context)
    entity["utmtags"] = None if just_created and not row["utm"] else [utm(entry) for entry in row["utm"]]
    entity["stage"] = stage(row["stage"], context)
    last_identified = row["dateIdentified"]
    entity["dateIdentified"] = None if last_identified is None else php.iso_datetime(last_identified)
    entity["preferredProfileImage"] = row["image"]
    entity["doNotContact"] = [dnc(entry) for entry in row["dnc"]]
    entity["frequencyRules"] = []
    return entity


def fields(row: Row, schema: Schema, *, just_created: bool, in_list: bool = False) -> dict[str, Any]:
    """Return the ``fields`` of a contact, in groups and all together."""
    empty, empty_all = schema.empty(GROUPS, just_created=just_created, in_list=in_list and not just_created)
    groups: dict[str, Any] = {name: dict(group) if group else [] for name, group in empty.items()}
    all_fields = dict(empty_all)
    all_fields["id"] = None if row["id"] is None else str(row["id"])
    definitions = schema.new_definitions if just_created else schema.loaded_definitions
    blank, written_aliases = row.get("_blank", {}), row.get("_set", ())
    value_kept = row["fields"]
    for alias in {*value_kept, *blank, *row.get("_previous", ()), "points", "last_active"}:
        field = schema.by_alias.get(alias)
        if field is None:
            continue
        value = value_kept.get(alias)
        if alias in row.get("_defaults", ()) and just_created and alias != "points":
            all_fields[alias] = float(value) if field["type"] == "number" else value
            continue
        if alias in schema.text_only and alias not in blank and alias != "last_active":
            all_fields[alias] = value
            normal = "" if value is None else value
        else:
            value, all_fields[alias], normal = _special_value(
                row, field, value, blank, written_aliases, just_created=just_created
            )
        groups[field["group"]][alias] = {**definitions[alias], "value": value, "normalizedValue": normal}
    if row.get("_raw"):
        return _database_view(groups)
    groups["all"] = all_fields
    return groups


def _database_view(groups: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a contact whose edit a batch refused: as the database gives them, without ``all``."""
    for group in groups.values():
        for field in php.array_values(group):
            if field["value"] is not None and not isinstance(field["value"], str):
                field["value"] = field["normalizedValue"] = php.to_string(field["value"])
    return groups


def _special_value(
    row: Row, field: Row, value: Any, blank: Any, written_aliases: Any, *, just_created: bool
) -> tuple[Any, Any, Any]:
    alias = field["alias"]
    if alias == "points":
        points = row["points"]
        own_value = (None if alias not in written_aliases else points) if just_created else points
        return own_value, points, "" if own_value is None else own_value
    if alias == "last_active" and row["lastActive"] is not None and value is None:
        value = php.sql_datetime(row["lastActive"]) if not just_created and alias not in written_aliases else None
    if alias in blank:
        value = custom.serialize_value(field, "", stored=False)
        is_number = field["type"] == "number"
        return value, None if blank[alias] and not is_number else value, custom.normalized_value(field, value)
    if field["type"] == "boolean" and not just_created and alias in row.get("_previous", ()):
        before = row["_previous"][alias]
        shown = None if before is None else int(before)
        return shown, shown if value == before else value, custom.normalized_value(field, shown)
    stored = not just_created and alias not in written_aliases
    if field["type"] == "boolean" and value and row.get("_patch"):
        stored = False  # the form of an edit hands on what is true, and nothing else
    value_shown = custom.serialize_value(field, value, stored=stored)
    if just_created and value_shown is False:
        return None, False, ""
    return value_shown, value_shown, custom.normalized_value(field, value_shown)


def user(id: Any, context: RequestContext) -> Any:
    """Return a user inside another entity."""
    row = context.table("users").get(id) if id else None
    if row is None:
        return None
    return {name: row[name] for name in ("createdByUser", "modifiedByUser", "id", "username", "firstName", "lastName")}


def _whole_user(id: int, context: RequestContext) -> Any:
    """Return a user with all that may be shown of it, as in answers without a serializer context."""
    row = context.table("users").get(id)
    if row is None:
        return None
    role = context.table("roles").get(row["role"])
    names = ("id", "username", "firstName", "lastName", "email", "position")
    shown = publish_block(row) | {name: row[name] for name in names}
    if role is not None:
        role = publish_block(role) | {name: role[name] for name in ("id", "name", "description", "isAdmin")}
    return shown | {"role": role} | {name: row[name] for name in ("timezone", "locale", "signature")}


def stage(id: Any, context: RequestContext) -> Any:
    """Return a stage inside a contact."""
    row = context.table("stages").get(id) if id else None
    if row is None:
        return None
    return {
        "createdByUser": row["createdByUser"],
        "modifiedByUser": row["modifiedByUser"],
        "id": row["id"],
        "name": row["name"],
        "category": serialize_category(row["category"], context),
        "weight": row["weight"],
        "description": row["description"],
    }


def ip(id: int, context: RequestContext) -> dict[str, Any]:
    """Return an IP address inside a contact, with what the look-up of its place has found."""
    row = context.table("ips").get(id) or {"ip": "", "id": id}
    return {"ipAddress": row["ip"], "id": row["id"], "ipDetails": row.get("details")}


def tags(row: Row, context: RequestContext) -> list[dict[str, Any]]:
    """Return the tags of a contact, by name."""
    table = context.table("tags")
    names = [tag for id in row["tags"] if (tag := table.get(id)) is not None]
    names.sort(key=lambda tag: php.collate(tag["tag"]))
    return [{"id": tag["id"], "tag": tag["tag"], "description": tag["description"]} for tag in names]


def utm(entry: Row) -> dict[str, Any]:
    """Return a UTM tag."""
    return {"id": entry["id"], **{name: entry.get(name) for name in _UTM}}


def dnc(entry: Row) -> dict[str, Any]:
    """Return a do-not-contact entry."""
    return {name: entry[name] for name in ("id", "reason", "comments", "channel", "channelId")}


def plain_view(row: Row, context: RequestContext) -> dict[str, Any]:
    """Return a contact as shown without a serializer context: no nulls, no ``fields.all``, core values on top."""
    schema = custom.schema(context.store, "lead")
    entity = contact(row, context)
    groups = entity["fields"]
    del groups["all"]
    for group in groups.values():
        for definition in php.array_values(group):
            if definition["type"] == "number" and isinstance(definition["value"], int):
                definition["value"] = definition["normalizedValue"] = float(definition["value"])
    top = {}
    for alias in schema.aliases:
        if alias in _ON_TOP and row["fields"].get(alias) is not None:
            top[alias] = row["fields"][alias]
    order: dict[str, Any] = {}
    for name, value in entity.items():
        if name == "fields":
            order |= top
        order[name] = value
    order["doNotContact"] = [
        {"id": definition_row["id"], "dateAdded": php.iso_datetime(definition_row["dateAdded"])} | dnc(definition_row)
        for definition_row in row["dnc"]
    ]
    if row["owner"] is not None:
        order["owner"] = _whole_user(row["owner"], context)
    value_made: dict[str, Any] = without_nulls(order)
    return value_made


_ON_TOP: Final = frozenset(
    [
        "title",
        "firstname",
        "lastname",
        "company",
        "position",
        "email",
        "phone",
        "mobile",
        "address1",
        "address2",
        "city",
        "state",
        "zipcode",
        "timezone",
        "country",
    ]
)


def primary_name(row: Row) -> Any:
    """Return what a contact is called by: name, or else company, or else e-mail address."""
    values = row["fields"]
    name = " ".join(part for part in (values.get("firstname"), values.get("lastname")) if part)
    return name or values.get("company") or values.get("email")


def without_nulls(value: Any) -> Any:
    """JSON without the null properties."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def nested_view(row: Row, context: RequestContext) -> dict[str, Any]:
    """Return a contact inside a note or a device."""
    groups = fields(row, custom.schema(context.store, "lead"), just_created=False)
    del groups["all"]
    return {"id": row["id"], "points": row["points"], "color": None, "fields": groups}
