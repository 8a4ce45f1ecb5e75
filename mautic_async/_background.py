"""Tasks that finish what they began, even if the caller that started them is cancelled.

A request that has been sent cannot be called back. Closing its socket leaves PHP running, loses a token that is being
refreshed, and leaves a connection in httpx 0.28's pool that is never returned. So a request runs in a task of its own,
which ends by its own time-outs, and a cancelled caller only stops waiting for it. This is the one place in the package
that starts a task outside a task group.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class BackgroundTasks:
    """The running tasks of one client; the client waits for them when it closes."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """Return the number of tasks that have not ended."""
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start *work* in a task of its own, and return the task. Await it through `asyncio.shield`."""
        task = asyncio.get_running_loop().create_task(work)
        # The event loop holds its tasks weakly: without this reference a running task could be garbage-collected.
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def run_shielded(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Start *work* in a task of its own, and return a future: cancelling the future leaves the task alone."""
        return asyncio.shield(self.spawn(work))

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # asked for, or asyncio would log an error that no caller waits for any more

    async def drain(self, seconds: float) -> int:
        """Wait up to *seconds* seconds for all tasks, then cancel those that still run.

        Returns:
            The number of cancelled tasks. The outcome of their requests is unknown.
        """
        if not self._tasks:
            return 0
        _, late = await asyncio.wait(set(self._tasks), timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            # With a bound: a task that ignores its cancellation must not keep the client from closing.
            await asyncio.wait(late, timeout=1.0)
        return len(late)
