"""How a new custom item is recognised, as values."""

from __future__ import annotations

from typing import Any

import pytest

from mautic_async import CustomItem, LookupField, LookupName, UniqueField
from mautic_async.resources.contacts import item_identity
from mautic_async.resources.contacts.item_identity import ItemMatching

BY_SKU = UniqueField("sku")


def item(
    name: str = "n", *, id: int = 0, object: str = "products", object_id: int = 0, **attributes: Any
) -> CustomItem:
    return CustomItem(object, object_id=object_id, id=id, name=name, attributes=attributes)


@pytest.mark.parametrize(
    ("items", "one", "key"),
    [
        (None, item(sku="1"), None),
        (None, item(id=3), ("id", 3)),
        (BY_SKU, item(id=3, sku="1"), ("id", 3)),
        (BY_SKU, item(sku="1"), ("unique", "products", "1")),
        (BY_SKU, item(sku=1), ("unique", "products", "1")),
        (BY_SKU, item(sku="Ab"), ("unique", "products", "Ab")),
        (BY_SKU, item(sku=""), None),
        (BY_SKU, item(), None),
        (UniqueField(["sku", "lot"]), item(sku="1", lot="2"), ("unique", "products", "1", "2")),
        (UniqueField(["sku", "lot"]), item(sku="1"), None),
        (LookupName(), item("x"), ("lookup", "products", "x")),
        (LookupField("sku"), item("x", sku=7), ("lookup", "products", "7")),
        (LookupField("sku"), item("x"), None),
        ({"products": LookupName()}, item("x"), ("lookup", "products", "x")),
        ({"3": LookupName()}, item("x", object="", object_id=3), ("lookup", "3", "x")),
        ({"orders": LookupName()}, item("x"), None),
    ],
)
def test_item_identity_is_an_id_a_unique_value_or_a_lookup_field(
    items: ItemMatching, one: CustomItem, key: Any
) -> None:
    assert item_identity.identify(items, one) == key


@pytest.mark.parametrize("one", [item("x"), item("x", object="", object_id=3), item("x", object_id=3)])
def test_item_identity_finds_a_stored_item_by_any_name_of_its_object(one: CustomItem) -> None:
    stored = item("x", id=77, object_id=3)
    (name,) = item_identity.new_items(LookupName(), [one])
    assert item_identity.matched_ids([name], item_identity.stored_items(LookupName(), [stored])) == {name: 77}


def test_item_identity_requires_only_new_items() -> None:
    assert list(item_identity.new_items(BY_SKU, [item(id=1, sku="a"), item(sku="b"), item()])) == ["unique/products/b"]
    assert item_identity.new_items(BY_SKU, None) == {}
    assert item_identity.stored_items(None, [item("x", id=1)]) == {}


@pytest.mark.parametrize(
    ("stored", "want", "holds"),
    [
        (item("n", a=1), item("n", a=1), True),
        (item("n", a=1, b=2), item("n", a=1), True),
        (item("n", a=1), item("n", a=2), False),
        (item("n"), item("n", a=2), False),
        (item("n"), item("m"), False),
        (item("n "), item("n"), True),
        (item("n", a="x"), item("n", a=" x "), True),
        (item("n", a=["1", "2"]), item("n", a=["1", "2"]), True),
        (item("n", a=0), item("n", a=None), False),
    ],
)
def test_item_identity_compares_the_values_that_a_stored_item_shows(
    stored: CustomItem, want: CustomItem, holds: Any
) -> None:
    assert item_identity.matches(stored, want) is holds


def test_item_identity_allows_repeating_an_item_that_the_server_finds_again() -> None:
    assert item_identity.is_idempotent(None, [])
    assert item_identity.is_idempotent(None, [item(id=3)])
    assert item_identity.is_idempotent(BY_SKU, [item(sku="1"), item(id=4)])
    assert not item_identity.is_idempotent(None, [item(sku="1")])
    assert not item_identity.is_idempotent(LookupName(), [item("x")])
    assert not item_identity.is_idempotent({"orders": BY_SKU}, [item(sku="1")])


def test_item_identity_refuses_an_item_without_its_unique_value() -> None:
    """Invariant 28."""
    (problem,) = item_identity.check_items(BY_SKU, [item(sku="1"), item(sku=""), item(id=9)])
    assert (problem.field, "sku" in problem.message) == ("custom_items[1]", True)
    (problem,) = item_identity.check_items(UniqueField(["sku", "lot"]), [item(sku="1")])
    assert "sku, lot" in problem.message


def test_item_identity_refuses_the_same_item_twice() -> None:
    assert [it.field for it in item_identity.check_items(BY_SKU, [item(sku="1"), item(sku="1"), item(sku="2")])] == [
        "custom_items[1]"
    ]
    assert item_identity.check_items(BY_SKU, [item(sku="a"), item(sku="A")]) == []  # to the server these are two


@pytest.mark.parametrize("mark", [" x", "x ", "<b>x</b>", "a &amp; b", "a\nb"])
def test_item_identity_refuses_a_lookup_value_that_mautic_may_rewrite(mark: str) -> None:
    (problem,) = item_identity.check_items(LookupName(), [item(mark)])
    assert "rewrite" in problem.message
    assert not item_identity.check_items(LookupName(), [item("a & b / 3")])
    assert not item_identity.check_items(None, [item(mark)])


@pytest.mark.parametrize("group", [{"object": "products"}, {"object": "", "object_id": 3}])
def test_item_identity_bounds_lookup_items_of_a_request_by_the_page_size(group: dict[str, Any]) -> None:
    ten = [item(f"x{number}", **group) for number in range(item_identity.VISIBLE_ITEMS)]
    assert not item_identity.check_items(LookupName(), ten)
    assert not item_identity.check_items(LookupName(), [*ten, item("y", object="orders")])
    (problem,) = item_identity.check_items(LookupName(), [*ten, item("y", **group)])
    assert "11 new items" in problem.message


@pytest.mark.parametrize(
    ("items", "word"),
    [
        (BY_SKU, "effectively once, from run to run (Mautic finds them again by sku)"),
        (LookupName(), "newest 10"),
        ({"a": BY_SKU, "b": LookupName()}, "b: effectively once, from run to run (looked up by name"),
        ({"a": BY_SKU}, "a: effectively once"),
        (None, "at most once"),
    ],
)
def test_item_identity_describes_its_guarantee(items: ItemMatching, word: str) -> None:
    assert word in item_identity.guarantee(items)
