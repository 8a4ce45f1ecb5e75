"""Downloads to a file, and files for uploads."""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from attrs import evolve

from mautic_async.errors import ConfigurationError, UnexpectedResponse
from mautic_async.protocol import Call, FilePart

if TYPE_CHECKING:
    from mautic_async.protocol import Payload


async def download(send: Callable[[Call], Awaitable[Payload]], call: Call, to: Path, *, magic: bytes = b"") -> Path:
    """Stream the answer to *call* into a file, which gets its name only once it is complete.

    The call is sent once: a second attempt would write behind what the first one has written.

    Args:
        send: Sends a call.
        call: The call whose answer is a file.
        to: Path of the file.
        magic: First bytes of such a file, by which the page of a proxy is told from it.

    Raises:
        UnexpectedResponse: The answer is not such a file.
        ConfigurationError: The disk is full, or the process may not write there.
    """
    # Hidden and in the same folder, so that the rename is atomic and no reader sees half a file.
    unfinished = to.with_name(f".{to.name}.{secrets.token_hex(8)}.part")
    out = _create_exclusive(unfinished)
    try:
        with out:
            # Not retryable: a second attempt would write behind the bytes of the first.
            await send(evolve(call, binary=True, retryable=False, write_to=out.write))
            # Checked before the rename: a proxy may answer with a page and a 200.
            _require_magic(out, call, magic)
        unfinished.replace(to)
    except OSError as error:
        raise ConfigurationError(f"{to} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return to


def _create_exclusive(path: Path) -> IO[bytes]:
    """Create a file and open it; an existing file or link, which another user may have put there, is an error."""
    try:
        return path.open("x+b")  # O_EXCL, which follows no link
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be made: {error.strerror}") from error


def _require_magic(file: IO[bytes], call: Call, magic: bytes) -> None:
    file.seek(0)
    if file.read(len(magic)) != magic:
        raise UnexpectedResponse(f"{call}: the answer is not the file that was asked for", status=200)


def file_part(source: str | Path | bytes, name: str) -> FilePart:
    """Return a file to upload, from a path, or from memory, which then needs a name.

    Raises:
        ConfigurationError: It has no name, or cannot be read.
    """
    if isinstance(source, bytes):
        if not name:
            raise ConfigurationError("a file from memory needs a name, whose ending tells Mautic its type")
        content = source
    else:
        name = name or Path(source).name
        try:
            content = Path(source).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{name} cannot be read: {error.strerror}") from error
    return FilePart(name, content, media_type=mimetypes.guess_type(name)[0] or "application/octet-stream")
