"""The client of a `RateLimitStore`: fetches a permit for each call of one process, and reports how the call ended.

The rate limiter decides without awaiting. So `decide` returns `WaitForResponse` and starts a task, which runs one
transaction and then has the limiter look at its queues again. A permit is taken during that look, or given back right
after it. Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from typing import TYPE_CHECKING, Final

from mautic_async._background import BackgroundTasks
from mautic_async.ratelimit.decision import GO, WAIT_FOR_RESPONSE, Decision, WaitUntil
from mautic_async.ratelimit.shared_state import AcquireRequest, Observation, Permit

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.clock import Clock
    from mautic_async.ratelimit.fixed_window import BackgroundPolicy, RateLimitHeaders
    from mautic_async.ratelimit.store import RateLimitStore

_POLL_SECONDS: Final = (0.02, 1.0)
"""Seconds between two questions while calls of other processes are in flight: at first, and at most."""
_CLOSE_SECONDS: Final = 5.0
"""Seconds that the last reports of a client may take."""


class SharedWindow:
    """Stands in the place of the limiter's own window when `Limits.store` is set.

    Args:
        store: Keeps the shared state.
        clock: Time; its wall clock is the clock of the store.
        policy: The rules for background work of this process.
        on_change: Called when the waiting calls should be looked at.
        on_error: Called with the error of a store that fails.
        is_per_token: Whether each token has a window of its own, rather than the site.
    """

    def __init__(
        self,
        store: RateLimitStore,
        clock: Clock,
        policy: BackgroundPolicy,
        *,
        on_change: Callable[[], None],
        on_error: Callable[[Exception], None],
        is_per_token: bool,
    ) -> None:
        self._store, self._clock, self._policy = store, clock, policy
        self._on_change, self._on_error = on_change, on_error
        self._is_per_token = is_per_token
        self._token = "" if is_per_token else _digest("site")
        self._permit: Permit | None = None
        self._permit_is_background = False
        self._waiting: dict[bool, int | None] = {}
        """The kinds of calls that wait (background or not), with the requests left of the first one's job."""
        self._asked: set[bool] = set()
        """The kinds to which the store has said that they wait for a response."""
        self._retry_at: dict[bool, float] = {}
        self._poll_seconds = _POLL_SECONDS[0]
        self._wake = asyncio.Event()
        self._background = BackgroundTasks()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def decide(self, *, now: float, background: bool, job_requests_left: int | None) -> Decision:
        """Return `Go` if a permit is at hand; else ask the store for one, and return what to wait for."""
        if self._permit is not None and (self._permit_is_background or not background):
            return GO
        retry_at = self._retry_at.get(background, 0.0)
        if now < retry_at:
            return WaitUntil(retry_at)
        self._waiting[background] = job_requests_left
        if background not in self._asked:
            self._wake.set()
        if self._task is None and not self._is_closed:
            self._task = self._background.spawn(self._run())
        return WAIT_FOR_RESPONSE

    def take_permit(self) -> Permit | None:
        """Return the permit that `decide` found, which the caller has to `complete`."""
        permit, self._permit = self._permit, None
        return permit

    def complete(
        self,
        permit: Permit,
        *,
        sent: bool,
        token: object,
        headers: RateLimitHeaders | None = None,
        status: int | None = None,
    ) -> None:
        """Report that the call of *permit* has ended, in a task of its own."""
        digest = _digest(str(token)) if token and self._is_per_token else self._token
        self._background.spawn(
            self._report(
                Observation(
                    now=self._clock.wall_time(), permit=permit, token=digest, sent=sent, headers=headers, status=status
                )
            )
        )

    async def _report(self, observation: Observation) -> None:
        # If this fails the call counts as in flight for a while, and the next acquire raises the error to a caller.
        with contextlib.suppress(Exception):
            await self._store.observe(observation)
        self._ask_again()

    def switch_token(self, token: object) -> None:
        """Ask for calls of *token* from now on."""
        if self._is_per_token:
            self._token = _digest(str(token))
            self._ask_again()

    def _ask_again(self) -> None:
        """Forget what the store has answered, and ask anew for the calls that wait."""
        self._retry_at.clear()
        self._asked.clear()
        self._poll_seconds = _POLL_SECONDS[0]
        self._wake.set()
        if not self._is_closed:
            self._on_change()

    # -- the one task --

    async def _run(self) -> None:
        try:
            while self._waiting and not self._is_closed:
                self._wake.clear()
                if not await self._acquire_first():
                    await self._pause()
                    self._asked.clear()
                self._waiting.clear()  # who still waits after the permit is taken says so again
                self._on_change()
                if self._permit is not None:  # the call that it was for has gone
                    self.complete(self._permit, sent=False, token=self._token)
                    self._permit = None
        except Exception as error:  # noqa: BLE001 - whatever a user's store raises, the waiting calls raise it
            self._waiting.clear()
            self._on_error(error)
        finally:
            self._task = None
            self._waiting.clear()
            self._asked.clear()

    async def _acquire_first(self) -> bool:
        """Ask for the first call that may go, interactive ones before background ones.

        Returns:
            False if the store has said no more than to wait for a response.
        """
        waiting, self._waiting = self._waiting, {}
        for background in sorted(waiting):
            wall, now = self._clock.wall_time(), self._clock.monotonic()
            acquired = await self._store.acquire(
                AcquireRequest(
                    now=wall,
                    token=self._token,
                    background=background,
                    policy=self._policy,
                    job_requests_left=waiting[background],
                )
            )
            if isinstance(acquired, Permit):
                self._permit, self._permit_is_background = acquired, background
                self._asked.clear()
                self._poll_seconds = _POLL_SECONDS[0]
                return True
            if isinstance(acquired, WaitUntil):
                self._retry_at[background] = now + acquired.at - wall
            else:
                self._asked.add(background)
        return not self._asked

    async def _pause(self) -> None:
        """Wait until a call of this process has ended, another kind of call waits, or it is time to ask again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._wake.wait()
        self._poll_seconds = min(_POLL_SECONDS[1], self._poll_seconds * 1.5)

    async def aclose(self) -> None:
        """Ask for nothing any more, and wait for the last reports."""
        self._is_closed = True
        self._wake.set()
        while len(self._background):  # a permit that came late is reported by one task more
            if await self._background.drain(_CLOSE_SECONDS):
                break


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
