from __future__ import annotations

from typing import Any

import pytest

from mautic_async import Company, Contact, CustomItem
from mautic_async.codec import encode
from mautic_async.models import DoNotContact
from mautic_async.resources.contacts.item_identity import LookupField, UniqueField
from mautic_async.resources.contacts.merge import merge_contacts, merge_entities, merge_rows

SKU = UniqueField("sku")


def item(sku: str, **more: Any) -> CustomItem:
    return CustomItem("products", name=f"Item {sku}", attributes={"sku": sku, **more})


def both(earlier: dict[str, Any], later: dict[str, Any], items: Any = None) -> dict[str, Any] | None:
    given = {"email": "ada@example.com"}
    row = merge_contacts(Contact(**given | earlier), Contact(**given | later), ("email",), items)
    return None if row is None else encode(row)


def test_merge_rows_prefers_later_values_and_keeps_single_ones() -> None:
    found = both(
        {"firstname": "Ada", "city": "Rome", "fields": {"a": 1, "b": 2}}, {"city": "London", "fields": {"b": 3}}
    )
    assert found == {"email": "ada@example.com", "firstname": "Ada", "city": "London", "a": 1, "b": 3}


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        (["a"], ["b"], ["a", "b"]),
        (["a"], ["-a"], ["-a"]),
        (["-a"], ["a"], ["a"]),
        (["a", "b"], ["b"], ["a", "b"]),
    ],
)
def test_merge_rows_adds_and_removes_tags_in_order(earlier: list[str], later: list[str], expected: list[str]) -> None:
    found = both({"tags": earlier}, {"tags": later})
    assert found is not None
    assert found["tags"] == expected


def test_merge_rows_sends_items_of_both_and_the_later_unique_version() -> None:
    found = both({"custom_items": [item("1", x=1), item("2")]}, {"custom_items": [item("1", x=2)]}, SKU)
    assert found is not None
    (group,) = found["customObjects"]["data"]
    assert sorted((row["attributes"]["sku"], row["attributes"].get("x")) for row in group["data"]) == [
        ("1", 2),
        ("2", None),
    ]


@pytest.mark.parametrize(
    ("earlier", "later", "items"),
    [
        ({"custom_items": [item("1")]}, {"custom_items": [item("1")]}, LookupField("sku")),
        ({"do_not_contact": [DoNotContact()]}, {"do_not_contact": []}, None),
        ({"email": "ada@example.com"}, {"email": "bob@example.com"}, None),
        ({"city": "Rome"}, {"city": ""}, None),
    ],
)
def test_merge_rows_keeps_rows_apart_that_values_alone_cannot_merge(earlier: Any, later: Any, items: Any) -> None:
    assert both(earlier, later, items) is None


def test_merge_rows_merges_only_rows_of_one_class_and_one_id() -> None:
    class Customer(Contact):
        pass

    assert merge_entities(Contact(id=1, city="Rome"), Contact(id=2, city="Rome")) is None
    assert merge_entities(Contact(city="Rome"), Customer(city="Rome")) is None
    company = merge_entities(Company(id=3, companycity="Rome"), Company(id=3, companyname="New"))
    assert company is not None
    assert (company.id, company.companycity, company.companyname) == (3, "Rome", "New")


async def merged_emails(rows: Any, **settings: Any) -> list[tuple[Any, Any]]:
    return [(row.email, row.city) async for row in merge_rows(rows, **settings)]


async def test_merge_rows_yields_each_contact_once_with_its_last_values() -> None:
    rows = [Contact(email="a@x.org", city="Rome"), Contact(email="b@x.org"), Contact(email=" A@x.org", city="Bari")]
    assert [row.city async for row in merge_rows(rows) if row.city] == ["Bari"]
    assert len(await merged_emails(rows)) == 2


async def test_merge_rows_keeps_rows_apart_that_lie_beyond_the_window() -> None:
    async def rows() -> Any:
        for city, person in (("Rome", "a"), ("Pisa", "b"), ("Pisa", "c"), ("Bari", "a")):
            yield Contact(email=f"{person}@x.org", city=city)

    found = await merged_emails(rows(), window=2)
    assert [city for email, city in found if email == "a@x.org"] == ["Rome", "Bari"]


async def test_merge_rows_keeps_the_order_of_rows_that_cannot_be_merged() -> None:
    rows = [Contact(email="a@x.org", city="Rome"), Contact(email="a@x.org", city=""), Contact(firstname="nameless")]
    assert [row.city async for row in merge_rows(rows) if row.email] == ["Rome", ""]
    assert len([row async for row in merge_rows(rows)]) == 3
