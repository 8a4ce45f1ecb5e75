"""Strategies by which new custom items are told from those that are stored.

Mautic knows no idempotency keys, and an item without an id is a new item each time, unless its object has a field
that is marked as unique identifier. So the caller says how items of an object can be told apart:

==================  ===================================================================================================
strategy            guarantee for new items
==================  ===================================================================================================
`UniqueField`       effectively once, within a job and from run to run: the server itself finds the item again. Send all
                    attributes: a found item is replaced
`LookupField`       effectively once, within a job and from run to run, while no other client adds items to the contact:
`LookupName`        the client looks among the contact's items before it sends new ones. Mautic shows the newest ten of
                    an object; a row whose item may be among older ones is rejected
none (the default)  at most once within a job, or several runs with one journal: a row whose outcome is unknown is
                    reported as such and not sent again. Every new run adds the items again
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
    """The object has unique identifier fields: these attributes, all of which every new item must have.

    A bulk job proves with its first row of an object that the server does keep them unique, and ends otherwise.
    """

    attributes: tuple[str, ...] = field(converter=_aliases)


@frozen
class LookupField:
    """This attribute of an item is different for every item, though Mautic does not keep it unique.

    Before a bulk job sends new items, it looks among the contact's items for those with these values.
    """

    attribute: str


@frozen
class LookupName:
    """The name of an item is different for every item; see `LookupField`."""


MatchStrategy: TypeAlias = UniqueField | LookupField | LookupName
ItemMatching: TypeAlias = MatchStrategy | Mapping[str, MatchStrategy] | None
"""One strategy for all custom objects, or one for each by alias."""

VISIBLE_ITEMS: Final = 10
"""Items of an object that a request may add under `LookupField` and `LookupName`: the server shows no more."""


def strategy_for(match_items: ItemMatching, item: CustomItem) -> MatchStrategy | None:
    """Return the strategy for *item*."""
    if isinstance(match_items, Mapping):
        return match_items.get(item.object) or match_items.get(str(item.object_id))
    return match_items


def identify(match_items: ItemMatching, item: CustomItem) -> tuple[Any, ...] | None:
    """Return the identity of *item* on the server: id, unique values, or a value to look up; None if it has none."""
    group = item.object or str(item.object_id)
    if item.id:
        return ("id", item.id)
    match_by = strategy_for(match_items, item)
    # The server compares all unique fields, so one without a value leaves the item unrecognised.
    if isinstance(match_by, UniqueField):
        values = tuple(to_json(item.attributes.get(alias)) for alias in match_by.attributes)
        return None if any(value in {None, ""} for value in values) else ("unique", group, *map(str, values))
    if isinstance(match_by, (LookupField, LookupName)):
        value = item.name if isinstance(match_by, LookupName) else item.attributes.get(match_by.attribute)
        return ("lookup", group, str(value)) if value else None
    return None


def identity_key(key: tuple[Any, ...] | None) -> str:
    """Return an identity as one text, the form in which a journal stores it."""
    return "/".join(map(str, key or ()))


def new_items(match_items: ItemMatching, custom_items: Sequence[CustomItem] | Unset | None) -> dict[str, CustomItem]:
    """Return the new items of a row that can be told from others, by their identity key."""
    new = ((identify(match_items, item), item) for item in custom_items or () if not item.id)
    return {identity_key(key): item for key, item in new if key is not None}


def stored_items(match_items: ItemMatching, stored: Sequence[CustomItem] | Unset | None) -> dict[str, CustomItem]:
    """Return stored items by each identity key that a row may use: with the alias of the object, and with its id."""
    return {name: item for item in stored or () for name in _identity_keys(match_items, item)}


def _identity_keys(match_items: ItemMatching, stored: CustomItem) -> Iterator[str]:
    # A row names the object by alias or by id, while a stored item has both.
    for by in ({"object_id": 0}, {"object": ""}):
        key = identify(match_items, evolve(stored, id=0, **by))
        if key is not None:
            yield identity_key(key)


def matched_ids(names: Iterable[str], stored: Mapping[str, CustomItem]) -> dict[str, int]:
    """Return the ids of those of the named items that are stored."""
    return {name: stored[name].id for name in names if name in stored}


def matches(stored: CustomItem, new: CustomItem) -> bool:
    """Return True if *stored* shows all values of *new*. False proves nothing: Mautic rewrites some values."""
    if new.name and str(stored.name).strip() != new.name.strip():
        return False
    return all(
        _comparable(stored.attributes.get(alias)) == _comparable(value) for alias, value in new.attributes.items()
    )


def _comparable(value: object) -> object:
    spelling = to_json(value)
    return spelling.strip() if isinstance(spelling, str) else spelling


def is_idempotent(match_items: ItemMatching, custom_items: Sequence[CustomItem] | None) -> bool:
    """Return True if the server recognises each of these items by itself."""
    return all(item.id or isinstance(strategy_for(match_items, item), UniqueField) for item in custom_items or ())


def _named_attributes(match_by: MatchStrategy) -> Sequence[str]:
    if isinstance(match_by, UniqueField):
        return match_by.attributes
    return ("name",) if isinstance(match_by, LookupName) else (match_by.attribute,)


def check_items(match_items: ItemMatching, custom_items: Sequence[CustomItem] | None) -> list[Problem]:
    """Return a problem for each item that the strategy cannot recognise."""
    found: list[Problem] = []
    counts: dict[str, int] = {}
    seen: set[tuple[Any, ...]] = set()
    for place, item in enumerate(custom_items or ()):
        match_by = strategy_for(match_items, item)
        key = identify(match_items, item)
        where = f"custom_items[{place}]"
        if match_by is not None and not item.id and key is None:
            names = ", ".join(_named_attributes(match_by))
            found.append(Problem(f"a new item needs a value for {names}, by which it is found again", where))
        elif key is not None and key in seen:
            found.append(Problem("the same item is there twice", where))
        elif key is not None and key[0] == "lookup" and _REWRITTEN.search(key[-1]):
            # Mautic finds ids and unique values itself; only a look-up compares the rewritten text.
            found.append(Problem("Mautic may rewrite this mark (outer spaces, <, >, &...;): choose another", where))
        if key is not None:
            seen.add(key)
        # The look-up sees ten items of an object, so a row must not add more than that.
        if isinstance(match_by, (LookupField, LookupName)) and not item.id:
            group = item.object or str(item.object_id)
            counts[group] = counts.get(group, 0) + 1
    found += [
        Problem(
            f"{count} new items of {alias!r} in one row; the server shows only the newest {VISIBLE_ITEMS}",
            "custom_items",
        )
        for alias, count in counts.items()
        if count > VISIBLE_ITEMS
    ]
    return found


_REWRITTEN: Final = re.compile(rf"^\s|\s$|[\x00-\x1f]|{validation.MARKUP.pattern}")
"""What Mautic's cleaning of texts changes; a mark that is changed is not found again."""


def object_of(item: CustomItem) -> str:
    """Return the alias of the item's object, or its id as text."""
    return item.object or str(item.object_id)


def is_of_object(stored: CustomItem, item: CustomItem) -> bool:
    """Return True if a stored item is of the object that *item* names by alias or by id."""
    return item.object_id == stored.object_id or (not item.object_id and item.object == stored.object)


def is_window_full(stored: Sequence[CustomItem] | Unset | None, item: CustomItem) -> bool:
    """Return True if an answer shows as many items of the item's object as it can, so that there may be more."""
    return sum(is_of_object(other, item) for other in stored or ()) >= VISIBLE_ITEMS


def guarantee(match_items: ItemMatching, objects: Iterable[str] = ()) -> str:
    """Return the guarantee for new items of each object, in words for the report."""
    names = sorted({*objects, *(match_items if isinstance(match_items, Mapping) else ())})
    if not names:
        return f"new custom items: {_guarantee_of(None if isinstance(match_items, Mapping) else match_items)}"
    # One strategy for all objects is written out for each of them.
    by_name = match_items if isinstance(match_items, Mapping) else dict.fromkeys(names, match_items)
    return "new custom items: " + "; ".join(f"{name}: {_guarantee_of(by_name.get(name))}" for name in names)


def _guarantee_of(match_by: MatchStrategy | None) -> str:
    if match_by is None:
        return "at most once (rows of unknown fate are reported, not sent again); every new run adds them again"
    names = ", ".join(_named_attributes(match_by))
    if isinstance(match_by, UniqueField):
        return f"effectively once, from run to run (Mautic finds them again by {names})"
    return f"effectively once, from run to run (looked up by {names} among a contact's newest {VISIBLE_ITEMS})"
