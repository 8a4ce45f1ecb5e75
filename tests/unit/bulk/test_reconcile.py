from __future__ import annotations

from mautic_async.bulk import Pending, RowResult
from mautic_async.bulk.flows import Abort, Apply, Finish, LookUp, Park
from mautic_async.bulk.reconcile import (
    look_up,
    reconcile_after_delay,
    reconcile_interrupted,
    reconcile_now,
    reconcile_rejected,
    resolve_ids,
)
from mautic_async.errors import MauticError, ServerError, TransportError
from tests.support.bulk_model import with_verdict
from tests.support.flow_steps import FlowSteps, make_pacing, sent_items

MISSING = RowResult[None](Pending.RETRY)
STORED = RowResult[None]("created", 7)


def timed_out() -> TransportError:
    error = TransportError("slow", kind="read-timeout")
    with_verdict(error)
    return error


def test_reconcile_after_delay_waits_until_the_server_must_have_ended() -> None:
    pacing, items = make_pacing(reconcile_after=120.0), sent_items(2)
    steps = FlowSteps(reconcile_after_delay(items, timed_out(), pacing), pacing)
    assert steps.step() == Park(2)
    request = steps.step()
    while sum(steps.slept) < 120.0:
        assert request == LookUp(items)
        request = steps.step([MISSING, MISSING])
    assert steps.slept == [5.0, 10.0, 20.0, 40.0, 45.0]
    assert request == LookUp(items)
    assert steps.step([MISSING, MISSING]) == Park(0), "two rows of which nothing is there need no second look"
    assert steps.step() == Apply(items, [MISSING, MISSING])
    steps.step()
    assert steps.ended


def test_reconcile_after_delay_ends_early_once_the_last_row_is_surely_stored() -> None:
    pacing, items = make_pacing(reconcile_after=120.0), sent_items(2)
    steps = FlowSteps(reconcile_after_delay(items, timed_out(), pacing), pacing)
    steps.step()
    assert steps.step() == LookUp(items)
    results = [STORED, RowResult[None]("created", 8, proves_request_ended=True)]
    assert steps.step(results) == Park(0)
    assert steps.step() == Apply(items, results)
    assert steps.slept == [5.0]


def test_reconcile_after_delay_needs_two_look_ups_that_agree() -> None:
    pacing, items = make_pacing(reconcile_after=120.0), sent_items(1)
    steps = FlowSteps(reconcile_interrupted(items, pacing), pacing)
    steps.step()
    assert steps.step() == LookUp(items)
    partial = RowResult[None]("partial", 7)
    assert steps.step([partial]) == LookUp(items)
    assert steps.step([STORED]) == LookUp(items), "it has changed meanwhile"
    assert steps.step([STORED]) == Park(0)
    assert steps.step() == Apply(items, [STORED])
    assert steps.slept == [120.0, 5.0, 5.0]


def test_reconcile_interrupted_never_looks_early() -> None:
    pacing, items = make_pacing(reconcile_after=60.0), sent_items(3)
    steps = FlowSteps(reconcile_interrupted(items, pacing), pacing)
    assert steps.step() == Park(3)
    assert steps.step() == LookUp(items)
    assert steps.slept == [60.0]


def test_reconcile_now_waits_only_as_long_as_the_answer_asks() -> None:
    pacing, items = make_pacing(), sent_items(1)
    steps = FlowSteps(reconcile_now(items, 2.0, pacing), pacing)
    assert steps.step() == LookUp(items)
    assert steps.slept == [2.0]
    assert steps.step([STORED]) == Apply(items, [STORED])


def test_reconcile_repeats_a_failed_look_up_with_backoff() -> None:
    pacing, items = make_pacing(), sent_items(1)
    steps = FlowSteps(look_up(items, pacing), pacing)
    for _ in range(3):
        assert steps.step(None if not steps.slept else timed_out()) == LookUp(items)
        steps.slept.append(0.0)
    assert [it for it in steps.slept if it] == [2.0, 4.0]
    steps.step([STORED])
    assert steps.returned == [STORED]


def test_reconcile_aborts_the_job_when_a_failed_look_up_has_no_verdict() -> None:
    pacing, items = make_pacing(), sent_items(1)
    steps = FlowSteps(look_up(items, pacing), pacing)
    steps.step()
    error = MauticError("the credentials are refused")
    assert error.verdict is None, "nothing of the failure table helps"
    assert steps.step(error) == Abort(error)


def test_reconcile_looks_up_a_late_rejected_row_before_rejecting_it() -> None:
    pacing, items = make_pacing(), sent_items(4)
    refusal = RowResult[None]("rejected")
    looks = [
        STORED,
        MISSING,
        RowResult[None](
            Pending.RETRY, 8, status_if_given_up="partial"
        ),  # made since, by another client or by the row's first attempt
        RowResult[None](Pending.RETRY, 9, status_if_given_up="partial"),  # made by another row of this job
    ]
    steps = FlowSteps(reconcile_rejected([(item, refusal) for item in items], {9}, pacing), pacing)
    assert steps.step() == LookUp(items)
    finish = steps.step(looks)
    assert isinstance(finish, Finish)
    assert [(item.index, outcome.status) for item, outcome in finish.outcomes] == [
        (1, "rejected"),
        (2, "unknown"),
        (3, "rejected"),
    ]
    assert steps.step() == Apply(items[:1], [STORED])


def test_resolve_ids_finds_the_id_or_proves_the_row_missing() -> None:
    pacing, items = make_pacing(), sent_items(2)
    partial = RowResult[None]("partial")
    steps = FlowSteps(resolve_ids([(item, partial) for item in items]), pacing)
    steps.step()
    finish = steps.step([RowResult(Pending.RETRY, 5), MISSING])
    assert isinstance(finish, Finish)
    assert [(outcome.status, outcome.id) for _, outcome in finish.outcomes] == [("partial", 5), ("rejected", 0)]


def test_resolve_ids_leaves_rows_partial_where_the_look_up_fails() -> None:
    pacing, items = make_pacing(), sent_items(1)
    steps = FlowSteps(resolve_ids([(items[0], RowResult("partial"))]), pacing)
    steps.step()
    finish = steps.step(with_verdict(ServerError("error #500", status=500)))
    assert isinstance(finish, Finish)
    assert [outcome.status for _, outcome in finish.outcomes] == ["partial"]
