"""Stores for a shared rate limit: one atomic transaction per operation. Mautic: REST API, Rate limiter."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from mautic_async._files import open_owner_only, try_lock, unlock_and_close
from mautic_async.errors import ConfigurationError
from mautic_async.ratelimit.shared_state import Acquired, AcquireRequest, Observation, RateLimitState

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LOCK_TIMEOUT: Final = 5.0
"""Seconds to wait for another process that holds the file; each holds it for less than a millisecond."""
_POLL_SECONDS: Final = 0.001
"""Seconds between two attempts at a lock that is taken."""
_MAX_BYTES: Final = 512 * 1024


class RateLimitStore(Protocol):
    """Keeps what processes share about their rate limit: any object with these two methods.

    The clocks of machines that share a store must agree within a second or two. An error that `acquire` raises is
    raised by the calls that wait.

    Example:
        With redis-py, several machines share one key::

            class RedisRateLimitStore:
                def __init__(self, redis: redis.asyncio.Redis, key: str) -> None:
                    self._redis, self._key = redis, key

                async def acquire(self, request):
                    return await self._change(request.now, lambda state: state.acquire(request))

                async def observe(self, observation):
                    await self._change(observation.now, lambda state: state.observe(observation))

                async def _change(self, now, operation):
                    async def once(pipe):
                        text = await pipe.get(self._key)
                        state = RateLimitState.from_text(text and text.decode(), now)
                        result = operation(state)
                        pipe.multi()
                        pipe.set(self._key, state.to_text(), ex=7200)
                        return result

                    return await self._redis.transaction(once, self._key, value_from_callable=True)

    Mautic: REST API, Rate limiter.
    """

    async def acquire(self, request: AcquireRequest) -> Acquired:
        """Apply `RateLimitState.acquire` in one transaction, and return its result."""
        ...

    async def observe(self, observation: Observation) -> None:
        """Apply `RateLimitState.observe` in one transaction."""
        ...


class FileRateLimitStore:
    """Share a rate limit between any number of processes on one machine, through a file that only its owner can read.

    The file holds counts, and a short salted digest instead of a token. It is locked for less than a millisecond at a
    time, in a thread. A file that holds something else, or was removed, is begun anew. The file must not be a symbolic
    link, and must lie on a local disk.

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
    opened = _open_locked(path)
    try:
        before = _read(opened)
        state = RateLimitState.from_text(None if before is None else before.decode("utf-8", "replace"), now)
        result = operation(state)
        after = state.to_text().encode()
        # One write, over the old text and as long: a process that is killed leaves the old text or the new one.
        os.lseek(opened, 0, os.SEEK_SET)
        os.write(opened, after.ljust(len(before or b"")))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    finally:
        unlock_and_close(opened)
    return result


def _read(opened: int) -> bytes | None:
    os.lseek(opened, 0, os.SEEK_SET)
    content = os.read(opened, _MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:  # another program's
        os.ftruncate(opened, 0)
        return None
    return content or None


def _open_locked(path: Path) -> int:
    """Open the file and lock it; the lock ends with the process that holds it."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        opened = open_owner_only(path, os.O_RDWR)
        try:
            while not try_lock(opened):
                _sleep_or_fail(path, deadline)
            if _same_file(path, opened):
                return opened
        except BaseException:
            os.close(opened)
            raise
        unlock_and_close(opened)


def _sleep_or_fail(path: Path, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise ConfigurationError(f"another process has held {path} for {LOCK_TIMEOUT:.0f} s; end the one that is stuck")
    time.sleep(_POLL_SECONDS)


def _same_file(path: Path, opened: int) -> bool:
    """Return True if the locked file is still the one at *path*: another process may have removed it meanwhile."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(opened))
    except FileNotFoundError:
        return False
