"""The budget as the answers tell it: a fixed window of an hour, counted by the server. Nothing here awaits.

Mautic's limiter sends limit, remaining calls and the end of the window (by its own clock) with every answer that it
counts; it opens a window at the first call after the last one ended. Its counter loses calls under concurrency, so the
number of remaining calls may jump up: the smallest one seen counts. Behind a balancer there may be nodes that count
apart. Others may draw on the same budget: how much they take is estimated, and left to them.
Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import enum
import math
from collections import deque
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from attrs import astuple, define, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GO: Final = 0.0
"""A turn: go now."""
PROBE: Final = -1.0
"""A turn: go now, if nobody else is on the same errand; everybody else waits for the answer."""
ANSWER: Final = math.inf
"""A turn: wait until something lands. Any other number is the moment at which to look again, on the loop's clock."""

HOUR: Final = 3600.0
LONGEST: Final = 3660.0
"""No window lasts longer, whatever a server says, in seconds."""


@frozen
class Reading:
    """The limiter's headers of one answer.

    Attributes:
        limit: Calls per window.
        remaining: Calls left in it.
        reset: Its end, in epoch seconds of the server's clock.
        date: The server's clock when it answered, in epoch seconds, or None.
    """

    limit: int
    remaining: int
    reset: int
    date: float | None = None


class TooLong(Exception):
    """The wait for the rate limit is longer than the caller's patience.

    Attributes:
        seconds: How long it would be.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the rate limit asks for {seconds:.0f} s")
        self.seconds = seconds


class _Knows(enum.Enum):
    NOTHING = enum.auto()
    NO_LIMIT = enum.auto()
    BUDGET = enum.auto()


@define
class _Bucket:
    """One window of one node: *until* and *wake* are on the loop's clock; *late* is a random share of the jitter."""

    reset: int
    limit: int
    left: int
    until: float
    wake: float
    seen: int
    began: float
    first: int
    """What was left at the first reading, at *began*."""
    at: float
    """When the last reading came."""
    mine: int = 0
    """Own calls since the first reading."""

    @property
    def others(self) -> int:
        """Calls of strangers since the first reading."""
        return max(0, self.first - self.left - self.mine)

    @property
    def ends(self) -> float:
        """When it is forgotten: an empty one only after the jitter, so that a fleet does not wake as one."""
        return self.until if self.left > 0 else self.wake


_MEMORY: Final = 600.0
"""As how many seconds of this window the earlier ones count, when strangers are estimated."""
_NODES: Final = 8
_STALE: Final = 64
"""Readings of other windows after which a window that is seen no more is forgotten: its node's counter was lost."""
_ODD: Final = 3
"""Senseless readings in a row after which the limiter is taken for absent."""


class Window:
    """What is known of the budget, and whether a call may be spent.

    Args:
        random: Chance, in [0, 1).
        reserve: Calls that background work leaves to interactive calls; None: a tenth of what the rest of the window
            would bring, which melts away towards its end.
        spread: Whether background work spreads its calls over the window.
    """

    def __init__(self, random: Callable[[], float], *, reserve: int | None = None, spread: bool = False) -> None:
        self._random = random
        self._fixed = reserve
        self._spread = spread
        self._knows = _Knows.NOTHING
        self._buckets: dict[int, _Bucket] = {}
        self._skews: deque[float] = deque(maxlen=8)
        self._readings = 0
        self._odd = 0
        self._last_background = -math.inf
        self._strangers = 0.0
        """Calls per second of others on the same budget, from the windows that have ended."""
        self._memory = 0.1 * _MEMORY
        self._token: object = None

    # -- what answers say --

    def observe(self, reading: Reading, *, now: float, wall: float, refused: bool = False) -> bool:
        """Learn from the headers of one answer.

        Args:
            reading: The headers.
            now: The loop's clock.
            wall: The local wall clock, for answers without a date.
            refused: Whether it was a 429.

        Returns:
            Whether they made sense.
        """
        seconds = reading.reset - self._server_time(reading, wall)
        if reading.limit <= 0 or reading.remaining < 0 or not seconds > 0 or (refused and reading.remaining):
            self._ignore()
            return False
        self._odd = 0
        self._readings += 1
        seconds = min(seconds, LONGEST)
        until = now + seconds + 1.0  # both ends are whole seconds
        left = min(reading.remaining, reading.limit)
        bucket = self._find(reading.reset)
        if bucket is None:
            late = self._random() * min(10.0, 1.0 + seconds / 10.0)
            bucket = _Bucket(reading.reset, reading.limit, left, until, until + late, self._readings, now, left, now)
            self._buckets[reading.reset] = bucket
        else:
            bucket.limit, bucket.seen, bucket.at = reading.limit, self._readings, now
            bucket.mine += 1
            bucket.left = min(bucket.left, left)
            if until < bucket.until:
                bucket.wake -= bucket.until - until
                bucket.until = until
        self._knows = _Knows.BUDGET
        self._forget_others(now)
        return True

    def _server_time(self, reading: Reading, wall: float) -> float:
        if reading.date is not None:
            self._skews.append(reading.date - wall)
            return reading.date
        return wall + (median(self._skews) if self._skews else 0.0)

    def _ignore(self) -> None:
        """An answer at the edge of a window may still carry the old one; one probe more will tell."""
        self._odd += 1
        if self._knows is _Knows.NOTHING and self._odd >= _ODD:
            self._knows = _Knows.NO_LIMIT

    def _find(self, reset: int) -> _Bucket | None:
        return self._buckets.get(reset) or self._buckets.get(reset - 1) or self._buckets.get(reset + 1)

    def _forget_others(self, now: float) -> None:
        gone = [
            reset
            for reset, bucket in self._buckets.items()
            if bucket.ends <= now or self._readings - bucket.seen > _STALE
        ]
        for reset in gone:
            self._strangers, self._memory = self._strangers_at(self._buckets.pop(reset)), _MEMORY
        while len(self._buckets) > _NODES:
            del self._buckets[min(self._buckets, key=lambda reset: self._buckets[reset].seen)]

    def silent(self, status: int | None) -> None:
        """Learn from an answer without the limiter's headers, or (None) from an answer that never came.

        A 401 is not counted, and a proxy's error says nothing of the limiter behind it; anything else that has no
        headers comes from a server whose limiter is off.
        """
        if status == 401:
            return
        if self._knows is _Knows.NOTHING and status is not None and status < 500:
            self._knows = _Knows.NO_LIMIT
        for bucket in self._buckets.values():
            bucket.left = max(0, bucket.left - 1)  # it may have been counted
            bucket.mine += 1

    def belong(self, token: object) -> None:
        """It is the budget of *token*; what was learned under another one is forgotten."""
        if self._token is not None:
            self._buckets.clear()
            if self._knows is _Knows.BUDGET:
                self._knows = _Knows.NOTHING
        self._token = token

    # -- whether to go --

    def turn(self, *, now: float, in_flight: int, background: bool, rest: int | None = None) -> float:
        """Whether a call may be spent: `GO`, `PROBE`, `ANSWER`, or the moment to ask again.

        Calls in flight may or may not be counted in what the server said is left: they are taken not to be.

        Args:
            now: The loop's clock.
            in_flight: Calls under way.
            background: Whether the reserve is not for it.
            rest: Calls that the job behind it still needs at most, this one included, or None: a job that fits into
                half of what may be spent need not spread its calls.
        """
        if self._knows is _Knows.NO_LIMIT:
            return GO
        bucket = self._tightest(now)
        if bucket is None:
            return PROBE
        free = self._free(bucket, now, in_flight) if background else bucket.left - in_flight
        reserve = self._reserve(bucket, now) if background else 0.0
        if free > reserve:
            if not background or not self._spread or (rest is not None and 2 * rest <= free - reserve):
                return GO
            due = self._due(bucket, free - reserve, now)
            return GO if due <= now else due
        if in_flight > 0:
            return ANSWER
        return max(self._melted(bucket, free), now + 1.0) if background else bucket.ends

    def spent(self, now: float, *, background: bool) -> None:
        """A call has been admitted."""
        if background:
            self._last_background = now

    def spare(self, *, now: float, in_flight: int) -> int:
        """How many calls background work may still spend in this window, were it not for its pace."""
        bucket = self._tightest(now)
        if bucket is None:
            return 0
        return max(0, math.ceil(self._free(bucket, now, in_flight) - self._reserve(bucket, now)))

    def _free(self, bucket: _Bucket, now: float, in_flight: int) -> int:
        """What is left of *bucket* to background work, its reserve included."""
        free = bucket.left - in_flight
        if self._fixed is None:
            free -= int(self._strangers_at(bucket) * (now - bucket.at))  # what they took since the last answer
        return free

    def _tightest(self, now: float) -> _Bucket | None:
        if self._knows is not _Knows.BUDGET:
            return None
        if any(bucket.ends <= now for bucket in self._buckets.values()):
            self._forget_others(now)
        if not self._buckets:
            self._knows = _Knows.NOTHING
            return None
        return min(self._buckets.values(), key=lambda bucket: bucket.left)

    def _reserve(self, bucket: _Bucket, now: float) -> float:
        if self._fixed is not None:
            return self._fixed
        rest = max(0.0, bucket.until - now)
        expected = self._strangers_at(bucket) * rest
        own = max(_kept(bucket), 0.1 * bucket.limit * rest / HOUR)
        return own + expected + 2.0 * math.sqrt(expected)

    def _strangers_at(self, bucket: _Bucket) -> float:
        """Calls per second of others: what this window shows, and as much as ten minutes' worth of earlier ones."""
        return (self._strangers * self._memory + bucket.others) / (self._memory + bucket.at - bucket.began)

    def _melted(self, bucket: _Bucket, free: int) -> float:
        """About when the reserve will be smaller than *free*, the calls left."""
        if free <= _kept(bucket) or self._fixed is not None:
            return bucket.ends
        return bucket.until - free / (0.1 * bucket.limit / HOUR + self._strangers_at(bucket))

    def _due(self, bucket: _Bucket, spendable: float, now: float) -> float:
        return self._last_background + max(0.0, bucket.until - now) / max(1.0, spendable)

    # -- what users see --

    def tightest(self, now: float) -> tuple[int, int, int] | None:
        """Limit, remaining calls and reset (epoch seconds of the server's clock) of the window that counts."""
        bucket = self._tightest(now)
        return None if bucket is None else (bucket.limit, bucket.left, bucket.reset)

    @property
    def unlimited(self) -> bool:
        """Whether the limiter is off, as far as answers tell."""
        return self._knows is _Knows.NO_LIMIT

    @property
    def spreads(self) -> bool:
        """Whether background work spreads its calls over the window."""
        return self._spread

    @property
    def until(self) -> float:
        """The moment at which the first of the windows ends; infinity if none is known."""
        return min((bucket.until for bucket in self._buckets.values()), default=math.inf)

    # -- to be kept --

    def dump(self) -> dict[str, Any]:
        """All that was learned, as JSON values; `restore` reads it."""
        return {
            "knows": self._knows.name,
            "buckets": [astuple(bucket) for bucket in self._buckets.values()],
            "skews": list(self._skews),
            "readings": self._readings,
            "odd": self._odd,
            "last_background": max(0.0, self._last_background),
            "strangers": self._strangers,
            "memory": self._memory,
        }

    def restore(self, kept: Mapping[str, Any], now: float) -> None:
        """Know what `dump` wrote; *now* is of the clock that the other one went by.

        Raises:
            ValueError, TypeError, KeyError, OverflowError: It is nothing that `dump` writes.
        """
        buckets = [_bucket(parts, now) for parts in kept["buckets"]]
        self._buckets = {bucket.reset: bucket for bucket in buckets[:_NODES]}
        self._knows = _Knows[kept["knows"]]
        self._skews.extend(_number(skew) for skew in kept["skews"])
        self._readings, self._odd = int(kept["readings"]), int(kept["odd"])
        self._last_background = min(now, _number(kept["last_background"]))
        self._strangers = max(0.0, _number(kept["strangers"]))
        self._memory = min(_MEMORY, max(1.0, _number(kept["memory"])))
        if self._knows is _Knows.BUDGET and not self._buckets:
            self._knows = _Knows.NOTHING


def _bucket(parts: list[Any], now: float) -> _Bucket:
    """A bucket that was written down; a clock that was set back meanwhile must not make it last longer."""
    reset, limit, left, until, wake, seen, began, first, at, mine = map(_number, parts)
    if not limit >= left >= 0 or limit < 1:
        raise ValueError(parts)
    until, at = min(until, now + LONGEST + 1.0), min(at, now)
    wake, began = min(max(wake, until), until + 10.0), min(began, at)
    return _Bucket(int(reset), int(limit), int(left), until, wake, int(seen), began, int(first), at, max(0, int(mine)))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(value)
    return value


def _kept(bucket: _Bucket) -> float:
    """The calls that background work leaves to the very end."""
    return float(min(2, bucket.limit // 400))
