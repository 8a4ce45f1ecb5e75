"""What is said of deletions whose requests, or the looks around them, failed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mautic_async import Contact, Mautic
from mautic_async.bulk import BulkOptions
from mautic_async.journal.records import MemoryJournal
from mautic_async.testing import FakeMautic
from tests.integration.test_contacts import collect, play

HIT: dict[str, dict[str, Any]] = {
    "502 half done": {"what": 502, "work": "half"},
    "503 done": {"what": 503, "work": "done"},
    "reset after": {"what": "reset", "work": "done"},
    "429": {"what": 429},
    "refused": {"what": "refuse"},
}


async def some(mautic: Mautic) -> list[int]:
    made = await mautic.contacts.create_many([Contact(email=f"u{number}@example.com") for number in range(20)])
    return [outcome.id for outcome in made]


@pytest.mark.parametrize("fault", HIT)
def test_bulk_delete_does_not_report_its_own_deletions_as_missing(fault: str) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        ids = await some(mautic)
        settings = dict(HIT[fault])
        fake.fail(settings.pop("what"), route="batch/delete", times=2, **settings)
        outcomes = await collect(mautic.contacts.bulk_delete([*ids, 4711]))
        assert [outcome.status for outcome in outcomes] == ["updated"] * 20 + ["rejected"]
        assert not fake.contacts

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("fault", ["reset", "timeout", 502])
def test_bulk_delete_repeats_a_failed_look_up(fault: Any) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        ids = await some(mautic)
        fake.fail(fault, route="GET /api/contacts", after=1, times=5)
        outcomes = await collect(mautic.contacts.bulk_delete([*ids, 4711]))
        assert [outcome.status for outcome in outcomes] == ["updated"] * 20 + ["rejected"]

    play(scenario, latency=(0.1, 0.01))


def test_delete_many_keeps_known_outcomes_when_a_look_up_fails() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        ids = await some(mautic)
        fake.fail(502, route="GET /api/contacts", after=1, times=None)
        outcomes = await mautic.contacts.delete_many(ids)
        assert {outcome.status for outcome in outcomes} == {"unknown"}
        assert [outcome.id for outcome in outcomes] == ids
        assert not fake.contacts

    play(scenario)


@pytest.mark.parametrize("route", ["batch/delete", "GET /api/contacts"])
@pytest.mark.parametrize("fault", HIT)
def test_bulk_delete_credits_only_the_first_row_of_a_repeated_id(fault: str, route: str) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        ids = await some(mautic)
        settings = dict(HIT[fault])
        fake.fail(settings.pop("what"), route=route, times=4, **settings)
        outcomes = await collect(mautic.contacts.bulk_delete([*ids, *ids, *ids[:5]]))
        outcomes.sort(key=lambda outcome: outcome.index)
        assert [outcome.status for outcome in outcomes] == ["updated"] * 20 + ["rejected"] * 25
        assert {str(problem) for outcome in outcomes[20:] for problem in outcome.problems} == {
            "id: nothing had this id"
        }
        assert not fake.contacts

    play(scenario, latency=(0.1, 0.01))


def test_bulk_delete_resumed_knows_the_deletion_of_a_repeated_id() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        (id, *_) = await some(mautic)
        journal = MemoryJournal("job")
        killed = mautic.contacts.bulk_delete([id, id], journal=journal, options=BulkOptions(grace=0.0))
        async with killed:
            async for outcome in killed:
                assert outcome.status == "updated"
                while not killed.progress.sending:  # noqa: ASYNC110 - until the second row has left
                    await asyncio.sleep(0.01)
                break
        assert killed.report.unknown == 1
        (again,) = await collect(mautic.contacts.bulk_delete([id, id], journal=journal))
        assert (again.index, again.status) == (1, "rejected")

    play(scenario, latency=(0.1, 0.01))
