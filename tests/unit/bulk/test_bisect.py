from __future__ import annotations

from collections.abc import Sequence

import pytest

from mautic_async.bulk import Pending, RowResult, WorkItem
from mautic_async.bulk.bisect import bisect, recheck
from mautic_async.bulk.flows import Abort, Apply, LookUp, PauseSending, PutFirst, Send
from mautic_async.bulk.pacing import Pacing
from mautic_async.errors import MauticError, RateLimited, Rejected, ServerError, TransportError
from tests.support.bulk_model import with_verdict
from tests.support.flow_steps import FlowSteps, make_pacing, sent_items

MISSING = RowResult[None](Pending.RETRY, status_if_given_up="rejected")


def bare_500() -> MauticError:
    return with_verdict(ServerError("error #500", status=500))


class Server:
    """Answers the flow's requests: a request with the poison fails, and stores the rows before it."""

    def __init__(self, pacing: Pacing, poison: int | None) -> None:
        self.pacing = pacing
        self.poison = poison
        self.sent: list[list[int]] = []
        self.stored: set[int] = set()
        self.results: dict[int, object] = {}
        self.requeued: list[int] = []

    def run(self, steps: FlowSteps) -> None:
        """Answer until the flow has ended."""
        request = steps.step()
        while request is not None:
            request = steps.step(self._answer(request))

    def _answer(self, request: object) -> object:
        match request:
            case Send(items):
                return self._send(items)
            case LookUp(items):
                return [RowResult("created", 1 + it.index) if it.index in self.stored else MISSING for it in items]
            case Apply(items, results):
                self.results |= {item.index: result.state for item, result in zip(items, results, strict=True)}
            case PutFirst(items):
                self.requeued += [item.index for item in items]
                if items and self.poison is not None:
                    self.pacing.successes += 1  # those others pass meanwhile
        return None

    def _send(self, items: Sequence[WorkItem[str]]) -> MauticError | None:
        indices = [item.index for item in items]
        self.sent.append(indices)
        if self.poison in indices:
            self.stored |= set(indices[: indices.index(self.poison)])
            self.pacing.failures += 1
            return bare_500()
        self.stored |= set(indices)
        self.pacing.failures = 0
        self.pacing.successes += 1
        return None


@pytest.mark.parametrize("poison", [0, 1, 25, 48, 49])
def test_bisect_finds_the_bad_row_and_clears_the_rest(poison: int) -> None:
    pacing, items = make_pacing(), sent_items(50)
    server = Server(pacing, poison)
    server.run(FlowSteps(bisect(items, pacing), pacing))
    assert server.results.pop(poison) == "rejected"
    assert "rejected" not in server.results.values()
    assert server.stored | set(server.requeued) == set(range(50)) - {poison}
    assert len(server.sent) <= 10, "about log2 of the rows, and once more to be sure"


def test_recheck_repeats_the_request_once_since_one_failure_may_be_chance() -> None:
    pacing, items = make_pacing(), sent_items(10)
    server = Server(pacing, None)
    steps = FlowSteps(recheck(items, bare_500(), pacing), pacing)
    server.run(steps)
    assert server.sent == [list(range(10))]
    assert (server.results, steps.returned) == ({}, None)


def test_recheck_bisects_only_rows_the_failed_request_has_not_stored() -> None:
    pacing, items = make_pacing(), sent_items(6)
    server = Server(pacing, 3)
    server.stored = {0, 1, 2}
    server.run(FlowSteps(recheck(items, bare_500(), pacing), pacing))
    assert server.results == {0: "created", 1: "created", 2: "created", 3: "rejected"}
    assert server.requeued == [4, 5]
    assert all(indices == [3] for indices in server.sent), "it ended at the first row that is missing"


def test_bisect_condemns_no_row_of_a_server_that_fails_every_request() -> None:
    pacing, items = make_pacing(max_failures=3, max_outage=0.0), sent_items(2)
    steps = FlowSteps(bisect(items, pacing), pacing)
    request = steps.step()
    applied: list[Apply] = []
    while not isinstance(request, Abort):
        if isinstance(request, Send):
            pacing.failures += 1
            request = steps.step(bare_500())
        elif isinstance(request, LookUp):
            request = steps.step([MISSING] * len(request.items))
        else:
            assert request is not None
            applied += [request] if isinstance(request, Apply) else []
            request = steps.step()
    assert not applied


def test_bisect_pauses_for_the_rate_limit_without_counting_an_attempt() -> None:
    pacing, items = make_pacing(), sent_items(2)
    steps = FlowSteps(bisect(items, pacing), pacing)
    assert steps.step() == Send(items[:1])
    items[0].sends.attempts += 1
    limited = with_verdict(RateLimited("429", status=429, retry_after=60.0))
    assert steps.step(limited) == PauseSending(60.0)
    assert steps.step() == Send(items[:1])
    assert items[0].sends.attempts == 1
    assert items[0].blame is None or not items[0].blame.suspicion


def test_bisect_hands_back_rows_that_fail_in_another_way() -> None:
    pacing, items = make_pacing(), sent_items(4)
    steps = FlowSteps(bisect(items, pacing), pacing)
    steps.step()
    slow = with_verdict(TransportError("slow", kind="read-timeout"))
    assert steps.step(slow) == PutFirst(items[2:])
    steps.step()
    assert steps.returned == (items[:2], slow)


def test_bisect_takes_a_refusal_of_a_single_row_for_its_outcome() -> None:
    pacing, items = make_pacing(), sent_items(1)
    steps = FlowSteps(bisect(items, pacing), pacing)
    assert steps.step() == Send(items)
    request = steps.step(with_verdict(Rejected("422", status=422)))
    assert isinstance(request, Apply)
    assert [result.state for result in request.results] == ["rejected"]
