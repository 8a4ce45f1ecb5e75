"""Contacts and companies: entities whose fields are the user's own.

An answer shows each field twice, as a value in ``fields.all`` and with its definition in a group; a request names it
at the top level. Attributes outside the class's `PROPERTIES` are aliases of fields, so that a subclass types the
user's own.

Mautic: REST API, Contacts; Custom Objects plugin, contacts API.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import evolve

from mautic_async.codec import _base
from mautic_async.codec._base import Slot, Writing, decode, encode_map, slots_of, writing
from mautic_async.codec._making import UNFIT, Making, Put, Step, fill, making_of, skipped, steps
from mautic_async.codec._scalars import is_json_map, unfit
from mautic_async.errors import ConfigurationError
from mautic_async.models import UNSET, Company, Contact, ContactField, CustomItem

if TYPE_CHECKING:
    from collections.abc import Callable

E = TypeVar("E")

OBJECTS: Final = "customObjects"
_GROUPED: Final = frozenset({"fields", "field_groups", "custom_items", "custom_items_truncated"})
_IN_ALL: Final = frozenset({"id", "points"})


class Fields(Mapping[str, Any]):
    """The custom fields of one contact, as a view of the answer: nothing is copied until it is asked for."""

    __slots__ = ("_all", "_named")

    def __init__(self, everything: Mapping[str, Any], named: AbstractSet[str]) -> None:
        self._all = everything
        self._named = named

    def __getitem__(self, alias: str) -> Any:
        if alias in self._named:
            raise KeyError(alias)
        return self._all[alias]

    def __iter__(self) -> Iterator[str]:
        return (alias for alias in self._all if alias not in self._named)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and dict(self) == dict(other)

    def __hash__(self) -> int:
        raise TypeError("unhashable: custom fields")

    def __repr__(self) -> str:
        return f"Fields({len(self)} custom fields)"


class FieldGroups(Mapping[str, Mapping[str, ContactField]]):
    """The definitions that come with a contact's values, decoded group by group when asked for."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw

    def __getitem__(self, group: str) -> Mapping[str, ContactField]:
        if group == "all":
            raise KeyError(group)
        inside = self._raw[group]
        items = inside.items() if isinstance(inside, Mapping) else ()
        return {alias: decode(ContactField, raw) for alias, raw in items if isinstance(raw, Mapping)}

    def __iter__(self) -> Iterator[str]:
        return (group for group in self._raw if group != "all")

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _properties(model: Any, making: Making) -> Mapping[str, Step]:
    plain = (slot for slot in slots_of(model) if slot.readable and slot.name in model.PROPERTIES)
    kept = steps(making, ((slot.key, slot) for slot in plain if slot.name not in _GROUPED))
    return {**kept, **skipped("fields")}


@lru_cache(maxsize=256)
def _aliases(model: Any) -> Mapping[str, Slot]:
    """Attributes that are fields: their JSON name is the alias itself, not its camelCase."""
    return {
        slot.name: evolve(slot, key=slot.name, write_key=slot.name)
        for slot in slots_of(model)
        if slot.name not in model.PROPERTIES
    }


def _record(model: Any) -> Callable[[Any, Any], Any]:
    making, aliases = making_of(model), _aliases(model)
    begin, end = making.begin, making.end
    properties, flat = _properties(model, making), steps(making, aliases.items())
    grouped = {**flat, **skipped(*_IN_ALL)}
    named = frozenset(grouped)
    keep, put_fields, put_groups = (making.put(name) for name in ("extra", "fields", "field_groups"))
    put_items = None
    if "custom_items" in model.PROPERTIES:
        put_items = (making.put("custom_items"), making.put("custom_items_truncated"))

    def structure(raw: Any, _: object = None) -> Any:
        if not is_json_map(raw):
            unfit(raw)
        target = begin()
        extra: dict[str, Any] = {}
        fill(target, properties, raw, extra)
        groups = raw.get("fields")
        if groups:
            everything = _everything(groups, extra)
            rest: dict[str, Any] = {}
            misfit = fill(target, grouped, everything, rest)
            if rest:
                put_fields(target, Fields(everything, named - rest.keys() if misfit else named))
            else:
                put_fields(target, rest)
            if is_json_map(groups):
                put_groups(target, FieldGroups(groups))
        else:  # inside other entities the fields stand flat beside the properties
            beside, extra = extra, {}
            fill(target, flat, beside, extra)
            if groups is not None:
                put_fields(target, {})
        if put_items is not None and OBJECTS in extra:
            _read_items(extra, target, *put_items)
        if extra:
            keep(target, extra)
        return end(target)

    return structure


def _everything(groups: Any, extra: dict[str, Any]) -> Mapping[str, Any]:
    """All values by alias: from ``all``, else (answers to dnc and utm calls, webhooks) from the groups.

    Those answers also repeat filled fields at the top level, from where they are taken out of *extra*.
    """
    if not is_json_map(groups):
        return {}
    everything = groups.get("all")
    if not is_json_map(everything):
        everything = {
            alias: definition.get("value")
            for group in groups.values()
            if isinstance(group, Mapping)
            for alias, definition in group.items()
            if isinstance(definition, Mapping)
        }
    if extra:
        for alias in [key for key in extra if key in everything]:
            del extra[alias]
    return everything


def _read_items(extra: dict[str, Any], target: Any, put_items: Put, put_truncated: Put) -> None:
    """Flatten ``customObjects`` to a list of items, and note whether a group is as long as its page."""
    container = extra[OBJECTS]
    groups = container.get("data") if isinstance(container, Mapping) else None
    if not isinstance(groups, list):
        return
    try:
        items, truncated = _items_of(container, groups)
    except UNFIT:
        return
    del extra[OBJECTS]
    put_items(target, items)
    put_truncated(target, truncated)


def _items_of(container: Any, groups: list[Any]) -> tuple[list[CustomItem], bool]:
    items: list[CustomItem] = []
    truncated = _is_full(container, groups)
    for group in groups:
        rows = group.get("data")
        rows = list(rows.values()) if isinstance(rows, Mapping) else rows or []
        truncated = truncated or _is_full(group, rows)
        for row in rows:
            item = decode(CustomItem, row)
            item.object, item.object_id = str(group.get("alias") or ""), int(group.get("id") or 0)
            items.append(item)
    return items, truncated


def _is_full(group: Any, rows: list[Any]) -> bool:
    """Whether a list is as long as the page it says it is: the server may hold more, and shows no second page."""
    try:
        return len(rows) >= int(group["meta"]["page"]["size"])
    except (KeyError, TypeError, ValueError):
        return False


_base.special(Contact, _record)
_base.special(Company, _record)


# --- encoding ------------------------------------------------------------------------------------------------------


def encode(entity: Any) -> dict[str, Any]:
    """The properties of *entity* that are set and may be written, under Mautic's names.

    Custom fields stand beside the properties, custom items under ``customObjects``.

    Raises:
        ConfigurationError: A value has no JSON form, or a field is named twice; the message names it.
    """
    if not isinstance(entity, (Contact, Company)):
        return _base.encode(entity)
    kind: Any = type(entity)
    plain = _write_plan(kind)
    body = _base.encode_with(entity, plain)
    if entity.fields is not UNSET and entity.fields:
        custom = encode_map(entity.fields)
        if not custom.keys().isdisjoint(body):
            alias = next(alias for alias in custom if alias in body)
            raise ConfigurationError(f"{alias} is given twice: as an attribute and in `fields`")
        body.update(custom)
    if isinstance(entity, Contact) and entity.custom_items is not UNSET and entity.custom_items:
        body[OBJECTS] = group_items(entity.custom_items)
    return body


@lru_cache(maxsize=256)
def _write_plan(model: Any) -> Writing:
    aliases = _aliases(model)
    return writing(
        (slot.name, slot.name if slot.name in aliases else slot.write_key, slot.encode)
        for slot in slots_of(model)
        if slot.writable and slot.name not in _GROUPED
    )


def group_items(items: list[CustomItem]) -> dict[str, Any]:
    """Custom items as the plugin takes them: grouped by object, each group in the order given.

    Raises:
        ConfigurationError: An item names no object, or is new and has no name: the server would refuse it, the second
            only after it has stored the contact.
    """
    groups: dict[str | int, dict[str, Any]] = {}
    for item in items:
        key: str | int = item.object_id or item.object
        if not key:
            raise ConfigurationError("custom_items: an item names no object: CustomItem('alias', ...) or object_id=...")
        if not item.id and (not item.name or item.name == "0"):
            raise ConfigurationError(f"custom_items: a new item of {key!r} needs a name")
        group = groups.setdefault(key, {"id" if item.object_id else "alias": key, "data": []})
        group["data"].append(_item(item))
    return {"data": list(groups.values())}


def _item(item: CustomItem) -> dict[str, Any]:
    body: dict[str, Any] = {"id": item.id} if item.id else {}
    if item.name:
        body["name"] = item.name
    if item.attributes:
        body["attributes"] = encode_map(item.attributes)
    return body
