"""Where several processes keep a rate budget that they share: in a file, in memory, or in an object of yours.

Such a store has one method, `change`: it hands the text it keeps to a step and keeps what comes back, with nobody else
in between. What the text says (`shares`) and who may send when (`steward`) is no concern of the store.
Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from mautic_async._files import let_go, open_private, take_lock
from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    Step: TypeAlias = Callable[[str | None], str]

LOCK_PATIENCE: Final = 5.0
"""How long to wait for another process that holds the file, in seconds; each holds it for less than a millisecond."""
_LOOK_AGAIN: Final = 0.001
"""Between two looks at a lock that is taken, in seconds."""
_MAX_BYTES: Final = 64 * 1024


class SharedBudget(Protocol):
    """Where the budget is kept: any object with this method.

    The clocks of machines that share a budget must agree within a second or two.

    Example:
        With redis-py, several machines share one key::

            class RedisBudget:
                def __init__(self, redis: redis.asyncio.Redis, key: str) -> None:
                    self._redis, self._key = redis, key

                async def change(self, step: Callable[[str | None], str]) -> None:
                    async def once(pipe: redis.asyncio.client.Pipeline) -> None:
                        kept = await pipe.get(self._key)
                        pipe.multi()
                        pipe.set(self._key, step(kept and kept.decode()), ex=7200)

                    await self._redis.transaction(once, self._key)  # once more, if somebody else was faster

    Mautic: REST API, Rate limiter.
    """

    async def change(self, step: Callable[[str | None], str]) -> None:
        """Keep what *step* makes of the text that is kept, so that nobody else changes it in between.

        What this raises is raised by the calls that wait for the budget.

        Args:
            step: Takes the text as last kept, or None, and returns the next one: ASCII, a few kB. It takes a tenth of a
                millisecond, may be called in any thread, and may be called again, in which case the last call counts.
        """
        ...


class MemoryBudget:
    """Shares a budget between several clients on one event loop, and shows what a store of your own has to do.

    Mautic: REST API, Rate limiter.
    """

    def __init__(self) -> None:
        self._text: str | None = None

    def __repr__(self) -> str:
        return "MemoryBudget()"

    async def change(self, step: Callable[[str | None], str]) -> None:
        """Keep what *step* makes of the text."""
        self._text = step(self._text)


class FileBudget:
    """Shares a budget between any number of processes on one machine, through a file that only its owner can read.

    The file holds counts, and a short salted digest instead of a token. It is locked for less than a millisecond at a
    time, in a thread. One that holds something else, or is removed, is begun anew. It must not be a symbolic link, and
    must lie on a local disk.

    Args:
        path: Of the file; it need not exist yet, but its folder must.

    Mautic: REST API, Rate limiter.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def __repr__(self) -> str:
        return f"FileBudget({str(self._path)!r})"

    async def change(self, step: Callable[[str | None], str]) -> None:
        """Keep what *step* makes of the text in the file.

        Raises:
            ConfigurationError: It is a link, or no file, or others own it or may read it, or it cannot be written, or
                another process has held it for 5 s.
        """
        await asyncio.to_thread(_change, self._path, step)


def _change(path: Path, step: Step) -> None:
    opened = _hold(path)
    try:
        before = _read(opened)
        after = step(None if before is None else before.decode("utf-8", "replace")).encode()
        # One write, over the old text and as long: a process that is killed leaves the old text or the new one.
        os.lseek(opened, 0, os.SEEK_SET)
        os.write(opened, after.ljust(len(before or b"")))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    finally:
        let_go(opened)


def _read(opened: int) -> bytes | None:
    os.lseek(opened, 0, os.SEEK_SET)
    content = os.read(opened, _MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:  # not ours
        os.ftruncate(opened, 0)
        return None
    return content or None


def _hold(path: Path) -> int:
    """Open the file and lock it; a lock ends with the process that holds it."""
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        opened = open_private(path, os.O_RDWR)
        try:
            while not take_lock(opened):
                _wait(path, deadline)
            if _is_still(path, opened):
                return opened
        except BaseException:
            os.close(opened)
            raise
        let_go(opened)


def _wait(path: Path, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise ConfigurationError(
            f"another process has held {path} for {LOCK_PATIENCE:.0f} s; end the one that is stuck"
        )
    time.sleep(_LOOK_AGAIN)


def _is_still(path: Path, opened: int) -> bool:
    """Whether the file that was locked is still the one of that name: somebody may have removed it meanwhile."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(opened))
    except FileNotFoundError:
        return False
