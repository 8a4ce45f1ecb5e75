"""Whether and when a call is sent again: exponential back-off with full jitter, driven by tenacity.

`mautic_async.retry.failure_table` says which failures may be repeated; a retry budget keeps a failing server from being
flooded. A wait that the server asks for (``Retry-After``) is honoured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen
from tenacity import AsyncRetrying, retry_if_exception

from mautic_async.errors import MauticError, Then

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tenacity import RetryCallState

    from mautic_async.clock import Clock
    from mautic_async.retry.budget import RetryBudget

    OnPause = Callable[[MauticError, float, int], None]

ATTEMPTS: Final = 4
CAP: Final = 30.0


@frozen
class Retry:
    """Repeats a call while that is safe and worth it.

    Attributes:
        clock: For pauses and jitter.
        budget: Shared by all calls of a client.
        max_attempts: How often a call is sent at most.
    """

    clock: Clock
    budget: RetryBudget
    max_attempts: int = ATTEMPTS

    def pause(self, error: MauticError, attempt: int) -> float:
        """Seconds to wait after the *attempt*-th failure: full jitter, or the server's own time and a bit more."""
        asked = getattr(error, "retry_after", None)
        verdict = error.verdict
        if verdict is None or verdict.event == "rate-limit":
            return 0.0  # the gate waits for the window
        if asked is not None:
            return float(asked) + self.clock.uniform(0.0, min(10.0, 1.0 + asked / 10))
        if verdict.event == "item-not-found":
            return verdict.pause + self.clock.uniform(0.0, 0.5)
        return self.clock.uniform(0.0, min(CAP, verdict.pause * 2 ** (attempt - 1)))

    def worth(self, error: BaseException) -> bool:
        """Whether sending again is safe, and the budget allows it."""
        if not isinstance(error, MauticError) or error.verdict is None or error.verdict.then is not Then.REPEAT:
            return False
        return error.verdict.event == "rate-limit" or self.budget.spend(self.clock.time())

    def _stop(self, state: RetryCallState) -> bool:
        error = _failure(state)
        limit = error.verdict.limit if error is not None and error.verdict is not None else None
        return state.attempt_number >= (limit or self.max_attempts)

    def attempts(
        self, failures: Sequence[MauticError], remaining: Callable[[], float | None], on_pause: OnPause | None
    ) -> AsyncRetrying:
        """Return the attempts of one call, for ``async for``: tenacity decides after each whether another follows.

        A fresh `AsyncRetrying` each time: the object keeps state, and shared between tasks it hands one task another
        task's exception.

        Args:
            failures: Those so far; each attempt adds its own.
            remaining: Seconds until the caller's deadline, or None.
            on_pause: Called before each pause with the failure, the seconds, and the number of the attempt that failed.
        """

        def wait(state: RetryCallState) -> float:
            return self.pause(failures[-1], state.attempt_number) if failures else 0.0

        def stop(state: RetryCallState) -> bool:
            left = remaining()
            return self._stop(state) or (left is not None and left <= state.upcoming_sleep)

        def before_sleep(state: RetryCallState) -> None:
            if on_pause is not None:
                on_pause(failures[-1], state.upcoming_sleep, state.attempt_number)

        return AsyncRetrying(
            sleep=self.clock.sleep,
            stop=stop,
            wait=wait,
            retry=retry_if_exception(self.worth),
            before_sleep=before_sleep,
            reraise=True,
        )


def _failure(state: RetryCallState) -> MauticError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, MauticError) else None
