"""How a new custom item is recognised when the answer to its first sending was lost.

Mautic knows no idempotency keys, and an item without an id is a new item each time, unless its object has a field
that is marked as unique identifier. So the caller says how items of an object can be told apart:

==================  ===================================================================================================
strategy            guarantee for new items
==================  ===================================================================================================
`UniqueField`       effectively once: the server itself finds the item again. Send all attributes: a found item is
                    replaced
`Marker`            effectively once, while a contact gets at most 10 new items of an object in a request and nobody
                    else adds more than fit beside them: the server shows only the newest ten
none (the default)  at most once: a row whose fate is unknown is reported as ``unknown`` and not sent again
==================  ===================================================================================================

Mautic: Custom Objects plugin, contacts API.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen

from mautic_async.codec import to_json
from mautic_async.errors import Problem
from mautic_async.models import CustomItem, Unset
from mautic_async.resources.contacts import validation


def _aliases(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@frozen
class UniqueField:
    """The object has unique identifier fields: these attributes, all of which every new item must have."""

    attributes: tuple[str, ...] = field(converter=_aliases)


@frozen
class Marker:
    """This attribute of an item is different for every item; with None its name is."""

    attribute: str | None = None


Identity: TypeAlias = UniqueField | Marker
Items: TypeAlias = Identity | Mapping[str, Identity] | None
"""One strategy for all custom objects, or one for each by alias."""

NEWEST: Final = 10
"""Items of an object that a request may add under `Marker`: what the server shows when asked afterwards."""


def strategy(items: Items, item: CustomItem) -> Identity | None:
    """The strategy for *item*."""
    if isinstance(items, Mapping):
        return items.get(item.object) or items.get(str(item.object_id))
    return items


def identity(items: Items, item: CustomItem) -> tuple[Any, ...] | None:
    """What tells *item* from others on the server: its id, unique values or marker; None when nothing does."""
    group = item.object or str(item.object_id)
    if item.id:
        return ("id", item.id)
    how = strategy(items, item)
    if isinstance(how, UniqueField):
        values = tuple(to_json(item.attributes.get(alias)) for alias in how.attributes)
        return None if any(value in {None, ""} for value in values) else ("unique", group, *map(str, values))
    if isinstance(how, Marker):
        value = item.name if how.attribute is None else item.attributes.get(how.attribute)
        return ("marker", group, str(value)) if value else None
    return None


def spelled(key: tuple[Any, ...] | None) -> str:
    """An identity as one text, the form in which a journal keeps it."""
    return "/".join(map(str, key or ()))


def wanted(items: Items, row: Sequence[CustomItem] | Unset | None) -> dict[str, CustomItem]:
    """The new items of a row that can be told from others, by their spelled identity."""
    new = ((identity(items, item), item) for item in row or () if not item.id)
    return {spelled(key): item for key, item in new if key is not None}


def shown(items: Items, stored: Sequence[CustomItem] | Unset | None) -> dict[str, CustomItem]:
    """Stored items by each identity that a row may mean them by: with the alias of their object, and with its id."""
    return {name: item for item in stored or () for name in _names(items, item)}


def _names(items: Items, stored: CustomItem) -> Iterator[str]:
    for by in ({"object_id": 0}, {"object": ""}):
        key = identity(items, evolve(stored, id=0, **by))
        if key is not None:
            yield spelled(key)


def ids_of(names: Iterable[str], stored: Mapping[str, CustomItem]) -> dict[str, int]:
    """The ids of those of the named items that are stored."""
    return {name: stored[name].id for name in names if name in stored}


def holds(stored: CustomItem, want: CustomItem) -> bool:
    """Whether a stored item shows all that *want* names; a difference proves nothing, Mautic rewrites some values."""
    if want.name and str(stored.name).strip() != want.name.strip():
        return False
    return all(_plain(stored.attributes.get(alias)) == _plain(value) for alias, value in want.attributes.items())


def _plain(value: object) -> object:
    spelling = to_json(value)
    return spelling.strip() if isinstance(spelling, str) else spelling


def repeatable(items: Items, wanted: Sequence[CustomItem] | None) -> bool:
    """Whether the server finds each of these items again by itself."""
    return all(item.id or isinstance(strategy(items, item), UniqueField) for item in wanted or ())


def problems(items: Items, wanted: Sequence[CustomItem] | None) -> list[Problem]:
    """Items that the strategy cannot tell apart."""
    found: list[Problem] = []
    marked: dict[str, int] = {}
    seen: set[tuple[Any, ...]] = set()
    for place, item in enumerate(wanted or ()):
        how = strategy(items, item)
        key = identity(items, item)
        where = f"custom_items[{place}]"
        if how is not None and not item.id and key is None:
            names = ", ".join(how.attributes) if isinstance(how, UniqueField) else how.attribute or "name"
            found.append(Problem(f"a new item needs a value for {names}, by which it is found again", where))
        elif key is not None and key in seen:
            found.append(Problem("the same item is there twice", where))
        elif key is not None and key[0] == "marker" and _REWRITTEN.search(key[-1]):
            found.append(Problem("Mautic may rewrite this mark (outer spaces, <, >, &...;): choose another", where))
        if key is not None:
            seen.add(key)
        if isinstance(how, Marker) and not item.id:
            group = item.object or str(item.object_id)
            marked[group] = marked.get(group, 0) + 1
    found += [
        Problem(f"{count} new items of {alias!r} in one row; the server shows only the newest {NEWEST}", "custom_items")
        for alias, count in marked.items()
        if count > NEWEST
    ]
    return found


_REWRITTEN: Final = re.compile(rf"^\s|\s$|[\x00-\x1f]|{validation.MARKUP.pattern}")
"""What Mautic's cleaning of texts changes; a mark that is changed is not found again."""


def guarantee(items: Items) -> str:
    """The guarantee for new custom items, in words for the report."""
    kinds = set(map(type, items.values())) if isinstance(items, Mapping) else {type(items)}
    if kinds == {UniqueField}:
        return "new custom items: effectively once (found again by their unique field)"
    if kinds <= {UniqueField, Marker}:
        return "new custom items: effectively once (found again by unique field or marker, ten an object and contact)"
    return "new custom items: at most once; rows of unknown fate are reported, not sent again"
