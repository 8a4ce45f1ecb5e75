"""Contacts and companies: entities whose fields are the user's own.

An answer shows each field twice, as a value in ``fields.all`` and with its definition in a group; a request names it
at the top level. Attributes outside the class's `PROPERTIES` are aliases of fields, so that a subclass types the
user's own.

Mautic: REST API, Contacts; Custom Objects plugin, contacts API.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, Final, TypeAlias

from attrs import evolve

from mautic_async.codec.compiled import DECODE_ERRORS, Encoder, collect_extra
from mautic_async.codec.containers import converter, structure_hook_for
from mautic_async.codec.decoding import constructor_for, decode, reader_for
from mautic_async.codec.encoding import encode_entity, encode_map, writer_for
from mautic_async.codec.fields import JSONField, json_fields
from mautic_async.codec.scalars import is_json_map, reject
from mautic_async.errors import ConfigurationError
from mautic_async.models import Company, Contact, ContactField, CustomItem

FieldReader: TypeAlias = Callable[[dict[str, Any], Any, dict[str, Any]], None]
"""A function that puts the values of fields into constructor arguments; its last argument is the rest of the answer."""

CUSTOM_OBJECTS: Final = "customObjects"
_SPECIAL_ATTRIBUTES: Final = frozenset({"fields", "field_groups", "custom_items", "custom_items_truncated"})
_SHARED_KEYS: Final = frozenset({"id", "points"})


class Fields(Mapping[str, Any]):
    """The custom fields of one contact, as a view of the answer: lists are copied when they are asked for."""

    __slots__ = ("_all", "_copies", "_excluded")

    def __init__(self, values: Mapping[str, Any], excluded: AbstractSet[str]) -> None:
        self._all = values
        self._excluded = excluded
        self._copies: dict[str, Any] = {}

    def __getitem__(self, alias: str) -> Any:
        if alias in self._excluded:
            raise KeyError(alias)
        value = self._all[alias]
        # The caller may change a list in place. A copy keeps the answer as it was, so that the change is seen.
        return self._copies.setdefault(alias, list(value)) if type(value) is list else value

    def __iter__(self) -> Iterator[str]:
        return (alias for alias in self._all if alias not in self._excluded)

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


_NO_GROUPS: Final = FieldGroups({})
"""The definitions in a list with ``select``, which has none."""


@lru_cache(maxsize=256)
def _alias_codecs(model: Any) -> Mapping[str, JSONField]:
    """Return the attributes that are fields: their JSON name is the alias itself, not its camelCase."""
    return {
        field.name: evolve(field, key=field.name, write_key=field.name)
        for field in json_fields(model)
        if field.name not in model.PROPERTIES
    }


def _is_record(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, (Contact, Company))


def _record_hook(model: Any) -> Callable[[Any, Any], Any]:
    own = [
        f for f in json_fields(model) if f.readable and f.name in model.PROPERTIES and f.name not in _SPECIAL_ATTRIBUTES
    ]
    known = frozenset(("fields", *(field.key for field in own)))
    read, construct = reader_for(own, {"fields"}), constructor_for(model)
    read_grouped, read_flat = _field_readers(model)
    holds_items = "custom_items" in model.PROPERTIES

    def structure(raw: Any, _: object = None) -> Any:
        if type(raw) is not dict and not isinstance(raw, Mapping):
            reject(raw)
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        # The count alone tells whether there is more in the answer than the class names.
        if read(raw, values, extra) != len(raw):
            collect_extra(raw, known, extra)
        # Answers with groups have the fields in there; the others have them beside the properties.
        groups = raw.get("fields")
        if groups:
            read_grouped(values, groups, extra)
        elif extra or groups is not None:
            read_flat(values, groups, extra)
        if extra and holds_items and CUSTOM_OBJECTS in extra:
            _decode_items(extra, values)
        return construct(values, extra)

    return structure


converter.register_structure_hook_factory(_is_record, _record_hook)


def _field_readers(model: Any) -> tuple[FieldReader, FieldReader]:
    """Return two readers of the fields of a record: one for groups, one for fields beside the properties."""
    aliases = _alias_codecs(model)
    read = reader_for(aliases.values(), _SHARED_KEYS)
    flat = frozenset(aliases)
    named = flat | _SHARED_KEYS

    def grouped(values: dict[str, Any], groups: Any, extra: dict[str, Any]) -> None:
        everything = groups.get("all") if type(groups) is dict else None
        if type(everything) is dict:
            definitions: FieldGroups | None = FieldGroups(groups) if len(groups) > 1 else _NO_GROUPS
        else:
            everything, definitions = _values_by_alias(groups), FieldGroups(groups) if is_json_map(groups) else None
        if extra:
            _drop_duplicates(extra, everything)
        misfits: dict[str, Any] = {}
        fields: Mapping[str, Any] = {}
        # A view of all other fields. A value that does not fit its attribute stays visible there, too.
        if read(everything, values, misfits) != len(everything):
            fields = Fields(everything, named - misfits.keys() if misfits else named)
        values["fields"], values["field_groups"] = fields, definitions

    def beside(values: dict[str, Any], groups: Any, extra: dict[str, Any]) -> None:  # as inside other entities
        raw = extra.copy()
        extra.clear()
        read(raw, values, extra)
        collect_extra(raw, flat, extra)
        if groups is not None:
            values["fields"] = {}

    return grouped, beside


def _values_by_alias(groups: Any) -> dict[str, Any]:
    """Return all values by alias, also without ``all``: answers to dnc and utm calls, and webhooks, have none."""
    if not is_json_map(groups):
        return {}
    values = groups.get("all")
    if is_json_map(values):
        return dict(values)
    return {
        alias: definition.get("value")
        for group in groups.values()
        if isinstance(group, Mapping)
        for alias, definition in group.items()
        if isinstance(definition, Mapping)
    }


def _drop_duplicates(extra: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Remove the fields from *extra* that an answer repeats at the top level."""
    for alias in [key for key in extra if key in values]:
        del extra[alias]


def _decode_items(extra: dict[str, Any], values: dict[str, Any]) -> None:
    """Flatten ``customObjects`` to a list of items, and note whether a group is as long as its page."""
    container = extra[CUSTOM_OBJECTS]
    groups = container.get("data") if isinstance(container, Mapping) else None
    if not isinstance(groups, list):
        return
    try:
        items, truncated = _flatten_items(container, groups)
    # An answer in another form stays in `extra`: the contact itself can still be read.
    except DECODE_ERRORS:
        return
    del extra[CUSTOM_OBJECTS]
    values["custom_items"], values["custom_items_truncated"] = items, truncated


def _flatten_items(container: Any, groups: list[Any]) -> tuple[list[CustomItem], bool]:
    items: list[CustomItem] = []
    read = structure_hook_for(CustomItem)
    truncated = _fills_page(container, groups)
    for group in groups:
        rows = group.get("data")
        rows = list(rows.values()) if isinstance(rows, Mapping) else rows or []
        truncated = truncated or _fills_page(group, rows)
        for row in rows:
            item = read(row, CustomItem)
            item.object, item.object_id = str(group.get("alias") or ""), int(group.get("id") or 0)
            items.append(item)
    return items, truncated


def _fills_page(group: Any, rows: list[Any]) -> bool:
    """Return True if a list is as long as its page: the server may hold more, and shows no second page."""
    try:
        return len(rows) >= int(group["meta"]["page"]["size"])
    except (KeyError, TypeError, ValueError):
        return False


# --- encoding ------------------------------------------------------------------------------------------------------


def encode(entity: Any) -> dict[str, Any]:
    """Return the properties of *entity* that are set and may be written, under Mautic's names.

    Custom fields stand beside the properties, custom items under ``customObjects``.

    Raises:
        ConfigurationError: A value has no JSON form, or a field is named twice; the message names it.
    """
    if not isinstance(entity, (Contact, Company)):
        return encode_entity(entity)
    kind: Any = type(entity)
    plain = _record_writer(kind)
    body = plain(entity)
    fields = entity.fields
    if fields:
        both = len(body) + len(fields)
        # A name that is in both makes the merged map shorter; only then is it searched for.
        if len(encode_map(fields, body)) < both:
            duplicate = _duplicate_name(plain(entity), fields)
            raise ConfigurationError(f"{duplicate} is given twice, as an attribute and in `fields`: remove one of them")
    if isinstance(entity, Contact) and entity.custom_items:
        body[CUSTOM_OBJECTS] = group_items(entity.custom_items)
    return body


def _duplicate_name(body: Mapping[str, Any], fields: Mapping[Any, Any]) -> str:
    """Return the name that *fields* share with *body*, or hold twice."""
    names = [*body, *map(str, fields)]
    return next(name for name in names if names.count(name) > 1)


@lru_cache(maxsize=256)
def _record_writer(model: Any) -> Encoder:
    aliases = _alias_codecs(model)
    return writer_for(
        evolve(field, write_key=field.name) if field.name in aliases else field
        for field in json_fields(model)
        if field.writable and field.name not in _SPECIAL_ATTRIBUTES
    )


def group_items(items: list[CustomItem]) -> dict[str, Any]:
    """Return custom items as the plugin takes them: grouped by object, each group in the order given.

    Raises:
        ConfigurationError: An item names no object, or is new and has no name: the server would refuse it, the second
            only after it has stored the contact.
    """
    groups: dict[str | int, dict[str, Any]] = {}
    for item in items:
        key: str | int = item.object_id or item.object
        if not key:
            raise ConfigurationError("custom_items: an item names no object: CustomItem('alias', ...) or object_id=...")
        # PHP takes the text "0" for empty.
        if not item.id and (not item.name or item.name == "0"):
            raise ConfigurationError(f"custom_items: a new item of {key!r} needs a name")
        group = groups.get(key)
        if group is None:
            group = groups[key] = {"id" if item.object_id else "alias": key, "data": []}
        group["data"].append(_encode_item(item))
    return {"data": list(groups.values())}


def _encode_item(item: CustomItem) -> dict[str, Any]:
    body: dict[str, Any] = {"id": item.id} if item.id else {}
    if item.name:
        body["name"] = item.name
    if item.attributes:
        body["attributes"] = encode_map(item.attributes)
    return body
