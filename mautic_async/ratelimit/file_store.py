"""A rate limit that processes on one machine share through a file. Mautic: REST API, Rate limiter."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from mautic_async._files import open_locked, unlock_and_close
from mautic_async.errors import ConfigurationError
from mautic_async.ratelimit.store import Acquired, AcquireRequest, Observation, RateLimitState

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LOCK_TIMEOUT: Final = 5.0
"""Seconds to wait for another process that holds the file; each holds it for less than a millisecond."""
_MAX_BYTES: Final = 512 * 1024


class FileRateLimitStore:
    """A rate limit in a file that only its owner can read, for any number of processes on one machine.

    The file holds counts, and a short salted digest instead of a token. It is locked for less than a millisecond at a
    time, in a thread. A file with other content is overwritten, and a missing one is created. The file must not be a
    symbolic link, and must lie on a local disk.

    Args:
        path: Path of the file. It need not exist yet, but its folder must.

    Mautic: REST API, Rate limiter.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"FileRateLimitStore({str(self._path)!r})"

    async def acquire(self, request: AcquireRequest) -> Acquired:
        """Apply `RateLimitState.acquire` to the state in the file.

        Raises:
            ConfigurationError: The path is a link or no file, another user owns or may read the file, it cannot be
                written, or another process has held it for 5 s.
        """
        return await asyncio.to_thread(self._change, request.now, lambda state: state.acquire(request))

    async def observe(self, observation: Observation) -> None:
        """Apply `RateLimitState.observe` to the state in the file.

        Raises:
            ConfigurationError: As for `acquire`.
        """
        await asyncio.to_thread(self._change, observation.now, lambda state: state.observe(observation))

    def _change(self, now: float, operation: Callable[[RateLimitState], T]) -> T:
        with self._lock:  # the threads of one process take turns without polling the file lock
            return _change(self._path, now, operation)


def _change(path: Path, now: float, operation: Callable[[RateLimitState], T]) -> T:
    file = open_locked(path, LOCK_TIMEOUT)
    try:
        before = _read(file)
        state = RateLimitState.from_text(before.decode("utf-8", "replace"), now)
        result = operation(state)
        after = state.to_text().encode()
        # One write, over the old text and as long: a process that is killed leaves the old text or the new one.
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, after.ljust(len(before)))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    finally:
        unlock_and_close(file)
    return result


def _read(file: int) -> bytes:
    content = os.read(file, _MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:  # another program's
        os.ftruncate(file, 0)
        return b""
    return content
