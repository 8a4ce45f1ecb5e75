"""The log of a call: one line for each event, with the same facts as text and as ``extra``."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from mautic_async.errors import MauticError
from tests.support.scripted_server import GET, ScriptedServer, error_reply, make_pipeline

pytestmark = pytest.mark.virtual_time


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, "mautic_async")
    return caplog


def lines(log: pytest.LogCaptureFixture, level: int = logging.DEBUG) -> list[str]:
    return [record.getMessage() for record in log.records if record.name == "mautic_async" and record.levelno >= level]


def extra(log: pytest.LogCaptureFixture, event: str) -> dict[str, Any]:
    (found,) = [vars(record) for record in log.records if vars(record).get("event") == event]
    names = ("call", "server", "attempt", "status", "seconds", "reason", "failure")
    return {name: found[name] for name in names}


async def test_log_line_of_a_retry_has_status_seconds_and_reason(log: pytest.LogCaptureFixture) -> None:
    pipeline = make_pipeline(ScriptedServer([(503, {"retry-after": "2"}, b""), (200, {}, {"contact": {"id": 1}})]))
    await pipeline.send(GET)
    (line,) = lines(log, logging.INFO)
    pause = extra(log, "retry")["seconds"]
    assert line == f"GET contacts/1 503 in 0.00 s, retry 2 in {pause:.1f} s (server error)"
    assert extra(log, "retry") == {
        "call": "GET contacts/1",
        "server": "mautic.test:443",
        "attempt": 1,
        "status": 503,
        "seconds": pause,
        "reason": "server error",
        "failure": "unavailable",
    }
    assert lines(log)[0] == "GET contacts/1 attempt 1"
    assert lines(log)[-1] == f"GET contacts/1 200 in {pause:.2f} s"


async def test_log_line_of_a_failure_has_the_number_of_attempts(log: pytest.LogCaptureFixture) -> None:
    pipeline = make_pipeline(ScriptedServer([error_reply(404)]))
    with pytest.raises(MauticError):
        await pipeline.send(GET)
    assert lines(log, logging.INFO) == ["GET contacts/1 404 in 0.00 s, given up after attempt 1 (not found)"]
    assert extra(log, "done")["status"] == 404


async def test_log_line_of_a_lost_response_names_the_failure(log: pytest.LogCaptureFixture) -> None:
    pipeline = make_pipeline(ScriptedServer([ConnectionResetError(), (200, {}, {"contact": {"id": 1}})]))
    await pipeline.send(GET)
    (line,) = lines(log, logging.INFO)
    assert line.startswith("GET contacts/1 without response in 0.00 s, retry 2 in ")
    assert line.endswith(" s (disconnected)")


async def test_log_line_of_a_cancelled_call_says_so(log: pytest.LogCaptureFixture) -> None:
    pipeline = make_pipeline(ScriptedServer(delay=10))
    task = asyncio.ensure_future(pipeline.send(GET))
    await asyncio.sleep(3)
    task.cancel()
    await asyncio.wait([task])
    assert lines(log)[-1] == "GET contacts/1 cancelled after 3.00 s"
