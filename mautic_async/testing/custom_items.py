"""The Custom Objects plugin as contacts meet it: a dry run, then writing item by item, and the newest ten to read."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import item_values, php
from mautic_async.testing.replies import Crash, Refused
from mautic_async.testing.resources._base import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row, Store

PAGE: Final = 10
"""Objects, and items of an object, that a contact shows."""
LONGEST_NAME: Final = 255
"""Characters."""
_NEITHER: Final = (
    "customObject[data][][id] or customObject[data][][alias] must exist in the request to identify a Custom Object."
)
_META: Final = {"sort": "-dateAdded", "page": {"number": 1, "size": PAGE}}


def fields_of(object: int, store: Store) -> dict[str, Row]:
    """The published fields of an object, by alias, in their order."""
    version = store["custom_fields"].version
    kept: dict[int, tuple[int, dict[str, Row]]] = store.__dict__.setdefault("object_fields", {})
    known = kept.get(object)
    if known is None or known[0] != version:
        rows = [row for row in store["custom_fields"] if row["object"] == object and row["isPublished"]]
        rows.sort(key=lambda row: (row["order"], row["id"]))
        known = kept[object] = (version, {row["alias"]: row for row in rows})
    return known[1]


def _groups(given: Any) -> Iterator[Row]:
    found = given.get("data") if isinstance(given, dict) else None
    for group in php.values(found):
        if isinstance(group, dict):
            yield group


def _object(group: Row, ask: Ask) -> Row:
    table = ask.table("custom_objects")
    if php.truthy(group.get("id")):
        row = table.get(php.integer(group["id"]))
        if row is None:
            raise Refused(400, f"Custom Object with ID = {php.integer(group['id'])} was not found")
        return row
    if not php.truthy(group.get("alias")):
        raise Refused(400, _NEITHER)
    for row in table:
        if row["alias"] == group["alias"]:
            return row
    raise Refused(400, f"Custom Object with alias = {php.text(group['alias'])} was not found")


def _items(given: Any, ask: Ask) -> Iterator[tuple[Row, Row | None, Row]]:
    """Each item sent: its object, the stored item it names, and what was sent."""
    for group in _groups(given):
        object = _object(group, ask)
        for sent in php.values(group.get("data")):
            if not isinstance(sent, dict):
                raise Crash
            id = sent.get("id")
            item = None
            if php.truthy(id):
                item = ask.table("custom_items").get(php.integer(id))
                if item is None:
                    raise Refused(400, f"Custom Item with ID = {php.integer(id)} was not found")
                object = ask.table("custom_objects").get(item["object"]) or object
            yield object, item, sent


def dry_run(given: Any, ask: Ask) -> None:
    """What the plugin checks before the contact is saved: objects, ids, aliases, names, dates."""
    for object, item, sent in _items(given, ask):
        known = fields_of(object["id"], ask.store)
        for alias, value in php.entries(sent.get("attributes") or {}).items():
            if alias not in known:
                raise Refused(400, f"Custom field with alias {alias} was not found.")
            item_values.check_date(known[alias], value, ask)
        name = sent.get("name", None if item is None else item["name"])
        if not php.truthy(name):
            raise Refused(0, "name: Custom Item name cannot be empty.")
        if len(php.text(name)) > LONGEST_NAME:
            raise Refused(0, f"name: This value is too long. It should have {LONGEST_NAME} characters or less.")


async def run(contact: int, given: Any, ask: Ask) -> None:
    """Write the items and link them to the contact, which is stored already.

    Raises:
        Refused: Code 0: a value is wrong. The item's row stays, unlinked; items before it are whole. 404: an upsert
            that changes nothing within one second.
        Crash: A unique value is held by another item.
        Killed: A scheduled fault.
    """
    for object, item, sent in list(_items(given, ask)):
        await ask.stalled("items")
        await ask.reach("items")
        await ask.fake.physics.row()
        attributes = php.entries(sent.get("attributes") or {})
        known = fields_of(object["id"], ask.store)
        unique = [alias for alias, field in known.items() if field["unique"]]
        if item is not None:
            saved = _patch(item, sent, attributes, unique, ask)
        elif unique:
            saved = _upsert(object, sent, attributes, unique, ask)
        else:
            saved = _insert(object, sent, None, ask)
        _values(saved, known, attributes, ask, whole=item is None)
        await ask.stalled("item link")
        await ask.reach("item link")
        _link(saved, object, contact, ask)


def _insert(object: Row, sent: Row, hash: str | None, ask: Ask) -> Row:
    row = {"id": None, "isPublished": True, "dateAdded": ask.now, "dateModified": None, **dict.fromkeys(BLOCK[3:])}
    row |= {"createdBy": ask.actor.id, "createdByUser": ask.actor.name, "language": None, "category": None}
    row |= {"object": object["id"], "name": php.text(sent["name"]), "values": {}, "hash": hash}
    return ask.table("custom_items").save(row)


def hashed(values: dict[str, Any]) -> str:
    """The hash of the unique values of an item; case counts, the object does not."""
    text = json.dumps({alias: values[alias] for alias in sorted(values)})
    return hashlib.sha256(text.encode()).hexdigest()


def _upsert(object: Row, sent: Row, attributes: dict[str, Any], unique: list[str], ask: Ask) -> Row:
    hash = hashed({alias: php.text(attributes.get(alias)) for alias in unique})
    table = ask.table("custom_items")
    held = table.find("hash", hash)
    if not held:
        return _insert(object, sent, hash, ask)
    row, name = held[0], php.text(sent["name"])
    if row["name"] == name and row["dateAdded"] == ask.now:
        raise Refused(404, "Custom Item with ID = 0 was not found")
    ask.names.setdefault(row["id"], row["name"] if row["dateAdded"] == ask.now and row["id"] in ask.touched else name)
    row |= {"name": name, "dateAdded": ask.now, "createdBy": ask.actor.id, "createdByUser": ask.actor.name}
    row["language"] = None
    return table.save(row)


def _patch(item: Row, sent: Row, attributes: dict[str, Any], unique: list[str], ask: Ask) -> Row:
    if unique and any(alias in attributes for alias in unique):
        merged = {alias: php.text(attributes.get(alias, item["values"].get(alias))) for alias in unique}
        hash = hashed(merged)
        if any(held["id"] != item["id"] for held in ask.table("custom_items").find("hash", hash)):
            raise Crash
        item["hash"] = hash
    if "name" in sent:
        item["name"] = php.text(sent["name"])
    return ask.table("custom_items").save(item)


def _values(item: Row, known: dict[str, Row], attributes: dict[str, Any], ask: Ask, *, whole: bool) -> None:
    """Write the values one by one, in the order of the fields, each checked as it is written."""
    ask.touched.add(item["id"])
    ask.names.setdefault(item["id"], item["name"])
    written = {} if whole else dict(item["values"])
    for alias, field in known.items():
        if alias in attributes:
            value = item_values.take(field, attributes[alias], ask)
            if field["type"] == "datetime" and value is not None:
                ask.spelled[item["id"], alias] = item_values.spelled(attributes[alias], value)
        elif whole:
            value = item_values.take(field, field["default"], ask)
        else:
            value = written.get(alias)
        if field["required"] and value in (None, "", []):
            raise Refused(0, f"The value for field {field['label']} is required.")
        written[alias] = value
        item["values"] = dict(written)
    item["dateModified"] = ask.now
    item["modifiedBy"], item["modifiedByUser"] = ask.actor.id, ask.actor.name
    ask.table("custom_items").save(item)


def _link(item: Row, object: Row, contact: int, ask: Ask) -> None:
    links = ask.table("item_contacts")
    if not any(link["item"] == item["id"] for link in links.find("contact", contact)):
        links.save({"id": None, "item": item["id"], "contact": contact, "date": ask.now})
    what = f"{object['nameSingular']} {item['name']}"
    ask.table("events").save(
        {
            "id": None,
            "event": "customitem.linked",
            "contact": contact,
            "time": ask.now,
            "label": f"{what} was linked",
            "details": {"objectId": str(item["id"]), "action": "link"},
        }
    )


# --- reading -------------------------------------------------------------------------------------------------------


def of_contact(contact: int, ask: Ask) -> Any:
    """``customObjects`` of a contact: the newest ten items of each object; None when nothing is linked."""
    items = ask.table("custom_items")
    groups: dict[int, list[Row]] = {}
    for link in ask.table("item_contacts").find("contact", contact):
        item = items.get(link["item"])
        if item is not None:
            groups.setdefault(item["object"], []).append(item)
    if not groups:
        return None
    shown = []
    for id in sorted(groups)[:PAGE]:
        object = ask.table("custom_objects").get(id)
        if object is None:
            continue
        newest = sorted(groups[id], key=lambda item: -item["dateAdded"])[:PAGE]
        entries = [_shown(item, ask) for item in newest]
        shown.append({"id": id, "alias": object["alias"], "data": entries, "meta": _META})
    return {"data": shown, "meta": _META}


def _shown(item: Row, ask: Ask) -> dict[str, Any]:
    attributes = {}
    for alias, field in fields_of(item["object"], ask.store).items():
        told = ask.spelled.get((item["id"], alias))
        attributes[alias] = told if told is not None else item_values.show(field, item["values"].get(alias))
    return {
        "id": item["id"],
        "name": ask.names.get(item["id"], item["name"]),
        "language": item["language"],
        "category": item["category"],
        "isPublished": item["isPublished"],
        "dateAdded": php.iso(item["dateAdded"]),
        "dateModified": None if item["dateModified"] is None else php.iso(item["dateModified"]),
        "createdBy": item["createdBy"],
        "modifiedBy": item["modifiedBy"],
        "attributes": attributes,
    }
