"""A fixed-window rate limit as the client sees it through response headers. Nothing here awaits.

Mautic counts the calls of a window of one hour, which the first call opens. Every response that it counts carries the
limit, the remaining calls, and the end of the window by the server's clock. The counter of the server loses calls under
concurrency, responses overtake each other, and servers behind a load balancer may count apart. Within a window the
smallest `remaining` therefore counts, and the earliest end. Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import enum
import math
from collections import deque
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from mautic_async.ratelimit.decision import GO, PROBE, WAIT_FOR_RESPONSE, Decision, WaitUntil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mautic_async.protocol.headers import RateLimitHeaders

HOUR: Final = 3600.0
MAX_WINDOW: Final = 3660.0
"""No window lasts longer, whatever a server sends, in seconds."""
_RESERVE_SHARE: Final = 0.1
"""Share of the rest of the window that background work leaves to interactive calls."""
_MAX_INVALID: Final = 3
"""Invalid headers in a row after which the server is taken to have no limiter."""


@frozen
class BackgroundPolicy:
    """The rules for background work, which one process sets for its own calls.

    Attributes:
        reserve: Calls that background work leaves to interactive calls; None: a tenth of what the rest of the window
            would bring at an even pace.
        is_even: Whether background work spreads its calls over the window.
    """

    reserve: int | None = None
    is_even: bool = False


class _LimiterState(enum.Enum):
    UNKNOWN = enum.auto()
    OFF = enum.auto()
    KNOWN = enum.auto()


class FixedWindow:
    """The window of one token, as responses report it, and the decision about one more call.

    All times are on one clock, which the caller chooses.

    Args:
        random: Return a number in [0, 1). It delays the first call after a window that was used up, so that processes
            do not all send at once.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._state = _LimiterState.UNKNOWN
        self._limit = 0
        self._remaining = 0
        self._reset = 0
        self._ends_at = math.inf
        self._jitter = 0.0
        self._invalid = 0
        self._last_background = -math.inf
        self._clock_offsets: deque[float] = deque(maxlen=8)
        self._token: object = None

    # -- learning from responses --

    def observe(self, headers: RateLimitHeaders, *, now: float, wall: float, refused: bool = False) -> bool:
        """Learn from the headers of one response.

        Args:
            headers: The headers.
            now: The time.
            wall: The local wall clock, for responses without a date.
            refused: Whether the response was a 429.

        Returns:
            True if the headers are valid.
        """
        seconds = headers.reset - self._server_time(headers, wall)
        # A 429 that claims to have calls left contradicts itself.
        if headers.limit <= 0 or headers.remaining < 0 or not seconds > 0 or (refused and headers.remaining):
            self._count_invalid()
            return False
        self._invalid = 0
        self._end_if_over(now)
        seconds = min(seconds, MAX_WINDOW)
        ends_at = now + seconds + 1.0  # both ends are whole seconds
        remaining = min(headers.remaining, headers.limit)
        if self._state is not _LimiterState.KNOWN:
            self._state = _LimiterState.KNOWN
            self._remaining, self._ends_at, self._reset = remaining, ends_at, headers.reset
            self._jitter = self._random() * min(10.0, 1.0 + seconds / 10.0)
        # A later end is that of another server behind the load balancer, which counts apart.
        elif ends_at < self._ends_at:
            self._ends_at, self._reset = ends_at, headers.reset
        self._limit = headers.limit
        self._remaining = min(self._remaining, remaining)
        return True

    def _server_time(self, headers: RateLimitHeaders, wall: float) -> float:
        if headers.date is not None:
            # The median of several offsets, because a single ``Date`` may be delayed.
            self._clock_offsets.append(headers.date - wall)
            return headers.date
        return wall + (median(self._clock_offsets) if self._clock_offsets else 0.0)

    def _count_invalid(self) -> None:
        """Take the limiter for absent after several invalid headers; a single one may come from a window just over."""
        self._invalid += 1
        if self._state is _LimiterState.UNKNOWN and self._invalid >= _MAX_INVALID:
            self._state = _LimiterState.OFF

    def observe_missing_headers(self, status: int | None) -> None:
        """Learn from a response without rate-limit headers.

        A 401 is not counted by the server. A 5xx may come from a proxy, which knows nothing of the limiter behind it.
        Any other response without headers comes from a server whose limiter is off.

        Args:
            status: Status of the response, or None if there was none.
        """
        if status == 401:
            return
        if self._state is _LimiterState.UNKNOWN and status is not None and status < 500:
            self._state = _LimiterState.OFF
        self.debit(1)  # the server may have counted it

    def debit(self, calls: int) -> None:
        """Take *calls* as counted by the server although no response says so."""
        self._remaining = max(0, self._remaining - calls)

    def switch_token(self, token: object) -> None:
        """Belong to *token* from now on; forget the window of another one."""
        # OFF stays: a server without a limiter has none for the next token either.
        if self._token is not None and self._state is _LimiterState.KNOWN:
            self._state = _LimiterState.UNKNOWN
        self._token = token

    # -- the decision --

    def decide(
        self,
        *,
        now: float,
        in_flight: int,
        background: bool,
        policy: BackgroundPolicy,
        job_requests_left: int | None = None,
    ) -> Decision:
        """Return the decision about one more call.

        Calls in flight may or may not be counted in `remaining` already. They are taken not to be.

        Args:
            now: The time.
            in_flight: Calls under way.
            background: Whether the call is background work, which keeps the reserve.
            policy: The rules for background work.
            job_requests_left: Upper bound of the requests that the bulk job still sends, this one included, or None.
                A job that fits into half of what may be spent does not spread its calls.
        """
        self._end_if_over(now)
        if self._state is _LimiterState.OFF:
            return GO
        if self._state is _LimiterState.UNKNOWN:
            return PROBE
        free = self._remaining - in_flight
        spendable = free - (self._reserve(policy, now) if background else 0.0)
        if spendable > 0:
            if not background or not policy.is_even or _fits(job_requests_left, spendable):
                return GO
            # The rest of the window, divided by the calls that may be spent in it, is the distance between two.
            due = self._last_background + max(0.0, self._ends_at - now) / max(1.0, spendable)
            return GO if due <= now else WaitUntil(due)
        # A response may show that the calls in flight were counted already, which leaves more.
        if in_flight > 0:
            return WAIT_FOR_RESPONSE
        # At least a second ahead, or rounding could make background work ask in a tight loop.
        return WaitUntil(max(self._reserve_gone_at(policy, free), now + 1.0) if background else self._reopens_at)

    def record_background(self, now: float) -> None:
        """Note that a background call is sent: the next one keeps its distance if the pace is even."""
        self._last_background = now

    @property
    def _reopens_at(self) -> float:
        """The time to probe the next window: after a random delay if this one was used up."""
        return self._ends_at if self._remaining > 0 else self._ends_at + self._jitter

    def _end_if_over(self, now: float) -> None:
        if self._state is _LimiterState.KNOWN and now >= self._reopens_at:
            self._state = _LimiterState.UNKNOWN

    def _reserve(self, policy: BackgroundPolicy, now: float) -> float:
        if policy.reserve is not None:
            return policy.reserve
        seconds_left = max(0.0, self._ends_at - now)
        return max(self._minimum_reserve, _RESERVE_SHARE * self._limit * seconds_left / HOUR)

    @property
    def _minimum_reserve(self) -> float:
        """The calls that background work leaves to the very end of the window."""
        return float(min(2, self._limit // 400))

    def _reserve_gone_at(self, policy: BackgroundPolicy, free: int) -> float:
        """Return about when the reserve is smaller than *free*, the calls left."""
        if free <= self._minimum_reserve or policy.reserve is not None:
            return self._reopens_at
        # The reserve shrinks linearly to nothing at the end of the window; here it equals *free*.
        return self._ends_at - free * HOUR / (_RESERVE_SHARE * self._limit)

    # -- figures, and the stored form --

    def current(self, now: float) -> tuple[int, int, int] | None:
        """Return limit, remaining calls and reset (epoch seconds of the server's clock), or None if none is known."""
        self._end_if_over(now)
        return (self._limit, self._remaining, self._reset) if self._state is _LimiterState.KNOWN else None

    def to_dict(self) -> dict[str, Any]:
        """Return the state of the window as JSON values, for `from_dict`."""
        known = self._state is _LimiterState.KNOWN
        return {
            "state": self._state.name,
            "window": [self._limit, self._remaining, self._reset, self._ends_at, self._jitter] if known else None,
            "invalid": self._invalid,
            "last_background": max(0.0, self._last_background),
            "clock_offsets": list(self._clock_offsets),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], now: float, random: Callable[[], float]) -> FixedWindow:
        """Return the window that `to_dict` wrote.

        Times later than *now* allows are cut: the clock may have been set back since.

        Raises:
            ValueError, TypeError, KeyError, OverflowError: *stored* was not made by `to_dict`.
        """
        window = cls(random)
        window._state = _LimiterState[stored["state"]]
        window._invalid = int(stored["invalid"])
        window._last_background = min(now, finite_number(stored["last_background"]))
        window._clock_offsets.extend(finite_number(offset) for offset in stored["clock_offsets"])
        if window._state is _LimiterState.KNOWN:
            limit, remaining, reset, ends_at, jitter = map(finite_number, stored["window"])
            if not limit >= remaining >= 0 or limit < 1:
                raise ValueError(stored)
            window._limit, window._remaining, window._reset = int(limit), int(remaining), int(reset)
            window._ends_at = min(ends_at, now + MAX_WINDOW + 1.0)
            window._jitter = min(10.0, max(0.0, jitter))
        return window


def _fits(job_requests_left: int | None, spendable: float) -> bool:
    return job_requests_left is not None and 2 * job_requests_left <= spendable


def finite_number(value: object) -> float:
    """Return *value* if it is a finite number; raise ValueError if not."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(value)
    return value
