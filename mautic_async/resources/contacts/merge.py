"""Merging of rows: those of one contact become one before a bulk job reads them, with the last value for each field.

Mautic: REST API, Create contact (POST /contacts/new).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from attrs import evolve, fields_dict

from mautic_async.codec import encode
from mautic_async.models import UNSET, Contact, CustomItem, Entity
from mautic_async.resources._responses import field_value
from mautic_async.resources.contacts import item_identity, validation
from mautic_async.resources.contacts.item_identity import ItemMatching, UniqueField

E = TypeVar("E", bound=Entity)
C = TypeVar("C", bound=Contact)


async def merge_rows(
    rows: Iterable[C] | AsyncIterable[C],
    *,
    unique: Sequence[str] = ("email",),
    match_items: ItemMatching = None,
    window: int = 1000,
) -> AsyncIterator[C]:
    """Yield *rows* with those of one contact merged into one; a field that both name has the value of the later row.

    Mautic's webhooks and triggers then see one change instead of several. Tags, custom fields and custom items are
    added up. Rows stay apart, in their order, where the merged row would not do what both do one after the other: a
    value is cleared, or two new items cannot be told apart.

    Args:
        rows: Contacts.
        unique: Fields by which two rows are of one contact; all of them must be equal.
        match_items: How new custom items are told apart; see `UniqueField`.
        window: How many contacts are held back at most. Rows further apart than that are not merged.

    Example:
        ``async with mautic.contacts.bulk_upsert(merge_rows(rows)) as job: ...``
    """
    buffer: OrderedDict[object, C] = OrderedDict()
    async for row in _iterate_rows(rows):
        key = _contact_key(row, unique)
        if key is None:
            yield row
            continue
        # Popped and put back at the end: the contact that was named last is held longest.
        earlier = buffer.pop(key, None)
        merged = row if earlier is None else merge_contacts(earlier, row, unique, match_items)
        # The earlier row goes first, so that the order of both rows is kept.
        if merged is None and earlier is not None:
            yield earlier
        buffer[key] = row if merged is None else merged
        # The oldest contact leaves, so that memory is bounded whatever the input.
        if len(buffer) > window:
            yield buffer.popitem(last=False)[1]
    for row in buffer.values():
        yield row


async def _iterate_rows(rows: Iterable[C] | AsyncIterable[C]) -> AsyncIterator[C]:
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row


def _contact_key(row: Contact, unique: Sequence[str]) -> object:
    """Return what rows of one contact have in common, or None for a row that names no contact."""
    values = tuple(validation.collation_key(field_value(row, name)) for name in unique)
    return (row.id, *values) if row.id or any(values) else None


_RESPONSE_ONLY: Final = frozenset({"id", "extra", "custom_items_truncated", "field_groups"})
"""Attributes that requests do not send, and the id, which is equal in both rows."""


def merge_entities(earlier: E, later: E, match_items: ItemMatching = None) -> E | None:
    """Return one row that does what both rows do, or None where their values alone do not tell that.

    Of lists and maps, only tags, custom fields and custom items are merged. Writing another one may add to what is
    stored or replace it, so rows that both name one stay apart.
    """
    if type(earlier) is not type(later) or earlier.id != later.id:
        return None
    values: dict[str, Any] = {}
    for name, attribute in fields_dict(type(later)).items():
        # Such an attribute would not be sent, whichever row it came from.
        if name in _RESPONSE_ONLY:
            continue
        before, after = getattr(earlier, name), getattr(later, name)
        # The later row decides, unless it says nothing of the property.
        if after is UNSET:
            value = before
        elif before is UNSET or not (_is_collection(before) or _is_collection(after)):
            value = after
        elif name in _MERGERS and _is_collection(before) and _is_collection(after):
            value = _MERGERS[name](before, after, match_items)
            if value is None:
                return None
        else:
            return None
        values[attribute.alias or name] = value
    return evolve(later, **values)


def merge_contacts(earlier: C, later: C, unique: Sequence[str], match_items: ItemMatching) -> C | None:
    """Return the same for contacts with equal unique values; None if the merged row would clear a value."""
    if any(
        validation.collation_key(field_value(earlier, name)) != validation.collation_key(field_value(later, name))
        for name in unique
    ):
        return None
    row = merge_entities(earlier, later, match_items)
    # One request that clears and sets would not do what two requests do.
    if row is None or any(validation.is_blank(value) for _, value in validation.iter_fields(encode(row))):
        return None
    return row


def _is_collection(value: object) -> bool:
    return isinstance(value, (Mapping, Sequence)) and not isinstance(value, (str, bytes))


def _merge_tags(before: Any, after: Any, _: ItemMatching) -> list[str]:
    """Return all tags; a later ``-x`` cancels an earlier ``x``, and the other way round."""
    tags = dict.fromkeys(before)
    for tag in after:
        tags.pop(tag[1:] if tag.startswith("-") else f"-{tag}", None)
        # To the end, since the later row decides.
        tags.pop(tag, None)
        tags[tag] = None
    return list(tags)


def _merge_fields(before: Any, after: Any, _: ItemMatching) -> dict[str, Any]:
    return {**before, **after}


def _merge_items(before: Any, after: Any, match_items: ItemMatching) -> list[CustomItem] | None:
    """Return all items; of a unique item, which a second write replaces, the later one."""
    items_by_key: dict[object, CustomItem] = {}
    for item in (*before, *after):
        key = item_identity.identify(match_items, item)
        if key in items_by_key and not isinstance(item_identity.strategy_for(match_items, item), UniqueField):
            return None
        # An item without an identity never equals another one.
        items_by_key[key or id(item)] = item
    return list(items_by_key.values())


_MERGERS: Final[Mapping[str, Any]] = {"tags": _merge_tags, "fields": _merge_fields, "custom_items": _merge_items}
