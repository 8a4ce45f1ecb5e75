"""What a call is said to have suffered, where the failure was not the call's own."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from mautic_async.auth.authorization_code import AuthContext
from mautic_async.errors import (
    AuthenticationError,
    MauticError,
    NotFound,
    OutcomeUnknown,
    ServerError,
    TransportError,
    Unavailable,
    UnexpectedResponse,
)
from mautic_async.events import Event
from mautic_async.protocol import Call, Effect
from mautic_async.transport.client import Timeouts
from tests.support.scripted_server import GET, FixedAuth, ScriptedServer, error_reply, make_pipeline

pytestmark = pytest.mark.virtual_time

OK: Any = (200, {}, {"ok": 1})
DOWN = ConnectionRefusedError()
POST = Call("POST", "notes/new", Effect.NON_IDEMPOTENT, body={"a": 1})
DELETE = Call("DELETE", "contacts/5/delete", Effect.IDEMPOTENT)


class Tokenless(FixedAuth):
    """Whose token requests fail."""

    def __init__(self, failure: MauticError, times: int = 10**6, *, at: str = "header") -> None:
        super().__init__("Bearer one")
        self.failure, self.times, self.at = failure, times, at

    async def header(self, context: AuthContext) -> str:
        self._fail("header")
        return await super().header(context)

    async def renew(self, refused: str, context: AuthContext) -> None:
        self._fail("renew")

    def _fail(self, at: str) -> None:
        if at == self.at and self.times:
            self.times -= 1
            raise self.failure


# --- the breaker's probe ---


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"content-encoding": "br"}, b"x"),
        (200, {f"x-{number}": "1" for number in range(300)}, b""),
    ],
    ids=["an odd encoding", "too many headers"],
)
async def test_circuit_breaker_probe_ends_with_an_unreadable_response(answer: Any) -> None:
    stub = ScriptedServer([DOWN])
    pipeline = make_pipeline(stub)
    for _ in range(40):
        with pytest.raises((TransportError, Unavailable)):
            await pipeline.send(GET)
    assert pipeline.breaker.is_open
    stub.replies = [answer]
    await asyncio.sleep(120)
    with pytest.raises(UnexpectedResponse):
        await pipeline.send(GET)
    stub.replies = [OK]
    await asyncio.sleep(120)
    assert (await pipeline.send(GET)).status == 200


async def test_circuit_breaker_probe_ends_without_a_token() -> None:
    stub = ScriptedServer([DOWN])
    auth = Tokenless(AuthenticationError("no", status=400), times=0)
    pipeline = make_pipeline(stub, auth=auth)
    for _ in range(40):
        with pytest.raises((TransportError, Unavailable)):
            await pipeline.send(GET)
    stub.replies, auth.times = [OK], 1
    await asyncio.sleep(120)
    with pytest.raises(AuthenticationError):
        await pipeline.send(GET)
    await asyncio.sleep(120)
    assert (await pipeline.send(GET)).status == 200


# --- no token ---


@pytest.mark.parametrize("at", ["header", "renew"])
@pytest.mark.parametrize(
    "failure",
    [
        TransportError("no answer", kind="read-timeout"),
        TransportError("closed", kind="closed"),
        ServerError("broken", status=500),
        UnexpectedResponse("html", status=200),
    ],
    ids=str,
)
async def test_send_without_a_token_reports_the_call_as_not_applied(failure: MauticError, at: str) -> None:
    stub = ScriptedServer([error_reply(401) if at == "renew" else OK])
    with pytest.raises(type(failure)) as caught:
        await make_pipeline(stub, auth=Tokenless(failure, at=at)).send(POST)
    assert caught.value.verdict is not None
    assert caught.value.verdict.kind == "token-unavailable"
    stub = ScriptedServer([error_reply(401), OK] if at == "renew" else [OK])
    assert (await make_pipeline(stub, auth=Tokenless(failure, times=1, at=at)).send(POST)).status == 200


# --- deletions ---


@pytest.mark.parametrize("refusal", [DOWN, error_reply(429, headers={"retry-after": "1"})], ids=repr)
async def test_delete_after_a_certain_refusal_still_raises_not_found(refusal: Any) -> None:
    stub = ScriptedServer([refusal, error_reply(404, "Item was not found.")])
    with pytest.raises(NotFound):
        await make_pipeline(stub).send(DELETE)
    assert stub.request_count == 2


async def test_delete_with_a_lost_response_is_done_when_a_retry_finds_no_entity() -> None:
    stub = ScriptedServer(
        [
            ConnectionResetError(),
            error_reply(429, headers={"retry-after": "1"}),
            error_reply(404, "Item was not found."),
        ]
    )
    assert (await make_pipeline(stub).send(DELETE)).body is None


# --- the end ---


async def test_aclose_makes_a_cancelled_write_outcome_unknown() -> None:
    stub = ScriptedServer([OK], delay=500.0)
    pipeline = make_pipeline(stub, timeouts=Timeouts(drain=3))
    caller = asyncio.ensure_future(pipeline.send(POST))
    reader = asyncio.ensure_future(pipeline.send(GET))
    await asyncio.sleep(1)
    await pipeline.aclose()
    with pytest.raises(OutcomeUnknown, match="closed"):
        await caller
    with pytest.raises(MauticError, match="closed"):
        await reader
    assert pipeline.rate_limiter.in_flight == 0
    assert len(pipeline.background) == 0


# --- the same item twice within a second ---


async def test_item_upsert_that_never_succeeds_is_outcome_unknown() -> None:
    """Invariant 63."""
    stub = ScriptedServer([error_reply(404, "Custom Item with ID = 0 was not found")])
    upsert = Call("POST", "contacts/new", Effect.UPSERT, body={"email": "a"})
    with pytest.raises(OutcomeUnknown, match="ID = 0") as caught:
        await make_pipeline(stub).send(upsert)
    assert caught.value.attempts == stub.request_count == 4
    moments = [seen.at for seen in stub.requests]
    assert all(later - earlier > 1.0 for earlier, later in pairwise(moments))


# --- the story of a call whose caller left ---


async def test_send_ends_after_its_caller_left() -> None:
    told: list[Event] = []
    pipeline = make_pipeline(ScriptedServer([OK], delay=5.0), hooks=(told.append,))
    caller = asyncio.ensure_future(pipeline.send(POST))
    await asyncio.sleep(1)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert [event.kind for event in told] == ["before", "done"]
    assert (told[-1].status, told[-1].error, told[-1].seconds) == (None, None, 1.0)
