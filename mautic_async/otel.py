"""OpenTelemetry: one CLIENT span for each call, by ``Mautic(..., hooks=(mautic_async.otel.spans(),))``.

Needs the ``otel`` extra. Names and attributes follow OpenTelemetry's semantic conventions for HTTP client spans. A span
covers the whole call; its attempts, waits and retries are events of the span. It holds methods, paths, statuses and
seconds, never a query, a body, a token or an e-mail address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.events import Event

_IDS: Final = re.compile(r"/\d+(?=/|$)")


def spans(tracer: Any = None) -> Callable[[Event], None]:
    """Return a hook that makes a span of each call.

    Args:
        tracer: An ``opentelemetry.trace.Tracer``; None: the one named ``mautic_async``.

    Raises:
        ConfigurationError: OpenTelemetry is not installed: ``pip install 'mautic-async[otel]'``.
    """
    try:
        from opentelemetry import trace
    except ImportError as error:
        raise ConfigurationError("OpenTelemetry is not installed: pip install 'mautic-async[otel]'") from error
    maker = tracer or trace.get_tracer("mautic_async")
    open_spans: dict[int, Any] = {}

    def hook(event: Event) -> None:
        # The first event opens the span, whatever its kind: a call may begin with a wait.
        span = open_spans.get(event.call_id)
        if span is None:
            method, _, path = event.call.partition(" ")
            route = route_of(path)
            span = open_spans[event.call_id] = maker.start_span(
                f"{method} {route}", kind=trace.SpanKind.CLIENT, attributes=_request_attributes(event, method, route)
            )
        if event.kind == "done":
            # Every call ends with `done`, a cancelled one too, so no span stays in the dict.
            del open_spans[event.call_id]
            _finish(span, event, trace)
        else:
            span.add_event(event.kind, _event_attributes(event))

    return hook


def route_of(path: str) -> str:
    """Return the route of a path below ``/api/``, with ``{id}`` for each id: ``/api/contacts/{id}/edit``."""
    return _IDS.sub("/{id}", f"/api/{path}")


def _request_attributes(event: Event, method: str, route: str) -> dict[str, str | int]:
    host, _, port = event.server.rpartition(":")
    found: dict[str, str | int] = {"http.request.method": method, "url.template": route}
    if host:
        found |= {"server.address": host, "server.port": int(port)}
    return found


def _finish(span: Any, event: Event, trace: Any) -> None:
    if event.attempt > 1:
        span.set_attribute("http.request.resend_count", event.attempt - 1)
    # At attempt 0 nothing was sent: a status 429 is then the client's own and no response.
    if event.status is not None and event.attempt:
        span.set_attribute("http.response.status_code", event.status)
    if event.error is not None:
        has_status = event.status is not None and event.status >= 400 and event.attempt
        span.set_attribute("error.type", str(event.status) if has_status else type(event.error).__name__)
        span.set_status(trace.Status(trace.StatusCode.ERROR, event.reason))
    span.end()


def _event_attributes(event: Event) -> dict[str, str | int | float]:
    found: dict[str, str | int | float] = {"attempt": event.attempt, "seconds": round(event.seconds, 6)}
    if event.status is not None:
        found["http.response.status_code"] = event.status
    if event.reason is not None:
        found["reason"] = event.reason
    return found
