"""The Custom Objects plugin as contacts meet it: a dry run, then writing item by item, and the newest ten to read."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import item_values, php
from mautic_async.testing.replies import ControllerError, UnhandledError
from mautic_async.testing.resources._base import PUBLISH_BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row, Store

PAGE: Final = 10
"""Objects, and items of an object, that a contact shows."""
MAX_NAME: Final = 255
"""Characters."""
_NO_OBJECT: Final = (
    "customObject[data][][id] or customObject[data][][alias] must exist in the request to identify a Custom Object."
)
_META: Final = {"sort": "-dateAdded", "page": {"number": 1, "size": PAGE}}


def fields_of(object: int, store: Store) -> dict[str, Row]:
    """Return the published fields of an object, by alias, in their order."""
    version = store["custom_fields"].change_count
    cached: dict[int, tuple[int, dict[str, Row]]] = store.__dict__.setdefault("object_fields", {})
    fields = cached.get(object)
    if fields is None or fields[0] != version:
        rows = [row for row in store["custom_fields"] if row["object"] == object and row["isPublished"]]
        rows.sort(key=lambda row: (row["order"], row["id"]))
        fields = cached[object] = (version, {row["alias"]: row for row in rows})
    return fields[1]


def _iter_groups(payload: Any) -> Iterator[Row]:
    groups = payload.get("data") if isinstance(payload, dict) else None
    for group in php.array_values(groups):
        if isinstance(group, dict):
            yield group


def _find_object(group: Row, context: RequestContext) -> Row:
    table = context.table("custom_objects")
    if php.is_truthy(group.get("id")):
        row = table.get(php.to_int(group["id"]))
        if row is None:
            raise ControllerError(400, f"Custom Object with ID = {php.to_int(group['id'])} was not found")
        return row
    if not php.is_truthy(group.get("alias")):
        raise ControllerError(400, _NO_OBJECT)
    for row in table:
        if row["alias"] == group["alias"]:
            return row
    raise ControllerError(400, f"Custom Object with alias = {php.to_string(group['alias'])} was not found")


def _iter_items(payload: Any, context: RequestContext) -> Iterator[tuple[Row, Row | None, Row]]:
    """Each item sent: its object, the stored item it names, and what was sent."""
    for group in _iter_groups(payload):
        object = _find_object(group, context)
        for sent in php.array_values(group.get("data")):
            if not isinstance(sent, dict):
                raise UnhandledError
            id = sent.get("id")
            item = None
            if php.is_truthy(id):
                item = context.table("custom_items").get(php.to_int(id))
                if item is None:
                    raise ControllerError(400, f"Custom Item with ID = {php.to_int(id)} was not found")
                object = context.table("custom_objects").get(item["object"]) or object
            yield object, item, sent


def validate(payload: Any, context: RequestContext) -> None:
    """Check the items as the plugin does before the contact is saved: objects, ids, aliases, names, dates."""
    for object, item, sent in _iter_items(payload, context):
        fields = fields_of(object["id"], context.store)
        for alias, value in php.from_json_array(sent.get("attributes") or {}).items():
            if alias not in fields:
                raise ControllerError(400, f"Custom field with alias {alias} was not found.")
            item_values.check_date(fields[alias], value, context)
        name = sent.get("name", None if item is None else item["name"])
        if not php.is_truthy(name):
            raise ControllerError(0, "name: Custom Item name cannot be empty.")
        if len(php.to_string(name)) > MAX_NAME:
            raise ControllerError(0, f"name: This value is too long. It should have {MAX_NAME} characters or less.")


async def save_items(contact: int, payload: Any, context: RequestContext) -> None:
    """Write the items and link them to the contact, which is stored already.

    Raises:
        ControllerError: Code 0: a value is wrong. The item's row stays, unlinked; items before it are whole. 404: an
            upsert that changes nothing within one second.
        UnhandledError: A unique value is held by another item.
        WorkerKilled: A scheduled fault.
    """
    for object, item, sent in list(_iter_items(payload, context)):
        await context.wait_if_stalled("items")
        await context.pass_step("items")
        await context.state.workers.charge_row()
        attributes = php.from_json_array(sent.get("attributes") or {})
        fields = fields_of(object["id"], context.store)
        unique = [alias for alias, field in fields.items() if field["unique"]]
        if item is not None:
            saved = _patch(item, sent, attributes, unique, context)
        elif unique:
            saved = _upsert(object, sent, attributes, unique, context)
        else:
            saved = _insert(object, sent, None, context)
        _values(saved, fields, attributes, context, complete=item is None)
        await context.wait_if_stalled("item link")
        await context.pass_step("item link")
        _link(saved, object, contact, context)


def _insert(object: Row, sent: Row, hash: str | None, context: RequestContext) -> Row:
    row = {
        "id": None,
        "isPublished": True,
        "dateAdded": context.now,
        "dateModified": None,
        **dict.fromkeys(PUBLISH_BLOCK[3:]),
    }
    row |= {"createdBy": context.user.id, "createdByUser": context.user.name, "language": None, "category": None}
    row |= {"object": object["id"], "name": php.to_string(sent["name"]), "values": {}, "hash": hash}
    return context.table("custom_items").save(row)


def unique_hash(values: dict[str, Any]) -> str:
    """Return the hash of the unique values of an item; case counts, the object does not."""
    text = json.dumps({alias: values[alias] for alias in sorted(values)})
    return hashlib.sha256(text.encode()).hexdigest()


def _upsert(object: Row, sent: Row, attributes: dict[str, Any], unique: list[str], context: RequestContext) -> Row:
    hash = unique_hash({alias: php.to_string(attributes.get(alias)) for alias in unique})
    table = context.table("custom_items")
    existing = table.find("hash", hash)
    if not existing:
        return _insert(object, sent, hash, context)
    row, name = existing[0], php.to_string(sent["name"])
    # An upsert that changes nothing yields the id 0, which the plugin then looks up in vain.
    if row["name"] == name and row["dateAdded"] == context.now:
        raise ControllerError(404, "Custom Item with ID = 0 was not found")
    context.items.names.setdefault(
        row["id"], row["name"] if row["dateAdded"] == context.now and row["id"] in context.items.written else name
    )
    row |= {"name": name, "dateAdded": context.now, "createdBy": context.user.id, "createdByUser": context.user.name}
    row["language"] = None
    return table.save(row)


def _patch(item: Row, sent: Row, attributes: dict[str, Any], unique: list[str], context: RequestContext) -> Row:
    if unique and any(alias in attributes for alias in unique):
        merged = {alias: php.to_string(attributes.get(alias, item["values"].get(alias))) for alias in unique}
        hash = unique_hash(merged)
        # Nothing checks this before the write, and nothing catches the database's error.
        if any(existing["id"] != item["id"] for existing in context.table("custom_items").find("hash", hash)):
            raise UnhandledError
        item["hash"] = hash
    if "name" in sent:
        item["name"] = php.to_string(sent["name"])
    return context.table("custom_items").save(item)


def _values(
    item: Row, fields: dict[str, Row], attributes: dict[str, Any], context: RequestContext, *, complete: bool
) -> None:
    """Write the values one by one, in the order of the fields, each checked as it is written."""
    context.items.written.add(item["id"])
    context.items.names.setdefault(item["id"], item["name"])
    written = {} if complete else dict(item["values"])
    for alias, field in fields.items():
        if alias in attributes:
            value = item_values.parse(field, attributes[alias], context)
            if field["type"] == "datetime" and value is not None:
                context.items.date_texts[item["id"], alias] = item_values.as_sent(attributes[alias], value)
        elif complete:
            value = item_values.parse(field, field["default"], context)
        else:
            value = written.get(alias)
        if field["required"] and value in (None, "", []):
            raise ControllerError(0, f"The value for field {field['label']} is required.")
        # Stored value by value: what comes before a refused value stays in the database.
        written[alias] = value
        item["values"] = dict(written)
    item["dateModified"] = context.now
    item["modifiedBy"], item["modifiedByUser"] = context.user.id, context.user.name
    context.table("custom_items").save(item)


def _link(item: Row, object: Row, contact: int, context: RequestContext) -> None:
    links = context.table("item_contacts")
    if not any(link["item"] == item["id"] for link in links.find("contact", contact)):
        links.save({"id": None, "item": item["id"], "contact": contact, "date": context.now})
    what = f"{object['nameSingular']} {item['name']}"
    context.table("item_events").save(
        {"id": None, "contact": contact, "time": context.now, "label": f"{what} was linked", "item": item["id"]}
    )


# --- reading -------------------------------------------------------------------------------------------------------


def contact_items(contact: int, context: RequestContext) -> Any:
    """``customObjects`` of a contact: the newest ten items of each object; None when nothing is linked."""
    items = context.table("custom_items")
    groups: dict[int, list[Row]] = {}
    for link in context.table("item_contacts").find("contact", contact):
        item = items.get(link["item"])
        if item is not None:
            groups.setdefault(item["object"], []).append(item)
    if not groups:
        return None
    objects = []
    for id in sorted(groups)[:PAGE]:
        object = context.table("custom_objects").get(id)
        if object is None:
            continue
        newest = sorted(groups[id], key=lambda item: -item["dateAdded"])[:PAGE]
        entries = [_serialize(item, context) for item in newest]
        objects.append({"id": id, "alias": object["alias"], "data": entries, "meta": _META})
    return {"data": objects, "meta": _META}


def _serialize(item: Row, context: RequestContext) -> dict[str, Any]:
    attributes = {}
    for alias, field in fields_of(item["object"], context.store).items():
        values = context.items.date_texts.get((item["id"], alias))
        attributes[alias] = values if values is not None else item_values.serialize(field, item["values"].get(alias))
    return {
        "id": item["id"],
        "name": context.items.names.get(item["id"], item["name"]),
        "language": item["language"],
        "category": item["category"],
        "isPublished": item["isPublished"],
        "dateAdded": php.iso_datetime(item["dateAdded"]),
        "dateModified": None if item["dateModified"] is None else php.iso_datetime(item["dateModified"]),
        "createdBy": item["createdBy"],
        "modifiedBy": item["modifiedBy"],
        "attributes": attributes,
    }
