"""The protocol of a store for a shared rate limit, and the state that a store keeps.

A store keeps a `RateLimitState` as text and changes it in one atomic transaction per operation. `acquire` enters a call
before it is sent. `observe` removes it and applies the headers of its response. So the server has never counted
more calls than the responses reported plus the calls in flight, even if a process is killed.
Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any, Final, Protocol, TypeAlias

from attrs import define, field, frozen

from mautic_async.clock import Clock
from mautic_async.protocol.headers import RateLimitHeaders
from mautic_async.ratelimit.decision import WAIT_FOR_RESPONSE, Go, Probe, WaitForResponse, WaitUntil
from mautic_async.ratelimit.fixed_window import BackgroundPolicy, FixedWindow, finite_number

CALL_TIMEOUT: Final = 150.0
"""Seconds after which a call in flight is taken as counted: by then the server has seen it, or its process is dead."""
_PROBE_TIMEOUT: Final = 60.0
"""Seconds after which another probe is sent if the first one has not ended."""
_MAX_TOKENS: Final = 8
"""Windows in one state; those of old tokens end within the hour."""
_VERSION: Final = 2


@frozen(kw_only=True)
class AcquireRequest:
    """A request for the permission to send one more call.

    Attributes:
        now: Epoch seconds, by a clock on which all processes agree within a second or two.
        token: Digest of the token, or "" before one is known; then the token that was used last counts.
        background: Whether the call is background work.
        policy: The rules for background work of this process.
        job_requests_left: Upper bound of the requests that the bulk job still sends, this one included, or None.
    """

    now: float
    token: str = ""
    background: bool = False
    policy: BackgroundPolicy = field(factory=BackgroundPolicy)
    job_requests_left: int | None = None


@frozen
class Permit:
    """The right to send one call; `observe` ends it.

    Attributes:
        id: Its key among the calls in flight.
    """

    id: str


@frozen(kw_only=True)
class Observation:
    """The end of a call.

    Attributes:
        now: Epoch seconds.
        permit: The permit of the call.
        token: Digest of the token that it was signed with, or "".
        sent: Whether it was sent; if not, the server has not counted it.
        headers: The rate-limit headers of its response, or None.
        status: Status of its response, or None.
    """

    now: float
    permit: Permit
    token: str = ""
    sent: bool = True
    headers: RateLimitHeaders | None = None
    status: int | None = None


Acquired: TypeAlias = Permit | WaitUntil | WaitForResponse


class RateLimitStore(Protocol):
    """A store of the rate limit that processes share: any object with these two methods.

    Both apply the method of the same name of `RateLimitState` in one atomic transaction: load the text, read it by
    `RateLimitState.from_text`, apply the operation, save what `RateLimitState.to_text` returns. The text may be dropped
    two hours after its last change. An error that `acquire` raises is raised by the calls that wait.

    Mautic: REST API, Rate limiter.
    """

    async def acquire(self, request: AcquireRequest) -> Acquired:
        """Apply `RateLimitState.acquire`, and return its result."""
        ...

    async def observe(self, observation: Observation) -> None:
        """Apply `RateLimitState.observe`."""
        ...


@define
class RateLimitState:
    """The state that processes share: one fixed window per token, and the calls in flight.

    Mautic: REST API, Rate limiter.
    """

    _salt: str = field(factory=lambda: secrets.token_hex(8))
    _latest: str = ""
    _windows: dict[str, FixedWindow] = field(factory=dict)
    _in_flight: dict[str, float] = field(factory=dict)
    _probe: str = ""

    def acquire(self, request: AcquireRequest) -> Acquired:
        """Enter one more call if it may be sent, and return its permit; else return the event to wait for."""
        now = request.now
        self._count_overdue(now)
        # The window of a new token is stored by `observe`, once there is something to store.
        window = self._windows.get(self._key(request.token)) or _new_window()
        decision = window.decide(
            now=now,
            in_flight=len(self._in_flight),
            background=request.background,
            policy=request.policy,
            job_requests_left=request.job_requests_left,
        )
        # One probe at a time; if its process was killed, another one follows after a minute.
        if isinstance(decision, Probe) and self._in_flight.get(self._probe, -_PROBE_TIMEOUT) + _PROBE_TIMEOUT > now:
            return WAIT_FOR_RESPONSE
        if not isinstance(decision, (Go, Probe)):
            return decision
        permit = Permit(secrets.token_hex(4))
        self._in_flight[permit.id] = now
        if isinstance(decision, Probe):
            self._probe = permit.id
        if request.background:
            window.record_background(now)
        return permit

    def observe(self, observation: Observation) -> None:
        """Remove a call that has ended, and apply its response to the window."""
        self._count_overdue(observation.now)
        self._in_flight.pop(observation.permit.id, None)
        if not observation.sent:
            return
        # A process that has no token yet is counted in the window of the last one used.
        key = self._latest = self._key(observation.token)
        window = self._windows.pop(key, None) or _new_window()
        self._windows[key] = window  # the last one used is the last one dropped
        if observation.headers is None:
            window.observe_missing_headers(observation.status)
        else:
            refused = observation.status == 429
            window.observe(observation.headers, now=observation.now, wall=observation.now, refused=refused)
        while len(self._windows) > _MAX_TOKENS:
            del self._windows[next(iter(self._windows))]

    def _count_overdue(self, now: float) -> None:
        """Take calls that have been in flight for too long as counted in every window: their own is not known."""
        overdue = [key for key, at in self._in_flight.items() if at + CALL_TIMEOUT <= now]
        for key in overdue:
            del self._in_flight[key]
        for window in self._windows.values():
            window.debit(len(overdue))

    def _key(self, token: str) -> str:
        """Return a digest too short to find a token by, and different in each state."""
        return hashlib.sha256(f"{self._salt}{token}".encode()).hexdigest()[:8] if token else self._latest

    def to_text(self) -> str:
        """Return the state as ASCII text: a few hundred bytes, and 30 for each call in flight."""
        return json.dumps(
            {
                "version": _VERSION,
                "salt": self._salt,
                "latest": self._latest,
                "windows": {key: window.to_dict() for key, window in self._windows.items()},
                "in_flight": self._in_flight,
                "probe": self._probe,
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_text(cls, text: str | None, now: float) -> RateLimitState:
        """Return the state that `to_text` wrote, or a new one if *text* is None or cannot be read.

        Args:
            text: The text.
            now: Epoch seconds: later times are cut, since the clock may have been set back.
        """
        if text is not None:
            try:
                return cls._parse(json.loads(text), now)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
                pass  # another program's text, or of another version
        return cls()

    @classmethod
    def _parse(cls, stored: dict[str, Any], now: float) -> RateLimitState:
        if stored["version"] != _VERSION:
            raise ValueError
        return cls(
            str(stored["salt"]),
            str(stored["latest"]),
            {key: FixedWindow.from_dict(parts, now, _CLOCK.random) for key, parts in stored["windows"].items()},
            {key: min(now, finite_number(at)) for key, at in stored["in_flight"].items()},
            str(stored["probe"]),
        )


_CLOCK: Final = Clock()
"""For jitter alone."""


def _new_window() -> FixedWindow:
    return FixedWindow(_CLOCK.random)
