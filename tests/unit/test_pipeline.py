"""The path of a request: signing, renewal, cancellation, deadlines, the end. On virtual time."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from mautic_async.auth.authorization_code import BasicAuth
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


async def test_send_signs_the_request_and_names_accepted_types() -> None:
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


async def test_send_refreshes_once_after_a_401_and_repeats_the_identical_request() -> None:
    """Invariant 47."""
    stub, auth = ScriptedServer([error_reply(401), OK]), FixedAuth("Bearer old", "Bearer new")
    await make_pipeline(stub, auth=auth).send(POST)
    first, second = stub.requests
    assert (first.headers["authorization"], second.headers["authorization"]) == ("Bearer old", "Bearer new")
    assert (first.method, first.target, first.body) == (second.method, second.target, second.body)
    assert auth.renewals == 1


async def test_send_raises_a_second_401() -> None:
    """Invariant 46."""
    stub, auth = ScriptedServer([error_reply(401)]), FixedAuth("Bearer 1", "Bearer 2", "Bearer 3")
    with pytest.raises(AuthenticationError):
        await make_pipeline(stub, auth=auth).send(POST)
    assert stub.request_count == 2


async def test_send_does_not_retry_a_401_without_refresh() -> None:
    stub = ScriptedServer([error_reply(401)])
    with pytest.raises(AuthenticationError) as caught:
        await make_pipeline(stub).send(GET)
    assert stub.request_count == 1
    assert caught.value.attempts == 1


@pytest.mark.parametrize("header", ["Bearer a\r\nX: y", "Bearer \x00", "Bearer ü"])
async def test_send_refuses_a_header_that_could_split_the_request(header: str) -> None:
    stub = ScriptedServer([OK])
    with pytest.raises(ConfigurationError, match="visible ASCII"):
        await make_pipeline(stub, auth=FixedAuth(header)).send(GET)
    assert stub.request_count == 0


async def test_send_continues_after_its_caller_is_cancelled() -> None:
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
async def test_send_cancellation_ends_every_wait_at_once(moment: float) -> None:
    """At the gate, in flight, while backing off, while paused by a limit. Invariant 60."""

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


async def test_send_raises_rate_limited_unsent_for_a_wait_beyond_patience() -> None:
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


async def test_deadline_ends_a_read() -> None:
    stub = ScriptedServer([OK], delay=1000.0)
    pipeline = make_pipeline(stub)
    async with pipeline.deadline(7):
        with pytest.raises(TransportError):
            await pipeline.send(GET)
    assert asyncio.get_running_loop().time() == pytest.approx(7.0, abs=0.5)


async def test_deadline_does_not_cut_a_write() -> None:
    stub = ScriptedServer([OK], delay=60.0)
    pipeline = make_pipeline(stub)
    async with pipeline.deadline(7):
        await pipeline.send(POST)
    assert asyncio.get_running_loop().time() == pytest.approx(60.0)


async def test_deadline_refuses_calls_that_cannot_fit() -> None:
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


async def test_deadline_nested_uses_the_shorter_and_ends_with_its_block() -> None:
    pipeline = make_pipeline(ScriptedServer([OK], delay=5.0))
    async with pipeline.deadline(1), pipeline.deadline(100):
        with pytest.raises(MauticError):
            await pipeline.send(GET)
    await pipeline.send(GET)


# --- the end ---


async def test_aclose_waits_for_running_calls_and_refuses_new_ones() -> None:
    stub = ScriptedServer([OK], delay=5.0)
    pipeline = make_pipeline(stub)
    under_way = asyncio.ensure_future(pipeline.send(POST))
    await asyncio.sleep(1)
    await pipeline.aclose()
    assert (await under_way).status == 200
    await pipeline.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await pipeline.send(GET)


async def test_aclose_tells_waiting_callers_that_they_were_not_sent() -> None:
    stub = ScriptedServer([OK], delay=5.0)
    pipeline = make_pipeline(stub, limits=Limits(concurrency=1))
    callers = [asyncio.ensure_future(pipeline.send(POST)) for _ in range(3)]
    await asyncio.sleep(1)
    await pipeline.aclose()
    first, *others = await asyncio.gather(*callers, return_exceptions=True)
    assert not isinstance(first, BaseException)
    assert all(isinstance(other, ConfigurationError) for other in others)
    assert stub.request_count == 1


async def test_aclose_cancels_calls_that_do_not_end_and_logs_it(caplog: pytest.LogCaptureFixture) -> None:
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


def test_send_on_another_loop_raises_naming_both_loops() -> None:
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
        ("retry", 1, 503),
        ("before", 2, None),
        ("after", 2, 200),
        ("done", 2, 200),
    ]
    assert {event.call_id for event in events} == {1}


async def test_hooks_that_raise_do_not_fail_the_call(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError(event.kind)

    assert (await make_pipeline(ScriptedServer([OK]), hooks=(broken,)).send(GET)).status == 200
    assert "a hook failed" in caplog.text


async def test_log_records_are_structured(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="mautic_async"):
        await make_pipeline(ScriptedServer([(503, {}, b""), OK])).send(GET)
    fields = [(record.call, record.status, record.failure) for record in caplog.records if record.msg.startswith("%s")]  # type: ignore[attr-defined]
    assert ("GET contacts/1", 503, "unavailable") in fields
    assert ("GET contacts/1", 200, None) in fields


async def test_version_is_kept_from_the_first_response() -> None:
    pipeline = make_pipeline(ScriptedServer([(200, {"Mautic-Version": "5.1.1"}, {}), OK]))
    assert pipeline.version is None
    await pipeline.send(GET)
    await pipeline.send(GET)
    assert pipeline.version == "5.1.1"


async def test_send_writes_a_file_as_multipart() -> None:
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


async def test_send_refuses_a_file_name_with_line_breaks() -> None:
    with pytest.raises(ConfigurationError, match="control characters"):
        await make_pipeline(ScriptedServer([OK])).send(Call("POST", "files/images/new", file=FilePart("a\r\nb", b"")))


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": object()}])
async def test_send_refuses_a_body_without_json_form(body: Any) -> None:
    stub = ScriptedServer([OK])
    with pytest.raises(ConfigurationError, match="JSON"):
        await make_pipeline(stub).send(Call("POST", "notes/new", Effect.NON_IDEMPOTENT, body=body))
    assert stub.request_count == 0


async def test_send_v2_uses_json_ld() -> None:
    stub = ScriptedServer([OK])
    pipeline = make_pipeline(stub)
    await pipeline.send(Call("PATCH", "v2/custom_items/1", Effect.IDEMPOTENT, body={"a": 1}, jsonld=True))
    assert stub.requests[0].headers["accept"] == "application/ld+json"
    assert stub.requests[0].headers["content-type"] == "application/merge-patch+json"


async def test_authorize_requires_a_credential_with_login() -> None:
    with pytest.raises(ConfigurationError, match="AuthorizationCode"):
        await make_pipeline(ScriptedServer()).authorize("https://x.example/?code=1", None)


async def test_send_returns_each_of_many_callers_its_own_response() -> None:
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


async def test_send_explains_the_empty_401_of_mautic_7_to_basic_credentials() -> None:
    headers = {"content-type": "text/html", "www-authenticate": 'Basic realm="Secured Area"'}
    pipeline = make_pipeline(ScriptedServer([(401, headers, b"")]), auth=BasicAuth("ada", "wrong"))
    with pytest.raises(AuthenticationError, match="an empty body -> check user name and password") as found:
        await pipeline.send(GET)
    assert found.value.attempts == 1
    assert pipeline.rate_limiter.status.limit is None


async def test_send_does_not_wait_on_a_server_without_rate_limit_headers() -> None:
    server = ScriptedServer([(200, {"mautic-version": "7.0.2"}, {"contact": {"id": 1}})], delay=1.0)
    pipeline = make_pipeline(server, limits=Limits(concurrency=8))
    began = asyncio.get_running_loop().time()
    await pipeline.send(GET)
    await asyncio.gather(*(pipeline.send(GET) for _ in range(800)))
    assert asyncio.get_running_loop().time() - began == pytest.approx(101.0, abs=0.1)
