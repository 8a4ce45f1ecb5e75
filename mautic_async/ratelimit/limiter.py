"""The rate limiter that every request passes: it bounds concurrency and rate, and pauses after refusals.

One decision covers all three, so that no call holds a slot while it waits for the rate limit. Calls wait as futures in
two queues, interactive before background. A slot is released without awaiting, so that a cancelled caller loses
nothing. With a `RateLimitStore`, the store decides about the rate instead, one call at a time.
Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from mautic_async.ratelimit.decision import WAIT_FOR_RESPONSE, Decision, Go, Probe, WaitUntil
from mautic_async.ratelimit.fixed_window import BackgroundPolicy, FixedWindow
from mautic_async.ratelimit.shared import SharedPermits
from mautic_async.ratelimit.store import Permit
from mautic_async.ratelimit.throttle import Throttle
from mautic_async.ratelimit.wait_queue import Waiter, WaitQueue

if TYPE_CHECKING:
    from mautic_async.clock import Clock
    from mautic_async.protocol.headers import RateLimitHeaders
    from mautic_async.ratelimit.settings import Limits

_INTERACTIVE_MEMORY_SECONDS: Final = 60.0
"""How long after an interactive call background work leaves one slot free, in seconds."""


@frozen(kw_only=True)
class RateLimitStatus:
    """The rate limit at one moment, according to the last response.

    Attributes:
        limit: Calls per window (an hour) that Mautic allows; None: no limit is known.
        remaining: Calls left in this window; None: no limit is known.
        reset: End of this window, in epoch seconds of the server's clock; None: no limit is known.
        waiting: Calls of this client that wait for a slot.
        in_flight: Requests of this client that are under way.

    Mautic: REST API, Rate limiter.
    """

    limit: int | None
    remaining: int | None
    reset: int | None
    waiting: int
    in_flight: int


@define(eq=False)
class Slot:
    """The right to send one request.

    End it by `complete` or `release` in a ``finally``; the second of two such calls does nothing.
    """

    _rate_limiter: RateLimiter
    admitted_at: float
    permit: Permit | None = None
    """The permit of the shared store, if there is one."""
    released: bool = False

    def complete(
        self,
        *,
        status: int | None,
        reading: RateLimitHeaders | None = None,
        retry_after: float | None = None,
        token: object = None,
    ) -> None:
        """Give the slot back after the request has ended, and let the rate limiter learn from the response.

        Args:
            status: Status of the response, or None if there was none.
            reading: Its rate-limit headers, or None.
            retry_after: Seconds that the response asks to wait, or None.
            token: The token that the request was signed with: each token has a rate limit of its own.
        """
        if not self.released:
            self._rate_limiter.on_response(self, status, reading, retry_after, token)

    def release(self) -> None:
        """Give the slot back unused: nothing was sent."""
        if not self.released:
            self._rate_limiter.release(self)


@define
class _Concurrency:
    """The requests in flight, and their bound."""

    limit: int
    in_flight: int = 0
    last_interactive: float = -math.inf
    """When an interactive call last asked for a slot."""

    def is_full(self, now: float, *, background: bool) -> bool:
        """Return True if no more may be sent; background work leaves one slot free after a recent interactive call."""
        keeps_one_free = background and now - self.last_interactive < _INTERACTIVE_MEMORY_SECONDS
        return self.in_flight >= max(1, self.limit - keeps_one_free)


@define
class _Tokens:
    """The token in use, and the ones before it, whose late responses say nothing of the current rate limit."""

    current: object = None
    _old: deque[object] = field(factory=lambda: deque(maxlen=8))

    def switch(self, token: object) -> bool:
        """Make *token* the one in use; return False if it is an old one."""
        if token in self._old:
            return False
        if self.current is not None:
            self._old.append(self.current)
        self.current = token
        return True


class RateLimiter:
    """A rate limiter: it grants slots within the limits, and learns from responses.

    Args:
        limits: The user's settings.
        clock: Time and randomness.
        spread: Whether ``pace="auto"`` means spread: other clients use up the same rate limit.
    """

    def __init__(self, limits: Limits, clock: Clock, *, spread: bool = False) -> None:
        evenly = limits.pace == "spread" or (limits.pace == "auto" and spread)
        self._limits = limits
        self._clock = clock
        self._policy = BackgroundPolicy(limits.reserve, evenly)
        self._window = FixedWindow(clock.random)
        self._throttle = Throttle(clock.random)
        self._shared: SharedPermits | None = None
        if limits.store is not None:
            self._shared = SharedPermits(limits.store, clock, self._policy, is_per_token=not spread)
        self._queues: dict[bool, WaitQueue[Slot]] = {background: WaitQueue() for background in (False, True)}
        """The interactive calls, which come first, and the background ones."""
        self._concurrency = _Concurrency(limits.concurrency)
        self._probe: Slot | None = None
        self._tokens = _Tokens()
        self._timer: asyncio.TimerHandle | None = None
        self._closed: Exception | None = None

    @property
    def concurrency(self) -> int:
        """Requests that may be in flight at once."""
        return self._concurrency.limit

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._concurrency.in_flight

    @property
    def waiting(self) -> int:
        """Calls that wait for a slot."""
        if self._shared is not None:
            return self._shared.waiting
        return sum(len(queue.waiters) for queue in self._queues.values())

    @property
    def status(self) -> RateLimitStatus:
        """The rate limit as it stands."""
        known = self._window.current(self._clock.monotonic())
        limit, remaining, reset = (None, None, None) if known is None else known
        return RateLimitStatus(
            limit=limit, remaining=remaining, reset=reset, waiting=self.waiting, in_flight=self.in_flight
        )

    def try_acquire(self, *, background: bool = False, job_requests_left: int | None = None) -> Slot | None:
        """Return a slot if one is to be had at once, or None; see `acquire`."""
        return None if self._shared is not None else self._take_if_free(job_requests_left, background=background)

    async def acquire(
        self, *, background: bool = False, patience: float | None = None, job_requests_left: int | None = None
    ) -> Slot:
        """Wait for a slot.

        Args:
            background: Whether interactive calls go first.
            patience: Seconds to wait for the rate limit, or None for that of `Limits`.
            job_requests_left: Upper bound of the requests that the bulk job still sends, this one included, or None. A
                job that fits into half of the calls it may use does not spread them over the window.

        Raises:
            TooLong: The wait for the rate limit would be longer than *patience*.
        """
        wait = self._limits.max_wait(background=background) if patience is None else patience
        deadline = self._clock.monotonic() + wait
        if self._shared is None:
            return await self._wait_for_slot(deadline, job_requests_left, background=background)
        async with self._shared.turn(background=background):
            return await self._wait_for_permit(self._shared, deadline, job_requests_left, background=background)

    async def _wait_for_permit(
        self, shared: SharedPermits, deadline: float, job_requests_left: int | None, *, background: bool
    ) -> Slot:
        """Wait for a slot and a permit of the shared store; no slot is held while the store has no permit to give."""
        while True:
            changed = shared.changed  # a change while the store is asked makes its answer old
            slot = await self._wait_for_slot(deadline, job_requests_left, background=background)
            try:
                answer = await shared.acquire(background=background, job_requests_left=job_requests_left)
            except BaseException:
                slot.release()
                raise
            if isinstance(answer, Permit):
                slot.permit = answer
                self._count(slot, background=background)
                return slot
            slot.release()
            await shared.wait(answer, changed, deadline)

    async def _wait_for_slot(self, deadline: float, job_requests_left: int | None, *, background: bool) -> Slot:
        slot = self._take_if_free(job_requests_left, background=background)
        if slot is not None:
            return slot
        if self._closed is not None:
            raise self._closed
        queue = self._queues[background]
        waiter: Waiter[Slot] = Waiter(asyncio.get_running_loop().create_future(), deadline, job_requests_left)
        queue.push(waiter)
        if self._concurrency.in_flight < self._concurrency.limit:
            self._wake_waiters()  # if not, the next call that ends does
        try:
            return await waiter.future
        except BaseException:
            self._abandon(queue, waiter)
            raise

    def _take_if_free(self, job_requests_left: int | None, *, background: bool) -> Slot | None:
        now = self._clock.monotonic()
        if not background:
            self._concurrency.last_interactive = now
        # A new call goes behind those that wait; a background call lets interactive ones pass, too.
        is_overtaking = self._queues[False].waiters or (background and self._queues[True].waiters)
        if is_overtaking or self._closed is not None:
            return None
        decision = self._decide(now, job_requests_left, background=background)
        return self._take_slot(now, decision, background=background) if isinstance(decision, (Go, Probe)) else None

    def _abandon(self, queue: WaitQueue[Slot], waiter: Waiter[Slot]) -> None:
        """Remove a waiter that was cancelled; a slot that it was just given goes to the next one."""
        queue.waiters.pop(waiter, None)
        future = waiter.future
        if future.done() and not future.cancelled() and future.exception() is None:
            future.result().release()
        else:
            self._wake_waiters()

    def on_response(
        self, slot: Slot, status: int | None, reading: RateLimitHeaders | None, retry_after: float | None, token: object
    ) -> None:
        """Give *slot* back and learn from its response; see `Slot.complete`."""
        now = self._clock.monotonic()
        # A late response to an old token tells of another window.
        if self._is_current(token):
            self._observe(slot, now, status, reading, retry_after)
        # Taken off the slot, or `release` would report the call as not sent.
        permit, slot.permit = slot.permit, None
        if self._shared is not None and permit is not None:
            self._shared.complete(permit, sent=True, token=token, headers=reading, status=status)
        self.release(slot)

    def release(self, slot: Slot) -> None:
        """Give *slot* back; see `Slot.release`."""
        slot.released = True
        if self._shared is not None and slot.permit is not None:
            self._shared.complete(slot.permit, sent=False, token=None)
        self._concurrency.in_flight -= 1
        assert self._concurrency.in_flight >= 0  # noqa: S101 - an invariant
        if self._probe is slot:
            self._probe = None
        self._wake_waiters()

    def close(self, reason: Exception) -> None:
        """Grant no slot any more; calls that wait raise *reason*."""
        self._closed = reason
        for queue in self._queues.values():
            queue.fail_all(reason)
        self._schedule_wakeup(None)
        if self._shared is not None:
            self._shared.close()

    async def aclose(self) -> None:
        """Wait until the shared store knows of every call that has ended, after `close` and the last response."""
        if self._shared is not None:
            await self._shared.aclose()

    def _is_current(self, token: object) -> bool:
        """Return True if *token* is in use; a new one drops what was known of the rate limit of the last one."""
        if not token or token == self._tokens.current:
            return True  # without a token the request was never signed
        if not self._tokens.switch(token):
            return False
        self._window.switch_token(token)
        if self._shared is not None:
            self._shared.switch_token(token)
        return True

    def _observe(
        self, slot: Slot, now: float, status: int | None, reading: RateLimitHeaders | None, retry_after: float | None
    ) -> None:
        refused = status == 429
        is_valid = reading is not None and self._window.observe(
            reading, now=now, wall=self._clock.wall_time(), refused=refused
        )
        if reading is None:
            self._window.observe_missing_headers(status)
        if not refused:
            if status is not None:
                self._throttle.on_success(slot.admitted_at, now)
        # Such a 429 does not say when the next call may go, so only probing can tell.
        elif not is_valid:
            self._throttle.on_throttled(slot.admitted_at, now, retry_after)
        elif retry_after is not None:
            self._throttle.pause_for(now, retry_after)

    def _decide(self, now: float, job_requests_left: int | None, *, background: bool) -> Decision:
        """Return the decision about one more call: send it, or wait for a time or a response."""
        if self._concurrency.is_full(now, background=background):
            return WAIT_FOR_RESPONSE
        decision = self._throttle.decide(now)
        # With a store, the window in the store decides: it counts the calls of all processes.
        if isinstance(decision, Go) and self._shared is None:
            decision = self._window.decide(
                now=now,
                in_flight=self._concurrency.in_flight,
                background=background,
                policy=self._policy,
                job_requests_left=job_requests_left,
            )
        if isinstance(decision, Probe) and self._probe is not None:
            return WAIT_FOR_RESPONSE
        return decision

    def _take_slot(self, now: float, decision: Go | Probe, *, background: bool) -> Slot:
        assert self._concurrency.in_flight < self._concurrency.limit  # noqa: S101 - an invariant
        assert now >= self._throttle.until  # noqa: S101 - no call is sent during a pause
        slot = Slot(self, now)
        self._concurrency.in_flight += 1
        if isinstance(decision, Probe):
            self._probe = slot
        if self._shared is None:
            self._count(slot, background=background)
        return slot

    def _count(self, slot: Slot, *, background: bool) -> None:
        """Note that the call of *slot* is about to be sent."""
        # A permit may come long after its slot, and responses are judged by the time of sending.
        slot.admitted_at = now = self._clock.monotonic()
        self._throttle.on_request(now)
        if background:
            self._window.record_background(now)

    def _wake_waiters(self) -> None:
        """Give slots to as many waiting calls as may go, interactive ones first, and set the timer for the next."""
        now = self._clock.monotonic()
        wake: float | None = None
        for background, queue in self._queues.items():
            while queue.waiters:
                # Only the first one in the queue is considered, so that no call is overtaken for ever.
                decision = self._decide(now, next(iter(queue.waiters)).job_requests_left, background=background)
                if isinstance(decision, WaitUntil):
                    # A call that cannot wait so long fails now, instead of waiting in vain.
                    queue.fail_expired(decision.at, decision.at - now)
                    if queue.waiters:
                        wake = decision.at if wake is None else min(wake, decision.at)
                    break
                if not isinstance(decision, (Go, Probe)):
                    break
                waiter, _ = queue.waiters.popitem(last=False)
                if not waiter.future.done():
                    waiter.future.set_result(self._take_slot(now, decision, background=background))
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
