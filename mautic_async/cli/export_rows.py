"""Entities as rows of an export.

A contact becomes a row that ``import`` reads: its fields by alias, ``tags``, ``owner`` and ``stage`` as ids,
``points``, ``doNotContact`` and ``custom_items``. Ids are written only on request, since another Mautic gives its own.
Other entities become their `to_dict`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from mautic_async import Contact
    from mautic_async.models import Entity

Row: TypeAlias = dict[str, Any]
ToRow: TypeAlias = Callable[[Any], Row]

CONTACT_COLUMNS: Final = ("points", "tags", "owner", "stage", "doNotContact", "custom_items")
"""Columns of a contact beside its fields."""
_DNC_KEYS: Final = ("channel", "reason", "comments")


def entity_to_row(columns: Sequence[str] | None) -> ToRow:
    """Return the function that turns an entity which is no contact into a row: its `to_dict`, or the keys wanted."""

    def convert(entity: Entity) -> Row:
        data = entity.to_dict()
        data.pop("extra", None)
        return _selected(data, columns)

    return convert


def contact_to_row(columns: Sequence[str] | None, *, with_ids: bool) -> ToRow:
    """Return the function that turns a contact into a row.

    Args:
        columns: The keys wanted, in this order, of the row or of `to_dict`; None: those that ``import`` reads.
        with_ids: Whether the ids of contacts and items are written.
    """

    def convert(contact: Contact) -> Row:
        data = contact.to_dict()
        properties = type(contact).PROPERTIES
        row: Row = {"id": contact.id} if with_ids else {}
        row |= {key: value for key, value in data.items() if key not in properties}
        row["points"], row["tags"] = data.get("points"), data.get("tags")
        row |= {name: _id_of(data.get(name)) for name in ("owner", "stage")}
        row["doNotContact"] = [_pick(entry, _DNC_KEYS) for entry in _maps(data.get("do_not_contact"))]
        items = contact.custom_items or ()
        # Sorted by id, so that the numbered columns of a table are the same in every export.
        row["custom_items"] = [
            ({"id": item.id} if with_ids else {})
            | {"object": item.object, "name": item.name or "", "attributes": _filled(dict(item.attributes))}
            for item in sorted(items, key=lambda item: item.id)
        ]
        return _selected(_filled(row) if columns is None else data | row, columns)

    return convert


def _selected(row: Row, columns: Sequence[str] | None) -> Row:
    if columns is None:
        return row
    chosen = {name: row.get(name) for name in columns}
    return {name: value for name, value in chosen.items() if value is not None}


def _filled(row: Row) -> Row:
    """Return the values that are not empty: an import would not clear a field with an empty one."""
    return {name: value for name, value in row.items() if value is not None and value not in ("", [])}


def _maps(value: Any) -> Iterator[Mapping[str, Any]]:
    return (item for item in value or () if isinstance(item, Mapping))


def _pick(value: Mapping[str, Any], keys: Sequence[str]) -> Row:
    return _filled({key: value.get(key) for key in keys})


def _id_of(value: Any) -> int | None:
    return value.get("id") if isinstance(value, Mapping) else value


def flatten(row: Row) -> Iterator[tuple[str, Any]]:
    """Yield columns and values of a row for a table: each attribute of a custom item has a column of its own.

    The second item of an object is ``products.2.sku``; see `mautic_async.cli.column_mapping`.
    """
    for name, value in row.items():
        if name != "custom_items":
            yield name, value
            continue
        numbers: dict[str, int] = {}
        for item in value:
            alias = item["object"]
            numbers[alias] = number = numbers.get(alias, 0) + 1
            prefix = alias if number == 1 else f"{alias}.{number}"
            if item.get("id"):
                yield f"{prefix}.id", item["id"]
            yield f"{prefix}.name", item.get("name", "")
            for attribute, inner in item.get("attributes", {}).items():
                yield f"{prefix}.{attribute}" + ("[]" if isinstance(inner, list) else ""), inner
