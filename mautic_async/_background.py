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
        """Await *work* in a task of its own, which goes on if the caller leaves.

        The same as awaiting `spawn` through `asyncio.shield`, for half its price: the result is handed over by the task
        itself, one turn of the loop earlier.
        """
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()
        task = loop.create_task(_forward_result(work, result))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await result

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


async def _forward_result(work: Coroutine[Any, Any, T], result_future: asyncio.Future[T]) -> None:
    try:
        result = await work
    except asyncio.CancelledError:
        result_future.cancel()
        raise
    except BaseException as error:
        if result_future.done():  # nobody waits for it any more
            return
        result_future.set_exception(error)
        if not isinstance(error, Exception):
            raise
    else:
        if not result_future.done():
            result_future.set_result(result)
