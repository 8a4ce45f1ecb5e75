"""The failure table, row by row and class by class: how often a call is sent, and what is raised at the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mautic_async.errors import (
    APIError,
    ConfigurationError,
    Fate,
    MauticError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    ServerError,
    Then,
    TransportError,
    Unavailable,
    UnexpectedResponse,
)
from mautic_async.protocol import Call, Effect
from mautic_async.retry.budget import RetryBudget
from mautic_async.retry.circuit_breaker import Breaker
from mautic_async.retry.failure_table import EVENTS
from mautic_async.retry.policy import verdict_of
from mautic_async.testing.virtual_time import run
from tests.support.scripted_server import Reply, Stub, error, pipeline_of

LIMITED = {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000010"}
DATE = {"date": "Fri, 15 Jan 2027 08:00:00 GMT"}
HTML: Reply = (200, {}, b"<html>notice</html>")


class Cut(Exception):
    """An answer that breaks off."""

    status, headers, body = 200, [("content-length", "99")], b'{"contact": {'


# event: (what the server does), sends by READ, SET, UPSERT, APPEND when it does so each time.
# Written from the documents, not from the code: 4 is the most, 1 means that it is never repeated.
TABLE: dict[str, tuple[Any, tuple[int, int, int, int]]] = {
    "F1 connection refused": (ConnectionRefusedError(), (4, 4, 4, 4)),
    "F4 no answer in time": ("hang", (4, 4, 1, 1)),
    "F5 reset after sending": (ConnectionResetError(), (4, 4, 1, 1)),
    "F5 answer cut short": (Cut(), (4, 4, 1, 1)),
    "F6 bad gateway": ((502, {}, b"<html>"), (4, 4, 1, 1)),
    "F7 unavailable": ((503, {}, b"<html>"), (4, 4, 1, 1)),
    "F8 gateway time-out": ((504, {}, b"<html>"), (4, 4, 1, 1)),
    "F8 a proxy's 524": ((524, {}, b"<html>"), (4, 4, 1, 1)),
    "F9 server fault": (error(500, "error #500", details=None), (1, 2, 1, 1)),
    "F10 over-long batch": (error(500, "A max of 1 entities"), (1, 1, 1, 1)),
    "F11 rate limit": (error(429, headers={**LIMITED, **DATE}), (4, 4, 4, 4)),
    "F12 a proxy's 429": ((429, {"retry-after": "2"}, b"slow down"), (4, 4, 1, 1)),
    "F13 unauthorized": (error(401), (1, 1, 1, 1)),
    "F14 forbidden": (error(403), (1, 1, 1, 1)),
    "F15 bad request": (error(400), (1, 1, 1, 1)),
    "F15 unprocessable": (error(422), (1, 1, 1, 1)),
    "F15 not found": (error(404), (1, 1, 1, 1)),
    "F16 too large": ((413, {}, b"<html>"), (1, 1, 1, 1)),
    "F19 unreadable success": (HTML, (2, 1, 1, 1)),
    "F21 redirect": ((301, {"location": "https://other.example/"}, b""), (1, 1, 1, 1)),
    "F23 locked": (error(409, "The record is locked"), (4, 4, 4, 4)),
    "F24 ID = 0": (error(404, "Custom Item with ID = 0 was not found"), (4, 4, 4, 1)),
    "408": (error(408), (4, 4, 1, 1)),
    "a login page": ((404, {}, b"<html>login</html>"), (2, 1, 1, 1)),
    "a deliberate 500": (error(500, "no such theme"), (1, 1, 1, 1)),
    "409 in a campaign": (error(409, "not in the campaign"), (1, 1, 1, 1)),
}
CALLS = {
    Effect.READ: Call("GET", "contacts/1"),
    Effect.SET: Call("PATCH", "contacts/1/edit", Effect.SET, body={"a": 1}),
    Effect.UPSERT: Call("POST", "contacts/new", Effect.UPSERT, body={"a": 1}, rows=2),
    Effect.APPEND: Call("POST", "notes/new", Effect.APPEND, body={"a": 1}, rows=2),
}


async def attempt(step: Any, call: Call) -> tuple[Stub, MauticError]:
    stub = Stub([step])
    if step == "hang":
        stub.script, stub.delay = [(200, {}, {})], 1e6
    if call.effect in {Effect.READ, Effect.SET} and isinstance(step, tuple) and step[0] == 500:
        call = Call(call.method, call.path, call.effect, body=call.body, rows=2)
    pipeline = pipeline_of(stub)
    with pytest.raises(MauticError) as caught:
        await pipeline.send(call)
    return stub, caught.value


@pytest.mark.parametrize("row", TABLE)
@pytest.mark.parametrize("effect", list(Effect))
def test_invariant_15_sends_equal_the_table(row: str, effect: Effect) -> None:
    step, sends = TABLE[row]
    stub, failure = run(attempt(step, CALLS[effect]))
    assert stub.sends == sends[list(Effect).index(effect)]
    assert failure.attempts == stub.sends
    assert len(failure.history) == stub.sends - 1
    assert failure.verdict is not None


@pytest.mark.parametrize("row", TABLE)
def test_invariant_16_an_append_is_sent_twice_only_after_sure_refusals(row: str) -> None:
    allowed = {"F1", "F10", "F11", "F13", "F16", "F23"}
    if TABLE[row][1][3] > 1:
        assert row.partition(" ")[0] in allowed


@pytest.mark.parametrize("row", TABLE)
@pytest.mark.parametrize("effect", [Effect.UPSERT, Effect.APPEND])
def test_what_may_have_been_applied_is_outcome_unknown(row: str, effect: Effect) -> None:
    step, _ = TABLE[row]
    _, failure = run(attempt(step, CALLS[effect]))
    assert failure.verdict is not None
    unclear = failure.verdict.fate is Fate.UNKNOWN and not row.startswith(("F24", "F19"))
    if unclear:
        assert isinstance(failure, OutcomeUnknown)
        assert failure.sent_at > 0
        assert failure.live is failure.verdict.live
        assert "look" in str(failure).lower()


def test_a_live_request_says_so() -> None:
    for row, live in (
        ("F4 no answer in time", True),
        ("F6 bad gateway", True),
        ("F7 unavailable", True),
        ("F9 server fault", False),
    ):
        _, failure = run(attempt(TABLE[row][0], CALLS[Effect.APPEND]))
        assert isinstance(failure, OutcomeUnknown)
        assert failure.live is live


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("effect", list(Effect))
def test_every_cell_of_the_table_is_spelled_out(event: str, effect: Effect) -> None:
    verdict = verdict_of(TransportError("x", event=event), effect)
    assert isinstance(verdict.then, Then)
    assert isinstance(verdict.bulk, Then)
    assert verdict.then in {Then.RAISE, Then.REPEAT}
    if verdict.fate is Fate.UNKNOWN and effect is Effect.APPEND:
        assert verdict.then is Then.RAISE
        assert verdict.bulk is not Then.REPEAT


@pytest.mark.parametrize(
    ("failure", "event"),
    [
        (TransportError("x", event="write"), "write"),
        (UnexpectedResponse("x"), "unreadable"),
        (ConfigurationError("x"), "rejected-unsent"),
        (Unavailable("x"), "breaker"),
        (RateLimited("x", status=429), "rate-limit"),
        (RateLimited("x", status=429, by_proxy=True), "proxy-limit"),
        (NotFound("x", status=404), "refused"),
        (Rejected("x", status=415), "refused"),
        (ServerError("x", status=501), "refused-500"),
        (ServerError("x", status=503), "server-fault"),
        (ServerError("x", status=503, by_proxy=True), "unavailable"),
        (ServerError("x", status=500, by_proxy=True), "proxy-fault"),
        (APIError("x", status=425), "not-now"),
    ],
)
def test_each_error_has_its_row(failure: MauticError, event: str) -> None:
    assert verdict_of(failure, Effect.READ).event == event


def test_a_call_that_must_not_repeat_is_sent_once_whatever_happens() -> None:
    async def main() -> None:
        steps: list[Any] = [ConnectionRefusedError(), (503, {}, b""), (502, {}, b"")]
        for step in steps:
            stub = Stub([step])
            with pytest.raises(MauticError) as caught:
                await pipeline_of(stub).send(
                    Call("POST", "contacts/batch/new", Effect.UPSERT, body=[], repeat=False, batch=True)
                )
            assert stub.sends == 1
            assert caught.value.verdict is not None

    run(main())


def test_success_after_failures_is_a_success() -> None:
    async def main() -> None:
        stub = Stub([(503, {}, b""), ConnectionResetError(), (200, {}, {"contact": {"id": 1}})])
        assert (await pipeline_of(stub).send(CALLS[Effect.READ])).body == {"contact": {"id": 1}}
        assert stub.sends == 3

    run(main())


def test_a_repeated_delete_that_finds_nothing_has_done_it() -> None:
    async def main() -> None:
        stub = Stub([ConnectionResetError(), error(404)])
        payload = await pipeline_of(stub).send(Call("DELETE", "contacts/1/delete", Effect.SET))
        assert payload.body is None

    run(main())


def test_a_first_delete_that_finds_nothing_has_not() -> None:
    async def main() -> None:
        with pytest.raises(NotFound):
            await pipeline_of(Stub([error(404)])).send(Call("DELETE", "contacts/1/delete", Effect.SET))

    run(main())


def test_invariant_17_a_deadline_ends_retrying_with_the_last_error() -> None:
    async def main() -> None:
        stub = Stub([(503, {"retry-after": "30"}, b"")])
        pipeline = pipeline_of(stub)
        async with pipeline.deadline(20):
            with pytest.raises(ServerError) as caught:
                await pipeline.send(CALLS[Effect.READ])
        assert stub.sends == 1
        assert caught.value.retry_after == 30
        assert asyncio.get_running_loop().time() < 1

    run(main())


def test_invariant_18_callers_share_the_retry_budget() -> None:
    async def main() -> int:
        stub = Stub([ConnectionResetError()])
        pipeline = pipeline_of(stub)

        async def one() -> None:
            with pytest.raises(MauticError):
                await pipeline.send(CALLS[Effect.SET])

        async with asyncio.TaskGroup() as group:
            for _ in range(200):
                group.create_task(one())
        return stub.sends

    assert run(main()) <= 1.2 * 200


@pytest.mark.parametrize("header", ["40", "Fri, 15 Jan 2027 08:00:40 GMT"])
def test_invariant_19_retry_after_is_waited_for_and_not_much_longer(header: str) -> None:
    async def main() -> None:
        stub = Stub([(503, {"retry-after": header, **DATE}, b""), (200, {}, {})])
        await pipeline_of(stub).send(CALLS[Effect.READ])
        assert 40 <= stub.seen[1].at <= 46

    run(main())


def test_item_not_found_is_repeated_after_more_than_a_second() -> None:
    async def main() -> None:
        stub = Stub([error(404, "Custom Item with ID = 0 was not found"), (200, {}, {})])
        await pipeline_of(stub).send(CALLS[Effect.UPSERT])
        assert stub.seen[1].at - stub.seen[0].at > 1.0

    run(main())


# --- restraint ---


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 30)), max_size=300))
def test_the_retry_budget_holds_its_bound(steps: list[tuple[bool, float]]) -> None:
    budget, now, retries = RetryBudget(), 0.0, 0
    for calls, (success, wait) in enumerate(steps, 1):
        now += wait
        if success:
            budget.succeeded()
        elif budget.spend(now):
            retries += 1
        assert 0 <= budget.tokens <= 10
        assert retries <= 0.1 * calls + 11 + now / 10


def test_the_breaker_opens_probes_and_closes() -> None:
    breaker = Breaker(lambda: 0.5)
    for _ in range(20):
        assert breaker.wait(0.0) == 0
        breaker.record(0.0, failed=True)
    assert breaker.open
    assert breaker.wait(1.0) == pytest.approx(4.0)
    assert breaker.wait(6.0) == 0  # the probe
    assert breaker.wait(6.0) > 0  # nobody else
    breaker.record(6.5, failed=True)
    assert breaker.wait(7.0) == pytest.approx(9.5)
    assert breaker.wait(17.0) == 0
    breaker.record(17.1, failed=False)
    assert not breaker.open


def test_a_probe_that_was_not_sent_leaves_room_for_another() -> None:
    breaker = Breaker(lambda: 0.5)
    for _ in range(20):
        breaker.record(0.0, failed=True)
    assert breaker.wait(6.0) == 0
    breaker.withdrawn()
    assert breaker.wait(6.0) == 0


def test_half_of_many_failing_opens_the_breaker_and_less_does_not() -> None:
    breaker = Breaker(lambda: 0.5)
    for index in range(60):
        breaker.record(index * 0.1, failed=index % 3 == 0)
    assert not breaker.open
    for index in range(60):
        breaker.record(6 + index * 0.1, failed=index % 3 != 0)
    assert breaker.open


def test_old_failures_are_forgotten() -> None:
    breaker = Breaker(lambda: 0.5)
    for _ in range(19):
        breaker.record(0.0, failed=True)
    for index in range(19):
        breaker.record(40.0 + index, failed=False)
    assert not breaker.open


def test_an_open_breaker_refuses_calls_unsent() -> None:
    async def main() -> None:
        stub = Stub([ConnectionRefusedError()])
        pipeline = pipeline_of(stub)
        for _ in range(12):
            with pytest.raises(MauticError):
                await pipeline.send(CALLS[Effect.READ])
        sends = stub.sends
        with pytest.raises(Unavailable) as caught:
            await pipeline.send(CALLS[Effect.READ])
        assert stub.sends == sends
        assert caught.value.retry_after > 0

    run(main())
