"""Access tokens, and where they are kept: in memory, in a file that several processes share, or in an object of yours.

A store is any object with `load`, `save` and `lock`; a renewal runs ``lock -> load -> ask Mautic -> save`` and only
then uses the token, so that a refresh token, which works once, is neither lost nor spent twice.
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
    """An access token and what renews it.

    Attributes:
        access: Goes into the ``Authorization`` header.
        refresh: Works once; None for client credentials.
        expires_at: Epoch seconds of the local wall clock.
        client_id: Whose token it is, so that two credentials cannot share one store by mistake; None: not known.
    """

    access: Secret
    refresh: Secret | None = None
    expires_at: int = 0
    client_id: str | None = field(default=None, repr=False)

    def to_json(self) -> str:
        """The token as a JSON text, for a store; this is the one place where its secrets come out."""
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
        """Read what `to_json` wrote.

        Raises:
            ConfigurationError: It is not a token; the message does not quote it.
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
    """Where a token is kept: any object with these three methods."""

    async def load(self) -> Token | None:
        """The token as last saved, or None."""
        ...

    async def save(self, token: Token) -> None:
        """Keep *token* so that it survives what the store is to survive; it is used only after this returns."""
        ...

    def lock(self) -> AbstractAsyncContextManager[None]:
        """Keep everybody else who shares the store from renewing, while this is entered."""
        ...


class MemoryTokens:
    """Keeps the token as long as the process lives.

    Args:
        token: To begin with, such as one from your own storage.

    Mautic: REST API, Authentication (OAuth 2).
    """

    def __init__(self, token: Token | None = None) -> None:
        self._token = token
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"MemoryTokens({'empty' if self._token is None else '***'})"

    async def load(self) -> Token | None:
        """The token as last saved, or None."""
        return self._token

    async def save(self, token: Token) -> None:
        """Keep *token*."""
        self._token = token

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Keep other credentials on the same store from renewing."""
        async with self._lock:
            yield


LOCK_TIMEOUT: Final = 30.0
"""How long to wait for another process that is renewing, in seconds."""
_POLL_SECONDS: Final = 0.02
"""Between two looks at a lock that is taken, in seconds."""
_MAX_BYTES: Final = 64 * 1024
_O_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_O_CLOEXEC: Final = getattr(os, "O_CLOEXEC", 0)
_O_NONBLOCK: Final = getattr(os, "O_NONBLOCK", 0)  # a planted pipe must not hold us up


class FileTokens:
    """Keeps the token in a file that only its owner can read, safely for any number of processes on one machine.

    The file is replaced as a whole, is on disk before it is used, and is locked through ``<file>.lock`` beside it while
    somebody renews. It must not be a symbolic link, and must not be readable by others.

    Args:
        path: Of the file; it need not exist yet.

    Mautic: REST API, Authentication (OAuth 2).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)

    def __repr__(self) -> str:
        return f"FileTokens({str(self._path)!r})"

    async def load(self) -> Token | None:
        """The token in the file, or None where there is no file.

        Raises:
            ConfigurationError: It is a link, or no file, or others own it or may read it, or it holds no token.
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
            ConfigurationError: It cannot be written: the message says why.
        """
        await asyncio.to_thread(_replace, self._path, token)

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Keep other processes, and other users of the file in this one, from renewing.

        Raises:
            ConfigurationError: Somebody has held the lock for 30 s.
        """
        # Asked again and again instead of blocking in a thread: a thread that waits for flock cannot be cancelled, and
        # a few of them would use up the executor that the one who holds the lock needs for saving.
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
        with contextlib.suppress(PermissionError):  # a lock of somebody else's, left there
            os.fchmod(opened, 0o600)  # a umask may have taken even our own rights
    return opened


def _read(path: Path) -> bytes | None:
    try:
        opened = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
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
            f" chmod 600 it, and renew the token if you do not trust everybody on this machine"
        )


def _replace(path: Path, token: Token) -> None:
    """Write beside the file, then take its place: a reader sees the old token or the new one, never half of one."""
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
            fresh.unlink()


def _write(path: Path, token: Token) -> None:
    opened = _open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        if sys.platform != "win32":
            os.fchmod(opened, 0o600)  # a umask may have taken even our own rights
        file.write(token.to_json())
        file.flush()
        os.fsync(opened)


def _fsync_directory(directory: Path) -> None:
    """Make the new name survive a power cut."""
    if sys.platform == "win32":
        return
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
