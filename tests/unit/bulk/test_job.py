from __future__ import annotations

import asyncio
import gc
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from mautic_async.bulk import BulkJob, BulkOptions, BulkReport, Pending, Progress, RowResult
from mautic_async.errors import (
    AuthenticationError,
    ConfigurationError,
    RateLimited,
    ServerError,
    TransportError,
    Unavailable,
)
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.bulk_jobs import ScriptedAdapter, answer_created, make_rows, run_job
from tests.support.bulk_model import Row, with_verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from mautic_async.bulk import Outcome, WorkItem


def texts(count: int) -> list[str]:
    return [f"row {number}" for number in range(count)]


def on_virtual_time(work: Callable[[], Awaitable[Any]]) -> Any:
    async def around() -> Any:
        before = asyncio.all_tasks()
        result = await work()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before, "a task was left behind"
        return result

    return run_virtual(around())


async def to_end(job: BulkJob[Any, Any]) -> BulkReport:
    return await job


def new(courier: ScriptedAdapter, rows: Any, **plan: Any) -> BulkJob[str, Any]:
    return BulkJob(courier, rows, options=BulkOptions(**plan), clock=virtual_clock(asyncio.get_running_loop()))


def test_bulk_job_gives_every_row_one_outcome_with_its_index() -> None:
    outcomes, report, post = run_job(make_rows(1000))
    assert sorted(outcome.index for outcome in outcomes) == list(range(1000))
    assert report.created == report.read == 1000
    assert report.ok
    assert len(post.server.contacts) == 1000


def test_bulk_job_sends_no_request_for_an_empty_input() -> None:
    outcomes, report, post = run_job([])
    assert outcomes == []
    assert report.read == report.requests == post.server.requests == 0


def test_bulk_job_accepts_any_iterable() -> None:
    async def rows() -> AsyncIterator[Row]:
        for row in make_rows(120):
            await asyncio.sleep(0.01)
            yield row

    for given in (iter(make_rows(120)), tuple(make_rows(120)), rows()):
        assert run_job(given)[1].created == 120


def test_bulk_job_does_not_wait_for_full_batches_of_a_slow_input() -> None:
    seen: list[float] = []

    async def work() -> None:
        async def rows() -> AsyncIterator[str]:
            for row in texts(3):
                yield row
                await asyncio.sleep(60.0)

        async with new(ScriptedAdapter(answer_created), rows()) as job:
            seen.extend([asyncio.get_running_loop().time() async for _ in job])

    on_virtual_time(work)
    assert seen == pytest.approx([0.6, 60.6, 120.6], abs=0.6)


def test_bulk_job_faults_cost_time_only() -> None:
    outcomes, report, post = run_job(make_rows(2000), rate=0.4)
    assert sorted(outcome.index for outcome in outcomes) == list(range(2000))
    assert report.read == 2000
    assert report.retried > 0
    assert len(post.server.contacts) == 2000


def test_bulk_job_can_be_used_once() -> None:
    async def work() -> None:
        job = new(ScriptedAdapter(answer_created), texts(3))
        with pytest.raises(ConfigurationError, match="not been entered"):
            await anext(job)
        await job
        with pytest.raises(ConfigurationError, match="entered once"):
            await job

    on_virtual_time(work)


def test_bulk_job_repr_is_its_state_and_the_counts_so_far() -> None:
    async def work() -> None:
        job = new(ScriptedAdapter(answer_created), texts(3))
        assert repr(job) == "<BulkJob not started>"
        async with job:
            assert repr(job) == "<BulkJob running: no outcomes>"
            assert len([outcome async for outcome in job]) == 3
        assert repr(job) == "<BulkJob ended: 3 created>"

    on_virtual_time(work)


def test_bulk_job_rejects_rows_of_the_adapter_with_the_reason() -> None:
    outcomes, report, post = run_job([Row("a@b.c", 1), Row("", 1), Row("d@e.f", 1)])
    (bad,) = [outcome for outcome in outcomes if not outcome.ok]
    assert (bad.index, bad.status, bad.attempts) == (1, "rejected", 0)
    assert str(bad.problems[0]) == "no unique value"
    assert report.created == 2
    assert len(post.server.contacts) == 2


def test_bulk_job_raises_wrong_credentials_unwrapped() -> None:
    async def refused(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        raise with_verdict(AuthenticationError("no", status=401))

    async def work() -> None:
        job = new(ScriptedAdapter(refused), texts(1000))
        with pytest.raises(AuthenticationError):
            await job
        assert job.report.read + job.report.unsent <= 1000
        assert job.report.created == 0
        assert repr(job).startswith("<BulkJob failed: ")

    on_virtual_time(work)


def test_bulk_job_raises_a_fatal_error_on_exit_after_an_early_break() -> None:
    async def refused(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        if parcels[0].index:
            raise with_verdict(AuthenticationError("no", status=401))
        return [RowResult("created") for _ in parcels]

    async def work() -> None:
        with pytest.raises(AuthenticationError):
            async with new(ScriptedAdapter(refused), texts(1000)) as job:
                async for _ in job:
                    await asyncio.sleep(1.0)
                    break

    on_virtual_time(work)


def test_bulk_job_raises_a_bug_of_the_adapter_unwrapped() -> None:
    async def broken(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        raise KeyError("oops")

    async def work() -> None:
        with pytest.raises(KeyError, match="oops"):
            await new(ScriptedAdapter(broken), texts(10))

    on_virtual_time(work)


def test_bulk_job_raises_an_error_of_the_body_unwrapped() -> None:
    async def work() -> None:
        with pytest.raises(ZeroDivisionError):
            async with new(ScriptedAdapter(answer_created), texts(1000)) as job:
                async for _ in job:
                    _ = 1 / 0

    on_virtual_time(work)


def test_bulk_job_waits_for_the_rate_limit_and_counts_the_wait() -> None:
    sent: list[float] = []

    async def limited(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        sent.append(asyncio.get_running_loop().time())
        if len(sent) == 1:
            raise with_verdict(RateLimited("wait", status=429, retry_after=1800.0, deliberate=True))
        return await answer_created(parcels)

    async def work() -> None:
        job = new(ScriptedAdapter(limited), texts(10), initial_concurrency=1)
        report = await job
        assert report.created == 10
        assert report.waited == pytest.approx(1800.0)
        assert sent[1] >= 1800.0

    on_virtual_time(work)


def test_bulk_job_pauses_for_an_open_breaker_and_fails_no_row() -> None:
    calls = 0

    async def down(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        nonlocal calls
        calls += 1
        if calls < 50:
            raise with_verdict(Unavailable("down", retry_after=60.0))
        return await answer_created(parcels)

    async def work() -> None:
        report = await new(ScriptedAdapter(down), texts(10), initial_concurrency=1)
        assert report.created == 10
        assert report.waited == pytest.approx(49 * 60.0)

    on_virtual_time(work)


def test_bulk_job_ends_after_max_outage_of_a_dead_server() -> None:
    async def dead(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        raise with_verdict(TransportError("refused", kind="connect"))

    async def work() -> None:
        job = new(ScriptedAdapter(dead), texts(100), max_outage=900.0)
        with pytest.raises(TransportError):
            await job
        assert 900.0 <= asyncio.get_running_loop().time() < 1800.0
        assert job.report.read == 0
        assert job.report.unsent == 100

    on_virtual_time(work)


def test_bulk_job_learns_a_row_limit_from_the_refusal() -> None:
    outcomes, _, post = run_job(make_rows(500), server_options={"limit": 30}, options=BulkOptions(initial_batch=50))
    assert len(outcomes) == 500
    assert post.server.requests >= 500 // 30

    async def few(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        if len(parcels) > 20:
            error = ServerError("A max of 20", status=500, deliberate=True)
            error.batch_limit = 20
            raise with_verdict(error)
        return await answer_created(parcels)

    async def work() -> None:
        courier = ScriptedAdapter(few)
        report = await new(courier, texts(300), initial_concurrency=1)
        assert report.created == 300
        assert sum(len(batch) > 20 for batch in courier.batches) == 1

    on_virtual_time(work)


def test_bulk_job_runs_steps_in_order_and_the_first_gives_the_status() -> None:
    async def two(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        await asyncio.sleep(0.1)
        if parcels[0].step == "":
            return [
                RowResult(
                    Pending.NEXT_STEP,
                    parcel.index + 1,
                    next_step="clear",
                    status_if_given_up="created",
                    facts={"id": parcel.index + 1},
                )
                if parcel.index % 2
                else RowResult("updated", parcel.index + 1)
                for parcel in parcels
            ]
        assert all(parcel.facts["id"] == parcel.index + 1 for parcel in parcels)
        return [RowResult("rejected" if parcel.index == 1 else "updated") for parcel in parcels]

    async def work() -> list[Outcome[Any]]:
        courier = ScriptedAdapter(two)
        async with new(courier, texts(200)) as job:
            outcomes = [outcome async for outcome in job]
        assert set(courier.steps) == {"", "clear"}
        return outcomes

    outcomes = {outcome.index: outcome for outcome in on_virtual_time(work)}
    assert len(outcomes) == 200
    assert outcomes[0].status == "updated"
    assert outcomes[1].status == "partial", "its first step is stored"
    assert outcomes[3].status == "created"
    assert outcomes[3].id == 4


def test_bulk_job_reports_progress_during_the_job_and_at_its_end() -> None:
    told: list[Progress] = []
    run_job(make_rows(3000), options=BulkOptions(on_progress=told.append), rate=0.1)
    assert len(told) > 3
    assert told[-1].report.read == told[-1].taken == told[-1].total == 3000
    assert any(progress.sending for progress in told)
    assert any(progress.rate > 0 for progress in told)
    assert all(progress.done <= progress.taken for progress in told)
    assert told[-1].budget is None


def test_bulk_options_refuse_contradicting_values() -> None:
    for wrong in ({"concurrency": 0}, {"batch": 0}, {"flush_after": 0.0}, {"reconcile_after": -1.0}):
        with pytest.raises(ValueError, match="must be"):
            BulkOptions(**wrong)


def test_bulk_job_stops_the_source_when_the_reader_stops() -> None:
    """Invariant 33."""
    taken = 0

    def source() -> Iterator[str]:
        nonlocal taken
        for row in texts(1_000_000):
            taken += 1
            yield row

    async def work() -> None:
        async with new(ScriptedAdapter(answer_created), source(), initial_batch=10, batch=10, concurrency=4) as job:
            async for _ in job:
                await asyncio.sleep(1000.0)
                break
            assert taken <= 2 * 4 * 10 + 1

    on_virtual_time(work)


def test_bulk_job_leaves_no_task_after_a_break() -> None:
    """Invariant 33."""

    async def work() -> None:
        courier = ScriptedAdapter(answer_created)
        async with new(courier, texts(100_000)) as job:
            async for outcome in job:
                if outcome.index > 500:
                    break
        sent = len(courier.batches)
        await asyncio.sleep(1000.0)
        assert len(courier.batches) == sent
        assert job.report.read <= sum(map(len, courier.batches))

    on_virtual_time(work)


def test_bulk_job_raises_an_error_of_the_source_after_the_sent_rows() -> None:
    """Invariant 34."""

    def source() -> Iterator[str]:
        yield from texts(500)
        raise OSError("the disk is gone")

    async def work() -> None:
        seen: list[int] = []
        courier = ScriptedAdapter(answer_created)
        job = new(courier, source())
        with pytest.raises(OSError, match="the disk is gone"):
            async with job:
                async for outcome in job:
                    seen.append(outcome.index)  # noqa: PERF401 - the loop raises
        assert sorted(seen) == sorted(int(row[4:]) for batch in courier.batches for row in batch)
        assert job.report.read == len(seen)
        assert job.report.unsent == 500 - len(seen)

    on_virtual_time(work)


def test_bulk_job_left_without_reading_any_outcome_raises() -> None:
    async def work() -> None:
        courier = ScriptedAdapter(answer_created)
        with pytest.raises(ConfigurationError, match=r"before any outcome was read.*async for outcome in job"):
            async with new(courier, texts(3)):
                pass
        with pytest.raises(ZeroDivisionError):
            async with new(courier, texts(3)):
                raise ZeroDivisionError
        assert courier.batches == []

    on_virtual_time(work)


def test_bulk_job_left_without_reading_after_all_rows_were_sent_is_complete() -> None:
    async def work() -> None:
        async with new(ScriptedAdapter(answer_created), texts(3)) as job:
            await asyncio.sleep(60.0)
        assert job.report.created == 3

    on_virtual_time(work)


def test_bulk_job_that_is_never_run_warns() -> None:
    async def work() -> None:
        with pytest.warns(RuntimeWarning, match="never run, so no row was sent"):
            new(ScriptedAdapter(answer_created), texts(3))

    on_virtual_time(work)


def test_bulk_job_that_was_checked_does_not_warn() -> None:
    async def work() -> None:
        job = new(ScriptedAdapter(answer_created), texts(3))
        assert [outcome.ok async for outcome in job.check()] == [True] * 3
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del job
            gc.collect()
        assert not [one for one in caught if one.category is RuntimeWarning]

    on_virtual_time(work)


@pytest.mark.parametrize("way", ["to the end", "break", "error", "cancel", "refused", "source"])
def test_bulk_job_report_counts_add_up_on_every_path(way: str) -> None:
    """Invariant 35."""

    async def work() -> None:
        calls = 0

        async def answer(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
            nonlocal calls
            calls += 1
            if way == "refused" and calls == 5:
                raise with_verdict(AuthenticationError("no", status=401))
            await asyncio.sleep(1000.0 if way == "cancel" and calls > 4 else 0.1)
            return [RowResult("created") for _ in parcels]

        def source() -> Iterator[str]:
            yield from texts(900)
            if way == "source":
                raise OSError

        job = new(ScriptedAdapter(answer), source())
        seen: list[str] = []

        async def consume() -> None:
            async with job:
                async for outcome in job:
                    seen.append(outcome.status)
                    if way == "break" and len(seen) == 100:
                        break
                    if way == "error" and len(seen) == 100:
                        raise ZeroDivisionError

        if way == "cancel":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(50.0):
                    await consume()
        else:
            failed = False
            try:
                await consume()
            except (OSError, ZeroDivisionError, AuthenticationError):
                failed = True
            assert failed == (way in {"source", "error", "refused"})
        report = job.report
        assert report.created + report.updated + report.rejected + report.partial + report.unknown == report.read
        assert report.read + report.unsent == job.progress.taken
        if way in {"to the end", "refused", "source"}:
            assert len(seen) == report.read
        if way == "to the end":
            assert report.read == 900

    on_virtual_time(work)


def test_bulk_job_cancelled_ends_within_the_grace_and_reports_no_unproven_row() -> None:
    """Invariant 37."""

    async def work() -> None:
        landed: set[int] = set()

        async def slow(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
            await asyncio.sleep(3.0 if parcels[0].index < 100 else 10_000.0)
            landed.update(parcel.index for parcel in parcels)
            return [RowResult("created") for _ in parcels]

        loop = asyncio.get_running_loop()
        job = new(ScriptedAdapter(slow), texts(10_000), grace=20.0)

        async def consume() -> None:
            await job

        task = loop.create_task(consume())
        await asyncio.sleep(2.0)
        task.cancel()
        began = loop.time()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop.time() - began <= 20.0
        assert job.report.created == len(landed) == 100
        assert job.report.unknown == 0

    on_virtual_time(work)


def test_bulk_job_cancelled_twice_does_not_wait_for_the_grace() -> None:
    """Invariant 37."""

    async def work() -> None:
        async def never(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
            await asyncio.sleep(10_000.0)
            raise AssertionError

        loop = asyncio.get_running_loop()
        job = new(ScriptedAdapter(never), texts(1000), grace=60.0)
        task = loop.create_task(to_end(job))
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop.time() < 3.0
        assert job.report.unknown == job.report.read == 100
        assert job.report.created == 0

    on_virtual_time(work)


def test_bulk_job_cancellation_ends_every_wait_at_once() -> None:
    """Invariant 60."""

    async def limited(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        raise with_verdict(RateLimited("wait", status=429, retry_after=3600.0, deliberate=True))

    async def lost(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        raise with_verdict(TransportError("slow", kind="read-timeout"))

    async def down(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        raise with_verdict(ServerError("x", status=503))

    async def wedged(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        return [RowResult(Pending.RETRY, retry_after=500.0)]

    for answer in (limited, lost, down, wedged):

        async def work(answer: Any = answer) -> None:
            loop = asyncio.get_running_loop()
            task = loop.create_task(to_end(new(ScriptedAdapter(answer), ["a"])))
            await asyncio.sleep(3.0)
            began = loop.time()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert loop.time() == began

        on_virtual_time(work)
