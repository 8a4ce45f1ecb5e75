"""Pause and slow down after a 429 without rate-limit headers: from a proxy, or stripped by one. Nothing here awaits.

Such a 429 says nothing, or names the seconds to wait. All calls pause, then one call probes, with exponential backoff.
The rate is AIMD: it is cut by a third and recovers slowly. Unlike plain AIMD, a pause that took several probes sets the
rate to the calls per second since the last such pause, this one included: what the server has in fact allowed.
Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

from mautic_async.ratelimit.decision import GO, PROBE, Decision, WaitUntil
from mautic_async.ratelimit.fixed_window import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable

_DECREASE: Final = 0.7
_RECOVERY: Final = 1.05
"""Growth of the pace per quiet ten seconds."""
_RELEASED_AT: Final = 32.0
"""A pace that has grown to so many times what it was cut to no longer binds."""
_MIN_RATE: Final = 0.05
_PROBE_BACKOFF: Final = 4.0
"""Each pause between probes is so many times the last one."""


class Throttle:
    """The pause after a refusal, the probe after the pause, and the pace after the probe.

    Args:
        random: Return a number in [0, 1).
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
        self._window_began: float | None = None
        """When the first call was sent, or the first one after a pause that took several probes."""
        self._passed = 0
        """Calls since then that were not refused."""

    @property
    def until(self) -> float:
        """The end of the pause, on the loop's clock."""
        return self._until

    def decide(self, now: float) -> Decision:
        """Return the decision about one more call."""
        if now < self._until:
            return WaitUntil(self._until)
        if self._probing:
            return PROBE
        return WaitUntil(self._next) if now < self._next else GO

    def on_request(self, now: float) -> None:
        """Note that a call is sent at *now*."""
        self._recent.append(now)
        # The window does not end while probing: `_measure` needs the calls that led to the pause.
        if self._window_began is None or (now - self._window_began > HOUR and not self._probing):
            self._window_began, self._passed = now, 0
        pace = self._max_rate_at(now)
        if pace is not None:
            self._next = now + 1.0 / pace

    def on_success(self, admitted_at: float, now: float) -> None:
        """Note a response other than a 429 to the call that was sent at *admitted_at*."""
        # Only a call that was sent after the pause proves that the pause was long enough.
        if self._probing and admitted_at >= self._until:
            # A single short pause measures nothing. One that outlasted several probes shows the window of the server.
            if self._refusals > 1:
                self._measure(admitted_at, now)
            self._probing = False
            self._refusals = 0
        self._passed += 1
        if self._pace is not None and self._max_rate_at(now) is None:
            self._pace = None

    def _measure(self, admitted_at: float, now: float) -> None:
        """Set the pace to the rate that the server allowed over the last window, its pause included."""
        if self._window_began is not None and self._passed:
            rate = self._passed / max(1.0, admitted_at - self._window_began)
            self._pace, self._cut_at = max(_MIN_RATE, rate), now
        self._window_began, self._passed = admitted_at, 0

    def pause_for(self, now: float, seconds: float) -> None:
        """Pause for the *seconds* that the server asked for, and a jitter so that processes do not all send at once."""
        self._until = max(self._until, now + seconds + self._random() * min(10.0, 1.0 + seconds / 10.0))
        self._probing = True

    def on_throttled(self, admitted_at: float, now: float, retry_after: float | None) -> None:
        """Note a 429 without rate-limit headers; the 429s of one burst count once."""
        if retry_after is not None:
            self.pause_for(now, retry_after)
        # Sent before the last refusal arrived, so it belongs to the same burst.
        if admitted_at < self._began:
            return
        self._began = now
        self._refusals += 1
        if self._refusals == 1:
            self._decrease_rate(now)  # not for a probe: its refusal says nothing about the pace
        if retry_after is None:
            self._until = max(self._until, now + self._probe_delay(now))
            self._probing = True

    def _probe_delay(self, now: float) -> float:
        """Return the seconds until the next probe: longer each time, but not beyond the end of Mautic's own window."""
        step = _PROBE_BACKOFF ** min(self._refusals - 1, 6) * (0.5 + 0.5 * self._random())
        # A window of Mautic that began with the first call is over by then, so the probe need not come later.
        rest = (self._window_began or 0.0) + HOUR + 1.0 - now
        return min(step, rest) if rest > 0 else step

    def _decrease_rate(self, now: float) -> None:
        pace = self._max_rate_at(now) or self._observed_rate(now)
        self._pace = max(_MIN_RATE, pace * _DECREASE)
        self._cut_at = now

    def _observed_rate(self, now: float) -> float:
        return len(self._recent) / max(0.1, now - self._recent[0]) if self._recent else _MIN_RATE

    def _max_rate_at(self, now: float) -> float | None:
        if self._pace is None:
            return None
        # The pace grows by itself, without a timer: it is computed when it is needed.
        growth = _RECOVERY ** (max(0.0, now - self._cut_at) / 10.0)
        return None if growth > _RELEASED_AT else self._pace * growth
