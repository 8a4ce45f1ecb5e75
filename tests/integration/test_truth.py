"""What real servers showed of bulk jobs: every outcome is true, whoever answered and wherever the work broke off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from mautic_async import BulkOptions, Contact, Mautic, Outcome, OutcomeUnknown, UniqueField
from mautic_async.models import Stage
from mautic_async.testing import FakeMautic
from tests.integration.test_contacts import item, play

PLAN = BulkOptions(reconcile_after=30.0)
ITEMS = UniqueField("order-number")


def people(count: int, **more: Any) -> list[Contact]:
    return [Contact(email=f"p{number}@example.com", firstname=f"n{number}", **more) for number in range(count)]


async def outcomes_of(
    mautic: Mautic, rows: Sequence[Contact] | AsyncIterator[Contact], **more: Any
) -> list[Outcome[Any]]:
    async with mautic.contacts.bulk_upsert(rows, options=more.pop("options", PLAN), **more) as job:
        return sorted([outcome async for outcome in job], key=lambda outcome: outcome.index)


def statuses(outcomes: Sequence[Outcome[Any]]) -> set[str]:
    return {outcome.status for outcome in outcomes}


async def company_of(mautic: Mautic, contact: int) -> list[str]:
    rows = (await mautic.call("GET", f"contacts/{contact}/companies"))["companies"]
    return [row["companyname"] for row in rows if row["is_primary"] == "1"]


@pytest.mark.parametrize("status", [502, 503, 504, 429, 408, 403, 500])
def test_bulk_upsert_treats_a_proxy_error_as_an_unfinished_request(status: int) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.fail(status, route="batch/new", work="continues", by="front", seconds=0.1)
        rows = people(40, custom_items=[item("1")])
        for number, row in enumerate(rows):
            row.custom_items = [item(str(number))]
        outcomes = await outcomes_of(mautic, rows, match_items=ITEMS)
        assert statuses(outcomes) <= {"created", "updated"}
        assert len(fake.contacts) == 40
        assert len(fake.custom_items) == 40

    play(scenario, latency=(0.1, 0.5))


@pytest.mark.parametrize("status", [502, 503, 504, 429])
def test_upsert_with_a_proxy_error_is_outcome_unknown(status: int) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.fail(status, route="contacts/new", work="continues", by="front")
        with pytest.raises(OutcomeUnknown) as caught:
            await mautic.contacts.upsert(Contact(email="a@example.com"))
        assert caught.value.may_still_run

    fake = play(scenario, latency=(0.1, 0.5))
    assert len([seen for seen in fake.requests if seen.path.endswith("contacts/new")]) == 1


def test_bulk_upsert_does_not_wait_after_an_error_of_mautic() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.fail(500, route="batch/new", work="half")
        began = mautic._pipeline.clock.monotonic()
        assert statuses(await outcomes_of(mautic, people(20))) <= {"created", "updated"}
        assert mautic._pipeline.clock.monotonic() - began < PLAN.reconcile_after

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("at", ["columns", "link"])
def test_bulk_upsert_links_a_half_saved_contact_to_its_company(at: Any) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.fail(500, route="batch/new", work="half", at=at, row=3)
        outcomes = await outcomes_of(mautic, people(8, company="Acme"))
        assert statuses(outcomes) <= {"created", "updated"}
        for outcome in outcomes:
            assert await company_of(mautic, outcome.id) == ["Acme"]
        assert len([row for row in (await mautic.companies.list()).items if row.companyname == "Acme"]) == 1

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("number", [1205, 2006, 2013])
def test_bulk_upsert_looks_up_and_repeats_a_row_the_database_failed(number: int) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = people(6, company="Acme")
        for place, row in enumerate(rows):
            row.custom_items = [item(str(place))]
        fake.fail(number, route="batch/new", at="items", row=2, rows=3)
        outcomes = await outcomes_of(mautic, rows, match_items=ITEMS)
        assert statuses(outcomes) <= {"created", "updated"}
        assert len(fake.contacts) == 6
        assert len(fake.custom_items) == 6
        for outcome in outcomes:
            assert await company_of(mautic, outcome.id) == ["Acme"]

    play(scenario, latency=(0.1, 0.01))


def test_edit_links_the_company_after_a_broken_first_attempt() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        made = await mautic.contacts.create(Contact(email="a@example.com"))
        fake.fail(500, route="PATCH", work="half", at="link")
        await mautic.contacts.edit(made.id, Contact(company="Acme"))
        assert await company_of(mautic, made.id) == ["Acme"]

    play(scenario)


def test_bulk_edit_links_companies_after_broken_requests() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        made = await mautic.contacts.create_many(people(5))
        fake.fail(500, route="PATCH", work="half", at="link", row=1)
        rows = [Contact(id=outcome.id, company="Acme") for outcome in made]
        async with mautic.contacts.bulk_edit(rows, options=PLAN) as job:
            assert statuses([outcome async for outcome in job]) == {"updated"}
        for outcome in made:
            assert await company_of(mautic, outcome.id) == ["Acme"]

    play(scenario)


def test_bulk_upsert_survives_look_ups_that_fail_for_a_while() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.fail("reset", route="batch/new", work="half")
        fake.fail(500, route="GET /api/contacts", times=12)
        assert statuses(await outcomes_of(mautic, people(20))) <= {"created", "updated"}
        assert len(fake.contacts) == 20

    play(scenario, latency=(0.1, 0.01))


def test_bulk_upsert_ends_on_the_newest_of_rows_with_different_keys() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.add_field("Number", "number", isUniqueIdentifier=True)
        old = [
            await mautic.contacts.create(Contact(email=f"a{n}@example.com", fields={"number": f"n{n}"}))
            for n in range(20)
        ]
        rows: list[Contact] = []
        for turn in range(6):
            for n, contact in enumerate(old):
                key: dict[str, Any] = (
                    {"email": f"a{n}@example.com"},
                    {"fields": {"number": f"n{n}"}},
                    {"id": contact.id},
                )[(turn + n) % 3]
                rows.append(Contact(city=f"turn {turn}", **key))
        fake.fail("reset", route="batch", work="continues", probability=0.2, times=None)
        outcomes = await outcomes_of(
            mautic, rows, options=BulkOptions(reconcile_after=30.0, initial_batch=10, batch=10, initial_concurrency=8)
        )
        assert statuses(outcomes) == {"updated"}
        assert {contact["fields"]["city"] for contact in fake.contacts} == {"turn 5"}

    play(scenario, latency=(0.3, 0.05))


def test_bulk_upsert_creates_a_contact_once_after_any_loss() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [Contact(email=f"p{n % 10}@example.com", city=f"c{n}") for n in range(60)]
        fake.fail("reset", route="batch/new", work="done", probability=0.5, times=None)
        outcomes = await outcomes_of(mautic, rows, options=BulkOptions(reconcile_after=30.0, initial_batch=5, batch=5))
        created = [outcome.id for outcome in outcomes if outcome.status == "created"]
        assert len(created) == len(set(created)) <= 10

    play(scenario, latency=(0.05, 0.001))


def test_bulk_upsert_returns_the_contacts_of_recovered_rows() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.fail("reset", route="batch/new", work="done")
        outcomes = await outcomes_of(mautic, people(5, company="Acme"), returning="contacts")
        assert [outcome.contact and outcome.contact.firstname for outcome in outcomes] == [f"n{n}" for n in range(5)]

    play(scenario)


def test_bulk_upsert_rejects_an_unknown_stage_of_an_existing_contact() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        made = await mautic.contacts.create(Contact(email="p1@example.com", firstname="Ada"))
        await mautic._pipeline.clock.sleep(60)
        rows = people(4)
        rows[1].stage = Stage(id=4711)
        outcomes = await outcomes_of(mautic, rows)
        assert [outcome.status for outcome in outcomes] == ["created", "rejected", "created", "created"]
        assert (await mautic.contacts.get(made.id)).firstname == "Ada"

    play(scenario, latency=(0.1, 0.01))


def test_bulk_upsert_marks_no_good_row_unknown_after_one_random_500() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = people(20)
        for number, row in enumerate(rows):
            row.custom_items = [item(str(number))]
        fake.fail(500, route="batch/new", work="half", at="start", row=9)
        assert statuses(await outcomes_of(mautic, rows)) <= {"created", "updated"}
        assert len(fake.custom_items) == 20

    play(scenario, latency=(0.1, 0.01))
