"""Uploads: one file as multipart/form-data (RFC 7578)."""

from __future__ import annotations

import secrets

from mautic_async.errors import ConfigurationError
from mautic_async.protocol.call import FilePart


def encode_multipart(part: FilePart) -> tuple[bytes, str]:
    """Return the body and the ``Content-Type`` of a form with one file.

    Raises:
        ConfigurationError: A name cannot stand in a header.
    """
    # Random, so that no file can contain it on purpose.
    boundary = secrets.token_hex(16)
    name, filename = (text.replace("\\", "\\\\").replace('"', '\\"') for text in (part.name, part.filename))
    # A line break in a name would begin another header.
    if any(ord(char) < 32 or 0xD800 <= ord(char) < 0xE000 for char in name + filename + part.media_type):
        raise ConfigurationError(
            "the name of a file must hold no control characters and no half of a surrogate pair: rename it"
        )
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        f"Content-Type: {part.media_type}\r\n\r\n"
    )
    return (
        head.encode() + part.content + f"\r\n--{boundary}--\r\n".encode(),
        f"multipart/form-data; boundary={boundary}",
    )
