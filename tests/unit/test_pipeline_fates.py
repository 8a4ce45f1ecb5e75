"""What a call is said to have suffered, where the failure was not the call's own."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from mautic_async.auth.authorization_code import Exchange
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
from mautic_async.testing.virtual_time import run
from mautic_async.transport.client import Timeouts
from tests.support.scripted_server import GET, FixedAuth, Stub, error, pipeline_of

OK: Any = (200, {}, {"ok": 1})
DOWN = ConnectionRefusedError()
POST = Call("POST", "notes/new", Effect.APPEND, body={"a": 1})
DELETE = Call("DELETE", "contacts/5/delete", Effect.SET)


class Tokenless(FixedAuth):
    """Whose token requests fail."""

    def __init__(self, failure: MauticError, times: int = 10**6, *, at: str = "header") -> None:
        super().__init__("Bearer one")
        self.failure, self.times, self.at = failure, times, at

    async def header(self, exchange: Exchange) -> str:
        self._fail("header")
        return await super().header(exchange)

    async def renew(self, refused: str, exchange: Exchange) -> None:
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
def test_a_probe_whose_answer_cannot_be_read_is_over(answer: Any) -> None:
    async def main() -> None:
        stub = Stub([DOWN])
        pipeline = pipeline_of(stub)
        for _ in range(40):
            with pytest.raises((TransportError, Unavailable)):
                await pipeline.send(GET)
        assert pipeline.breaker.open
        stub.script = [answer]
        await asyncio.sleep(120)
        with pytest.raises(UnexpectedResponse):
            await pipeline.send(GET)
        stub.script = [OK]
        await asyncio.sleep(120)
        assert (await pipeline.send(GET)).status == 200

    run(main())


def test_a_probe_that_got_no_token_is_over() -> None:
    async def main() -> None:
        stub = Stub([DOWN])
        auth = Tokenless(AuthenticationError("no", status=400), times=0)
        pipeline = pipeline_of(stub, auth=auth)
        for _ in range(40):
            with pytest.raises((TransportError, Unavailable)):
                await pipeline.send(GET)
        stub.script, auth.times = [OK], 1
        await asyncio.sleep(120)
        with pytest.raises(AuthenticationError):
            await pipeline.send(GET)
        await asyncio.sleep(120)
        assert (await pipeline.send(GET)).status == 200

    run(main())


# --- no token ---


@pytest.mark.parametrize("at", ["header", "renew"])
@pytest.mark.parametrize(
    "failure",
    [
        TransportError("no answer", event="read-timeout"),
        TransportError("closed", event="closed"),
        ServerError("broken", status=500),
        UnexpectedResponse("html", status=200),
    ],
    ids=str,
)
def test_a_call_for_which_no_token_could_be_had_was_not_applied(failure: MauticError, at: str) -> None:
    async def main() -> None:
        stub = Stub([error(401) if at == "renew" else OK])
        with pytest.raises(type(failure)) as caught:
            await pipeline_of(stub, auth=Tokenless(failure, at=at)).send(POST)
        assert caught.value.verdict is not None
        assert caught.value.verdict.event == "no-token"
        stub = Stub([error(401), OK] if at == "renew" else [OK])
        assert (await pipeline_of(stub, auth=Tokenless(failure, times=1, at=at)).send(POST)).status == 200

    run(main())


# --- deletions ---


@pytest.mark.parametrize("refusal", [DOWN, error(429, headers={"retry-after": "1"})], ids=repr)
def test_a_deletion_that_was_surely_refused_at_first_still_says_not_found(refusal: Any) -> None:
    async def main() -> None:
        stub = Stub([refusal, error(404, "Item was not found.")])
        with pytest.raises(NotFound):
            await pipeline_of(stub).send(DELETE)
        assert stub.sends == 2

    run(main())


def test_a_deletion_whose_answer_was_lost_is_done_when_a_repetition_finds_nothing() -> None:
    async def main() -> None:
        stub = Stub(
            [ConnectionResetError(), error(429, headers={"retry-after": "1"}), error(404, "Item was not found.")]
        )
        assert (await pipeline_of(stub).send(DELETE)).body is None

    run(main())


# --- the end ---


def test_a_write_that_closing_cuts_is_of_unknown_outcome() -> None:
    async def main() -> None:
        stub = Stub([OK], delay=500.0)
        pipeline = pipeline_of(stub, timeouts=Timeouts(drain=3))
        caller = asyncio.ensure_future(pipeline.send(POST))
        reader = asyncio.ensure_future(pipeline.send(GET))
        await asyncio.sleep(1)
        await pipeline.aclose()
        with pytest.raises(OutcomeUnknown, match="closed"):
            await caller
        with pytest.raises(MauticError, match="closed"):
            await reader
        assert pipeline.gate.in_flight == 0
        assert len(pipeline.flights) == 0

    run(main())


# --- the same item twice within a second ---


def test_invariant_63_an_item_upsert_that_never_passes_is_of_unknown_outcome() -> None:
    async def main() -> None:
        stub = Stub([error(404, "Custom Item with ID = 0 was not found")])
        upsert = Call("POST", "contacts/new", Effect.UPSERT, body={"email": "a"})
        with pytest.raises(OutcomeUnknown, match="ID = 0") as caught:
            await pipeline_of(stub).send(upsert)
        assert caught.value.attempts == stub.sends == 4
        moments = [seen.at for seen in stub.seen]
        assert all(later - earlier > 1.0 for earlier, later in pairwise(moments))

    run(main())


# --- the story of a call whose caller left ---


def test_a_call_whose_caller_left_has_an_end_too() -> None:
    async def main() -> None:
        told: list[Event] = []
        pipeline = pipeline_of(Stub([OK], delay=5.0), hooks=(told.append,))
        caller = asyncio.ensure_future(pipeline.send(POST))
        await asyncio.sleep(1)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert [event.kind for event in told] == ["before", "done"]
        assert (told[-1].status, told[-1].error, told[-1].seconds) == (None, None, 1.0)

    run(main())
