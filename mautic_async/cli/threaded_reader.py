"""An iterable read by a thread, so that a slow pipe does not hold up the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterable
from typing import Final, Generic, TypeVar

from attrs import frozen

T = TypeVar("T")

MAX_AHEAD: Final = 256
"""Rows that may be read ahead."""


@frozen
class _End:
    error: Exception | None


class ThreadedReader(Generic[T]):
    """An async iterable over *rows*, which a daemon thread reads up to `MAX_AHEAD` rows ahead.

    An exception of *rows* is raised where the rows are awaited. The thread ends with the process, because a thread that
    waits for input cannot be woken.
    """

    def __init__(self, rows: Iterable[T]) -> None:
        self._rows = rows
        self._free_slots = threading.Semaphore(MAX_AHEAD)
        self._stopped = False

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        """Yield the rows, once."""
        queue: asyncio.Queue[T | _End] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop, queue), name="input", daemon=True).start()
        try:
            while True:
                row = await queue.get()
                if isinstance(row, _End):
                    if row.error is not None:
                        raise row.error
                    return
                self._free_slots.release()
                yield row
        finally:
            self._stopped = True
            self._free_slots.release()  # the thread may be waiting for a slot, and must see that it is to stop

    def _read(self, loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[T | _End]) -> None:
        end = _End(None)
        try:
            for row in self._rows:
                # A thread cannot await a bounded asyncio.Queue: the semaphore limits how far it reads ahead.
                self._free_slots.acquire()
                if self._stopped:
                    return
                loop.call_soon_threadsafe(queue.put_nowait, row)
        except Exception as error:  # noqa: BLE001 - raised again where the rows are awaited
            end = _End(error)
        if not loop.is_closed():
            loop.call_soon_threadsafe(queue.put_nowait, end)
