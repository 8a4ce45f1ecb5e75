"""One span for each call, with its attempts and waits."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from mautic_async.errors import MauticError
from mautic_async.otel import route_of, spans
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
    assert good.name == "GET /api/contacts/{id}"
    assert good.kind is SpanKind.CLIENT
    assert dict(good.attributes or {}) == {
        "http.request.method": "GET",
        "url.template": "/api/contacts/{id}",
        "server.address": "mautic.test",
        "server.port": 443,
        "http.request.resend_count": 1,
        "http.response.status_code": 200,
    }
    assert [event.name for event in good.events] == ["before", "after", "retry", "before", "after"]
    assert (good.events[1].attributes or {})["reason"] == "server error"
    assert (bad.attributes or {})["error.type"] == "404"
    assert (bad.attributes or {})["http.response.status_code"] == 404
    assert not bad.status.is_ok
    assert bad.status.description == "not found"


def test_the_module_is_reached_through_the_package() -> None:
    program = "import mautic_async; print(mautic_async.otel.spans.__name__)"
    assert (
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "spans\n"
    )


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("contacts", "/api/contacts"),
        ("contacts/42/edit", "/api/contacts/{id}/edit"),
        ("segments/3/contact/42/add", "/api/segments/{id}/contact/{id}/add"),
        ("v2/projects/7", "/api/v2/projects/{id}"),
        ("stats/lead_2021", "/api/stats/lead_2021"),
    ],
)
def test_a_route_has_placeholders_for_ids(path: str, route: str) -> None:
    assert route_of(path) == route
