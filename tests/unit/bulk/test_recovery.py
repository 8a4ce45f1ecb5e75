from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any, cast

import pytest
from attrs import evolve

from mautic_async.bulk import BulkJob, BulkOptions, EncodedRow, Pending, RowResult, read_dead_letters
from mautic_async.bulk.flows import Abort, PauseSending, PutFirst
from mautic_async.bulk.ordering import KeyedQueue
from mautic_async.bulk.recovery import Bisect, Pause, Reconcile, Reject, Shrink, decide, recover
from mautic_async.errors import MauticError, Problem, RateLimited, Rejected, ServerError, TransportError, Unavailable
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.bulk_jobs import ScriptedAdapter, answer_created, make_rows, run_job
from tests.support.bulk_model import Faults, ModelAdapter, ModelServer, Row, ordering_keys, with_verdict
from tests.support.flow_steps import FlowSteps, make_pacing, sent_items

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mautic_async.bulk import BatchResult, BulkReport, Outcome, WorkItem


class Script(Faults):
    """Named faults for the first requests, none afterwards."""

    def __init__(self, *kinds: str, shape: float = 0.5) -> None:
        super().__init__(0, 0.0)
        self._kinds = list(kinds)
        self._shape = shape

    def next_fault(self) -> tuple[str, float]:
        return (self._kinds.pop(0) if self._kinds else "", self._shape)


def scripted(
    rows: Sequence[Row], *kinds: str, shape: float = 0.5, plan: BulkOptions | None = None, **options: Any
) -> tuple[list[Outcome[Any]], BulkReport, ModelAdapter, float]:
    async def work() -> tuple[list[Outcome[Any]], BulkReport, ModelAdapter, float]:
        loop = asyncio.get_running_loop()
        clock = virtual_clock(loop)
        post = ModelAdapter(ModelServer(clock), Script(*kinds, shape=shape), **options)
        given: BulkJob[Row, Any] = BulkJob(
            post, rows, options=plan or BulkOptions(initial_concurrency=1, concurrency=1), clock=clock
        )
        async with given:
            outcomes = [outcome async for outcome in given]
        ended = loop.time()
        await post.wait_until_idle()
        return outcomes, given.report, post, ended

    return run_virtual(work())


def texts_with(
    answer: Any, rows: Sequence[str], look: Any = None, **plan: Any
) -> tuple[dict[int, Outcome[Any]], ScriptedAdapter, float]:
    async def work() -> tuple[dict[int, Outcome[Any]], ScriptedAdapter, float]:
        courier = ScriptedAdapter(answer, look)
        given: BulkJob[str, Any] = BulkJob(
            courier, rows, options=BulkOptions(**plan), clock=virtual_clock(asyncio.get_running_loop())
        )
        async with given:
            outcomes = {outcome.index: outcome async for outcome in given}
        return outcomes, courier, asyncio.get_running_loop().time()

    return run_virtual(work())


def test_reconcile_sends_no_row_with_the_keys_of_lost_rows_before_they_settle() -> None:
    """Invariant 20."""
    rows = [*make_rows(50), *[Row(row.email.upper(), 2) for row in make_rows(50)]]
    _, report, post, _ = scripted(rows, "timeout", shape=0.999, plan=BulkOptions(initial_batch=50, batch=50))
    first, later = post.batches_sent[0], [at for at, indexes in post.batches_sent[1:] if min(indexes) >= 50 or at > 100]
    assert first[1] == tuple(range(50))
    assert min(later) >= first[0] + 105.0, "the server worked on it for 110 s"
    assert report.read == 100
    assert post.server.overlaps == 0
    assert all(stored.version == 2 for stored in post.server.contacts.values())


def test_reconcile_wait_ends_when_the_last_row_is_proven() -> None:
    """Invariant 20."""
    _, _, post, ended = scripted(make_rows(50), "reset", shape=0.01)
    assert ended < 20.0, "the batch takes a second, whoever listens"
    assert len(post.server.contacts) == 50
    assert len(post.batches_sent) == 1


@pytest.mark.parametrize("shape", [0.28, 0.5, 0.9])
def test_reconcile_makes_one_contact_a_key_when_the_server_ends_late(shape: float) -> None:
    """Invariant 21."""
    outcomes, report, post, _ = scripted(make_rows(50), "timeout", shape=shape)
    assert len(post.server.contacts) == 50
    assert report.read == len(outcomes) == 50
    assert report.unknown == 0


@pytest.mark.parametrize("place", [0, 1, 24, 25, 37, 48, 49])
@pytest.mark.parametrize("known_before", [False, True])
def test_bisect_finds_a_poison_row_in_eight_requests(place: int, *, known_before: bool) -> None:
    """Invariant 22."""
    rows = make_rows(50)
    rows[place].trait = "poison"
    if known_before:  # then looking proves nothing, and only halving finds it
        rows = [*make_rows(50), *[Row(row.email, 2, trait=row.trait) for row in rows]]
    outcomes, report, post, _ = scripted(
        rows, plan=BulkOptions(initial_concurrency=1, concurrency=1, initial_batch=50, batch=50)
    )
    bad = [outcome for outcome in outcomes if not outcome.ok]
    assert [outcome.index for outcome in bad] == [place + 50 * known_before]
    assert bad[0].status == ("unknown" if known_before else "rejected")
    assert bad[0].problems[0].code == 500
    assert len(post.batches_sent) - 1 - known_before <= 8
    assert report.read == len(rows)
    assert len(post.server.contacts) == 50 - (not known_before)
    assert all(it.version == 2 for it in post.server.contacts.values() if known_before and it.id != place + 1)


def test_bisect_finds_both_of_two_poison_rows() -> None:
    rows = make_rows(200)
    for place in (3, 150, 151):
        rows[place].trait = "poison"
    outcomes, _, post, _ = scripted(rows)
    assert [it.index for it in sorted(outcomes, key=lambda it: it.index) if not it.ok] == [3, 150, 151]
    assert len(post.server.contacts) == 197


def test_bisect_rejects_no_row_of_a_server_that_fails_every_request() -> None:
    outcomes, report, post, _ = scripted(make_rows(120), *["502", "look fails"] * 12, shape=0.0)
    assert report.created == len(outcomes) == 120
    assert len(post.server.contacts) == 120


def test_bisect_finds_the_only_row_of_a_job() -> None:
    outcomes, _, post, _ = scripted([Row("a@b.c", 1, trait="poison")])
    assert [outcome.status for outcome in outcomes] == ["rejected"]
    assert len(post.batches_sent) <= 8


def test_bulk_job_never_repeats_a_bad_item_value() -> None:
    """Invariant 23."""
    rows = make_rows(50, items=("x",))
    for number, row in enumerate(rows):
        row.items = (f"x{number}",)
    rows[7].trait = "bad item"
    outcomes, report, post, _ = scripted(rows)
    (bad,) = [outcome for outcome in outcomes if not outcome.ok]
    assert (bad.index, bad.status, bad.attempts) == (7, "partial", 1)
    assert bad.id == 8, "looked up, so that somebody can mend it"
    assert "URL" in str(bad.problems[0])
    assert report.partial == 1
    assert len(post.batches_sent) == 1
    assert len(post.server.items) == 49


def test_bulk_job_never_sends_a_key_twice_at_once() -> None:
    """Invariant 24."""
    rows = [Row(f"p{number % 37}@example.org", number) for number in range(3000)]
    _, report, post = run_job(rows, rate=0.15, options=BulkOptions(batch=20, initial_batch=20))
    assert post.server.overlaps == 0
    assert report.read == 3000
    assert len(post.server.contacts) == 37


def test_model_server_detects_overlap_when_keys_are_not_serialised() -> None:
    """Invariant 24."""
    rows = [Row(f"p{number % 37}@example.org", number) for number in range(3000)]
    _, _, post = run_job(rows, options=BulkOptions(batch=20, initial_batch=20), lanes=False)
    assert post.server.overlaps > 0


def test_bulk_job_rejects_a_row_that_matches_two_and_never_overlaps_chained_keys() -> None:
    """Invariant 26."""
    rows: list[Row] = []
    for person in range(200):
        mail, number = f"p{person}@example.org", f"N{person}"
        rows += [Row(mail, 1), Row(mail, 2, number), Row("", 3, number.lower())]
    rows += [Row("p3@example.org", 4, "N4")]
    outcomes, _, post = run_job(rows, options=BulkOptions(batch=10, initial_batch=10))
    assert post.server.overlaps == 0
    assert all(stored.version == 3 for stored in post.server.contacts.values())
    assert len(post.server.contacts) == 200
    (bad,) = [outcome for outcome in outcomes if not outcome.ok]
    assert (bad.index, bad.status, bad.problems[0].code) == (600, "rejected", 422)


@pytest.mark.virtual_time
async def test_bulk_job_sends_versions_of_a_key_in_input_order() -> None:
    """Invariant 27."""
    arrived: dict[str, list[int]] = {}

    class Noting(ModelAdapter):
        async def send(self, step: str, batch: Sequence[WorkItem[Row]]) -> BatchResult[Any]:
            delivery = await super().send(step, batch)
            for parcel in batch:
                arrived.setdefault(ordering_keys(parcel.row)[0], []).append(parcel.index)
            return delivery

    clock = virtual_clock(asyncio.get_running_loop(), 3)
    rows = [Row(f"p{number * number % 101}@example.org", number) for number in range(2000)]
    post = Noting(ModelServer(clock), Faults(3, 0.1))
    given: BulkJob[Row, Any] = BulkJob(post, rows, options=BulkOptions(batch=20), clock=clock)
    async with given:
        async for _ in given:
            pass
    await post.wait_until_idle()
    assert all(indexes == sorted(indexes) for indexes in arrived.values())


def test_bulk_job_sends_no_body_larger_than_allowed() -> None:
    """Invariant 38."""
    weights: list[int] = []

    async def weighing(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        weights.append(2 + sum(len(parcel.encoded.body) + 1 for parcel in parcels) - 1)
        return await answer_created(parcels)

    rows = ["x" * (size * 37 % 900) + str(size) for size in range(2000)]
    rows[1000] = "y" * 5000
    outcomes, _, _ = texts_with(weighing, rows, batch_bytes=4000)
    assert len(outcomes) == 2000
    assert max(weights) <= 4000
    assert [outcome.index for outcome in outcomes.values() if outcome.status == "rejected"] == [1000]
    assert outcomes[1000].attempts == 0


def test_bulk_job_remembers_the_size_of_a_refused_body() -> None:
    async def small(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        if sum(len(parcel.encoded.body) for parcel in parcels) > 3000:
            raise with_verdict(Rejected("too large", status=413))
        return await answer_created(parcels)

    rows = ["x" * 100 + str(number) for number in range(300)]
    rows[77] = "z" * 3500
    outcomes, courier, _ = texts_with(small, rows, initial_concurrency=1)
    assert [outcome.index for outcome in outcomes.values() if not outcome.ok] == [77]
    assert sum(len("".join(batch)) > 3000 for batch in courier.batches) <= 4


def test_bulk_job_bisects_a_refused_request_to_the_rejected_row() -> None:
    async def picky(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        if any(parcel.row == "bad" for parcel in parcels):
            raise with_verdict(Rejected("no", status=400, problems=[Problem("nonsense", "email", 400)]))
        return await answer_created(parcels)

    rows = [f"row {number}" for number in range(64)]
    rows[40] = "bad"
    outcomes, courier, _ = texts_with(picky, rows, initial_concurrency=1, initial_batch=64)
    assert [(it.index, it.problems[0].message) for it in outcomes.values() if not it.ok] == [(40, "nonsense")]
    assert len(courier.batches) <= 9


def test_bulk_job_concurrency_falls_with_504s_and_recovers() -> None:
    """Invariant 39."""
    seen: list[tuple[float, int]] = []
    at_once = 0

    async def sick(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        nonlocal at_once
        loop = asyncio.get_running_loop()
        at_once += 1
        seen.append((loop.time(), at_once))
        try:
            await asyncio.sleep(1.0)
            if 100.0 <= loop.time() < 110.0:
                raise with_verdict(ServerError("504", status=504))
            return [RowResult("created") for _ in parcels]
        finally:
            at_once -= 1

    async def fresh(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        return [RowResult("updated", proves_request_ended=True) for _ in parcels]

    rows = [f"row {number}" for number in range(80_000)]
    outcomes, _, _ = texts_with(sick, rows, fresh, initial_batch=50, batch=50)
    assert len(outcomes) == 80_000

    def rate(since: float, until: float) -> float:
        return sum(since <= at < until for at, _ in seen) / (until - since)

    assert max(count for at, count in seen if 90 <= at < 100) == 8
    assert rate(103.0, 110.0) <= 2.0, "one round trip after they began"
    assert rate(140.0, 150.0) >= 0.9 * rate(90.0, 100.0), "thirty seconds after they ended"


def test_bulk_job_concurrency_stays_under_a_rate_limit() -> None:
    """Invariant 39."""
    outcomes, _, post = run_job(make_rows(4000), options=BulkOptions(batch=20, initial_batch=20))
    assert len(outcomes) == 4000
    calm = len(post.batches_sent)

    async def work() -> int:
        clock = virtual_clock(asyncio.get_running_loop())
        post = ModelAdapter(ModelServer(clock), Faults(1, 0.1, ("429",)))
        given: BulkJob[Row, Any] = BulkJob(
            post, make_rows(4000), options=BulkOptions(batch=20, initial_batch=20), clock=clock
        )
        async with given:
            widths = [given.progress.concurrency async for _ in given]
        assert widths == sorted(widths)
        return widths[-1]

    assert run_virtual(work()) == 8
    assert calm >= 200


def test_bulk_job_lost_rows_do_not_delay_unrelated_rows() -> None:
    """Invariant 59."""

    async def one_lost(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        await asyncio.sleep(0.5)
        if parcels[0].index == 0 and parcels[0].sends.attempts == 1:
            raise with_verdict(TransportError("slow", kind="read-timeout"))
        done.append(asyncio.get_running_loop().time())
        return [RowResult("created") for _ in parcels]

    done: list[float] = []
    outcomes, courier, ended = texts_with(one_lost, [f"row {number}" for number in range(5000)], batch=50)
    assert len(outcomes) == 5000
    assert ended > 120.0
    assert sum(at < 40.0 for at in done) >= 99, "all the others went on meanwhile"
    assert set(courier.batches[0]) == {row for batch in courier.batches[-2:] for row in batch}


def test_bulk_job_repeats_an_item_that_was_not_found_after_a_second() -> None:
    """Invariant 63."""
    sent: list[float] = []

    async def twice(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        sent.append(asyncio.get_running_loop().time())
        if len(sent) == 1:
            problem = Problem("Custom Item with ID = 0 was not found", code=404)
            return [RowResult(Pending.RETRY, 7, (problem,), retry_after=1.1, status_if_given_up="partial")]
        return [RowResult("updated", 7)]

    outcomes, _, _ = texts_with(twice, ["a"])
    assert sent[1] - sent[0] > 1.0
    assert outcomes[0].status == "updated"
    assert outcomes[0].attempts == 2


def test_bulk_job_reports_a_row_as_partial_when_its_item_is_never_found() -> None:
    """Invariant 63."""

    async def never(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        problem = Problem("Custom Item with ID = 0 was not found", code=404)
        return [RowResult(Pending.RETRY, 7, (problem,), retry_after=1.1, status_if_given_up="partial")]

    outcomes, courier, _ = texts_with(never, ["a"], max_attempts=4)
    assert (outcomes[0].status, outcomes[0].id, len(courier.batches)) == ("partial", 7, 4)


def test_bulk_job_sends_two_versions_of_a_unique_item_a_second_apart() -> None:
    """Invariant 64."""
    rows = [Row(f"p{number}@example.org", number, items=("shared",)) for number in range(5)]
    outcomes, _, post = run_job(rows)
    assert all(outcome.ok for outcome in outcomes)
    moments = [at for at, _ in post.batches_sent]
    assert len(moments) == 5
    assert all(later - earlier > 1.0 for earlier, later in itertools.pairwise(moments))
    assert [item.version for item in post.server.items.values()] == [4]


def test_bulk_job_reports_a_row_lost_max_attempts_times_as_unknown() -> None:
    async def lost(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        if _[0].row == "b":
            return [RowResult("created")]
        raise with_verdict(TransportError("slow", kind="read-timeout"))

    outcomes, _, _ = texts_with(lost, ["a", *"b"], max_attempts=3, initial_batch=1, batch=1)
    assert (outcomes[0].status, outcomes[0].attempts) == ("unknown", 3)
    assert outcomes[1].status == "created"


def test_bulk_job_looks_up_a_row_that_the_response_omits() -> None:
    async def gappy(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        return [RowResult(Pending.LOOK_UP if parcel.index % 2 else "created", parcel.index + 1) for parcel in parcels]

    async def look(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        assert all(parcel.index % 2 for parcel in parcels)
        return [RowResult("updated", parcel.index + 1) for parcel in parcels]

    outcomes, courier, _ = texts_with(gappy, [f"row {number}" for number in range(20)], look)
    assert [outcomes[index].status for index in range(4)] == ["created", "updated"] * 2
    assert len(courier.batches) == 1


def test_bulk_job_reports_an_unprovable_unrepeatable_row_as_unknown() -> None:
    async def lost(_: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        raise with_verdict(TransportError("slow", kind="read-timeout"))

    async def look(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        return [RowResult("unknown", 5, (Problem("its item may be stored"),)) for _ in parcels]

    outcomes, courier, _ = texts_with(lost, ["a"], look)
    assert (outcomes[0].status, outcomes[0].id) == ("unknown", 5)
    assert len(courier.batches) == 1


def test_bulk_job_repeats_failed_look_ups() -> None:
    outcomes, _, post, _ = scripted(make_rows(20), "timeout", *["look fails"] * 9, shape=0.6)
    assert len(outcomes) == 20
    assert len(post.server.contacts) == 20


def test_bulk_job_requires_two_look_ups_that_agree() -> None:
    looks = 0

    async def lost(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        if looks:
            return [RowResult("created") for _ in parcels]
        raise with_verdict(TransportError("slow", kind="read-timeout"))

    async def still_moving(parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        nonlocal looks
        looks += 1
        there = max(0, looks - 4)
        return [
            RowResult("updated", number + 1) if number < there else RowResult(Pending.RETRY)
            for number, _ in enumerate(parcels)
        ]

    outcomes, courier, _ = texts_with(lost, list("abc"), still_moving)
    assert {it.status for it in outcomes.values()} == {"updated"}
    assert len(courier.batches) == 1, "the server was still writing when first looked at"


def test_bulk_job_reads_dead_letters_as_input(tmp_path: Path) -> None:
    """Invariant 36."""
    path = tmp_path / "dead.jsonl"
    rows = make_rows(50)
    rows[3].trait = "refused"
    rows[9].trait = "poison"
    rows[20] = Row("", 1)
    outcomes, _, post, _ = scripted(rows, plan=BulkOptions(dead_letters=path))
    assert len(outcomes) == 50
    assert path.stat().st_mode & 0o777 == 0o600
    letters = {letter.index: letter for letter in read_dead_letters(path)}
    assert sorted(letters) == [3, 9, 20]
    assert letters[3].stored is False
    assert letters[20].attempts == 0
    assert letters[3].problems[0].code == 400
    again = [row for letter in letters.values() if (row := Row(*cast("Any", letter.row))).email]
    assert [row.email for row in again] == ["p3@example.org", "p9@example.org"]
    before = dict(post.server.contacts)
    assert len(before) == 47

    async def work() -> None:
        given: BulkJob[Row, Any] = BulkJob(
            post,
            [Row(row.email, 1) for row in again],
            options=BulkOptions(),
            clock=virtual_clock(asyncio.get_running_loop()),
        )
        post.server.clock = virtual_clock(asyncio.get_running_loop())
        async with given:
            async for _ in given:
                pass

    run_virtual(work())
    assert len(post.server.contacts) == 49
    assert all(post.server.contacts[number] == stored for number, stored in before.items())


def test_encoded_row_holds_each_key_once() -> None:
    assert KeyedQueue().effective_keys(EncodedRow(b"", ("a", "b", "a"), creates=("b", "c"))) == ("a", "b", "c")


def test_decide_pauses_for_as_long_as_the_server_or_the_breaker_asks() -> None:
    items, pacing = sent_items(3), make_pacing()
    limited = with_verdict(RateLimited("429", status=429, retry_after=60.0))
    assert decide(items, limited, pacing) == Pause(60.0)
    assert decide(items, with_verdict(Unavailable("the circuit is open", retry_after=7.0)), pacing) == Pause(7.0)


@pytest.mark.parametrize(
    ("status", "action"), [(504, Reconcile()), (502, Bisect(confirm=True)), (500, Bisect(confirm=True))]
)
def test_decide_reconciles_after_a_timeout_and_bisects_a_whole_failure(status: int, action: object) -> None:
    assert decide(sent_items(3), with_verdict(ServerError("?", status=status)), make_pacing()) == action


def test_decide_shrinks_a_batch_that_is_too_long_and_remembers_the_limit_it_names() -> None:
    error = ServerError("at most 200", status=500)
    error.batch_limit = 200
    with_verdict(error)
    assert decide(sent_items(300), error, make_pacing()) == Shrink(rows=200)
    assert decide(sent_items(50), error, make_pacing()) == Shrink(rows=49)


def test_decide_rejects_a_single_row_and_bisects_several() -> None:
    error = with_verdict(Rejected("422", status=422))
    assert decide(sent_items(1), error, make_pacing()) == Reject((Problem("422", code=422),))
    assert decide(sent_items(2), error, make_pacing()) == Bisect(confirm=False)


def test_decide_aborts_without_a_verdict() -> None:
    error = MauticError("?")
    assert decide(sent_items(2), error, make_pacing()) == Abort(error)


def test_decide_aborts_after_an_outage_but_not_for_the_rate_limit() -> None:
    pacing = make_pacing(max_failures=2, max_outage=0.0)
    pacing.failures = 2
    error = with_verdict(ServerError("?", status=504))
    assert decide(sent_items(2), error, pacing) == Abort(error)
    assert decide(sent_items(2), with_verdict(RateLimited("429", status=429, retry_after=1.0)), pacing) == Pause(1.0)


def test_decide_does_not_change_its_arguments() -> None:
    items, pacing = sent_items(3), make_pacing()
    before = (
        [(evolve(it.sends), it.blame) for it in items],
        pacing.batch,
        pacing.max_bytes,
    )
    for error in (ServerError("?", status=500), ServerError("?", status=502), Rejected("422", status=422)):
        decide(items, with_verdict(error), pacing)
    assert before == (
        [(evolve(it.sends), it.blame) for it in items],
        pacing.batch,
        pacing.max_bytes,
    )


def test_recover_sends_a_refused_request_again_without_counting_the_attempt() -> None:
    items, pacing = sent_items(3), make_pacing()
    steps = FlowSteps(recover(items, with_verdict(RateLimited("429", status=429, retry_after=9.0)), pacing), pacing)
    assert steps.step() == PauseSending(9.0)
    assert steps.step() == PutFirst(items)
    assert [(it.sends.attempts, it.sends.may_be_stored) for it in items] == [(0, False)] * 3
    steps.step()
    assert steps.ended
