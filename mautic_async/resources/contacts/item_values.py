"""Comparison of the custom items that a row sent with those that the answer shows.

Mautic casts the values of items without a word: the text "12,50" in a number field becomes 12, and "abc" becomes 0.

Mautic: Custom Objects plugin, contacts API.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from mautic_async.codec import to_json
from mautic_async.errors import Problem
from mautic_async.models import CustomItem
from mautic_async.resources import _kept
from mautic_async.resources.contacts import item_identity
from mautic_async.resources.contacts.item_identity import ItemMatching


def items_not_kept(
    match_items: ItemMatching, sent: Sequence[CustomItem], stored: Sequence[CustomItem]
) -> tuple[Problem, ...]:
    """Return a problem for each attribute of *sent* items that *stored* does not hold.

    An item that the answer does not show proves nothing: Mautic shows only the newest ten of each object. An item
    without an id or another identity is compared with those of its object and name.
    """
    found: list[Problem] = []
    for item in sent:
        path = f"custom_items[{item_identity.object_of(item)}]"
        # An item without an identity may be any stored one of its object and name.
        candidates = [
            other for other in stored if item_identity.is_of_object(other, item) and _may_be(match_items, other, item)
        ]
        # The candidate with the fewest differences is taken for the item.
        differences = [_not_kept(item, other) for other in candidates]
        found += [evolve(problem, field=f"{path}.{problem.field}") for problem in min(differences, key=len, default=())]
    return tuple(found)


def _not_kept(item: CustomItem, stored: CustomItem) -> list[Problem]:
    sent = {alias: to_json(value) for alias, value in item.attributes.items()}
    cast = [
        alias
        for alias, value in sent.items()
        if alias in stored.attributes and _is_cast(value, stored.attributes[alias])
    ]
    rest = {alias: value for alias, value in sent.items() if alias not in cast}
    problems = [Problem("Mautic stored another number, the text being none", alias) for alias in cast]
    return problems + _kept.values_not_kept(rest, stored.attributes)


def _is_cast(sent: object, stored: object) -> bool:
    """Return True if *sent* is a text that is no number, and *stored* the number that PHP makes of it."""
    if (
        not isinstance(sent, str)
        or not sent.strip()
        or isinstance(stored, bool)
        or not isinstance(stored, (int, float))
    ):
        return False
    try:
        return float(sent) != stored
    except ValueError:
        return True


def _may_be(match_items: ItemMatching, stored: CustomItem, item: CustomItem) -> bool:
    if item.id:
        return item.id == stored.id
    key = item_identity.identify(match_items, item)
    if key is None:
        return _kept.is_same(item.name, stored.name)
    return item_identity.identity_key(key) in item_identity.stored_items(match_items, [stored])
