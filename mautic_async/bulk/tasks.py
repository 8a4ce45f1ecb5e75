"""The tasks of one job, the work that a job left early waits for, and the error that ended the job."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator


class JobTasks:
    """The tasks of a job, in one task group.

    Attributes:
        stopping: Set once nothing new may be sent: at the end, on an error, or when the caller has left.
        idle: Set while no request and no outcome is under way.
        failure: The error that ended the job.
        busy: The number of requests and outcomes under way.
    """

    def __init__(self) -> None:
        self.stopping: asyncio.Event = asyncio.Event()
        self.idle: asyncio.Event = asyncio.Event()
        self.failure: BaseException | None = None
        self.busy: int = 0
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, group: asyncio.TaskGroup) -> None:
        """Run the tasks of the job in *group* from now on."""
        self._group = group

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* in a task, which is cancelled when the job ends."""
        assert self._group is not None  # noqa: S101 - started
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # A bug, or a full disk: the group cancels all tasks, and nothing else may be sent meanwhile.
            self.stopping.set()

    def cancel_all(self) -> None:
        """Cancel all tasks that still run."""
        for task in self._tasks:
            task.cancel()

    @contextmanager
    def work(self) -> Iterator[None]:
        """Mark the block as work that a job left early waits for, within its grace."""
        self.busy += 1
        self.idle.clear()
        try:
            yield
        finally:
            self.busy -= 1
            if not self.busy:
                self.idle.set()

    def abort(self, error: BaseException) -> None:
        """End the job: nothing new is sent, requests under way are awaited, then *error* reaches the caller."""
        # The first error is the cause; later ones are mostly its consequences.
        if self.failure is None:
            self.failure = error
        self.stopping.set()
