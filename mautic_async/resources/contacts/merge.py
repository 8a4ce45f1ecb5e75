"""Rows of one contact merged into one, before a bulk job reads them: fewer writes, the last value given for each.

Mautic: REST API, Create contact (POST /contacts/new).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from attrs import evolve, fields_dict

from mautic_async.codec import encode
from mautic_async.models import UNSET, Contact, CustomItem, Entity
from mautic_async.resources._responses import held
from mautic_async.resources.contacts import item_identity, validation
from mautic_async.resources.contacts.item_identity import Items, UniqueField

E = TypeVar("E", bound=Entity)
C = TypeVar("C", bound=Contact)


async def merge_rows(
    rows: Iterable[C] | AsyncIterable[C],
    *,
    unique: Sequence[str] = ("email",),
    items: Items = None,
    window: int = 1000,
) -> AsyncIterator[C]:
    """Yield *rows* with those of one contact merged into one: what both name has the later row's value.

    Mautic's webhooks and triggers then see one change instead of several. Tags, custom fields and custom items are
    added up. Rows stay apart, in their order, where the merged row would not do what both do one after the other: a
    value is cleared, or two new items cannot be told apart.

    Args:
        rows: Contacts.
        unique: Fields by which two rows are of one contact; all of them must be equal.
        items: How new custom items are told apart; see `UniqueField`.
        window: How many contacts are held back at most. Rows further apart than that are not merged.

    Example:
        ``async with mautic.contacts.upserting(merge_rows(rows)) as job: ...``
    """
    held_back: OrderedDict[object, C] = OrderedDict()
    async for row in _each(rows):
        key = _contact(row, unique)
        if key is None:
            yield row
            continue
        earlier = held_back.pop(key, None)
        merged = row if earlier is None else merged_contacts(earlier, row, unique, items)
        if merged is None and earlier is not None:
            yield earlier
        held_back[key] = row if merged is None else merged
        if len(held_back) > window:
            yield held_back.popitem(last=False)[1]
    for row in held_back.values():
        yield row


async def _each(rows: Iterable[C] | AsyncIterable[C]) -> AsyncIterator[C]:
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row


def _contact(row: Contact, unique: Sequence[str]) -> object:
    """Return what rows of one contact have in common, or None for a row that names no contact."""
    values = tuple(validation.same_for_database(held(row, name)) for name in unique)
    return (row.id, *values) if row.id or any(values) else None


_NOT_TOLD: Final = frozenset({"id", "extra", "custom_items_truncated", "field_groups"})
"""What an answer says, and no request; the ids are the same."""


def merged(earlier: E, later: E, items: Items = None) -> E | None:
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


def merged_contacts(earlier: C, later: C, unique: Sequence[str], items: Items) -> C | None:
    """The same for contacts, which are one where all their unique values are; none that clears a value."""
    if any(
        validation.same_for_database(held(earlier, name)) != validation.same_for_database(held(later, name))
        for name in unique
    ):
        return None
    row = merged(earlier, later, items)
    if row is None or any(validation.is_blank(value) for _, value in validation.fields_in(encode(row))):
        return None
    return row


def _is_many(value: object) -> bool:
    return isinstance(value, (Mapping, Sequence)) and not isinstance(value, (str, bytes))


def _merged_tags(before: Any, after: Any, _: Items) -> list[str]:
    """Adding ``-x`` takes away what an earlier row has added, and the other way round."""
    kept = dict.fromkeys(before)
    for tag in after:
        kept.pop(tag[1:] if tag.startswith("-") else f"-{tag}", None)
        kept.pop(tag, None)
        kept[tag] = None
    return list(kept)


def _merged_fields(before: Any, after: Any, _: Items) -> dict[str, Any]:
    return {**before, **after}


def _merged_items(before: Any, after: Any, items: Items) -> list[CustomItem] | None:
    """All of them; of a unique item, which a second writing replaces, the later one."""
    kept: dict[object, CustomItem] = {}
    for item in (*before, *after):
        key = item_identity.identity(items, item)
        if key in kept and not isinstance(item_identity.strategy(items, item), UniqueField):
            return None
        kept[key or id(item)] = item
    return list(kept.values())


_WAYS: Final[Mapping[str, Any]] = {"tags": _merged_tags, "fields": _merged_fields, "custom_items": _merged_items}
