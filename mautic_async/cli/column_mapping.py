"""Mapping of named values to a contact. Pure.

==========================  ===========================================================================================
target                      what a value becomes
==========================  ===========================================================================================
``email``, ``firstname``    the contact's field of that alias, as the text it is
``interests[]``             the same, as a list: cells are split at ``|`` (or the separator of `CellFormat`)
``tags``                    tags, split the same way; ``-name`` removes one
``id owner stage points``   whole numbers
``products.sku``            attribute ``sku`` of an item of the object ``products``; ``.name`` and ``.id`` are its own
``products.2.sku``          the same of the second, third ... item
nothing                     the column is left out
==========================  ===========================================================================================
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import define, field

from mautic_async import ConfigurationError, Contact, Problem
from mautic_async.cli.cell_values import conversion, is_empty, split_list
from mautic_async.cli.column_names import Misfit, misfit_message
from mautic_async.cli.column_settings import ColumnSettings, KnownFields
from mautic_async.cli.contact_draft import ContactDraft, ItemKey, parse_int, quoted_list

NUMBERS: Final = frozenset({"id", "owner", "stage", "points"})
STRUCTURED: Final = frozenset({"doNotContact", "ipAddress", "lastActive", "utmtags", "frequencyRules"})
"""Properties of a contact that are no fields and keep Mautic's own spelling; exported and rejected rows hold them."""
ITEMS: Final = frozenset({"customObjects", "custom_items"})
_NO_FIELDS: Final = NUMBERS | STRUCTURED | ITEMS | {"tags", "last_active", "attribution_date"}
"""Targets that a server does not list among its fields."""

_ALIAS: Final = re.compile(r"[a-z][a-z0-9_]*")
_ITEM: Final = re.compile(r"([A-Za-z0-9_-]+)(?:\.([1-9][0-9]*))?\.([A-Za-z0-9_-]+)")

ColumnSetter: TypeAlias = Callable[[ContactDraft, Any], None]
"""Puts a column's value into the draft."""


class _UnknownTarget(Exception):
    """A column leads to no field."""


@define
class ColumnMapping:
    """The way from the columns of one input to contacts.

    Args:
        columns: Their names, where they are known beforehand (CSV).
        settings: Columns that ``settings.mapping`` does not name are their own target, in lower case.
        known: The fields that the server has; columns that lead elsewhere are refused, or left out on request.

    Attributes:
        ignored: Columns that were left out because they lead to no field.
        comma_tags: Cells of tags that hold a comma, which splits nothing.

    Raises:
        ConfigurationError: Columns lead nowhere, two lead to one place, or none to a unique field. The message lists
            all such columns, with options that would mend it.
    """

    columns: Sequence[str] | None = None
    settings: ColumnSettings = field(factory=ColumnSettings)
    known: KnownFields = field(factory=KnownFields)
    ignored: list[str] = field(factory=list, init=False)
    comma_tags: int = field(default=0, init=False)
    _setters: dict[str, ColumnSetter] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Check everything that can be checked before the first row."""
        names = list(self.settings.mapping) if self.columns is None else self.columns
        misfits = [misfit for number, name in enumerate(names, 1) if (misfit := self._add_column(name, number))]
        misfits += self._duplicates()
        if misfits:
            raise ConfigurationError(misfit_message(misfits, self.known.contact))
        if self.columns is not None:
            self._require_columns(self.columns)

    def _add_column(self, name: str, number: int = 0) -> Misfit | None:
        if not name.strip():
            return Misfit(name, f"number {number} has no name: give it one, or remove it", mappable=False)
        if name in self._setters:
            return Misfit(name, "two columns have this name", mappable=False)
        try:
            self._setters[name] = self._setter_for(self._target(name))
        except _UnknownTarget as error:
            if not self.settings.ignore_unknown:
                return Misfit(name, str(error))
            self.ignored.append(name)
            self._setters[name] = _ignore_column
        return None

    def _duplicates(self) -> Iterable[Misfit]:
        first: dict[str, str] = {}
        for name in self.columns or ():
            target = "" if name in self.ignored else self._target(name)
            other = first.setdefault(target.removesuffix("[]"), name) if target else name
            if other != name:
                yield Misfit(name, f"leads to {target}, as {other!r} does")

    def _require_columns(self, columns: Sequence[str]) -> None:
        if absent := [name for name in self.settings.mapping if name not in self._setters]:
            raise ConfigurationError(f"--map names {quoted_list(absent)}; the columns are {quoted_list(columns)}")
        unique = self.settings.unique
        if not {self._target(name) for name in columns} & {*unique, "id"}:
            raise ConfigurationError(
                f"no column for {' or '.join(unique)}, by which a contact is found again; the columns are"
                f" {quoted_list(columns)}. If one of them is it: --map COLUMN={unique[0]}"
            )

    def _target(self, column: str) -> str:
        """Return the place that the values of *column* go to."""
        target = self.settings.mapping.get(column)
        if target is not None:
            return target.strip()
        own = column.strip()
        return own if "." in own or own in STRUCTURED | ITEMS else own.lower()

    @property
    def has_items(self) -> bool:
        """Return True if a column leads to a custom item."""
        return bool(self._item_columns()) or not ITEMS.isdisjoint(self._setters)

    @property
    def new_item_objects(self) -> list[str]:
        """Return the objects with columns for their items, but none for the items' ids."""
        by_id = {alias for alias, attribute in self._item_columns() if attribute == "id"}
        return sorted({alias for alias, _ in self._item_columns()} - by_id)

    def _item_columns(self) -> set[tuple[str, str]]:
        targets = {self._target(name).removesuffix("[]") for name in self._setters if name not in self.ignored}
        return {(match[1], match[3]) for target in targets if (match := _ITEM.fullmatch(target))}

    def contact(self, values: Iterable[tuple[str, Any]]) -> tuple[Contact, Sequence[Problem]]:
        """Return the contact of one row, and the reasons for which it cannot be sent.

        Args:
            values: Column name and value; texts from CSV, any JSON from JSON lines.
        """
        draft = ContactDraft()
        for name, value in values:
            set_value = self._setters.get(name)
            if set_value is None:  # JSON lines name their columns in each row
                misfit = self._add_column(name)
                if misfit is not None:
                    draft.add_problem(name, f"{misfit.reason}; {misfit.remedy(self.known.contact)}")
                    continue
                set_value = self._setters[name]
            set_value(draft, value)
        return draft.build(), draft.problems

    # --- setters ---------------------------------------------------------------------------------------------------

    def _setter_for(self, target: str) -> ColumnSetter:
        """Return the setter of a column with this target.

        Raises:
            _UnknownTarget: There is no such target.
        """
        if not target:
            return _ignore_column
        name, is_list = target.removesuffix("[]"), target.endswith("[]")
        if name in ITEMS:
            return _json_setter(
                name, ContactDraft.add_grouped_items if name == "customObjects" else ContactDraft.add_items
            )
        if match := _ITEM.fullmatch(name):
            return self._item_setter((match[1], match[2] or ""), match[3], is_list=is_list)
        if name not in STRUCTURED and not _ALIAS.fullmatch(name):
            raise _UnknownTarget(f"{name!r} is no alias of a field (small letters, digits, _)")
        if self.known.contact and name not in self.known.contact and name not in _NO_FIELDS:
            raise _UnknownTarget(f"this Mautic has no contact field {name!r}")
        if name in NUMBERS:
            return _number_setter(name)
        if name == "tags":
            return self._set_tags
        set_value = self._field_setter(name, is_list=is_list)
        return _json_setter(name, set_value) if name in STRUCTURED else set_value

    def _field_setter(self, name: str, *, is_list: bool) -> ColumnSetter:
        separator, clear_empty = self.settings.cells.tag_separator, self.settings.clear_empty
        convert = conversion(self.known.contact.get(name), self.settings.cells)

        def set_value(draft: ContactDraft, value: Any) -> None:
            if is_empty(value):
                if clear_empty:
                    draft.values[name] = None
                return
            if convert is not None and isinstance(value, str):
                try:
                    value = convert(value)
                except ValueError as error:
                    draft.add_problem(name, str(error))
                    return
            draft.values[name] = split_list(value, separator) if is_list else value

        return set_value

    def _set_tags(self, draft: ContactDraft, value: Any) -> None:
        if is_empty(value):
            return
        separator = self.settings.cells.tag_separator
        if isinstance(value, str) and "," in value and separator != ",":
            self.comma_tags += 1
        draft.values["tags"] = split_list(value, separator)

    def _item_setter(self, item_key: ItemKey, attribute: str, *, is_list: bool) -> ColumnSetter:
        types = self._object_types(item_key[0], attribute)
        convert = None if attribute in {"id", "name"} else conversion(types.get(attribute), self.settings.cells)
        separator = self.settings.cells.tag_separator

        def set_value(draft: ContactDraft, value: Any) -> None:
            if value is None or is_empty(value):
                return
            if convert is not None and isinstance(value, str):
                try:
                    value = convert(value)
                except ValueError as error:
                    draft.add_problem(f"{item_key[0]}.{attribute}", str(error))
                    return
            values = draft.item_values.setdefault(item_key, {})
            values[attribute] = split_list(value, separator) if is_list else value

        return set_value

    def _object_types(self, alias: str, attribute: str) -> Mapping[str, str]:
        objects = self.known.objects
        if objects is None:
            return {}
        if alias not in objects:
            raise _UnknownTarget(f"this Mautic has no custom object {alias!r}")
        types = objects[alias]
        if types and attribute not in {"id", "name", *types}:
            raise _UnknownTarget(f"the custom object {alias!r} has no field {attribute!r}")
        return types


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


def _ignore_column(draft: ContactDraft, value: Any) -> None:
    """Leave the value out."""


def _json_setter(name: str, set_value: ColumnSetter) -> ColumnSetter:
    """Return a setter that parses texts which hold a JSON list or object, as an exported cell does."""

    def set_parsed(draft: ContactDraft, value: Any) -> None:
        if is_empty(value):
            return
        if isinstance(value, str) and value.lstrip()[:1] in {"[", "{"}:
            try:
                value = json.loads(value)
            except ValueError as error:
                draft.add_problem(name, f"not JSON: {error}")
                return
        set_value(draft, value)

    return set_parsed


def _number_setter(name: str) -> ColumnSetter:
    def set_value(draft: ContactDraft, value: Any) -> None:
        if value is None or is_empty(value):
            return
        number = parse_int(value)
        if number is None or (name != "points" and number <= 0):
            draft.add_problem(name, f"{str(value)[:40]!r} is not {'a whole number' if name == 'points' else 'an id'}")
        elif name == "id":
            draft.id = number
        else:
            draft.values[name] = number

    return set_value
