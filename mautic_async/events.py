"""The events of a call, for the log and for the user's hooks.

There is one logger, `mautic_async`. Its lines read ``GET contacts 503 in 0.02 s, retry 2 in 0.6 s (server error)`` and
have the same facts as ``extra``: methods, paths, statuses and seconds, never a token, a secret, a query or an address.
Retries, failures and waits of a second or more are logged at INFO, everything else at DEBUG.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import frozen

from mautic_async.errors import APIError, AuthenticationError, NotFound, PermissionDenied, RateLimited, ServerError

if TYPE_CHECKING:
    from mautic_async.errors import MauticError
    from mautic_async.protocol import Call

logger: Final = logging.getLogger("mautic_async")
_LONG_WAIT: Final = 1.0
"""Seconds of a wait for the rate limit from which on it is logged at INFO."""
_REASONS: Final[tuple[tuple[type[APIError], str], ...]] = (
    (AuthenticationError, "not authenticated"),
    (PermissionDenied, "forbidden"),
    (NotFound, "not found"),
    (RateLimited, "rate limited"),
    (ServerError, "server error"),
    (APIError, "rejected"),
)


@frozen(kw_only=True)
class Event:
    """One event of a call.

    Attributes:
        kind: ``before`` an attempt; ``after`` an attempt; ``retry``: a pause before the next attempt; ``wait``: a wait
            for the rate limit or a free slot has ended; ``done``: the call has ended (without status and error if its
            caller was cancelled).
        call_id: Number of the call, which tells the events of concurrent calls apart.
        call: Method and path.
        server: Host and port of the base URL, such as ``crm.example.com:443``.
        attempt: Number of the attempt, from 1; at ``done`` the number of attempts, and 0 if none was sent.
        status: Status of the response, or None.
        seconds: Duration of the attempt, the wait or the whole call; at ``retry`` the pause that follows.
        error: The failure, or None.
    """

    kind: str
    call_id: int
    call: str
    attempt: int
    server: str = ""
    status: int | None = None
    seconds: float = 0.0
    error: MauticError | None = None

    @property
    def reason(self) -> str | None:
        """The failure in a few words, such as ``server error`` or ``read timeout``; None without a failure."""
        if self.error is None:
            return None
        if isinstance(self.error, APIError):
            # The first match counts, so the base class stands last.
            return next(words for kind, words in _REASONS if isinstance(self.error, kind))
        if self.error.verdict is not None:
            return self.error.verdict.kind.replace("-", " ")
        return type(self.error).__name__


Hook: TypeAlias = Callable[[Event], None]
"""A plain callable. It must not block; an exception that it raises is logged and dropped."""


class CallEvents:
    """The events of one call, for the log and the hooks."""

    def __init__(self, hooks: tuple[Hook, ...], call_id: int, call: Call, server: str) -> None:
        self._hooks = hooks
        self._call_id = call_id
        self._call = call
        self._server = server
        self._last_seconds = 0.0
        """Duration of the last attempt."""
        self.attempts: int = 0

    def emit(
        self,
        kind: str,
        attempt: int,
        *,
        status: int | None = None,
        seconds: float = 0.0,
        error: MauticError | None = None,
    ) -> None:
        """Log an event, and call the hooks."""
        if kind == "before":
            self.attempts = attempt
        elif kind == "after":
            self._last_seconds = seconds
        event = Event(
            kind=kind,
            call_id=self._call_id,
            call=str(self._call),
            server=self._server,
            attempt=attempt,
            status=getattr(error, "status", None) if status is None else status,
            seconds=seconds,
            error=error,
        )
        failed = error is not None and kind != "after"  # `retry` or `done` follows, with the same failure
        level = logging.INFO if failed or (kind == "wait" and seconds >= _LONG_WAIT) else logging.DEBUG
        if logger.isEnabledFor(level):
            logger.log(level, "%s", self._text(event), extra=_log_extra(event))
        for hook in self._hooks:
            # A broken hook must not fail a call that Mautic has answered.
            try:
                hook(event)
            except Exception:
                logger.exception("a hook failed at %s", kind)

    def _text(self, event: Event) -> str:
        outcome = f"{event.call} {event.status or 'without response'}"
        match event.kind:
            case "before":
                return f"{event.call} attempt {event.attempt}"
            case "wait":
                return f"{event.call} waited {event.seconds:.2f} s for the rate limit"
            case "retry":
                took = f"{outcome} in {self._last_seconds:.2f} s"
                return f"{took}, retry {event.attempt + 1} in {event.seconds:.1f} s ({event.reason})"
            case "done" if event.error is not None:
                tries = "not sent" if not event.attempt else f"given up after attempt {event.attempt}"
                return f"{outcome} in {event.seconds:.2f} s, {tries} ({event.reason})"
            case "done" if event.status is None:
                return f"{event.call} cancelled after {event.seconds:.2f} s"
            case _:
                reason = f" ({event.reason})" if event.error is not None else ""
                return f"{outcome} in {event.seconds:.2f} s{reason}"

    def retrying(self, error: MauticError, seconds: float, attempt: int) -> None:
        """Emit the event of a pause of *seconds* after the failure *error* of attempt number *attempt*."""
        self.emit("retry", attempt, seconds=seconds, error=error)


class EventDispatcher:
    """The source of a `CallEvents` for each call that a hook or the log needs.

    Args:
        hooks: The user's callables.
        server: Host and port of the base URL.
    """

    def __init__(self, hooks: tuple[Hook, ...], server: str = "") -> None:
        self._hooks = hooks
        self._server = server
        self._numbers = count(1)

    def for_call(self, call: Call) -> CallEvents | None:
        """Return the events of *call*, or None if there is neither a hook nor a log at level INFO."""
        # Most calls have neither, and then create no event at all.
        if not self._hooks and not logger.isEnabledFor(logging.INFO):
            return None
        return CallEvents(self._hooks, next(self._numbers), call, self._server)


def _log_extra(event: Event) -> dict[str, object]:
    verdict = event.error.verdict if event.error is not None else None
    return {
        "event": event.kind,
        "call_id": event.call_id,
        "call": event.call,
        "server": event.server,
        "attempt": event.attempt,
        "status": event.status,
        "seconds": round(event.seconds, 6),
        "reason": event.reason,
        "failure": verdict.kind if verdict is not None else None,
    }
