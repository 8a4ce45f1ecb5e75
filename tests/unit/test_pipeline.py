"""The path of a request: signing, renewal, cancellation, deadlines, the end. On virtual time."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from mautic_async.errors import (
    AuthenticationError,
    ConfigurationError,
    DeadlineExceeded,
    MauticError,
    OutcomeUnknown,
    RateLimited,
    TransportError,
)
from mautic_async.events import Event
from mautic_async.protocol import Call, Effect, FilePart
from mautic_async.ratelimit.settings import Limits
from mautic_async.testing.virtual_time import run_virtual
from mautic_async.transport.client import Timeouts
from tests.support.scripted_server import (
    GET,
    FixedAuth,
    RecordedRequest,
    Reply,
    ScriptedServer,
    error_reply,
    make_pipeline,
)

pytestmark = pytest.mark.virtual_time

OK: Reply = (200, {}, {"contact": {"id": 1}})
POST = Call("POST", "notes/new", Effect.NON_IDEMPOTENT, body={"text": "é", "contact": 1})


async def test_a_request_is_signed_and_says_what_it_wants() -> None:
    stub = ScriptedServer([OK])
    payload = await make_pipeline(stub).send(POST)
    (seen,) = stub.requests
    assert payload.body == {"contact": {"id": 1}}
    assert (seen.method, seen.target) == ("POST", "/api/notes/new")
    assert seen.headers["authorization"] == "Bearer one"
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["accept-encoding"] == "gzip"
    assert seen.headers["content-type"] == "application/json"
    assert "cookie" not in seen.headers
    assert json.loads(seen.body) == {"text": "é", "contact": 1}


async def test_invariant_47_a_401_renews_once_and_replays_the_identical_request() -> None:
    stub, auth = ScriptedServer([error_reply(401), OK]), FixedAuth("Bearer old", "Bearer new")
    await make_pipeline(stub, auth=auth).send(POST)
    first, second = stub.requests
    assert (first.headers["authorization"], second.headers["authorization"]) == ("Bearer old", "Bearer new")
    assert (first.method, first.target, first.body) == (second.method, second.target, second.body)
    assert auth.renewals == 1


async def test_invariant_46_a_second_401_is_raised_and_there_is_no_loop() -> None:
    stub, auth = ScriptedServer([error_reply(401)]), FixedAuth("Bearer 1", "Bearer 2", "Bearer 3")
    with pytest.raises(AuthenticationError):
        await make_pipeline(stub, auth=auth).send(POST)
    assert stub.request_count == 2


async def test_a_401_that_nothing_can_mend_is_sent_once() -> None:
    stub = ScriptedServer([error_reply(401)])
    with pytest.raises(AuthenticationError) as caught:
        await make_pipeline(stub).send(GET)
    assert stub.request_count == 1
    assert caught.value.attempts == 1


@pytest.mark.parametrize("header", ["Bearer a\r\nX: y", "Bearer \x00", "Bearer ü"])
async def test_a_header_that_could_split_the_request_is_refused(header: str) -> None:
    stub = ScriptedServer([OK])
    with pytest.raises(ConfigurationError, match="visible ASCII"):
        await make_pipeline(stub, auth=FixedAuth(header)).send(GET)
    assert stub.request_count == 0


async def test_a_cancelled_caller_leaves_and_the_request_goes_on() -> None:
    stub = ScriptedServer([OK], delay=10.0)
    pipeline = make_pipeline(stub)
    caller = asyncio.ensure_future(pipeline.send(POST))
    await asyncio.sleep(1)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert asyncio.get_running_loop().time() == pytest.approx(1.0)
    assert len(pipeline.background) == 1
    assert pipeline.rate_limiter.in_flight == 1
    await asyncio.sleep(10)
    assert len(pipeline.background) == 0
    assert pipeline.rate_limiter.in_flight == 0


@pytest.mark.parametrize("moment", [0.0, 0.5, 3.0, 5.5, 40.0])
async def test_invariant_60_every_wait_ends_at_once_on_cancellation(moment: float) -> None:
    """At the gate, in flight, while backing off, while paused by a limit."""

    pause = {"retry-after": "30"}
    stub = ScriptedServer([(503, pause, b""), (503, pause, b""), OK], delay=5.0)
    pipeline = make_pipeline(stub, limits=Limits(concurrency=1))
    callers = [asyncio.ensure_future(pipeline.send(GET)) for _ in range(3)]
    await asyncio.sleep(moment)
    before = asyncio.get_running_loop().time()
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    assert asyncio.get_running_loop().time() == before
    await asyncio.sleep(100)
    assert pipeline.rate_limiter.in_flight == 0
    assert pipeline.rate_limiter.waiting == 0
    assert len(pipeline.background) == 0
    assert len(asyncio.all_tasks()) == 1


async def test_a_wait_beyond_the_patience_is_rate_limited_and_not_sent() -> None:
    headers = {
        "x-ratelimit-limit": "1",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1800000900",
        "date": "Fri, 15 Jan 2027 08:00:00 GMT",
    }
    stub = ScriptedServer([(200, headers, {"contact": {"id": 1}})])
    pipeline = make_pipeline(stub, limits=Limits(patience=5))
    await pipeline.send(GET)
    with pytest.raises(RateLimited) as caught:
        await pipeline.send(GET)
    assert stub.request_count == 1
    assert caught.value.sent is False
    assert caught.value.retry_after is not None
    assert 901 <= caught.value.retry_after <= 911


# --- deadlines ---


async def test_a_read_ends_with_the_deadline() -> None:
    stub = ScriptedServer([OK], delay=1000.0)
    pipeline = make_pipeline(stub)
    async with pipeline.deadline(7):
        with pytest.raises(TransportError):
            await pipeline.send(GET)
    assert asyncio.get_running_loop().time() == pytest.approx(7.0, abs=0.5)


async def test_a_write_is_not_cut_short_by_the_deadline() -> None:
    stub = ScriptedServer([OK], delay=60.0)
    pipeline = make_pipeline(stub)
    async with pipeline.deadline(7):
        await pipeline.send(POST)
    assert asyncio.get_running_loop().time() == pytest.approx(60.0)


async def test_what_cannot_fit_is_not_sent() -> None:
    stub = ScriptedServer([OK], delay=4.0)
    pipeline = make_pipeline(stub)
    await pipeline.send(GET)
    async with pipeline.deadline(3):
        with pytest.raises(DeadlineExceeded):
            await pipeline.send(GET)
    async with pipeline.deadline(0):
        with pytest.raises(DeadlineExceeded):
            await pipeline.send(POST)
    assert stub.request_count == 1


async def test_the_shorter_of_two_deadlines_counts_and_ends_with_its_block() -> None:
    pipeline = make_pipeline(ScriptedServer([OK], delay=5.0))
    async with pipeline.deadline(1), pipeline.deadline(100):
        with pytest.raises(MauticError):
            await pipeline.send(GET)
    await pipeline.send(GET)


# --- the end ---


async def test_closing_waits_for_what_is_under_way_and_refuses_the_rest() -> None:
    stub = ScriptedServer([OK], delay=5.0)
    pipeline = make_pipeline(stub)
    under_way = asyncio.ensure_future(pipeline.send(POST))
    await asyncio.sleep(1)
    await pipeline.aclose()
    assert (await under_way).status == 200
    await pipeline.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await pipeline.send(GET)


async def test_closing_tells_those_who_wait_that_they_were_not_sent() -> None:
    stub = ScriptedServer([OK], delay=5.0)
    pipeline = make_pipeline(stub, limits=Limits(concurrency=1))
    callers = [asyncio.ensure_future(pipeline.send(POST)) for _ in range(3)]
    await asyncio.sleep(1)
    await pipeline.aclose()
    first, *others = await asyncio.gather(*callers, return_exceptions=True)
    assert not isinstance(first, BaseException)
    assert all(isinstance(other, ConfigurationError) for other in others)
    assert stub.request_count == 1


async def test_closing_cuts_what_does_not_end_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="mautic_async"):
        stub = ScriptedServer([OK], delay=500.0)
        pipeline = make_pipeline(stub, timeouts=Timeouts(drain=3))
        caller = asyncio.ensure_future(pipeline.send(POST))
        await asyncio.sleep(1)
        await pipeline.aclose()
        with pytest.raises(OutcomeUnknown):
            await caller
        assert asyncio.get_running_loop().time() == pytest.approx(4.0)
        assert len(pipeline.background) == 0
    assert "1 requests were cut" in caplog.text


def test_a_client_on_another_loop_names_both() -> None:
    async def first() -> Any:
        pipeline = make_pipeline(ScriptedServer([OK]))
        await pipeline.send(GET)
        return pipeline

    pipeline = run_virtual(first())

    async def second() -> None:
        with pytest.raises(ConfigurationError, match="event loop 0x"):
            await pipeline.send(GET)

    run_virtual(second())


# --- what others see ---


async def test_hooks_see_attempts_pauses_and_waits() -> None:
    events: list[Event] = []

    stub = ScriptedServer([(503, {}, b""), OK])
    await make_pipeline(stub, hooks=(events.append,)).send(GET)
    assert [(event.kind, event.attempt, event.status) for event in events] == [
        ("before", 1, None),
        ("after", 1, 503),
        ("retry", 1, None),
        ("before", 2, None),
        ("after", 2, 200),
        ("done", 2, 200),
    ]
    assert {event.call_id for event in events} == {1}


async def test_a_failing_hook_does_not_fail_the_call(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError(event.kind)

    assert (await make_pipeline(ScriptedServer([OK]), hooks=(broken,)).send(GET)).status == 200
    assert "a hook failed" in caplog.text


async def test_the_log_is_structured(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="mautic_async"):
        await make_pipeline(ScriptedServer([(503, {}, b""), OK])).send(GET)
    fields = [(record.call, record.status, record.failure) for record in caplog.records if record.msg.startswith("%s")]  # type: ignore[attr-defined]
    assert ("GET contacts/1", 503, "unavailable") in fields
    assert ("GET contacts/1", 200, None) in fields


async def test_the_version_is_remembered() -> None:
    pipeline = make_pipeline(ScriptedServer([(200, {"Mautic-Version": "5.1.1"}, {}), OK]))
    assert pipeline.version is None
    await pipeline.send(GET)
    await pipeline.send(GET)
    assert pipeline.version == "5.1.1"


async def test_a_file_goes_out_as_multipart() -> None:
    stub = ScriptedServer([OK])
    await make_pipeline(stub).send(
        Call(
            "POST",
            "files/images/new",
            Effect.NON_IDEMPOTENT,
            file=FilePart('a"b.png', b"\x89PNG", media_type="image/png"),
        )
    )
    (seen,) = stub.requests
    boundary = seen.headers["content-type"].partition("boundary=")[2]
    assert seen.body.startswith(f"--{boundary}\r\n".encode())
    assert b'filename="a\\"b.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n' in seen.body


async def test_a_file_name_with_line_breaks_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="control characters"):
        await make_pipeline(ScriptedServer([OK])).send(Call("POST", "files/images/new", file=FilePart("a\r\nb", b"")))


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": object()}])
async def test_a_body_that_is_no_json_is_refused(body: Any) -> None:
    stub = ScriptedServer([OK])
    with pytest.raises(ConfigurationError, match="JSON"):
        await make_pipeline(stub).send(Call("POST", "notes/new", Effect.NON_IDEMPOTENT, body=body))
    assert stub.request_count == 0


async def test_v2_speaks_json_ld() -> None:
    stub = ScriptedServer([OK])
    pipeline = make_pipeline(stub)
    await pipeline.send(Call("PATCH", "v2/custom_items/1", Effect.IDEMPOTENT, body={"a": 1}, jsonld=True))
    assert stub.requests[0].headers["accept"] == "application/ld+json"
    assert stub.requests[0].headers["content-type"] == "application/merge-patch+json"


async def test_only_credentials_with_a_login_can_be_authorized() -> None:
    with pytest.raises(ConfigurationError, match="log-in"):
        await make_pipeline(ScriptedServer()).authorize("https://x.example/?code=1", None)


async def test_many_callers_each_get_their_own_answer() -> None:
    def echo(seen: RecordedRequest) -> tuple[int, dict[str, str], Any]:
        return 200, {}, {"contact": {"id": int(seen.target.rpartition("/")[2])}}

    stub = ScriptedServer([echo], delay=0.1)
    pipeline = make_pipeline(stub, limits=Limits(concurrency=4))

    async def one(id: int) -> None:
        payload = await pipeline.send(Call("GET", f"contacts/{id}"))
        assert payload.body["contact"]["id"] == id

    async with asyncio.TaskGroup() as group:
        for id in range(1, 101):
            group.create_task(one(id))
    assert asyncio.get_running_loop().time() == pytest.approx(2.5, abs=0.2)
