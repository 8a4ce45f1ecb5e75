"""Virtual time: an event loop that jumps to the next timer instead of waiting for it.

Hours of rate windows, back-offs and token lifetimes pass in milliseconds, in the same order each time. Nothing on
this loop may use sockets or threads; `FakeMautic` in process uses neither.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from mautic_async.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from typing import NoReturn

T = TypeVar("T")

EPOCH = 1_800_000_000.0
"""The wall clock at virtual time 0, in epoch seconds."""


class Deadlock(RuntimeError):
    """Every task waits, and no timer is left to wake one."""


class _JumpingSelector(selectors.BaseSelector):
    """A selector that never waits: a time-out moves the loop's clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, fileobj if isinstance(fileobj, int) else fileobj.fileno(), events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.advance(timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is only as long as its timers say.

    Args:
        seed: Shuffles tasks that are ready at once, differently for each seed; None keeps asyncio's order.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._now = 0.0
        self._shuffle = None if seed is None else random.Random(seed).shuffle  # noqa: S311 - order, not secrecy
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def advance(self, timeout: float | None) -> None:
        """Move the clock to the next timer.

        Raises:
            Deadlock: There is none.
        """
        if timeout is None:
            raise Deadlock(f"all tasks wait for ever, at {self._now:.3f} s")
        self._now += max(0.0, timeout)

    def _run_once(self) -> None:
        # asyncio runs ready callbacks first in, first out; another order reveals code that relies on this.
        if self._shuffle is not None:
            queue: deque[Any] = self._ready  # type: ignore[attr-defined]  # asyncio's own
            ready = list(queue)
            self._shuffle(ready)
            queue.clear()
            queue.extend(ready)
        super()._run_once()  # type: ignore[misc]  # asyncio's own step

    def run_in_executor(self, *_: Any) -> NoReturn:  # type: ignore[override]  # refuses whatever it is given
        """Refuse: threads would break the order."""
        raise RuntimeError("no threads on virtual time")


def virtual_clock(loop: asyncio.AbstractEventLoop, seed: int = 0) -> Clock:
    """Return a `Clock` on the time of *loop*, with chance from *seed*."""
    return Clock(wall_time=lambda: EPOCH + loop.time(), random=random.Random(seed).random)  # noqa: S311 - repeatable


def run_virtual(main: Coroutine[Any, Any, T], seed: int | None = None) -> T:
    """Run *main* to its end on a `VirtualLoop`."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(seed)) as runner:
        return runner.run(main)
