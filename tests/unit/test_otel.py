"""One span for each call, with its attempts and waits."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mautic_async.errors import MauticError
from mautic_async.otel import spans
from tests.support.scripted_server import GET, ScriptedServer, error_reply, make_pipeline


@pytest.mark.virtual_time
async def test_otel_call_is_one_span_with_attempts_and_reasons() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    hook = spans(provider.get_tracer("test"))

    stub = ScriptedServer([(503, {}, b""), (200, {}, {"contact": {"id": 1}}), error_reply(404)])
    pipeline = make_pipeline(stub, hooks=(hook,))
    await pipeline.send(GET)
    with pytest.raises(MauticError):
        await pipeline.send(GET)
    good, bad = kept.get_finished_spans()
    assert good.name == "mautic GET"
    assert dict(good.attributes or {}) == {
        "mautic.call": "GET contacts/1",
        "mautic.attempts": 2,
        "http.response.status_code": 200,
    }
    assert [event.name for event in good.events] == ["before", "after", "retry", "before", "after"]
    assert (good.events[1].attributes or {})["reason"] == "unavailable"
    assert (bad.attributes or {})["error.type"] == "NotFound"
    assert not bad.status.is_ok
