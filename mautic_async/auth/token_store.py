"""Access tokens and their stores: memory, a file that several processes share, or an object of the user.

A store is any object with `load`, `save` and `lock`. A refresh locks the store, loads the token, asks Mautic, saves the
new token and only then uses it. So a refresh token, which works once, is neither lost nor spent twice.
Mautic: REST API, Authentication (OAuth 2).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from attrs import field, frozen

from mautic_async._files import try_lock, unlock_and_close
from mautic_async.errors import ConfigurationError, Secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager


@frozen(kw_only=True)
class Token:
    """An access token, and the refresh token for the next one.

    Attributes:
        access: The token of the ``Authorization`` header.
        refresh: The refresh token, which works once; None for client credentials.
        expires_at: End of its life, in epoch seconds of the local wall clock.
        client_id: The API credential of the token, so that two credentials cannot share one store by mistake; None: not
            known.
    """

    access: Secret
    refresh: Secret | None = None
    expires_at: int = 0
    client_id: str | None = field(default=None, repr=False)

    def to_json(self) -> str:
        """Return the token as a JSON text for a store, with its secrets."""
        return json.dumps(
            {
                "access_token": self.access.reveal,
                "refresh_token": None if self.refresh is None else self.refresh.reveal,
                "expires_at": self.expires_at,
                "client_id": self.client_id,
            }
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Token:
        """Return the token that `to_json` wrote.

        Raises:
            ConfigurationError: *text* is no token; the message does not quote it.
        """
        try:
            return cls._from_parts(json.loads(text))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            raise ConfigurationError(
                "the stored token is not readable: it needs access_token (a text) and expires_at (epoch seconds);"
                " remove it, and the next call gets a new one"
            ) from None  # the cause would quote the text

    @classmethod
    def _from_parts(cls, parts: dict[str, object]) -> Token:
        access, refresh, expires_at = parts["access_token"], parts.get("refresh_token"), parts["expires_at"]
        client_id = parts.get("client_id")
        if not isinstance(access, str) or not access or not isinstance(refresh, (str, type(None))):
            raise TypeError
        if isinstance(expires_at, bool) or not isinstance(expires_at, (int, float)):
            raise TypeError
        return cls(
            access=Secret(access),
            refresh=Secret(refresh) if refresh else None,
            expires_at=int(expires_at),
            client_id=client_id if isinstance(client_id, str) else None,
        )


class TokenStore(Protocol):
    """A store of one token: any object with these three methods."""

    async def load(self) -> Token | None:
        """Return the token as last saved, or None."""
        ...

    async def save(self, token: Token) -> None:
        """Store *token* persistently; it is used only after this has returned."""
        ...

    def lock(self) -> AbstractAsyncContextManager[None]:
        """Return a context that excludes all other users of the store from refreshing the token."""
        ...


class MemoryTokens:
    """A token store in memory.

    Args:
        token: The first token, such as one from your own storage.

    Mautic: REST API, Authentication (OAuth 2).
    """

    def __init__(self, token: Token | None = None) -> None:
        self._token = token
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"MemoryTokens({'empty' if self._token is None else '***'})"

    async def load(self) -> Token | None:
        """Return the token as last saved, or None."""
        return self._token

    async def save(self, token: Token) -> None:
        """Store *token*."""
        self._token = token

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Exclude other credentials with the same store from refreshing."""
        async with self._lock:
            yield


LOCK_TIMEOUT: Final = 30.0
"""Seconds to wait for another process that is refreshing the token."""
_POLL_SECONDS: Final = 0.02
"""Seconds between two attempts at a lock that is taken."""
_MAX_BYTES: Final = 64 * 1024
_O_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_O_CLOEXEC: Final = getattr(os, "O_CLOEXEC", 0)
_O_NONBLOCK: Final = getattr(os, "O_NONBLOCK", 0)  # opening a planted pipe must not block


class FileTokens:
    """A token store in a file that only its owner can read, for any number of processes on one machine.

    The file is replaced atomically and synced to disk before the token is used. During a refresh, ``<file>.lock``
    beside it is locked. The file must not be a symbolic link, and other users must not be able to read it.

    Args:
        path: Path of the file. It need not exist yet.

    Mautic: REST API, Authentication (OAuth 2).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def __repr__(self) -> str:
        return f"FileTokens({str(self._path)!r})"

    async def load(self) -> Token | None:
        """Return the token in the file, or None if there is no file.

        Raises:
            ConfigurationError: The path is a link or no file, another user owns or may read the file, or it holds no
                token.
        """
        content = await asyncio.to_thread(_read, self._path)
        if content is None:
            return None
        try:
            return Token.from_json(content)
        except ConfigurationError as error:
            raise ConfigurationError(f"{self._path}: {error}") from None

    async def save(self, token: Token) -> None:
        """Replace the file.

        Raises:
            ConfigurationError: The file cannot be written; the message says why.
        """
        await asyncio.to_thread(_replace, self._path, token)

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Exclude other processes, and other stores of the same file in this process, from refreshing.

        Raises:
            ConfigurationError: Another process held the lock for 30 s.
        """
        # The lock is polled. A thread that waits for flock cannot be cancelled, and a few of them would use up the
        # executor that the holder of the lock needs for saving.
        place = self._path.with_name(self._path.name + ".lock")
        opened = _open(place, os.O_RDWR | os.O_CREAT)
        try:
            await self._acquire(opened, place)
            yield
        finally:
            unlock_and_close(opened)

    async def _acquire(self, opened: int, place: Path) -> None:
        try:
            async with asyncio.timeout(LOCK_TIMEOUT):
                while not try_lock(opened):  # noqa: ASYNC110 - another process tells no event
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise ConfigurationError(
                f"another process has held {place} for {LOCK_TIMEOUT:.0f} s; end the one that is stuck"
            ) from None


def _open(path: Path, flags: int) -> int:
    try:
        if flags & os.O_CREAT:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(path, flags | _O_NOFOLLOW | _O_CLOEXEC | _O_NONBLOCK, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ConfigurationError(f"{path} is a symbolic link; a token is kept in a file of its own") from None
        raise ConfigurationError(f"cannot open {path}: {error.strerror}") from error
    if flags & os.O_CREAT and not flags & os.O_EXCL and sys.platform != "win32":
        with contextlib.suppress(PermissionError):  # another user's lock file
            os.fchmod(opened, 0o600)  # a umask may take away even the owner's rights
    return opened


def _read(path: Path) -> bytes | None:
    try:
        opened = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        # Check the descriptor: the path could be replaced between a check and the opening.
        _check(path, os.fstat(opened))
        return os.read(opened, _MAX_BYTES)
    finally:
        os.close(opened)


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigurationError(f"{path} is not a file")
    if sys.platform == "win32":
        return
    if found.st_uid != os.geteuid():
        raise ConfigurationError(f"{path} belongs to another user (id {found.st_uid}); a token file must be your own")
    if found.st_mode & 0o077:
        raise ConfigurationError(
            f"others may read or write {path} (mode {stat.S_IMODE(found.st_mode):04o}); its token may be known to them:"
            f" chmod 600 it, and renew the token if you do not trust all users of this machine"
        )


def _replace(path: Path, token: Token) -> None:
    """Write a file beside *path*, then rename it: a reader sees the old token or the new one, never a part of one."""
    if path.is_symlink():
        raise ConfigurationError(f"{path} is a symbolic link; a token is kept in a file of its own")
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(fresh, token)
        fresh.replace(path)
        _fsync_directory(path.parent)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            # After the rename there is nothing left to remove; after a failure the half-written file is.
            fresh.unlink()


def _write(path: Path, token: Token) -> None:
    opened = _open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        if sys.platform != "win32":
            os.fchmod(opened, 0o600)  # a umask may take away even the owner's rights
        file.write(token.to_json())
        # On disk before the rename, or a power failure could leave an empty file under the final name.
        file.flush()
        os.fsync(opened)


def _fsync_directory(directory: Path) -> None:
    """Write the new name to disk, so that it survives a power failure."""
    if sys.platform == "win32":
        return
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
