"""One OpenTelemetry span for each call, with its attempts and waits: ``Mautic(..., hooks=(spans(),))``.

Needs the ``otel`` extra. Spans are internal: the HTTP requests beneath may have spans of their own, from whatever
instruments the HTTP library. They hold methods, paths, statuses and seconds, never a query, a body,
a token or an address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.events import Event


def spans(tracer: Any = None) -> Callable[[Event], None]:
    """A hook that makes the spans.

    Args:
        tracer: An ``opentelemetry.trace.Tracer``; by default one named ``mautic_async``.

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
        span = open_spans.get(event.call_id)
        if span is None:
            span = open_spans[event.call_id] = maker.start_span(f"mautic {event.call.partition(' ')[0]}")
            span.set_attribute("mautic.call", event.call)
        if event.kind == "done":
            del open_spans[event.call_id]
            _finish(span, event, trace)
        else:
            span.add_event(event.kind, _attributes(event))

    return hook


def _finish(span: Any, event: Event, trace: Any) -> None:
    span.set_attribute("mautic.attempts", event.attempt)
    if event.status is not None:
        span.set_attribute("http.response.status_code", event.status)
    if event.error is not None:
        span.set_attribute("error.type", type(event.error).__name__)
        span.set_status(trace.Status(trace.StatusCode.ERROR))
    span.end()


def _attributes(event: Event) -> dict[str, str | int | float]:
    found: dict[str, str | int | float] = {"attempt": event.attempt, "seconds": round(event.seconds, 6)}
    if event.status is not None:
        found["http.response.status_code"] = event.status
    if event.error is not None and event.error.verdict is not None:
        found["reason"] = event.error.verdict.kind
    return found
