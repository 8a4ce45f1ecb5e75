"""Retries: exponential back-off with full jitter, by tenacity, for failures after which a repetition is safe.

`classify` finds the rule of an error in `mautic_async.retry.failure_table`, which says whether a repetition is safe. A
retry budget keeps a failing server from being flooded. A ``Retry-After`` of the server is honoured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen
from tenacity import AsyncRetrying, retry_if_exception

from mautic_async.errors import (
    Action,
    APIError,
    Fate,
    MauticError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    TransportError,
    Unavailable,
    UnexpectedResponse,
    Verdict,
)
from mautic_async.protocol import Effect
from mautic_async.retry.failure_table import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tenacity import RetryCallState

    from mautic_async.clock import Clock
    from mautic_async.protocol import Call
    from mautic_async.retry.budget import RetryBudget

    OnPause = Callable[[MauticError, float, int], None]

_BY_STATUS: Final[Mapping[int, str]] = {
    401: "unauthorized",
    403: "forbidden",
    408: "retry-later",
    413: "too-large",
    425: "retry-later",
    502: "bad-gateway",
    503: "unavailable",
    504: "gateway-timeout",
}

_FATAL: Final = frozenset({"certificate", "redirect"})


def failure_kind(error: MauticError) -> str:
    """Return the row of the failure table for *error*."""
    if isinstance(error, (TransportError, UnexpectedResponse)) and error.kind in _FATAL:
        return error.kind  # also of a token request: a repetition would not help
    # The call itself was held back: by the rate limit, or because there was no token for it.
    if not error.sent:
        return "rate-limit-wait-too-long" if isinstance(error, RateLimited) else "token-unavailable"
    if isinstance(error, (TransportError, UnexpectedResponse)):
        return error.kind
    if isinstance(error, ServerError):
        return _server_kind(error)
    if isinstance(error, Unavailable):
        return "circuit-open"
    return _refusal_kind(error) if isinstance(error, APIError) else "invalid-configuration"


def _refusal_kind(error: APIError) -> str:
    if isinstance(error, RateLimited):
        return "rate-limit" if error.deliberate or not error.by_proxy else "proxy-limit"
    texts = " ".join(problem.message for problem in error.problems)
    # The plugin's words when two requests create the same unique item within a second.
    if isinstance(error, NotFound) and "ID = 0" in texts:
        return "item-not-found"
    # Another user has the record open for editing, and closes it at some time.
    if error.status == 409 and "lock" in texts.lower():
        return "conflict"
    return _BY_STATUS.get(error.status, "refused")


def _server_kind(error: ServerError) -> str:
    if error.batch_limit is not None:
        return "too-many-rows"
    if error.by_proxy:
        # The codes of Cloudflare for a server behind it that failed or was too slow.
        late = 520 <= error.status <= 524
        return "gateway-timeout" if late else _BY_STATUS.get(error.status, "proxy-fault")
    return "refused-500" if error.deliberate or error.status == 501 else "server-fault"


def verdict_for(error: MauticError, effect: Effect) -> Verdict:
    """Return the meaning of *error* for a call of the class *effect*."""
    return VERDICTS[failure_kind(error)][effect]


def classify(error: MauticError, call: Call, attempts: int, sent_at: float) -> MauticError:
    """Return *error* with its verdict, or an `OutcomeUnknown` if a write may have been applied and is not repeated."""
    verdict = verdict_for(error, call.effect)
    # Bulk jobs repeat rows themselves; only the wait for the rate limit is left to the pipeline.
    if not call.retryable and verdict.single is Action.RETRY and verdict.kind != "rate-limit":
        verdict = evolve(verdict, single=Action.RAISE)
    outcome = error
    # `item-not-found` is retried, but if the last attempt fails with it, the contact is stored all the same.
    unclear = verdict.fate is Fate.UNKNOWN and (verdict.single is Action.RAISE or verdict.kind == "item-not-found")
    if unclear and call.effect in {Effect.UPSERT, Effect.NON_IDEMPOTENT}:
        outcome = OutcomeUnknown(
            f"{call}: it may have been applied ({error}). {_RECOVERY_HINTS[call.effect, verdict.may_still_run]}",
            call=str(call),
            sent_at=sent_at,
            may_still_run=verdict.may_still_run,
        )
        outcome.__cause__ = error
    outcome.verdict, outcome.attempts = verdict, attempts
    return outcome


def may_have_applied(error: MauticError) -> bool:
    """Return True if the attempt that failed with *error* may have been applied."""
    return error.verdict is not None and error.verdict.fate in {Fate.UNKNOWN, Fate.DONE}


_RECOVERY_HINTS: Final = {
    (
        Effect.UPSERT,
        True,
    ): "The server may still be at work: wait a few minutes, look it up by its unique field, then decide",
    (Effect.UPSERT, False): "Look it up by its unique field; the same upsert may then be sent again",
    (Effect.NON_IDEMPOTENT, True): "The server may still be at work: wait a few minutes, then look whether it is there",
    (Effect.NON_IDEMPOTENT, False): "Look whether it is there before sending it again: a repetition adds another",
}

MAX_ATTEMPTS: Final = 4
MAX_BACKOFF: Final = 30.0


@frozen
class RetryPolicy:
    """Retries of calls, by tenacity.

    Attributes:
        clock: Time for pauses, and randomness for jitter.
        budget: The retry budget that all calls of a client share.
        max_attempts: Attempts of a call in total.
    """

    clock: Clock
    budget: RetryBudget
    max_attempts: int = MAX_ATTEMPTS

    def backoff(self, error: MauticError, attempt: int) -> float:
        """Return the seconds of the pause after attempt number *attempt*: full jitter, or ``Retry-After`` and more."""
        asked = getattr(error, "retry_after", None)
        verdict = error.verdict
        if verdict is None or verdict.kind == "rate-limit":
            return 0.0  # the rate limiter waits for the window
        if asked is not None:
            return float(asked) + self.clock.uniform(0.0, min(10.0, 1.0 + asked / 10))
        if verdict.kind == "item-not-found":
            # No full jitter here: the pause must be longer than the second within which the plugin fails.
            return verdict.backoff_base + self.clock.uniform(0.0, 0.5)
        return self.clock.uniform(0.0, min(MAX_BACKOFF, verdict.backoff_base * 2 ** (attempt - 1)))

    def should_retry(self, error: BaseException) -> bool:
        """Return True if a repetition is safe and the retry budget, which it then spends, allows it."""
        if not isinstance(error, MauticError) or error.verdict is None or error.verdict.single is not Action.RETRY:
            return False
        # A 429 of Mautic's own limiter costs no budget: the limiter decides when the call goes again.
        return error.verdict.kind == "rate-limit" or self.budget.try_spend(self.clock.monotonic())

    def _exhausted(self, state: RetryCallState) -> bool:
        error = _error_of(state)
        limit = error.verdict.max_attempts if error is not None and error.verdict is not None else None
        return state.attempt_number >= (limit or self.max_attempts)

    def attempts(
        self, failures: Sequence[MauticError], remaining: Callable[[], float | None], on_pause: OnPause | None
    ) -> AsyncRetrying:
        """Return the attempts of one call, for ``async for``: tenacity decides after each whether another follows.

        Each call has an `AsyncRetrying` of its own, because the object keeps the exception of the last attempt.

        Args:
            failures: The failures so far; each attempt adds its own.
            remaining: Seconds until the caller's deadline, or None.
            on_pause: Called before each pause with the failure, the seconds, and the number of the attempt that failed.
        """

        def wait(state: RetryCallState) -> float:
            return self.backoff(failures[-1], state.attempt_number) if failures else 0.0

        def stop(state: RetryCallState) -> bool:
            left = remaining()
            # An attempt after the deadline would be in vain, so its pause is not begun.
            return self._exhausted(state) or (left is not None and left <= state.upcoming_sleep)

        def before_sleep(state: RetryCallState) -> None:
            if on_pause is not None:
                on_pause(failures[-1], state.upcoming_sleep, state.attempt_number)

        return AsyncRetrying(
            sleep=self.clock.sleep,
            stop=stop,
            wait=wait,
            retry=retry_if_exception(self.should_retry),
            before_sleep=before_sleep,
            reraise=True,
        )


def _error_of(state: RetryCallState) -> MauticError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, MauticError) else None
