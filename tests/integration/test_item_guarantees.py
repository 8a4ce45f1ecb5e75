"""New custom items are not doubled from run to run, and values that Mautic casts are reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mautic_async import ConfigurationError, Contact, CustomItem, LookupField, LookupName, Mautic, UniqueField
from mautic_async.testing import FakeMautic
from tests.integration.test_contacts import collect, item, play

ROWS = [Contact(email=f"p{number}@example.com", custom_items=[item(str(number))]) for number in range(30)]


def test_bulk_upsert_proves_a_unique_field_with_its_first_row() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        for _ in range(2):
            report = await mautic.contacts.bulk_upsert(ROWS, match_items=UniqueField("order-number"))
            assert report.ok
            assert len(fake.custom_items) == 30
            assert "orders: effectively once" in report.guarantee

    play(scenario)


@pytest.mark.parametrize("with_ids", [False, True])
def test_bulk_upsert_ends_if_a_field_is_not_unique_on_the_server(with_ids: bool) -> None:  # noqa: FBT001
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.add_custom_object("parts", {"code": "text"})
        people = [await mautic.contacts.create(Contact(email=f"p{number}@example.com")) for number in range(20)]
        rows = [
            Contact(
                id=person.id if with_ids else 0,
                email=person.email,
                custom_items=[CustomItem("parts", name="n", attributes={"code": f"c{person.id}"})],
            )
            for person in people
        ]
        with pytest.raises(ConfigurationError, match=r"'parts'.*does not keep code unique.*delete it"):
            await mautic.contacts.bulk_upsert(rows, match_items=UniqueField("code"))
        assert len(fake.custom_items) == 2  # the first row's, and the one that proves it

    play(scenario)


@pytest.mark.parametrize("match_items", [LookupField("order-number"), LookupName()], ids=str)
@pytest.mark.parametrize("with_ids", [False, True])
def test_bulk_upsert_looks_stored_items_up_in_every_run(match_items: Any, with_ids: bool) -> None:  # noqa: FBT001
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        person = await mautic.contacts.create(Contact(email="ada@example.com"))
        for amount in (1, 2):
            row = Contact(id=person.id if with_ids else 0, email="ada@example.com")
            row.custom_items = [item("1", amount=amount), item(str(amount * 10), amount=5)]
            (outcome,) = await collect(mautic.contacts.bulk_upsert([row], match_items=match_items))
            assert outcome.status == "updated"
        stored = {one["attributes"]["order-number"]: one["attributes"]["amount"] for one in fake.custom_items}
        assert stored == {"1": 2, "10": 5, "20": 5}
        assert len(fake.custom_items) == 3

    play(scenario)


def test_bulk_upsert_rejects_items_that_the_window_may_hide() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        old = [item(f"old{number}") for number in range(12)]
        await mautic.contacts.create(Contact(email="a@example.com", custom_items=old))
        rows = [Contact(email="a@example.com", custom_items=[item("new")])]
        (outcome,) = await collect(mautic.contacts.bulk_upsert(rows, match_items=LookupName()))
        assert outcome.status == "rejected"
        assert "newest ten" in outcome.problems[0].message
        assert len(fake.custom_items) == 12
        (outcome,) = await collect(mautic.contacts.bulk_upsert(rows, match_items=LookupName(), resend="always"))
        assert outcome.status == "updated"
        assert len(fake.custom_items) == 13

    play(scenario)


@pytest.mark.parametrize("match_items", [None, UniqueField("order-number"), LookupName()], ids=str)
def test_bulk_upsert_reports_item_values_that_mautic_casts(match_items: Any) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        del fake
        rows = [
            Contact(email=f"p{number}@example.com", custom_items=[item(str(number), amount=amount)])
            for number, amount in enumerate([5, "12,50", "abc", "7"])
        ]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows, match_items=match_items))
        assert [one.status for one in outcomes] == ["created", "partial", "partial", "created"]
        assert outcomes[1].problems[0].field == "custom_items[orders].amount"
        assert outcomes[1].id

    play(scenario)


def test_guarantee_is_named_for_each_object() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        del fake
        row = Contact(email="a@example.com", custom_items=[item("1"), CustomItem("products", name="P")])
        report = await mautic.contacts.bulk_upsert([row], match_items={"orders": LookupName()})
        assert "orders: effectively once" in report.guarantee
        assert "products: at most once" in report.guarantee

    play(scenario)


async def test_bulk_upsert_takes_the_path_of_a_journal(tmp_path: Path) -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        report = await mautic.contacts.bulk_upsert([Contact(email="a@example.com")], journal=tmp_path / "job.db")
        assert report.resumable
        assert (await mautic.contacts.bulk_delete([1], journal=str(tmp_path / "delete.db"))).resumable
