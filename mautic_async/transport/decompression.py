"""Bodies as they come in: unpacked, and capped in size and density, so that a bomb stops here."""

from __future__ import annotations

import zlib
from typing import Any, Final

from mautic_async.errors import TransportError, UnexpectedResponse

MAX_BODY: Final = 32 * 2**20
MAX_ERROR_BODY: Final = 8 * 2**20
MAX_RATIO: Final = 200
CHECK_RATIO_ABOVE: Final = 2**20
CHUNK: Final = 64 * 2**10
_KNOWN: Final = frozenset({"br", "compress", "deflate", "zstd"})


class BodyDecoder:
    """Collects a body.

    Args:
        encoding: The ``Content-Encoding`` of the answer; gzip is the one that was asked for.
        status: Of the answer; errors may have fewer bytes.

    Raises:
        UnexpectedResponse: It is packed in another way.
    """

    def __init__(self, encoding: str, status: int) -> None:
        self._unpack = zlib.decompressobj(31) if encoding.strip().lower() == "gzip" else None
        if self._unpack is None and encoding.strip().lower() not in {"", "identity"}:
            kind = encoding if encoding in _KNOWN else "something"  # a server may write here what it was sent
            raise UnexpectedResponse(f"an answer packed as {kind}, not asked for", status=status)
        self._cap = MAX_BODY if status < 400 else MAX_ERROR_BODY
        self._status = status
        self._first = b""  # most answers are one piece
        self._body = bytearray()  # a list of tiny pieces would take many times their size
        self._compressed_bytes = 0
        self._decoded_bytes = 0

    def feed(self, piece: bytes, sink: Any) -> None:
        """Take a piece; *sink*, if there is one, gets what it holds.

        Raises:
            UnexpectedResponse: It is broken, or more than an answer may be.
        """
        self._compressed_bytes += len(piece)
        if self._unpack is None:
            self._append(piece, sink)
            return
        rest = piece
        while rest:
            if self._unpack.eof:
                raise UnexpectedResponse("an answer that goes on after the end of its gzip", status=self._status)
            try:
                self._append(self._unpack.decompress(rest, CHUNK), sink)
            except zlib.error as error:
                raise UnexpectedResponse(f"an answer with broken gzip: {error}", status=self._status) from error
            rest = self._unpack.unconsumed_tail or self._unpack.unused_data

    def _append(self, piece: bytes, sink: Any) -> None:
        self._decoded_bytes += len(piece)
        too_dense = self._decoded_bytes > CHECK_RATIO_ABOVE and self._decoded_bytes > MAX_RATIO * self._compressed_bytes
        if too_dense or (sink is None and self._decoded_bytes > self._cap):
            raise UnexpectedResponse(
                f"an answer of more than {self._decoded_bytes - len(piece)} bytes; ask for smaller pages",
                status=self._status,
            )
        if sink is not None:
            sink(piece)
        elif not self._first:
            self._first = piece
        elif piece:
            self._body += piece

    def finish(self, sink: Any) -> bytes:
        """All of it, at its end.

        Raises:
            TransportError: The end is missing.
        """
        if self._unpack is not None:
            if self._compressed_bytes and not self._unpack.eof:
                raise TransportError("the answer was cut short", kind="disconnected")
            self._append(self._unpack.flush(), sink)
        return self._first + self._body if self._body else self._first
