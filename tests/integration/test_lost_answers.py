"""What the client says of a row is what the server holds: the traps in which an honest-looking answer lies."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mautic_async import (
    UNSET,
    Company,
    ConfigurationError,
    Contact,
    CustomItem,
    LookupField,
    LookupName,
    Mautic,
    NotFound,
    OutcomeUnknown,
    UniqueField,
)
from mautic_async.bulk import BulkOptions, read_dead_letters
from mautic_async.journal.records import MemoryJournal
from mautic_async.testing import FakeMautic
from mautic_async.testing.faults import ServerProgress
from tests.integration.test_contacts import collect, item, play


def amounts(fake: FakeMautic) -> list[Any]:
    return sorted(one["attributes"].get("amount") for one in fake.custom_items)


async def stored(mautic: Mautic) -> list[Company]:
    return (await mautic.companies.list(limit=500)).items


# --- looking after a lost answer ---


@pytest.mark.parametrize("strategy", [UniqueField("order-number"), LookupField("order-number"), LookupName()], ids=str)
def test_bulk_upsert_does_not_take_a_lost_changed_item_for_stored(strategy: Any) -> None:
    """The contact and an older version of its item are there: that proves nothing of the new version."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        first = Contact(email="a@example.com", custom_items=[item("7", amount=1)])
        await mautic.contacts.bulk_upsert([first], match_items=strategy)
        await fake.clock.sleep(60)
        fake.fail("reset", route="batch/new", work="undone")
        second = Contact(email="a@example.com", custom_items=[item("7", amount=2)])
        (outcome,) = await collect(mautic.contacts.bulk_upsert([second], match_items=strategy))
        assert outcome.status == "updated"
        assert amounts(fake) == [2]

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("strategy", [UniqueField("order-number"), LookupField("order-number")], ids=str)
def test_bulk_upsert_finds_items_named_by_their_object_id(strategy: Any) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        seeded = await mautic.contacts.create(Contact(email="seed@example.com", custom_items=[item("0")]))
        (known,) = seeded.custom_items or []
        row = Contact(
            email="a@example.com",
            custom_items=[CustomItem(object_id=known.object_id, name="O", attributes={"order-number": "9"})],
        )
        fake.fail("reset", route="batch/new", work="done")
        (outcome,) = await collect(mautic.contacts.bulk_upsert([row], match_items=strategy))
        assert outcome.status == "created"
        assert len(fake.custom_items) == 2

    play(scenario, latency=(0.1, 0.01))


def test_bulk_upsert_tells_missing_items_from_hidden_ones_by_age() -> None:
    """A customer of many orders, none of which is as new as the request."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        old = [item(f"old{number}") for number in range(9)]
        await mautic.contacts.create(Contact(email="a@example.com", custom_items=old))
        await mautic.contacts.list(limit=1)
        await fake.clock.sleep(60)
        fake.fail("reset", route="batch/new", work="undone")
        row = Contact(email="a@example.com", custom_items=[item("new")])
        (outcome,) = await collect(mautic.contacts.bulk_upsert([row], match_items=LookupName()))
        assert outcome.status == "updated"
        assert len(fake.custom_items) == 10

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("skew", [0.0, 3600.0, -3600.0])
def test_bulk_upsert_tells_created_from_updated_by_the_server_clock(skew: float) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.create(Contact(email="old@example.com", firstname="Old"))
        await fake.clock.sleep(60)
        fake.fail("reset", route="batch/new", work="done")
        rows = [Contact(email="old@example.com", firstname="Old"), Contact(email="new@example.com", firstname="New")]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows))
        assert [outcome.status for outcome in outcomes] == ["updated", "created"]

    play(scenario, latency=(0.1, 0.01), skew=skew)


def test_bulk_upsert_counts_a_row_created_by_a_lost_request_as_created() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.create(Contact(email="old@example.com"))
        await fake.clock.sleep(60)
        fake.fail("reset", route="batch/new", work="done")
        rows = [Contact(email="old@example.com", tags=["-gone"]), Contact(email="new@example.com", tags=["-gone"])]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows))
        assert [(outcome.status, outcome.attempts) for outcome in outcomes] == [("updated", 2), ("created", 2)]

    play(scenario, latency=(0.1, 0.01))


# --- what must not go twice ---


def test_edit_many_with_new_items_is_not_retried() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        one = await mautic.contacts.create(Contact(email="a@example.com"))
        fake.fail("reset", route="batch/edit", work="done")
        outcomes = await mautic.contacts.edit_many([Contact(id=one.id, custom_items=[item("1")])])
        assert [outcome.status for outcome in outcomes] == ["unknown"]
        assert len(fake.custom_items) == 1

    play(scenario)


def test_bulk_upsert_does_not_repeat_an_item_refused_after_the_save() -> None:
    """Invariant 23."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        one = await mautic.contacts.create(Contact(email="a@example.com"))
        bad = CustomItem("products", name="x", attributes={"website": "no url"})
        (outcome,) = await collect(mautic.contacts.bulk_edit([Contact(id=one.id, custom_items=[bad])]))
        assert outcome.status in {"partial", "rejected"}
        assert len(fake.custom_items) <= 1

    play(scenario)


@pytest.mark.parametrize("fault", ["done", "undone"])
def test_bulk_edit_refuses_new_items(fault: ServerProgress) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        one = await mautic.contacts.create(Contact(email="a@example.com"))
        fake.fail("reset", route="batch/edit", work=fault)
        await collect(mautic.contacts.bulk_edit([Contact(id=one.id, custom_items=[item("1")])]))
        assert len(fake.custom_items) <= 1

    play(scenario, latency=(0.1, 0.01))


def test_bulk_upsert_clears_two_rows_of_one_contact_in_separate_batches() -> None:
    """The same id twice in a batch edit makes Mautic insert a duplicate."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.add_field("Number", "number", isUniqueIdentifier=True)
        made = await mautic.contacts.create(Contact(email="a@example.com", city="Rome", fields={"number": "n1"}))
        rows = [Contact(email="a@example.com", city=None), Contact(fields={"number": "n1", "state": None})]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows, clear="patch"))
        assert [(outcome.status, outcome.id) for outcome in outcomes] == [("updated", made.id)] * 2
        assert len(fake.contacts) == 1

    play(scenario, latency=(0.1, 0.01))


# --- what the answer proves, and what not ---


def test_bulk_delete_reports_missing_after_an_unreachable_server() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.list(limit=1)
        fake.fail("refuse", route="DELETE")
        with pytest.raises(NotFound):
            await mautic.contacts.delete(4711)
        made = await mautic.contacts.create(Contact(email="a@example.com"))
        fake.fail("reset", route="DELETE", work="done")
        assert (await mautic.contacts.delete(made.id)).id == made.id

    play(scenario)


def test_create_many_reports_a_row_without_its_company_link_as_partial() -> None:
    """Invariant 63."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [Contact(email=f"{name}@example.com", custom_items=[item("7")]) for name in "ab"]
        outcomes = await mautic.contacts.create_many(rows)
        assert [outcome.status for outcome in outcomes] == ["created", "partial"]
        assert len(fake.contacts) == 2

    play(scenario)


def test_bulk_upsert_splits_a_request_of_too_many_bytes() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.fail(413, route="batch/new", times=None, when=lambda request: len(request.body) > 2_000)
        rows = [Contact(email=f"u{number}@example.com", address1="x" * 100) for number in range(60)]
        outcomes = await mautic.contacts.create_many(rows)
        assert [outcome.status for outcome in outcomes] == ["created"] * 60
        assert [outcome.index for outcome in outcomes] == list(range(60))
        assert len(fake.contacts) == 60

    play(scenario)


def test_bulk_upsert_forgets_the_id_of_a_deleted_item() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        journal = MemoryJournal("nightly")
        rows = [Contact(email="a@example.com", custom_items=[item("1", amount=1), item("2", amount=1)])]
        await mautic.contacts.bulk_upsert(rows, match_items=LookupName(), journal=journal)
        await fake.clock.sleep(60)
        gone = next(one for one in fake.custom_items if one["attributes"]["order-number"] == "1")
        fake.store["custom_items"].remove(gone["id"])
        rows = [Contact(email="a@example.com", custom_items=[item("1", amount=2), item("2", amount=2)])]
        async with mautic.contacts.bulk_upsert(rows, match_items=LookupName(), journal=journal) as run:
            (outcome,) = [outcome async for outcome in run]
        assert outcome.status == "updated"
        assert amounts(fake) == [2, 2]

    play(scenario)


def test_dead_letter_names_the_contact_and_the_fields_to_clear(tmp_path: Path) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        letters = tmp_path / "letters"
        rows = [Contact(id=4711, firstname="Ada", city=None), Contact(email="bad address", city=None)]
        await collect(mautic.contacts.bulk_upsert(rows, clear="patch", options=BulkOptions(dead_letters=letters)))
        first, second = sorted(read_dead_letters(letters), key=lambda letter: letter.index)
        assert first.row == {"id": 4711, "firstname": "Ada", "city": None}
        assert second.row == {"email": "bad address", "city": None}

    play(scenario)


# --- companies ---


def test_look_up_of_long_names_stays_below_the_longest_url() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        names = [f'Größe & Söhne, "Nr. {number}" ' + "ä" * 90 for number in range(100)]
        names[50] += ', "\\'
        await mautic.companies.create(Company(companyname=names[50], companycity="Rome"))
        outcomes = await collect(mautic.companies.bulk_upsert([Company(companyname=name) for name in names]))
        assert [outcome.status for outcome in outcomes].count("created") == 99
        assert max(len(request.query) for request in fake.requests) < 7_800
        assert len(await stored(mautic)) == 100

    play(scenario)


def test_bulk_upsert_updates_a_company_created_meanwhile() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        async def other() -> None:
            await fake.clock.sleep(2)
            await mautic.companies.create(Company(companyname="Acme", companycity="Oslo"))

        fake.fail("reset", route="companies/batch/new", work="undone")
        task = asyncio.ensure_future(other())
        (outcome,) = await collect(mautic.companies.bulk_upsert([Company(companyname="Acme", companycity="Rome")]))
        await task
        assert outcome.ok
        (acme,) = await stored(mautic)
        assert acme.companycity == "Rome"

    play(scenario, latency=(0.1, 0.01))


def test_bulk_upsert_never_reports_a_lost_item_as_a_missing_contact() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.create(Contact(email="a@example.com", custom_items=[item("7")]))
        with pytest.raises(OutcomeUnknown):
            await mautic.contacts.create(Contact(email="b@example.com", custom_items=[item("7")]))
        assert len(fake.contacts) == 2

    play(scenario)


# --- rows that name their contact by its id ---


@pytest.mark.parametrize("work", ["done", "undone"])
def test_bulk_upsert_finds_marked_items_of_a_row_with_id_after_a_lost_response(work: ServerProgress) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        made = await mautic.contacts.create(Contact(email="a@example.com", city="Rome"))
        await fake.clock.sleep(60)
        fake.fail("reset", route="batch/edit", work=work)
        row = Contact(id=made.id, firstname="Ada", city=None, custom_items=[item("1"), item("2")])
        (outcome,) = await collect(mautic.contacts.bulk_upsert([row], match_items=LookupField("order-number")))
        assert (outcome.status, outcome.id) == ("updated", made.id)
        assert len(fake.custom_items) == 2
        held = await mautic.contacts.get(made.id)
        assert (held.firstname, held.city) == ("Ada", None)

    play(scenario, latency=(0.1, 0.01))


def test_bulk_upsert_updates_items_of_a_row_with_id_in_the_next_job() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        made = await mautic.contacts.create(Contact(email="a@example.com"))
        journal = MemoryJournal("nightly")
        for color in ("red", "black"):
            bag = CustomItem("products", name="bag", attributes={"sku": "7", "color": color})
            rows = [Contact(id=made.id, custom_items=[bag])]
            await mautic.contacts.bulk_upsert(rows, match_items=LookupField("sku"), journal=journal)
        assert [one["attributes"]["color"] for one in fake.custom_items] == ["black"]

    play(scenario)


def test_bulk_upsert_rejects_a_row_of_a_missing_contact_after_a_lost_response() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.list(limit=1)
        fake.fail("reset", route="batch/edit", work="undone")
        rows = [Contact(id=4711, custom_items=[item("1")])]
        (outcome,) = await collect(mautic.contacts.bulk_upsert(rows, match_items=LookupName()))
        assert outcome.status == "rejected"

    play(scenario, latency=(0.1, 0.01))


def test_dead_letters_are_rows_of_the_next_job(tmp_path: Path) -> None:
    """Invariant 36."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        letters = tmp_path / "letters"
        good = Contact(email="good@example.com", fields={"attribution": 3}, custom_items=[item("1", amount=1)])
        rows = [good, Contact(email="bad address", city="Oslo", tags=["a"]), Contact(firstname="Nobody")]
        await collect(
            mautic.contacts.bulk_upsert(
                rows,
                match_items=UniqueField("order-number"),
                options=BulkOptions(dead_letters=letters),
                preflight="none",
            )
        )
        again = list(mautic.contacts.from_dead_letters(letters))
        assert [(row.email, row.city, row.tags) for row in again] == [
            ("bad address", "Oslo", ["a"]),
            (UNSET, UNSET, UNSET),
        ]
        before = len(fake.contacts)
        again[0].email = "mended@example.com"
        again[1].email = "nobody@example.com"
        report = await mautic.contacts.bulk_upsert(again)
        assert report.created == 2
        assert len(fake.contacts) == before + 2
        assert list(mautic.contacts.from_dead_letters(letters, statuses=("partial", "unknown"))) == []

    play(scenario)


def test_dead_letters_of_another_kind_of_job_are_refused_as_rows(tmp_path: Path) -> None:
    async def scenario(_: FakeMautic, mautic: Mautic) -> None:
        letters = tmp_path / "letters"
        letters.write_text(
            '{"job":"","index":0,"status":"rejected","id":0,"problems":[],"attempts":0,"stored":false,"known":{},"row":[1]}\n'
        )
        letters.chmod(0o600)
        with pytest.raises(ConfigurationError, match="the row of dead letter 0 is no Contact"):
            list(mautic.contacts.from_dead_letters(letters))

    play(scenario)
