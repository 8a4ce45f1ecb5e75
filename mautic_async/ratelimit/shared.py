"""The permits of one process from a `RateLimitStore`: one before each call, reported back after it.

The callers of one kind, interactive or background, ask the store one at a time and in the order of their arrival. A
caller that has to wait asks again at the time that the store named, or as soon as a call of this process has ended.
Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from typing import TYPE_CHECKING, Final

from mautic_async._background import BackgroundTasks
from mautic_async.ratelimit.decision import WAIT_FOR_RESPONSE, TooLong, WaitUntil
from mautic_async.ratelimit.store import Acquired, AcquireRequest, Observation, Permit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mautic_async.clock import Clock
    from mautic_async.protocol.headers import RateLimitHeaders
    from mautic_async.ratelimit.fixed_window import BackgroundPolicy
    from mautic_async.ratelimit.store import RateLimitStore

_POLL_SECONDS: Final = (0.02, 1.0)
"""Seconds between two requests to the store while calls of other processes are in flight: at first, and at most."""
_CLOSE_SECONDS: Final = 5.0
"""Seconds that the last reports to the store may take."""


class SharedPermits:
    """The permits that a shared store gives to the calls of this process.

    Args:
        store: Keeps the shared state.
        clock: Time; its wall clock is the clock of the store.
        policy: The rules for background work of this process.
        is_per_token: Whether each token has a window of its own, rather than the site.
    """

    def __init__(self, store: RateLimitStore, clock: Clock, policy: BackgroundPolicy, *, is_per_token: bool) -> None:
        self._store, self._clock, self._policy = store, clock, policy
        self._is_per_token = is_per_token
        self._token = "" if is_per_token else _digest("site")
        self._poll_seconds = _POLL_SECONDS[0]
        self._background = BackgroundTasks()
        self._closing: asyncio.Future[None] | None = None
        self.waiting: int = 0
        """Calls that wait for a permit."""
        self._turns = {background: asyncio.Lock() for background in (False, True)}
        self.changed: asyncio.Event = asyncio.Event()
        """Set and replaced when a call has ended, the token has changed, or the client is closed."""

    @contextlib.asynccontextmanager
    async def turn(self, *, background: bool) -> AsyncIterator[None]:
        """Wait until all earlier callers of the same kind have their permits."""
        self.waiting += 1
        try:
            async with self._turns[background]:
                yield
        finally:
            self.waiting -= 1

    async def acquire(self, *, background: bool, job_requests_left: int | None) -> Acquired:
        """Ask the store once.

        A permit that arrives after its caller was cancelled, or after `close`, is given back.

        Returns:
            A permit, which has to be handed to `complete`, or the event to wait for.
        """
        request = AcquireRequest(
            now=self._clock.wall_time(),
            token=self._token,
            background=background,
            policy=self._policy,
            job_requests_left=job_requests_left,
        )
        # In a task of its own: a transaction that is cancelled halfway may have entered the call or not.
        asked = self._background.spawn(self._store.acquire(request))
        # A store that hangs must not keep callers from learning that the client is closed.
        closing = self._closing = self._closing or asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait({asked, closing}, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            asked.add_done_callback(self._give_back)
            raise
        if not asked.done():
            asked.add_done_callback(self._give_back)
            # The caller then asks the rate limiter, which is closed and raises.
            return WAIT_FOR_RESPONSE
        return asked.result()

    def _give_back(self, asked: asyncio.Task[Acquired]) -> None:
        if not asked.cancelled() and asked.exception() is None and isinstance(permit := asked.result(), Permit):
            self.complete(permit, sent=False, token=None)

    async def wait(self, answer: Acquired, changed: asyncio.Event, deadline: float) -> None:
        """Wait until it makes sense to ask again.

        Args:
            answer: The answer of the store.
            changed: `changed` as it was before the store was asked.
            deadline: Time of the event loop at which the caller runs out of patience.

        Raises:
            TooLong: The store named a later time than the caller's deadline.
        """
        seconds = self._poll_seconds
        if isinstance(answer, WaitUntil):
            seconds = answer.at - self._clock.wall_time()
            if self._clock.monotonic() + seconds > deadline:
                raise TooLong(seconds)
        else:
            # Calls of other processes end without a signal here, so the store is asked, less and less often.
            self._poll_seconds = min(_POLL_SECONDS[1], self._poll_seconds * 1.5)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await changed.wait()

    def complete(
        self,
        permit: Permit,
        *,
        sent: bool,
        token: object,
        headers: RateLimitHeaders | None = None,
        status: int | None = None,
    ) -> None:
        """Report in a task of its own that the call of *permit* has ended; see `Observation`."""
        digest = _digest(str(token)) if token and self._is_per_token else self._token
        now = self._clock.wall_time()
        self._background.spawn(
            self._report(Observation(now=now, permit=permit, token=digest, sent=sent, headers=headers, status=status))
        )

    async def _report(self, observation: Observation) -> None:
        # If this fails the call counts as in flight for a while, and the next acquire raises the error to a caller.
        with contextlib.suppress(Exception):
            await self._store.observe(observation)
        self._notify()

    def switch_token(self, token: object) -> None:
        """Ask for calls of *token* from now on."""
        if self._is_per_token:
            self._token = _digest(str(token))
            self._notify()

    def _notify(self) -> None:
        self._poll_seconds = _POLL_SECONDS[0]
        self.changed.set()
        # A new event for the next waits: a caller took the old one before it asked the store, and misses no change.
        self.changed = asyncio.Event()

    def close(self) -> None:
        """Wake all callers that wait; they find the rate limiter closed."""
        if self._closing is not None and not self._closing.done():
            self._closing.set_result(None)
        self._notify()

    async def aclose(self) -> None:
        """Wait for the last reports, for 5 s at most."""
        while len(self._background):  # a permit that came late is reported by one task more
            if await self._background.drain(_CLOSE_SECONDS):
                break


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
