"""Files that only their owner can read, and advisory locks: for journals, tokens and shared rate limits."""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_OPEN_FLAGS: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_O_NONBLOCK: Final = getattr(os, "O_NONBLOCK", 0)  # opening a planted pipe must not block

_POLL_SECONDS: Final = 0.001
"""Seconds between two attempts at a lock that is taken."""
_WINDOWS_LOCK_OFFSET: Final = 2**30
"""Offset of the byte that is locked on Windows: beyond the content, which other processes can still read."""


def open_owner_only(path: Path, flags: int) -> int:
    """Open the file at *path*, or create it with mode 0600; symbolic links are refused.

    Returns:
        A file descriptor.

    Raises:
        ConfigurationError: The file cannot be opened, belongs to another user, or other users may read its content.
    """
    try:
        file = os.open(path, flags | os.O_CREAT | _OPEN_FLAGS | _O_NONBLOCK, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    if sys.platform == "win32":
        return file
    # Check the descriptor and not the path, which another user could replace in between.
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        os.close(file)
        raise ConfigurationError(f"{path} is not a file")
    # An empty file may come from a shell with a loose umask: it holds no secret yet, so chmod is enough.
    if found.st_uid != os.geteuid() or (found.st_size and found.st_mode & 0o077):
        os.close(file)
        raise ConfigurationError(f"{path}: others may read it; chmod 600 it, or give another file")
    os.fchmod(file, 0o600)
    return file


def open_locked(path: Path, timeout: float = 0.0) -> int:
    """Open *path*, and lock it for this process until the descriptor is closed or the process ends.

    Args:
        path: Path of the file, which is made if it is not there.
        timeout: Seconds to wait, blocking the thread, for another process that holds the lock.

    Returns:
        A file descriptor; close it by `unlock_and_close`.

    Raises:
        ConfigurationError: Another process held the lock all the time, or as for `open_owner_only`.
    """
    deadline = time.monotonic() + timeout
    while True:
        file = open_owner_only(path, os.O_RDWR)
        try:
            while not try_lock(file):
                _sleep_or_fail(path, deadline)
            # The lock may be on a file that its last holder has removed or replaced. Then the new file is locked.
            if _is_at(path, file):
                return file
        except BaseException:
            os.close(file)
            raise
        unlock_and_close(file)


def _sleep_or_fail(path: Path, deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise ConfigurationError(
            f"{path}: another process is using it; end that process if it is stuck, or give another file"
        )
    time.sleep(_POLL_SECONDS)


def _is_at(path: Path, file: int) -> bool:
    """Return True if *file* is still the one at *path*: another process may have removed it meanwhile."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(file))
    except FileNotFoundError:
        return False


def try_lock(file: int) -> bool:
    """Lock the open *file*; return False if another process holds the lock. It ends with `unlock_and_close`."""
    try:
        if sys.platform == "win32":
            os.lseek(file, _WINDOWS_LOCK_OFFSET, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # Windows reports a lock that is taken as a PermissionError.
    except (BlockingIOError, PermissionError):
        return False
    return True


def unlock_and_close(file: int) -> None:
    """Release the lock on *file*, if this process holds it, and close it."""
    with suppress(OSError):
        if sys.platform == "win32":
            os.lseek(file, _WINDOWS_LOCK_OFFSET, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_UN)  # closing alone is not enough where a forked child has the file open too
    os.close(file)
