"""What refusals alone tell: a 429 without the limiter's headers, a proxy's own or stripped by one. Nothing here awaits.

Such a 429 says nothing, or names the seconds to wait. Everybody pauses, one call probes, and the pace is cut by a third
and recovers slowly. A refusal that outlasts several probes is a window: its length and size are learned, so that the
next one costs a single refusal. Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

from mautic_async.ratelimit.fixed_window import ANSWER, GO, HOUR, PROBE

if TYPE_CHECKING:
    from collections.abc import Callable

_CUT: Final = 0.7
_GROWTH: Final = 1.05
"""Growth of the pace per quiet ten seconds."""
_FORGOTTEN: Final = 4.0
"""A pace that has grown to so many times what it was cut to no longer binds."""
_SLOWEST: Final = 0.05
_LADDER: Final = 4.0
"""Each pause between probes is so many times the last one."""
_OUTLASTS: Final = 4
"""Refused probes in a row after which it is a window, not a burst."""


class Throttle:
    """The pause after a refusal, the probe after the pause, and the pace after the probe.

    Args:
        random: Chance, in [0, 1).
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._until = -math.inf
        self._began = -math.inf
        self._probing = False
        self._refusals = 0
        self._pace: float | None = None
        self._cut_at = 0.0
        self._next = -math.inf
        self._recent: deque[float] = deque(maxlen=32)
        self._span = _Span()

    @property
    def until(self) -> float:
        """The end of the pause, on the loop's clock."""
        return self._until

    def turn(self, now: float, in_flight: int) -> float:
        """`GO`, `PROBE`, `ANSWER`, or the moment at which to ask again."""
        if now < self._until:
            return self._until
        if self._probing:
            return PROBE
        if self._span.nearly_spent(in_flight) and in_flight > 0:
            return ANSWER  # in single file over the edge: one refusal, not one for each connection
        return self._next if now < self._next else GO

    def spent(self, now: float) -> None:
        """A call has been admitted."""
        self._recent.append(now)
        self._span.opened(now)
        pace = self._pace_at(now)
        if pace is not None:
            self._next = now + 1.0 / pace

    def passed(self, admitted_at: float, now: float) -> None:
        """An answer came that was not a 429."""
        if self._probing and admitted_at >= self._until:
            self._span.reopened(admitted_at, self._refusals)
            self._probing = False
            self._refusals = 0
        self._span.passed()
        if self._pace is not None and self._pace_at(now) is None:
            self._pace = None

    def pause(self, now: float, seconds: float) -> None:
        """The server named a time: never earlier, and not all at once."""
        self._until = max(self._until, now + seconds + self._random() * min(10.0, 1.0 + seconds / 10.0))
        self._probing = True

    def refused(self, admitted_at: float, now: float, retry_after: float | None) -> None:
        """A 429 came that tells no window; those of one burst count once."""
        if retry_after is not None:
            self.pause(now, retry_after)
        if admitted_at < self._began:
            return
        self._began = now
        self._refusals += 1
        known = self._span.rest(now, self._refusals) if retry_after is None else None
        if self._refusals == 1 and known is None:
            self._cut(now)  # not for a probe, nor for a window's end: they do not say that the pace was too high
        if retry_after is None:
            self._until = max(self._until, now + (self._step(now) if known is None else known))
            self._probing = True

    def _step(self, now: float) -> float:
        """Seconds until the next probe: longer each time, but not beyond the end of Mautic's own window."""
        step = _LADDER ** min(self._refusals - 1, 6) * (0.5 + 0.5 * self._random())
        rest = self._span.hour(now)
        return rest if rest is not None and step > rest else step

    def _cut(self, now: float) -> None:
        pace = self._pace_at(now) or self._observed(now)
        self._pace = max(_SLOWEST, pace * _CUT)
        self._cut_at = now

    def _observed(self, now: float) -> float:
        return len(self._recent) / max(0.1, now - self._recent[0]) if self._recent else _SLOWEST

    def _pace_at(self, now: float) -> float | None:
        if self._pace is None:
            return None
        growth = _GROWTH ** (max(0.0, now - self._cut_at) / 10.0)
        return None if growth > _FORGOTTEN else self._pace * growth


class _Span:
    """A window learned from refusals alone: when it was opened, how many calls it took, how long it lasts.

    It was seen closed `_closed` seconds after its first call, and open again after `_open`; the truth is in between,
    and each window halves the gap by one probe in its middle.
    """

    def __init__(self) -> None:
        self._first: float | None = None
        self._calls = 0
        self._size = 0
        self._closed = 0.0
        self._open = math.inf

    def opened(self, now: float) -> None:
        """A call has been admitted; after a whole window it is the first of the next one."""
        if self._first is None or now - self._first > min(self._open, HOUR + 1.0):
            self._first, self._calls = now, 0

    def passed(self) -> None:
        """A call was not refused."""
        self._calls += 1

    def nearly_spent(self, in_flight: int) -> bool:
        """Whether one more call may meet the end."""
        return self._open < math.inf and self._calls + in_flight >= self._size

    def rest(self, now: float, refusals: int) -> float | None:
        """Seconds until a probe is worth it after so many *refusals* in a row; None where no learned window fits."""
        if self._first is None or math.isinf(self._open):
            return None
        age = now - self._first
        if refusals == 1 and self._calls >= 0.9 * self._size:
            self._size = self._calls
            middle = (self._closed + self._open) / 2
            known = self._open - self._closed <= max(2.0, 0.02 * self._open)
            return max(1.0, (self._open if known or middle <= age else middle) - age)
        if refusals == 2 and age < self._open:  # noqa: RUF100, PLR2004 - the middle was too early
            self._closed = max(self._closed, age)
            return max(1.0, self._open - age)
        self._open = math.inf  # it does not fit any more: begin anew
        return None

    def hour(self, now: float) -> float | None:
        """Seconds until an hour after the first call, which is when Mautic's own window ends."""
        rest = (self._first or 0.0) + HOUR + 1.0 - now
        return rest if rest > 0 else None

    def reopened(self, first: float, refusals: int) -> None:
        """A probe that was admitted at *first* has passed, after so many refusals."""
        age = first - (self._first or 0.0)
        if self._open < math.inf:
            self._open = min(self._open, age)
        elif refusals >= _OUTLASTS:
            self._size, self._open = self._calls, age
            self._closed = age if abs(age - HOUR) < 0.01 * HOUR else 0.0
        self._first, self._calls = first, 0
