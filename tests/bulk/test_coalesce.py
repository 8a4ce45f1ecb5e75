from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from mautic_async.bulk import Outcome, Parcel, Plan, Receipt, Run
from mautic_async.errors import Problem
from mautic_async.ledger import MemoryJournal
from mautic_async.testing.virtual import run, virtual_clock
from tests.bulk.jobs import Plain, created


def person(row: str) -> tuple[str, ...]:
    """Who is meant: ``ada:1`` and ``ada:2`` are two versions of one."""
    return (row.partition(":")[0],)


def outcomes_of(courier: Plain, rows: Any, *, journal: MemoryJournal | None = None, **plan: Any) -> list[Outcome[Any]]:
    async def work() -> list[Outcome[Any]]:
        clock = virtual_clock(asyncio.get_running_loop())
        job: Run[str, Any] = Run(courier, rows, plan=Plan(**plan), clock=clock, journal=journal)
        async with job:
            found = [outcome async for outcome in job]
        assert job.report.read == len(found)
        return sorted(found, key=lambda outcome: outcome.index)

    return run(work())


ROWS = ("ada:1", "bob:1", "ada:2", "ada:3", "bob:2")


def test_nothing_is_joined_unless_it_is_asked_for() -> None:
    courier = Plain(created, keys=person)
    outcomes_of(courier, ROWS)
    assert sorted(row for batch in courier.batches for row in batch) == sorted(ROWS)


def test_rows_of_one_entity_that_wait_together_go_as_one_and_each_gets_an_outcome() -> None:
    courier = Plain(created, keys=person)
    outcomes = outcomes_of(courier, ROWS, coalesce=True)
    assert courier.batches == [["ada:1+ada:2+ada:3", "bob:1+bob:2"]]
    assert [outcome.status for outcome in outcomes] == ["created", "created", "updated", "updated", "updated"]
    assert [outcome.id for outcome in outcomes] == [1, 2, 1, 1, 2]
    assert all(outcome.attempts == 1 for outcome in outcomes)


def test_a_row_that_has_left_takes_nobody_in() -> None:
    async def slowly(parcels: Sequence[Parcel[str]]) -> list[Receipt[Any]]:
        await asyncio.sleep(5)
        return [Receipt("updated", 7) for _ in parcels]

    async def rows() -> Any:
        yield "ada:1"
        await asyncio.sleep(2)
        yield "ada:2"
        yield "ada:3"

    courier = Plain(slowly, keys=person)
    outcomes_of(courier, rows(), coalesce=True)
    assert courier.batches == [["ada:1"], ["ada:2+ada:3"]]


def test_a_joined_row_that_is_refused_is_taken_apart_in_order_and_only_the_guilty_one_is_refused() -> None:
    async def answer(parcels: Sequence[Parcel[str]]) -> list[Receipt[Any]]:
        await asyncio.sleep(0.1)
        bad = Receipt[Any]("rejected", problems=(Problem("bad"),))
        return [bad if "ada:2" in parcel.row else Receipt("updated", 7) for parcel in parcels]

    courier = Plain(answer, keys=person)
    outcomes = outcomes_of(courier, ("ada:1", "ada:2", "ada:3"), coalesce=True)
    assert courier.batches == [["ada:1+ada:2+ada:3"], ["ada:1"], ["ada:2"], ["ada:3"]]
    assert [outcome.status for outcome in outcomes] == ["updated", "rejected", "updated"]


def test_rows_that_come_later_stay_behind_those_that_are_taken_apart() -> None:
    async def answer(parcels: Sequence[Parcel[str]]) -> list[Receipt[Any]]:
        await asyncio.sleep(0.1)
        return [Receipt("rejected" if "+" in parcel.row else "updated", 7) for parcel in parcels]

    async def rows() -> Any:
        for version in range(1, 4):
            yield f"ada:{version}"
        await asyncio.sleep(0.65)  # the joined row is under way
        yield "ada:4"

    courier = Plain(answer, keys=person)
    outcomes_of(courier, rows(), coalesce=True)
    alone = [row for batch in courier.batches for row in batch if "+" not in row]
    assert alone == ["ada:1", "ada:2", "ada:3", "ada:4"]


def test_a_joined_row_stays_within_the_bytes_of_a_request() -> None:
    courier = Plain(created, keys=person)
    outcomes_of(courier, ("ada:1", "ada:" + "2" * 60, "ada:" + "3" * 60), coalesce=True, batch_bytes=100)
    assert [len(row) < 100 for batch in courier.batches for row in batch] == [True] * 2


def test_a_row_with_another_ones_value_is_not_taken_in() -> None:
    courier = Plain(created, keys=lambda row: tuple(row.split(",")))
    outcomes_of(courier, ("a", "b", "a,b", "b"), coalesce=True)
    sent = [row for batch in courier.batches for row in batch]
    assert sent.index("a,b+b") > max(sent.index("a"), sent.index("b"))


def test_a_job_that_is_left_early_says_of_riders_what_it_says_of_their_host() -> None:
    async def never(_: Sequence[Parcel[str]]) -> list[Receipt[Any]]:
        await asyncio.sleep(1e6)
        return []

    async def work() -> Run[str, Any]:
        clock = virtual_clock(asyncio.get_running_loop())
        plan = Plan(coalesce=True, grace=1.0)
        job: Run[str, Any] = Run(Plain(never, keys=person), ["ada:1", "ada:2"], plan=plan, clock=clock)
        async with job:
            await clock.sleep(2.0)
        return job

    assert run(work()).report.unknown == 2


def test_a_journal_knows_joined_rows_as_done() -> None:
    journal = MemoryJournal("job")
    done: list[int] = []
    conclude = journal.conclude

    async def noting(entries: Any, before: Any = None) -> None:
        done.extend(entry.index for entry in entries if entry.state == "done")
        await conclude(entries, before)

    journal.conclude = noting  # type: ignore[method-assign]  # a spy, not a patch: it passes on
    outcomes_of(Plain(created, keys=person), ROWS, journal=journal, coalesce=True)
    assert sorted(done) == [0, 1, 2, 3, 4]
