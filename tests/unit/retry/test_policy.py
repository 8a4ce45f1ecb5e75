"""The failure table, row by row and class by class: how often a call is sent, and what is raised at the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mautic_async.errors import (
    Action,
    APIError,
    ConfigurationError,
    Fate,
    MauticError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
    Unavailable,
    UnexpectedResponse,
)
from mautic_async.protocol import Call, Effect
from mautic_async.retry.budget import RetryBudget
from mautic_async.retry.circuit_breaker import CircuitBreaker
from mautic_async.retry.failure_table import FAILURE_TABLE
from mautic_async.retry.policy import verdict_for
from tests.support.scripted_server import Reply, ScriptedServer, error_reply, make_pipeline

pytestmark = pytest.mark.virtual_time

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
    "F9 server fault": (error_reply(500, "error #500", details=None), (1, 2, 1, 1)),
    "F10 over-long batch": (error_reply(500, "A max of 1 entities"), (1, 1, 1, 1)),
    "F11 rate limit": (error_reply(429, headers={**LIMITED, **DATE}), (4, 4, 4, 4)),
    "F12 a proxy's 429": ((429, {"retry-after": "2"}, b"slow down"), (4, 4, 1, 1)),
    "F13 unauthorized": (error_reply(401), (1, 1, 1, 1)),
    "F14 forbidden": (error_reply(403), (1, 1, 1, 1)),
    "F15 bad request": (error_reply(400), (1, 1, 1, 1)),
    "F15 unprocessable": (error_reply(422), (1, 1, 1, 1)),
    "F15 not found": (error_reply(404), (1, 1, 1, 1)),
    "F16 too large": ((413, {}, b"<html>"), (1, 1, 1, 1)),
    "F19 unreadable success": (HTML, (2, 1, 1, 1)),
    "F21 redirect": ((301, {"location": "https://other.example/"}, b""), (1, 1, 1, 1)),
    "F23 locked": (error_reply(409, "The record is locked"), (4, 4, 4, 4)),
    "F24 ID = 0": (error_reply(404, "Custom Item with ID = 0 was not found"), (4, 4, 4, 1)),
    "408": (error_reply(408), (4, 4, 1, 1)),
    "a login page": ((404, {}, b"<html>login</html>"), (2, 1, 1, 1)),
    "a deliberate 500": (error_reply(500, "no such theme"), (1, 1, 1, 1)),
    "409 in a campaign": (error_reply(409, "not in the campaign"), (1, 1, 1, 1)),
}
CALLS = {
    Effect.READ: Call("GET", "contacts/1"),
    Effect.IDEMPOTENT: Call("PATCH", "contacts/1/edit", Effect.IDEMPOTENT, body={"a": 1}),
    Effect.UPSERT: Call("POST", "contacts/new", Effect.UPSERT, body={"a": 1}, row_count=2),
    Effect.NON_IDEMPOTENT: Call("POST", "notes/new", Effect.NON_IDEMPOTENT, body={"a": 1}, row_count=2),
}


async def attempt(step: Any, call: Call) -> tuple[ScriptedServer, MauticError]:
    stub = ScriptedServer([step])
    if step == "hang":
        stub.replies, stub.delay = [(200, {}, {})], 1e6
    if call.effect in {Effect.READ, Effect.IDEMPOTENT} and isinstance(step, tuple) and step[0] == 500:
        call = Call(call.method, call.path, call.effect, body=call.body, row_count=2)
    pipeline = make_pipeline(stub)
    with pytest.raises(MauticError) as caught:
        await pipeline.send(call)
    return stub, caught.value


@pytest.mark.parametrize("row", TABLE)
@pytest.mark.parametrize("effect", list(Effect))
async def test_retry_attempts_equal_the_failure_table(row: str, effect: Effect) -> None:
    """Invariant 15."""
    step, sends = TABLE[row]
    stub, failure = await attempt(step, CALLS[effect])
    assert stub.request_count == sends[list(Effect).index(effect)]
    assert failure.attempts == stub.request_count
    assert len(failure.history) == stub.request_count - 1
    assert failure.verdict is not None


@pytest.mark.parametrize("row", TABLE)
def test_retry_repeats_an_append_only_after_certain_refusals(row: str) -> None:
    """Invariant 16."""
    allowed = {"F1", "F10", "F11", "F13", "F16", "F23"}
    if TABLE[row][1][3] > 1:
        assert row.partition(" ")[0] in allowed


@pytest.mark.parametrize("row", TABLE)
@pytest.mark.parametrize("effect", [Effect.UPSERT, Effect.NON_IDEMPOTENT])
async def test_retry_raises_outcome_unknown_for_a_possibly_applied_call(row: str, effect: Effect) -> None:
    step, _ = TABLE[row]
    _, failure = await attempt(step, CALLS[effect])
    assert failure.verdict is not None
    unclear = failure.verdict.fate is Fate.UNKNOWN and not row.startswith(("F24", "F19"))
    if unclear:
        assert isinstance(failure, OutcomeUnknown)
        assert failure.sent_at > 0
        assert failure.may_still_run is failure.verdict.may_still_run
        assert "look" in str(failure).lower()


async def test_outcome_unknown_tells_if_the_request_may_still_run() -> None:
    for row, live in (
        ("F4 no answer in time", True),
        ("F6 bad gateway", True),
        ("F7 unavailable", True),
        ("F9 server fault", False),
    ):
        _, failure = await attempt(TABLE[row][0], CALLS[Effect.NON_IDEMPOTENT])
        assert isinstance(failure, OutcomeUnknown)
        assert failure.may_still_run is live


@pytest.mark.parametrize("event", FAILURE_TABLE)
@pytest.mark.parametrize("effect", list(Effect))
def test_failure_table_spells_out_every_cell(event: str, effect: Effect) -> None:
    verdict = verdict_for(TransportError("x", kind=event), effect)
    assert isinstance(verdict.single, Action)
    assert isinstance(verdict.batch, Action)
    assert verdict.single in {Action.RAISE, Action.RETRY}
    if verdict.fate is Fate.UNKNOWN and effect is Effect.NON_IDEMPOTENT:
        assert verdict.single is Action.RAISE
        assert verdict.batch is not Action.RETRY


@pytest.mark.parametrize(
    ("failure", "event"),
    [
        (TransportError("x", kind="write"), "write"),
        (UnexpectedResponse("x"), "undecodable-body"),
        (ConfigurationError("x"), "invalid-configuration"),
        (Unavailable("x"), "circuit-open"),
        (RateLimited("x", status=429), "rate-limit"),
        (RateLimited("x", status=429, by_proxy=True), "proxy-limit"),
        (NotFound("x", status=404), "refused"),
        (Rejected("x", status=415), "refused"),
        (ServerError("x", status=501), "refused-500"),
        (ServerError("x", status=503), "server-fault"),
        (ServerError("x", status=503, by_proxy=True), "unavailable"),
        (ServerError("x", status=500, by_proxy=True), "proxy-fault"),
        (APIError("x", status=425), "retry-later"),
    ],
)
def test_failure_table_has_a_row_for_each_error(failure: MauticError, event: str) -> None:
    assert verdict_for(failure, Effect.READ).kind == event


async def test_retry_sends_an_unrepeatable_call_once_for_any_failure() -> None:
    steps: list[Any] = [ConnectionRefusedError(), (503, {}, b""), (502, {}, b"")]
    for step in steps:
        stub = ScriptedServer([step])
        with pytest.raises(MauticError) as caught:
            await make_pipeline(stub).send(
                Call("POST", "contacts/batch/new", Effect.UPSERT, body=[], retryable=False, is_batch=True)
            )
        assert stub.request_count == 1
        assert caught.value.verdict is not None


async def test_retry_returns_a_success_after_failures() -> None:
    stub = ScriptedServer([(503, {}, b""), ConnectionResetError(), (200, {}, {"contact": {"id": 1}})])
    assert (await make_pipeline(stub).send(CALLS[Effect.READ])).body == {"contact": {"id": 1}}
    assert stub.request_count == 3


async def test_retry_accepts_not_found_for_a_repeated_delete() -> None:
    stub = ScriptedServer([ConnectionResetError(), error_reply(404)])
    payload = await make_pipeline(stub).send(Call("DELETE", "contacts/1/delete", Effect.IDEMPOTENT))
    assert payload.body is None


async def test_retry_raises_not_found_for_a_first_delete() -> None:
    with pytest.raises(NotFound):
        await make_pipeline(ScriptedServer([error_reply(404)])).send(
            Call("DELETE", "contacts/1/delete", Effect.IDEMPOTENT)
        )


async def test_retry_ends_at_the_deadline_with_the_last_error() -> None:
    """Invariant 17."""
    stub = ScriptedServer([(503, {"retry-after": "30"}, b"")])
    pipeline = make_pipeline(stub)
    async with pipeline.deadline(20):
        with pytest.raises(ServerError) as caught:
            await pipeline.send(CALLS[Effect.READ])
    assert stub.request_count == 1
    assert caught.value.retry_after == 30
    assert asyncio.get_running_loop().time() < 1


async def test_retry_budget_is_shared_by_callers() -> None:
    """Invariant 18."""
    stub = ScriptedServer([ConnectionResetError()])
    pipeline = make_pipeline(stub)

    async def one() -> None:
        with pytest.raises(MauticError):
            await pipeline.send(CALLS[Effect.IDEMPOTENT])

    async with asyncio.TaskGroup() as group:
        for _ in range(200):
            group.create_task(one())
    assert stub.request_count <= 1.2 * 200


@pytest.mark.parametrize("header", ["40", "Fri, 15 Jan 2027 08:00:40 GMT"])
async def test_retry_waits_for_retry_after_and_little_longer(header: str) -> None:
    """Invariant 19."""
    stub = ScriptedServer([(503, {"retry-after": header, **DATE}, b""), (200, {}, {})])
    await make_pipeline(stub).send(CALLS[Effect.READ])
    assert 40 <= stub.requests[1].at <= 46


async def test_retry_repeats_item_not_found_after_more_than_a_second() -> None:
    stub = ScriptedServer([error_reply(404, "Custom Item with ID = 0 was not found"), (200, {}, {})])
    await make_pipeline(stub).send(CALLS[Effect.UPSERT])
    assert stub.requests[1].at - stub.requests[0].at > 1.0


# --- restraint ---


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 30)), max_size=300))
def test_retry_budget_keeps_its_bound(steps: list[tuple[bool, float]]) -> None:
    budget, now, retries = RetryBudget(), 0.0, 0
    for calls, (success, wait) in enumerate(steps, 1):
        now += wait
        if success:
            budget.deposit()
        elif budget.try_spend(now):
            retries += 1
        assert 0 <= budget.tokens <= 10
        assert retries <= 0.1 * calls + 11 + now / 10


def test_circuit_breaker_opens_probes_and_closes() -> None:
    breaker = CircuitBreaker(lambda: 0.5)
    for _ in range(20):
        assert breaker.try_acquire(0.0) == 0
        breaker.record(0.0, failed=True)
    assert breaker.is_open
    assert breaker.try_acquire(1.0) == pytest.approx(4.0)
    assert breaker.try_acquire(6.0) == 0  # the probe
    assert breaker.try_acquire(6.0) > 0  # nobody else
    breaker.record(6.5, failed=True)
    assert breaker.try_acquire(7.0) == pytest.approx(9.5)
    assert breaker.try_acquire(17.0) == 0
    breaker.record(17.1, failed=False)
    assert not breaker.is_open


def test_circuit_breaker_allows_another_probe_after_an_unsent_one() -> None:
    breaker = CircuitBreaker(lambda: 0.5)
    for _ in range(20):
        breaker.record(0.0, failed=True)
    assert breaker.try_acquire(6.0) == 0
    breaker.cancel_probe()
    assert breaker.try_acquire(6.0) == 0


def test_circuit_breaker_opens_at_half_of_many_failing() -> None:
    breaker = CircuitBreaker(lambda: 0.5)
    for index in range(60):
        breaker.record(index * 0.1, failed=index % 3 == 0)
    assert not breaker.is_open
    for index in range(60):
        breaker.record(6 + index * 0.1, failed=index % 3 != 0)
    assert breaker.is_open


def test_circuit_breaker_forgets_old_failures() -> None:
    breaker = CircuitBreaker(lambda: 0.5)
    for _ in range(19):
        breaker.record(0.0, failed=True)
    for index in range(19):
        breaker.record(40.0 + index, failed=False)
    assert not breaker.is_open


async def test_circuit_breaker_refuses_calls_unsent_while_open() -> None:
    stub = ScriptedServer([ConnectionRefusedError()])
    pipeline = make_pipeline(stub)
    for _ in range(12):
        with pytest.raises(MauticError):
            await pipeline.send(CALLS[Effect.READ])
    sends = stub.request_count
    with pytest.raises(Unavailable) as caught:
        await pipeline.send(CALLS[Effect.READ])
    assert stub.request_count == sends
    assert caught.value.retry_after > 0
