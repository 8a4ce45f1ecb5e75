"""What happens to a call, told to the log and to the user's own callables.

One logger, `mautic_async`, with structured ``extra``: counts, statuses and seconds, never a token, a secret or an
address.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from mautic_async.errors import MauticError
    from mautic_async.protocol import Call

logger: Final = logging.getLogger("mautic_async")


@frozen(kw_only=True)
class Event:
    """Something that happened to a call.

    Attributes:
        kind: ``before`` an attempt, ``after`` it, ``retry`` (a pause before another), ``wait`` (for the limit or a free
            slot), ``done`` (the call has ended, well or not, and without status and error if its caller has left;
            `attempt` is then how often it was sent).
        call_id: Of the call, so that the events of concurrent calls can be told apart.
        call: Method and path.
        attempt: From 1.
        status: Of the answer, or None.
        seconds: How long the attempt or the wait took, or the pause will be.
        error: What went wrong, or None.
    """

    kind: str
    call_id: int
    call: str
    attempt: int
    status: int | None = None
    seconds: float = 0.0
    error: MauticError | None = None


Hook: TypeAlias = Callable[[Event], None]
"""A plain callable; it must not block, and what it raises is logged and dropped."""


class CallEvents:
    """Tells of one call; nothing is made where nobody listens."""

    def __init__(self, hooks: tuple[Hook, ...], call_id: int, call: Call) -> None:
        self._hooks = hooks
        self._call_id = call_id
        self._call = call
        self.attempts = 0

    def emit(
        self,
        kind: str,
        attempt: int,
        *,
        status: int | None = None,
        seconds: float = 0.0,
        error: MauticError | None = None,
    ) -> None:
        """Log it, and call the hooks."""
        if kind == "before":
            self.attempts = attempt
        event = Event(
            kind=kind,
            call_id=self._call_id,
            call=str(self._call),
            attempt=attempt,
            status=status,
            seconds=seconds,
            error=error,
        )
        level = logging.DEBUG if error is None else logging.INFO
        if logger.isEnabledFor(level):
            logger.log(level, "%s %s", kind, event.call, extra=_log_extra(event))
        for hook in self._hooks:
            try:
                hook(event)
            except Exception:
                logger.exception("a hook failed at %s", kind)

    def retrying(self, error: MauticError, seconds: float, attempt: int) -> None:
        """Tell of the pause before another attempt."""
        self.emit("retry", attempt, seconds=seconds, error=error)


class EventDispatcher:
    """Makes a `CallEvents` for each call, or None where neither a hook nor the log wants one."""

    def __init__(self, hooks: tuple[Hook, ...]) -> None:
        self._hooks = hooks
        self._numbers = count(1)

    def for_call(self, call: Call) -> CallEvents | None:
        """For *call*."""
        if not self._hooks and not logger.isEnabledFor(logging.INFO):
            return None
        return CallEvents(self._hooks, next(self._numbers), call)


def _log_extra(event: Event) -> dict[str, object]:
    verdict = event.error.verdict if event.error is not None else None
    return {
        "call_id": event.call_id,
        "call": event.call,
        "attempt": event.attempt,
        "status": event.status,
        "seconds": round(event.seconds, 6),
        "failure": verdict.kind if verdict is not None else None,
    }
