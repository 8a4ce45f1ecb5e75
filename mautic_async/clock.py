"""Time and chance: the one source of both.

All code of the package takes the time, pauses and random numbers from a `Clock`, so that a test can run hours in
milliseconds on a virtual event loop and repeat a run from its seed.
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
    """Real time and real chance; give other callables for a test.

    Attributes:
        wall_time: Epoch seconds, as the local machine believes them.
        random: A float in [0, 1).
    """

    wall_time: Callable[[], float] = time.time
    random: Callable[[], float] = field(factory=lambda: random.Random().random)  # noqa: S311 - jitter, not a secret

    def monotonic(self) -> float:
        """Monotonic seconds of the running event loop."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Pause for *seconds*; never for a negative time."""
        await asyncio.sleep(max(0.0, seconds))

    def uniform(self, low: float, high: float) -> float:
        """A random float in [low, high)."""
        return low + (high - low) * self.random()
