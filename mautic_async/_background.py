"""Tasks that finish what they began, whoever stops waiting for them.

A request that has left cannot be called back: cutting its socket leaves PHP running, loses a rotated token, and
leaves httpx 0.28's pool with a connection that is never returned. So what has left is a flight: it ends by its own
time-outs, and a caller who is cancelled merely stops waiting. This is the one place in the package that makes a task
without a parent.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class BackgroundTasks:
    """The set of tasks under way, to be waited for when the client closes."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run *work* in a task of its own; await it through `asyncio.shield`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    async def run_shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Await *work* in a task of its own, which goes on if the caller is cancelled."""
        return await asyncio.shield(self.spawn(work))

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at: a caller who has left is no reason for a warning

    async def drain(self, seconds: float) -> int:
        """Wait up to *seconds* seconds for all, then cut the rest.

        Returns:
            How many had to be cut: their outcome is unknown.
        """
        if not self._tasks:
            return 0
        _, late = await asyncio.wait(set(self._tasks), timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=1.0)
        return len(late)
