"""Time and randomness: all code of the package takes both from a `Clock`.

So a test can run hours in milliseconds on a virtual event loop, and repeat a run from its seed.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable


@frozen
class Clock:
    """Time and randomness; real unless a test gives other callables.

    Attributes:
        wall_time: Return epoch seconds of the local machine.
        random: Return a float in [0, 1).
    """

    wall_time: Callable[[], float] = time.time
    random: Callable[[], float] = field(factory=lambda: random.Random().random)  # noqa: S311 - jitter, not a secret

    def monotonic(self) -> float:
        """Return the time of the running event loop, in monotonic seconds."""
        # Timers of the loop compare with this clock, and on a virtual loop it is the one that jumps.
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Pause for *seconds*; not at all if they are negative."""
        await asyncio.sleep(max(0.0, seconds))

    def uniform(self, low: float, high: float) -> float:
        """Return a random float in [low, high)."""
        return low + (high - low) * self.random()
