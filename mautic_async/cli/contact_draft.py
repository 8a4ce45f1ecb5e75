"""One row on its way to a contact, and the custom items in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from attrs import define, field

from mautic_async import Contact, CustomItem, Problem

ItemKey: TypeAlias = tuple[str, str]
"""Object and number of a custom item within a row."""

_INTEGER: Final = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")
_ITEM_KEYS: Final = frozenset({"object", "object_id", "id", "name", "attributes"})


@define
class ContactDraft:
    """Values that the columns of one row have given so far.

    Attributes:
        id: Of the contact, or 0.
        values: Value by alias of the field.
        item_values: Value by attribute of each custom item that comes in columns.
        items: Custom items that came whole, in JSON.
        problems: Why the row cannot be sent.
    """

    id: int = 0
    values: dict[str, Any] = field(factory=dict)
    item_values: dict[ItemKey, dict[str, Any]] = field(factory=dict)
    items: list[CustomItem] = field(factory=list)
    problems: list[Problem] = field(factory=list)

    def add_problem(self, location: str, message: str) -> None:
        """Note why the row cannot be sent."""
        self.problems.append(Problem(message, location))

    def build(self) -> Contact:
        """Return the contact; what is wrong with its items is added to `problems`."""
        contact = Contact(id=self.id)
        items = [self._item_from_columns(key, values) for key, values in self.item_values.items()] + self.items
        if items:
            contact.custom_items = items
        for name in ("email", "points", "tags"):
            if name in self.values:
                setattr(contact, name, self.values.pop(name))
        if self.values:
            contact.fields = self.values
        return contact

    def _item_from_columns(self, key: ItemKey, values: dict[str, Any]) -> CustomItem:
        id, name = values.pop("id", None), values.pop("name", None)
        return self._with_id_and_name(".".join(filter(None, key)), CustomItem(key[0], attributes=values), id, name)

    def _with_id_and_name(self, location: str, item: CustomItem, id: Any, name: Any) -> CustomItem:
        if id is not None:
            number = parse_int(id)
            if number is None or number <= 0:
                self.add_problem(f"{location}.id", f"{str(id)[:40]!r} is not an id")
            else:
                item.id = number
        if name is not None:
            item.name = str(name)
        elif not item.id:
            self.add_problem(f"{location}.name", "a new item needs a name")
        return item

    # --- items in JSON rows ----------------------------------------------------------------------------------------

    def add_items(self, value: Any) -> None:
        """Add ``custom_items`` of a JSON row: a list of objects with object, name, id and attributes."""
        if not isinstance(value, list):
            self.add_problem("custom_items", "must be a list")
            return
        for index, raw in enumerate(value):
            self._add_item(f"custom_items[{index}]", raw, None)

    def add_grouped_items(self, value: Any) -> None:
        """Add ``customObjects`` of a JSON row, in the form of Mautic's own API."""
        groups = value.get("data") if isinstance(value, Mapping) else None
        if not isinstance(groups, list):
            self.add_problem("customObjects", 'must be {"data": [{"alias": ..., "data": [...]}]}')
            return
        for number, group in enumerate(groups):
            location = f"customObjects.data[{number}]"
            rows = group.get("data") if isinstance(group, Mapping) else None
            if not isinstance(rows, list):
                self.add_problem(location, "needs alias (or id) and data")
                continue
            for index, raw in enumerate(rows):
                self._add_item(f"{location}.data[{index}]", raw, group)

    def _add_item(self, location: str, raw: Any, group: Mapping[str, Any] | None) -> None:
        if not isinstance(raw, Mapping):
            self.add_problem(location, "must be an object")
            return
        if unknown := raw.keys() - _ITEM_KEYS:
            names = quoted_list(sorted(unknown))
            self.add_problem(location, f"{names}: an item has object, id, name and attributes")
            return
        alias, object_id = (group.get("alias"), group.get("id")) if group else (raw.get("object"), raw.get("object_id"))
        attributes = raw.get("attributes") or {}
        if not isinstance(attributes, Mapping):
            self.add_problem(f"{location}.attributes", "must be an object")
        elif not isinstance(alias, str) and not isinstance(object_id, int):
            self.add_problem(location, "names no custom object")
        else:
            number = object_id if isinstance(object_id, int) else 0
            item = CustomItem(alias if isinstance(alias, str) else "", object_id=number, attributes=dict(attributes))
            self.items.append(self._with_id_and_name(location, item, raw.get("id"), raw.get("name")))


def parse_int(value: Any) -> int | None:
    """Return the whole number that *value* is or spells; an object counts by its ``id``. None if it is none."""
    if isinstance(value, Mapping) and "id" in value:  # Mautic's JSON shows owner and stage as objects
        value = value["id"]
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def quoted_list(names: Iterable[str]) -> str:
    """Return the names in quotation marks, or ``none``."""
    return ", ".join(map(repr, names)) or "none"
