"""From named values to a contact: which column is which field, and which are custom items. Pure.

==========================  ===========================================================================================
target                      what a value becomes
==========================  ===========================================================================================
``email``, ``firstname``    the contact's field of that alias, as the text it is
``interests[]``             the same, as a list: cells are split at ``|``
``tags``                    tags, split at ``|``; ``-name`` removes one
``id owner stage points``   whole numbers
``products.sku``            attribute ``sku`` of an item of the object ``products``; ``.name`` and ``.id`` are its own
``products.2.sku``          the same of the second, third ... item
nothing                     the column is left out
==========================  ===========================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import define, field, frozen

from mautic_async import ConfigurationError, Contact, CustomItem, Problem

NUMBERS: Final = frozenset({"id", "owner", "stage", "points"})
STRUCTURED: Final = frozenset({"doNotContact", "ipAddress", "lastActive", "utmtags", "frequencyRules"})
"""Properties of a contact that are no fields and keep Mautic's own spelling; rows of an earlier run may hold them."""
ITEMS: Final = frozenset({"customObjects", "custom_items"})

_ALIAS: Final = re.compile(r"[a-z][a-z0-9_]*")
_ITEM: Final = re.compile(r"([A-Za-z0-9_-]+)(?:\.([1-9][0-9]*))?\.([A-Za-z0-9_-]+)")
_INTEGER: Final = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")

ItemKey: TypeAlias = tuple[str, str]
"""Object and number of a custom item within a row."""


@define
class ContactDraft:
    """One row while it is put together."""

    id: int = 0
    values: dict[str, Any] = field(factory=dict)
    items: dict[ItemKey, dict[str, Any]] = field(factory=dict)
    complete_items: list[CustomItem] = field(factory=list)
    problems: list[Problem] = field(factory=list)

    def add_problem(self, location: str, message: str) -> None:
        """Note why the row cannot be sent."""
        self.problems.append(Problem(message, location))


ColumnSetter: TypeAlias = Callable[[ContactDraft, Any], None]
"""What one column does with its value."""


@frozen
class ColumnMapping:
    """How the columns of one input become contacts.

    Args:
        columns: Their names, where they are known beforehand (CSV).
        mapping: Column name to target; columns that it does not name are their own target, in lower case.
        unique: Fields by which contacts are found again; one of them, or the id, must have a column.
        clear_empty: Whether an empty cell clears its field, instead of leaving it alone.

    Raises:
        ConfigurationError: A column leads nowhere, two lead to one place, or none to a unique field.
    """

    columns: Sequence[str] | None = None
    mapping: Mapping[str, str] = field(factory=dict)
    unique: Sequence[str] = ("email",)
    clear_empty: bool = False
    _setters: dict[str, ColumnSetter] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Check everything that can be checked before the first row."""
        if self.columns is None:
            for name, target in self.mapping.items():
                self._setters[name] = _setter_for(name, target, clear_empty=self.clear_empty)
            return
        targets: dict[str, str] = {}
        for number, name in enumerate(self.columns, 1):
            if not name.strip():
                raise ConfigurationError(f"column {number} has no name: name it in the first line, or remove it")
            if name in self._setters:
                raise ConfigurationError(f"two columns are named {name!r}")
            target = self.target(name)
            if target and (other := targets.setdefault(target.removesuffix("[]"), name)) != name:
                raise ConfigurationError(
                    f"the columns {other!r} and {name!r} both lead to {target}; map one: --map {name}="
                )
            self._setters[name] = _setter_for(name, target, clear_empty=self.clear_empty)
        if absent := [name for name in self.mapping if name not in self._setters]:
            raise ConfigurationError(
                f"--map names {_quoted_list(absent)}; the columns are {_quoted_list(self.columns)}"
            )
        if not targets.keys() & {*self.unique, "id"}:
            raise ConfigurationError(
                f"no column for {' or '.join(self.unique)}, by which a contact is found again; the columns are"
                f" {_quoted_list(self.columns)}. If one of them is it: --map COLUMN={self.unique[0]}"
            )

    def target(self, column: str) -> str:
        """Where the values of *column* go."""
        target = self.mapping.get(column)
        if target is not None:
            return target.strip()
        return column.strip() if "." in column or column.strip() in STRUCTURED | ITEMS else column.strip().lower()

    def contact(self, values: Iterable[tuple[str, Any]]) -> tuple[Contact, Sequence[Problem]]:
        """The contact of one row, and why it cannot be sent, if it cannot.

        Args:
            values: Column name and value; texts from CSV, any JSON from JSON lines.
        """
        draft = ContactDraft()
        for name, value in values:
            set_value = self._setters.get(name)
            if set_value is None:
                try:
                    set_value = self._setters[name] = _setter_for(name, self.target(name), clear_empty=self.clear_empty)
                except ConfigurationError as error:
                    draft.add_problem(name, str(error))
                    continue
            set_value(draft, value)
        items = [_build_item(draft, item_key, parts) for item_key, parts in draft.items.items()] + draft.complete_items
        contact = Contact(id=draft.id)
        if items:
            contact.custom_items = items
        for name in ("email", "points", "tags"):
            if name in draft.values:
                setattr(contact, name, draft.values.pop(name))
        if draft.values:
            contact.fields = draft.values
        return contact, draft.problems


def parse_mapping(arguments: Iterable[str]) -> dict[str, str]:
    """Read ``COLUMN=FIELD`` arguments; a column's name may hold ``=``, a field's cannot.

    Raises:
        ConfigurationError: One has no ``=``, or a column is there twice.
    """
    mapping: dict[str, str] = {}
    for text in arguments:
        column, sign, target = text.rpartition("=")
        if not sign or not column:
            raise ConfigurationError(f"--map {text}: write it as COLUMN=FIELD, or COLUMN= to leave the column out")
        if column in mapping:
            raise ConfigurationError(f"--map {column}: given twice")
        mapping[column] = target
    return mapping


def _quoted_list(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


# --- columns ---------------------------------------------------------------------------------------------------------


def _setter_for(column: str, target: str, *, clear_empty: bool) -> ColumnSetter:
    """What a column with this target does.

    Raises:
        ConfigurationError: There is no such target.
    """
    if not target:
        return _ignore_column
    name, is_list = target.removesuffix("[]"), target.endswith("[]")
    if name in ITEMS:
        return _set_grouped_items if name == "customObjects" else _set_items
    if match := _ITEM.fullmatch(name):
        return _item_setter((match[1], match[2] or ""), match[3], is_list=is_list)
    if name not in STRUCTURED and not _ALIAS.fullmatch(name):
        raise ConfigurationError(
            f"column {column!r}: {name!r} is no alias of a field (small letters, digits, _). Map it: --map"
            f" '{column}=FIELD', or leave it out: --map '{column}='"
        )
    if name in NUMBERS:
        return _number_setter(name)
    return _field_setter(name, is_list=is_list or name == "tags", clear_empty=clear_empty and name != "tags")


def _ignore_column(draft: ContactDraft, value: Any) -> None:
    """The column was mapped to nothing."""


def _is_empty(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _split_list(value: Any) -> Any:
    return [part.strip() for part in value.split("|") if part.strip()] if isinstance(value, str) else value


def _field_setter(name: str, *, is_list: bool, clear_empty: bool) -> ColumnSetter:
    def set_value(draft: ContactDraft, value: Any) -> None:
        if _is_empty(value):
            if clear_empty:
                draft.values[name] = None
            return
        draft.values[name] = _split_list(value) if is_list else value

    return set_value


def _number_setter(name: str) -> ColumnSetter:
    def set_value(draft: ContactDraft, value: Any) -> None:
        if value is None or _is_empty(value):
            return
        number = _parse_int(value)
        if number is None or (name != "points" and number <= 0):
            draft.add_problem(name, f"{str(value)[:40]!r} is not {'a whole number' if name == 'points' else 'an id'}")
        elif name == "id":
            draft.id = number
        else:
            draft.values[name] = number

    return set_value


def _parse_int(value: Any) -> int | None:
    if isinstance(value, Mapping) and "id" in value:  # JSON shows owner and stage as objects
        value = value["id"]
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# --- custom items ----------------------------------------------------------------------------------------------------


def _item_setter(item_key: ItemKey, attribute: str, *, is_list: bool) -> ColumnSetter:
    def set_value(draft: ContactDraft, value: Any) -> None:
        if value is None or _is_empty(value):
            return
        draft.items.setdefault(item_key, {})[attribute] = _split_list(value) if is_list else value

    return set_value


def _build_item(draft: ContactDraft, item_key: ItemKey, values: dict[str, Any]) -> CustomItem:
    """One item from its columns. A row without any value for them has no such item."""
    location = ".".join(filter(None, item_key))
    id, name = values.pop("id", None), values.pop("name", None)
    return _with_id_and_name(draft, location, CustomItem(item_key[0], attributes=values), id, name)


def _with_id_and_name(draft: ContactDraft, location: str, item: CustomItem, id: Any, name: Any) -> CustomItem:
    if id is not None:
        number = _parse_int(id)
        if number is None or number <= 0:
            draft.add_problem(f"{location}.id", f"{str(id)[:40]!r} is not an id")
        else:
            item.id = number
    if name is not None:
        item.name = str(name)
    elif not item.id:
        draft.add_problem(f"{location}.name", "a new item needs a name")
    return item


def _set_items(draft: ContactDraft, value: Any) -> None:
    """``custom_items`` of a JSON row: a list of objects with object, name, id, attributes."""
    if not isinstance(value, list):
        draft.add_problem("custom_items", "must be a list")
        return
    for index, raw in enumerate(value):
        _set_item(draft, f"custom_items[{index}]", raw, None)


def _set_grouped_items(draft: ContactDraft, value: Any) -> None:
    """``customObjects`` of a JSON row, in the form of Mautic's own API."""
    groups = value.get("data") if isinstance(value, Mapping) else None
    if not isinstance(groups, list):
        draft.add_problem("customObjects", 'must be {"data": [{"alias": ..., "data": [...]}]}')
        return
    for number, group in enumerate(groups):
        location = f"customObjects.data[{number}]"
        rows = group.get("data") if isinstance(group, Mapping) else None
        if not isinstance(rows, list):
            draft.add_problem(location, "needs alias (or id) and data")
            continue
        for index, raw in enumerate(rows):
            _set_item(draft, f"{location}.data[{index}]", raw, group)


_ITEM_KEYS: Final = frozenset({"object", "object_id", "id", "name", "attributes"})


def _set_item(draft: ContactDraft, location: str, raw: Any, group: Mapping[str, Any] | None) -> None:
    if not isinstance(raw, Mapping):
        draft.add_problem(location, "must be an object")
        return
    if unknown := raw.keys() - _ITEM_KEYS:
        draft.add_problem(location, f"{_quoted_list(sorted(unknown))}: an item has object, id, name and attributes")
        return
    alias, object_id = (group.get("alias"), group.get("id")) if group else (raw.get("object"), raw.get("object_id"))
    attributes = raw.get("attributes") or {}
    if not isinstance(attributes, Mapping):
        draft.add_problem(f"{location}.attributes", "must be an object")
    elif not isinstance(alias, str) and not isinstance(object_id, int):
        draft.add_problem(location, "names no custom object")
    else:
        number = object_id if isinstance(object_id, int) else 0
        item = CustomItem(alias if isinstance(alias, str) else "", object_id=number, attributes=dict(attributes))
        draft.complete_items.append(_with_id_and_name(draft, location, item, raw.get("id"), raw.get("name")))
