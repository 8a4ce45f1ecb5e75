"""The rate limiter that every request passes: it bounds concurrency and rate, and pauses after refusals.

One decision covers all three, so that no call holds a slot while it waits for the rate limit. Calls wait as futures in
two queues, interactive before background. A slot is released without awaiting, so that a cancelled caller loses
nothing. Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeAlias

from attrs import define, frozen

from mautic_async.errors import ConfigurationError  # beyond the clock: a wrong setting is told like any other
from mautic_async.ratelimit.decision import WAIT_FOR_RESPONSE, Decision, Go, Probe, TooLong, WaitUntil
from mautic_async.ratelimit.fixed_window import BackgroundPolicy, FixedWindow, RateLimitHeaders
from mautic_async.ratelimit.shared_window import SharedWindow
from mautic_async.ratelimit.throttle import Throttle
from mautic_async.ratelimit.wait_queue import Waiter, WaitQueue

if TYPE_CHECKING:
    from mautic_async.clock import Clock
    from mautic_async.ratelimit.shared_state import Permit
    from mautic_async.ratelimit.store import RateLimitStore

__all__ = ["Limits", "RateLimitHeaders", "RateLimiter", "Slot", "TooLong"]

Pace: TypeAlias = Literal["auto", "fast", "spread"]

_MAX_CONCURRENCY: Final = 1000
_INTERACTIVE_MEMORY_SECONDS: Final = 60.0
"""How long after an interactive call background work leaves one slot free, in seconds."""


@frozen(kw_only=True)
class Limits:
    """How hard the client may work the server.

    Attributes:
        concurrency: Requests under way at once. More than the server has cores only adds latency.
        patience: Seconds that a call waits for the rate limit before `RateLimited` is raised; None: a minute for
            interactive calls, without end for bulk jobs.
        pace: Of background work: ``"fast"`` uses the budget as it comes and then waits for the next window,
            ``"spread"`` spends it evenly; ``"auto"`` is fast with OAuth 2, whose budget is yours alone, and spread with
            Basic authentication, whose budget is the whole site's.
        reserve: Calls per window that bulk jobs leave to interactive calls; None: a tenth of what the rest of the
            window would bring, which melts away towards its end.
        store: Shares the rate limit with other processes that use the same token, or Basic authentication on the same
            site: a `FileRateLimitStore`, or any `RateLimitStore`. None: only responses tell of calls of other
            processes.

    Raises:
        ConfigurationError: A value is out of range.

    Mautic: REST API, Rate limiter.
    """

    concurrency: int = 8
    patience: float | None = None
    pace: Pace = "auto"
    reserve: int | None = None
    store: RateLimitStore | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not _is_count(self.concurrency) or not 1 <= self.concurrency <= _MAX_CONCURRENCY:
            _refuse("concurrency", f"a number from 1 to {_MAX_CONCURRENCY}", self.concurrency)
        if self.patience is not None and not _is_duration(self.patience):
            _refuse("patience", "seconds, 0 or more, or None", self.patience)
        if self.pace not in {"auto", "fast", "spread"}:
            _refuse("pace", '"auto", "fast" or "spread"', self.pace)
        if self.reserve is not None and (not _is_count(self.reserve) or self.reserve < 0):
            _refuse("reserve", "a number of calls, or None", self.reserve)
        if self.store is not None and not all(
            callable(getattr(self.store, name, None)) for name in ("acquire", "observe")
        ):
            _refuse("store", "a FileRateLimitStore or another RateLimitStore, or None", self.store)

    def max_wait(self, *, background: bool) -> float:
        """The patience of a call, in seconds."""
        if self.patience is not None:
            return float(self.patience)
        return math.inf if background else 60.0


def _refuse(name: str, expected: str, value: object) -> NoReturn:
    raise ConfigurationError(f"Limits: {name} must be {expected}, not {value!r}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_duration(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0  # NaN is not


@define(eq=False)
class Slot:
    """The right to send one request; give it back by `complete` or `release`, in a ``finally``; twice does no harm."""

    _rate_limiter: RateLimiter
    admitted_at: float
    permit: Permit | None = None
    """Of the shared store, if there is one."""
    released: bool = False

    def complete(
        self,
        *,
        status: int | None,
        reading: RateLimitHeaders | None = None,
        retry_after: float | None = None,
        token: object = None,
    ) -> None:
        """The request has ended.

        Args:
            status: Of the answer, or None if there was none.
            reading: The limiter's headers, or None.
            retry_after: Seconds that the answer asks for, or None.
            token: What the request was signed with: each token has its own budget.
        """
        if not self.released:
            self._rate_limiter.on_response(self, status, reading, retry_after, token)

    def release(self) -> None:
        """Nothing was sent."""
        if not self.released:
            self._rate_limiter.release(self)


class RateLimiter:
    """Admits requests within the limits, and learns from their answers.

    Args:
        limits: What the user allows.
        clock: Time and chance.
        spread: Whether ``pace="auto"`` means spread: the budget is shared with strangers.
    """

    def __init__(self, limits: Limits, clock: Clock, *, spread: bool = False) -> None:
        self._limits = limits
        self._clock = clock
        evenly = limits.pace == "spread" or (limits.pace == "auto" and spread)
        self._policy = BackgroundPolicy(limits.reserve, evenly)
        self._window = FixedWindow(clock.random)
        self._shared: SharedWindow | None = None
        if limits.store is not None:
            self._shared = SharedWindow(
                *(limits.store, clock, self._policy),
                on_change=self._wake_waiters,
                on_error=self._fail_waiters,
                is_per_token=not spread,
            )
        self._throttle = Throttle(clock.random)
        self._interactive: WaitQueue[Slot] = WaitQueue(background=False)
        self._background: WaitQueue[Slot] = WaitQueue(background=True)
        self._in_flight = 0
        self._probe: Slot | None = None
        self._last_interactive = -math.inf
        self._token: object = None
        self._old_tokens: deque[object] = deque(maxlen=8)
        self._timer: asyncio.TimerHandle | None = None
        self._closed: Exception | None = None

    # -- what users see --

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """Calls that wait to be admitted."""
        return len(self._interactive.waiters) + len(self._background.waiters)

    @property
    def limit(self) -> int | None:
        """Calls per hour that Mautic allows; None: no limit is known."""
        return self._part(0)

    @property
    def remaining(self) -> int | None:
        """Calls left in this window; None: no limit is known."""
        return self._part(1)

    @property
    def reset(self) -> int | None:
        """The end of this window in epoch seconds of the server's clock; None: no limit is known."""
        return self._part(2)

    def _part(self, index: int) -> int | None:
        known = self._window.current(self._clock.monotonic())
        return None if known is None else known[index]

    def __repr__(self) -> str:
        return f"<limits: {self._in_flight} in flight, {self.waiting} waiting>"

    # -- going in --

    def try_acquire(self, *, background: bool = False, job_requests_left: int | None = None) -> Slot | None:
        """A slot, if one may be had at once; see `acquire`."""
        now = self._clock.monotonic()
        if not background:
            self._last_interactive = now
        if self._interactive.waiters or (background and self._background.waiters) or self._closed is not None:
            return None
        decision = self._decide(now, background=background, rest=job_requests_left)
        return self._take_slot(now, decision, background=background) if isinstance(decision, (Go, Probe)) else None

    async def acquire(
        self, *, background: bool = False, patience: float | None = None, job_requests_left: int | None = None
    ) -> Slot:
        """Wait for a slot.

        Args:
            background: Whether interactive calls go first.
            patience: Seconds to wait for the rate limit, or None for that of `Limits`.
            job_requests_left: Requests that the background job still needs at most, this one included, or None if that
                is not known: one that fits into half of what may be spent need not spread them over the window.

        Raises:
            TooLong: The rate limit asks for more than that.
        """
        deadline = self._clock.monotonic() + (
            self._limits.max_wait(background=background) if patience is None else patience
        )
        slot = self.try_acquire(background=background, job_requests_left=job_requests_left)
        if slot is not None:
            return slot
        if self._closed is not None:
            raise self._closed
        line = self._background if background else self._interactive
        waiter: Waiter[Slot] = Waiter(asyncio.get_running_loop().create_future(), deadline, job_requests_left)
        line.push(waiter)
        if self._in_flight < self._limits.concurrency:
            self._wake_waiters()  # else the next landing does
        try:
            return await waiter.future
        except BaseException:
            self._abandon(line, waiter)
            raise

    def _abandon(self, line: WaitQueue[Slot], waiter: Waiter[Slot]) -> None:
        """Leave nothing behind; a slot that came together with a cancellation goes to the next in line."""
        line.waiters.pop(waiter, None)
        future = waiter.future
        if future.done() and not future.cancelled() and future.exception() is None:
            future.result().release()
        else:
            self._wake_waiters()

    # -- coming out --

    def on_response(
        self, slot: Slot, status: int | None, reading: RateLimitHeaders | None, retry_after: float | None, token: object
    ) -> None:
        """Give *slot* back and learn from its answer; see `Slot.complete`."""
        now = self._clock.monotonic()
        if self._is_current_token(token):
            self._observe(slot, now, status, reading, retry_after)
        permit, slot.permit = slot.permit, None
        if self._shared is not None and permit is not None:
            self._shared.complete(permit, sent=True, token=token, headers=reading, status=status)
        self.release(slot)

    def release(self, slot: Slot) -> None:
        """Give *slot* back; see `Slot.release`."""
        slot.released = True
        if self._shared is not None and slot.permit is not None:
            self._shared.complete(slot.permit, sent=False, token=None)
        self._in_flight -= 1
        assert self._in_flight >= 0  # noqa: S101 - an invariant
        if self._probe is slot:
            self._probe = None
        self._wake_waiters()

    def close(self, reason: Exception) -> None:
        """Admit nobody any more; whoever waits gets *reason*."""
        self._closed = reason
        self._fail_waiters(reason)

    async def release_leases(self) -> None:
        """Wait until the shared store knows of every call that has ended, after `close` and the last landing."""
        if self._shared is not None:
            await self._shared.aclose()

    def _fail_waiters(self, reason: Exception) -> None:
        for line in (self._interactive, self._background):
            line.fail_all(reason)
        self._schedule_wakeup(None)

    def _is_current_token(self, token: object) -> bool:
        """Whether *token* is the one in use; a new one drops what was known of the last one's budget."""
        if not token or token == self._token:
            return True  # none: it was never signed
        if token in self._old_tokens:
            return False
        if self._token is not None:
            self._old_tokens.append(self._token)
        self._token = token
        self._window.switch_token(token)
        if self._shared is not None:
            self._shared.switch_token(token)
        return True

    def _observe(
        self, slot: Slot, now: float, status: int | None, reading: RateLimitHeaders | None, retry_after: float | None
    ) -> None:
        refused = status == 429
        sensible = reading is not None and self._window.observe(
            reading, now=now, wall=self._clock.wall_time(), refused=refused
        )
        if reading is None:
            self._window.observe_missing_headers(status)
        if not refused:
            if status is not None:
                self._throttle.on_success(slot.admitted_at, now)
        elif not sensible:
            self._throttle.on_throttled(slot.admitted_at, now, retry_after)
        elif retry_after is not None:
            self._throttle.pause_for(now, retry_after)

    # -- the decision --

    def _decide(self, now: float, *, background: bool, rest: int | None = None) -> Decision:
        """Return whether one more call may be sent, and what to wait for if not."""
        if self._in_flight >= self._max_in_flight(now, background=background):
            return WAIT_FOR_RESPONSE
        decision = self._throttle.decide(now)
        if isinstance(decision, Go):
            decision = self._decide_by_window(now, background=background, rest=rest)
        if isinstance(decision, Probe) and self._probe is not None:
            return WAIT_FOR_RESPONSE
        return decision

    def _decide_by_window(self, now: float, *, background: bool, rest: int | None) -> Decision:
        if self._shared is not None:
            return self._shared.decide(now=now, background=background, job_requests_left=rest)
        return self._window.decide(
            now=now, in_flight=self._in_flight, background=background, policy=self._policy, job_requests_left=rest
        )

    def _max_in_flight(self, now: float, *, background: bool) -> int:
        """How many may be under way; background work leaves one slot where interactive calls have been seen lately."""
        width = self._limits.concurrency
        return (
            width - 1
            if background and width > 1 and now - self._last_interactive < _INTERACTIVE_MEMORY_SECONDS
            else width
        )

    def _take_slot(self, now: float, decision: Go | Probe, *, background: bool) -> Slot:
        assert self._in_flight < self._limits.concurrency  # noqa: S101 - an invariant
        assert now >= self._throttle.until  # noqa: S101 - no call is sent during a pause
        slot = Slot(self, now, self._shared.take_permit() if self._shared is not None else None)
        self._in_flight += 1
        if isinstance(decision, Probe):
            self._probe = slot
        self._throttle.on_request(now)
        if background:
            self._window.record_background(now)
        return slot

    def _wake_waiters(self) -> None:
        """Admit as many waiting calls as may go, interactive ones first, and set the timer for the next."""
        now = self._clock.monotonic()
        wake: float | None = None
        for line in (self._interactive, self._background):
            while line.waiters:
                decision = self._decide(
                    now, background=line.background, rest=next(iter(line.waiters)).job_requests_left
                )
                if isinstance(decision, WaitUntil):
                    line.fail_expired(decision.at, decision.at - now)
                    if line.waiters:
                        wake = decision.at if wake is None else min(wake, decision.at)
                    break
                if not isinstance(decision, (Go, Probe)):
                    break
                waiter, _ = line.waiters.popitem(last=False)
                if not waiter.future.done():
                    waiter.future.set_result(self._take_slot(now, decision, background=line.background))
        self._schedule_wakeup(wake)

    def _schedule_wakeup(self, at: float | None) -> None:
        if self._timer is not None:
            if self._timer.when() == at:
                return
            self._timer.cancel()
            self._timer = None
        if at is not None:
            self._timer = asyncio.get_running_loop().call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._wake_waiters()
