"""Two rows of one entity as one: what both name has the later one's value, as if they had been sent in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from attrs import evolve, fields_dict

from mautic_async.codec import encode
from mautic_async.models import UNSET, Contact, CustomItem, Entity
from mautic_async.resources import _checks, _items
from mautic_async.resources._answers import held
from mautic_async.resources._items import Items, UniqueField

E = TypeVar("E", bound=Entity)
C = TypeVar("C", bound=Contact)

_NOT_TOLD: Final = frozenset({"id", "extra", "custom_items_truncated", "field_groups"})
"""What an answer says, and no request; the ids are the same."""


def joined(earlier: E, later: E, items: Items = None) -> E | None:
    """One row that does what both do; None where that cannot be told from their values alone.

    Lists of an answer's own kinds (preferences, form fields) are left apart: whether writing them adds to what is
    there is each property's own affair. Known of that are tags, custom fields and custom items.
    """
    if type(earlier) is not type(later) or earlier.id != later.id:
        return None
    values: dict[str, Any] = {}
    for name, attribute in fields_dict(type(later)).items():
        if name in _NOT_TOLD:
            continue
        before, after = getattr(earlier, name), getattr(later, name)
        if after is UNSET:
            value = before
        elif before is UNSET or not (_is_many(before) or _is_many(after)):
            value = after
        elif name in _WAYS and _is_many(before) and _is_many(after):
            value = _WAYS[name](before, after, items)
            if value is None:
                return None
        else:
            return None
        values[attribute.alias or name] = value
    return evolve(later, **values)


def joined_contacts(earlier: C, later: C, unique: Sequence[str], items: Items) -> C | None:
    """The same for contacts, which are one where all their unique values are; none that clears a value."""
    if any(
        _checks.same_for_database(held(earlier, name)) != _checks.same_for_database(held(later, name))
        for name in unique
    ):
        return None
    row = joined(earlier, later, items)
    if row is None or any(_checks.is_blank(value) for _, value in _checks.fields_in(encode(row))):
        return None
    return row


def _is_many(value: object) -> bool:
    return isinstance(value, (Mapping, Sequence)) and not isinstance(value, (str, bytes))


def _joined_tags(before: Any, after: Any, _: Items) -> list[str]:
    """Adding ``-x`` takes away what an earlier row has added, and the other way round."""
    kept = dict.fromkeys(before)
    for tag in after:
        kept.pop(tag[1:] if tag.startswith("-") else f"-{tag}", None)
        kept.pop(tag, None)
        kept[tag] = None
    return list(kept)


def _joined_fields(before: Any, after: Any, _: Items) -> dict[str, Any]:
    return {**before, **after}


def _joined_items(before: Any, after: Any, items: Items) -> list[CustomItem] | None:
    """All of them; of a unique item, which a second writing replaces, the later one."""
    kept: dict[object, CustomItem] = {}
    for item in (*before, *after):
        key = _items.identity(items, item)
        if key in kept and not isinstance(_items.strategy(items, item), UniqueField):
            return None
        kept[key or id(item)] = item
    return list(kept.values())


_WAYS: Final[Mapping[str, Any]] = {"tags": _joined_tags, "fields": _joined_fields, "custom_items": _joined_items}
