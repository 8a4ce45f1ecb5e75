"""A contact as JSON: fresh from a create, loaded by id, out of a list, or stripped of its nulls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.contacts import field_schema as custom
from mautic_async.testing.resources._base import publish_block
from mautic_async.testing.resources._properties import show_category

if TYPE_CHECKING:
    from mautic_async.testing.contacts.field_schema import Schema
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row

GROUPS: Final = ("core", "social", "personal", "professional")
_UTM: Final = (
    "query referer remoteHost url userAgent utmCampaign utmContent utmMedium utmSource utmTerm".split()  # noqa: SIM905 - names
)


def contact(row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False, listed: bool = False) -> dict[str, Any]:
    """A contact.

    Args:
        row: What is stored; ``_blank`` names fields this request blanked, ``_set`` booleans it wrote.
        ask: The request.
        minimal: Whether related entities stay away.
        fresh: Whether this request created it.
        listed: Whether it comes out of a list query, which sorts the fields by column.
    """
    shown = publish_block(row)
    shown["id"] = row["id"]
    shown["points"] = row["points"]
    shown["color"] = None
    shown["fields"] = fields(row, custom.schema(ask.store, "lead"), fresh=fresh, listed=listed)
    if minimal:
        return shown
    shown["lastActive"] = None if row["lastActive"] is None else php.iso(row["lastActive"])
    shown["owner"] = user(row["owner"], ask)
    shown["ipAddresses"] = [ip(id, ask) for id in row["ips"]]
    shown["tags"] = tags(row, ask)
    shown["utmtags"] = None if fresh and not row["utm"] else [utm(one) for one in row["utm"]]
    shown["stage"] = stage(row["stage"], ask)
    identified = row["dateIdentified"]
    shown["dateIdentified"] = None if identified is None else php.iso(identified)
    shown["preferredProfileImage"] = row["image"]
    shown["doNotContact"] = [dnc(one) for one in row["dnc"]]
    shown["frequencyRules"] = []
    return shown


def fields(row: Row, schema: Schema, *, fresh: bool, listed: bool = False) -> dict[str, Any]:
    """The ``fields`` of a contact, in groups and all together."""
    empty, nothing = schema.empty(GROUPS, fresh=fresh, listed=listed and not fresh)
    groups: dict[str, Any] = {name: dict(group) if group else [] for name, group in empty.items()}
    every = dict(nothing)
    every["id"] = None if row["id"] is None else str(row["id"])
    definitions = schema.fresh if fresh else schema.loaded
    blank, written = row.get("_blank", {}), row.get("_set", ())
    kept = row["fields"]
    for alias in {*kept, *blank, "points", "last_active"}:
        field = schema.by_alias.get(alias)
        if field is None:
            continue
        value = kept.get(alias)
        if alias in schema.text_only and alias not in blank and alias != "last_active":
            every[alias] = value
            normal = "" if value is None else value
        else:
            value, every[alias], normal = _odd(row, field, value, blank, written, fresh=fresh)
        groups[field["group"]][alias] = {**definitions[alias], "value": value, "normalizedValue": normal}
    if row.get("_raw"):
        return _raw(groups)
    groups["all"] = every
    return groups


def _raw(groups: dict[str, Any]) -> dict[str, Any]:
    """Of an edit that a batch refused: as the database gives it, without ``all``."""
    for group in groups.values():
        for one in php.values(group):
            if one["value"] is not None and not isinstance(one["value"], str):
                one["value"] = one["normalizedValue"] = php.text(one["value"])
    return groups


def _odd(row: Row, field: Row, value: Any, blank: Any, written: Any, *, fresh: bool) -> tuple[Any, Any, Any]:
    alias = field["alias"]
    if alias == "points":
        points = row["points"]
        own = (None if alias not in written else points) if fresh else points
        return own, points, "" if own is None else own
    if alias == "last_active" and row["lastActive"] is not None and value is None:
        value = php.stamp(row["lastActive"]) if not fresh and alias not in written else None
    if alias in blank:
        value = custom.shown(field, "", stored=False)
        return value, None if blank[alias] else value, custom.normalized(field, value)
    stored = not fresh and alias not in written
    shown = custom.shown(field, value, stored=stored)
    if fresh and shown is False:
        return None, False, ""
    return shown, shown, custom.normalized(field, shown)


def user(id: Any, ask: Ask) -> Any:
    """A user inside another entity."""
    row = ask.table("users").get(id) if id else None
    if row is None:
        return None
    return {name: row[name] for name in ("createdByUser", "modifiedByUser", "id", "username", "firstName", "lastName")}


def stage(id: Any, ask: Ask) -> Any:
    """A stage inside a contact."""
    row = ask.table("stages").get(id) if id else None
    if row is None:
        return None
    return {
        "createdByUser": row["createdByUser"],
        "modifiedByUser": row["modifiedByUser"],
        "id": row["id"],
        "name": row["name"],
        "category": show_category(row["category"], ask),
        "weight": row["weight"],
        "description": row["description"],
    }


def ip(id: int, ask: Ask) -> dict[str, Any]:
    """An IP address; without a database of places nothing more is known of it."""
    row = ask.table("ips").get(id) or {"ip": "", "id": id}
    return {"ipAddress": row["ip"], "id": row["id"], "ipDetails": None}


def tags(row: Row, ask: Ask) -> list[dict[str, Any]]:
    """The tags of a contact, by name."""
    table = ask.table("tags")
    found = [tag for id in row["tags"] if (tag := table.get(id)) is not None]
    found.sort(key=lambda tag: php.collate(tag["tag"]))
    return [{"id": tag["id"], "tag": tag["tag"], "description": tag["description"]} for tag in found]


def utm(one: Row) -> dict[str, Any]:
    """A UTM tag."""
    return {"id": one["id"], **{name: one.get(name) for name in _UTM}}


def dnc(one: Row) -> dict[str, Any]:
    """A do-not-contact entry."""
    return {name: one[name] for name in ("id", "reason", "comments", "channel", "channelId")}


def bare(row: Row, ask: Ask) -> dict[str, Any]:
    """A contact as answers without a serializer context show it: no nulls, no ``fields.all``, core values on top."""
    schema = custom.schema(ask.store, "lead")
    shown = contact(row, ask)
    groups = shown["fields"]
    del groups["all"]
    for group in groups.values():
        for definition in php.values(group):
            if definition["type"] == "number" and isinstance(definition["value"], int):
                definition["value"] = definition["normalizedValue"] = float(definition["value"])
    top = {}
    for alias in schema.aliases:
        if alias in _ON_TOP and row["fields"].get(alias) is not None:
            top[alias] = row["fields"][alias]
    order: dict[str, Any] = {}
    for name, value in shown.items():
        if name == "fields":
            order |= top
        order[name] = value
    order["doNotContact"] = [{"id": one["id"], "dateAdded": php.iso(one["dateAdded"])} | dnc(one) for one in row["dnc"]]
    made: dict[str, Any] = without_nulls(order)
    return made


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


def without_nulls(value: Any) -> Any:
    """JSON without the null properties."""
    if isinstance(value, dict):
        return {name: without_nulls(one) for name, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def nested(row: Row, ask: Ask) -> dict[str, Any]:
    """A contact inside a note or a device."""
    groups = fields(row, custom.schema(ask.store, "lead"), fresh=False)
    del groups["all"]
    return {"id": row["id"], "points": row["points"], "color": None, "fields": groups}
