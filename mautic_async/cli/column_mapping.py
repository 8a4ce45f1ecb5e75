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
_WHOLE: Final = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")

Place: TypeAlias = tuple[str, str]
"""Object and number of a custom item within a row."""


@define
class Draft:
    """One row while it is put together."""

    id: int = 0
    values: dict[str, Any] = field(factory=dict)
    items: dict[Place, dict[str, Any]] = field(factory=dict)
    ready: list[CustomItem] = field(factory=list)
    problems: list[Problem] = field(factory=list)

    def complain(self, where: str, message: str) -> None:
        """Note why the row cannot be sent."""
        self.problems.append(Problem(message, where))


Take: TypeAlias = Callable[[Draft, Any], None]
"""What one column does with its value."""


@frozen
class Layout:
    """How the columns of one input become contacts.

    Args:
        columns: Their names, where they are known beforehand (CSV).
        mapping: Column name to target; columns that it does not name are their own target, in lower case.
        unique: Fields by which contacts are found again; one of them, or the id, must have a column.
        clear: Whether an empty cell clears its field, instead of leaving it alone.

    Raises:
        ConfigurationError: A column leads nowhere, two lead to one place, or none to a unique field.
    """

    columns: Sequence[str] | None = None
    mapping: Mapping[str, str] = field(factory=dict)
    unique: Sequence[str] = ("email",)
    clear: bool = False
    _known: dict[str, Take] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Check everything that can be checked before the first row."""
        if self.columns is None:
            for name, target in self.mapping.items():
                self._known[name] = _take(name, target, clear=self.clear)
            return
        targets: dict[str, str] = {}
        for place, name in enumerate(self.columns, 1):
            if not name.strip():
                raise ConfigurationError(f"column {place} has no name: name it in the first line, or remove it")
            if name in self._known:
                raise ConfigurationError(f"two columns are named {name!r}")
            target = self.target(name)
            if target and (other := targets.setdefault(target.removesuffix("[]"), name)) != name:
                raise ConfigurationError(
                    f"the columns {other!r} and {name!r} both lead to {target}; map one: --map {name}="
                )
            self._known[name] = _take(name, target, clear=self.clear)
        if absent := [name for name in self.mapping if name not in self._known]:
            raise ConfigurationError(f"--map names {_listed(absent)}; the columns are {_listed(self.columns)}")
        if not targets.keys() & {*self.unique, "id"}:
            raise ConfigurationError(
                f"no column for {' or '.join(self.unique)}, by which a contact is found again; the columns are"
                f" {_listed(self.columns)}. If one of them is it: --map COLUMN={self.unique[0]}"
            )

    def target(self, column: str) -> str:
        """Where the values of *column* go."""
        given = self.mapping.get(column)
        if given is not None:
            return given.strip()
        return column.strip() if "." in column or column.strip() in STRUCTURED | ITEMS else column.strip().lower()

    def contact(self, values: Iterable[tuple[str, Any]]) -> tuple[Contact, Sequence[Problem]]:
        """The contact of one row, and why it cannot be sent, if it cannot.

        Args:
            values: Column name and value; texts from CSV, any JSON from JSON lines.
        """
        draft = Draft()
        for name, value in values:
            take = self._known.get(name)
            if take is None:
                try:
                    take = self._known[name] = _take(name, self.target(name), clear=self.clear)
                except ConfigurationError as error:
                    draft.complain(name, str(error))
                    continue
            take(draft, value)
        items = [_item(draft, place, parts) for place, parts in draft.items.items()] + draft.ready
        contact = Contact(id=draft.id)
        if items:
            contact.custom_items = items
        for name in ("email", "points", "tags"):
            if name in draft.values:
                setattr(contact, name, draft.values.pop(name))
        if draft.values:
            contact.fields = draft.values
        return contact, draft.problems


def parse_mapping(given: Iterable[str]) -> dict[str, str]:
    """Read ``COLUMN=FIELD`` arguments; a column's name may hold ``=``, a field's cannot.

    Raises:
        ConfigurationError: One has no ``=``, or a column is there twice.
    """
    mapping: dict[str, str] = {}
    for text in given:
        column, sign, target = text.rpartition("=")
        if not sign or not column:
            raise ConfigurationError(f"--map {text}: write it as COLUMN=FIELD, or COLUMN= to leave the column out")
        if column in mapping:
            raise ConfigurationError(f"--map {column}: given twice")
        mapping[column] = target
    return mapping


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


# --- columns ---------------------------------------------------------------------------------------------------------


def _take(column: str, target: str, *, clear: bool) -> Take:
    """What a column with this target does.

    Raises:
        ConfigurationError: There is no such target.
    """
    if not target:
        return _leave_out
    name, many = target.removesuffix("[]"), target.endswith("[]")
    if name in ITEMS:
        return _take_grouped if name == "customObjects" else _take_items
    if found := _ITEM.fullmatch(name):
        return _item_part((found[1], found[2] or ""), found[3], many=many)
    if name not in STRUCTURED and not _ALIAS.fullmatch(name):
        raise ConfigurationError(
            f"column {column!r}: {name!r} is no alias of a field (small letters, digits, _). Map it: --map"
            f" '{column}=FIELD', or leave it out: --map '{column}='"
        )
    if name in NUMBERS:
        return _number(name)
    return _field(name, many=many or name == "tags", clear=clear and name != "tags")


def _leave_out(draft: Draft, value: Any) -> None:
    """The column was mapped to nothing."""


def _is_empty(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split("|") if part.strip()] if isinstance(value, str) else value


def _field(name: str, *, many: bool, clear: bool) -> Take:
    def take(draft: Draft, value: Any) -> None:
        if _is_empty(value):
            if clear:
                draft.values[name] = None
            return
        draft.values[name] = _split(value) if many else value

    return take


def _number(name: str) -> Take:
    def take(draft: Draft, value: Any) -> None:
        if value is None or _is_empty(value):
            return
        number = _whole(value)
        if number is None or (name != "points" and number <= 0):
            draft.complain(name, f"{str(value)[:40]!r} is not {'a whole number' if name == 'points' else 'an id'}")
        elif name == "id":
            draft.id = number
        else:
            draft.values[name] = number

    return take


def _whole(value: Any) -> int | None:
    if isinstance(value, Mapping) and "id" in value:  # JSON shows owner and stage as objects
        value = value["id"]
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# --- custom items ----------------------------------------------------------------------------------------------------


def _item_part(place: Place, attribute: str, *, many: bool) -> Take:
    def take(draft: Draft, value: Any) -> None:
        if value is None or _is_empty(value):
            return
        draft.items.setdefault(place, {})[attribute] = _split(value) if many else value

    return take


def _item(draft: Draft, place: Place, parts: dict[str, Any]) -> CustomItem:
    """One item from its columns. A row without any value for them has no such item."""
    where = ".".join(filter(None, place))
    id, name = parts.pop("id", None), parts.pop("name", None)
    return _checked(draft, where, CustomItem(place[0], attributes=parts), id, name)


def _checked(draft: Draft, where: str, item: CustomItem, id: Any, name: Any) -> CustomItem:
    if id is not None:
        number = _whole(id)
        if number is None or number <= 0:
            draft.complain(f"{where}.id", f"{str(id)[:40]!r} is not an id")
        else:
            item.id = number
    if name is not None:
        item.name = str(name)
    elif not item.id:
        draft.complain(f"{where}.name", "a new item needs a name")
    return item


def _take_items(draft: Draft, value: Any) -> None:
    """``custom_items`` of a JSON row: a list of objects with object, name, id, attributes."""
    if not isinstance(value, list):
        draft.complain("custom_items", "must be a list")
        return
    for place, raw in enumerate(value):
        _take_item(draft, f"custom_items[{place}]", raw, None)


def _take_grouped(draft: Draft, value: Any) -> None:
    """``customObjects`` of a JSON row, in the form of Mautic's own API."""
    groups = value.get("data") if isinstance(value, Mapping) else None
    if not isinstance(groups, list):
        draft.complain("customObjects", 'must be {"data": [{"alias": ..., "data": [...]}]}')
        return
    for number, group in enumerate(groups):
        where = f"customObjects.data[{number}]"
        rows = group.get("data") if isinstance(group, Mapping) else None
        if not isinstance(rows, list):
            draft.complain(where, "needs alias (or id) and data")
            continue
        for place, raw in enumerate(rows):
            _take_item(draft, f"{where}.data[{place}]", raw, group)


_ITEM_KEYS: Final = frozenset({"object", "object_id", "id", "name", "attributes"})


def _take_item(draft: Draft, where: str, raw: Any, group: Mapping[str, Any] | None) -> None:
    if not isinstance(raw, Mapping):
        draft.complain(where, "must be an object")
        return
    if odd := raw.keys() - _ITEM_KEYS:
        draft.complain(where, f"{_listed(sorted(odd))}: an item has object, id, name and attributes")
        return
    alias, object_id = (group.get("alias"), group.get("id")) if group else (raw.get("object"), raw.get("object_id"))
    attributes = raw.get("attributes") or {}
    if not isinstance(attributes, Mapping):
        draft.complain(f"{where}.attributes", "must be an object")
    elif not isinstance(alias, str) and not isinstance(object_id, int):
        draft.complain(where, "names no custom object")
    else:
        number = object_id if isinstance(object_id, int) else 0
        item = CustomItem(alias if isinstance(alias, str) else "", object_id=number, attributes=dict(attributes))
        draft.ready.append(_checked(draft, where, item, raw.get("id"), raw.get("name")))
