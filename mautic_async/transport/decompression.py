"""Bodies of responses: decompressed piece by piece, with caps on size and compression ratio (zip bombs)."""

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
    """The decoder of the body of one response.

    Args:
        encoding: Its ``Content-Encoding``; requests accept gzip.
        status: Its status; the cap for errors is lower.

    Raises:
        UnexpectedResponse: It has another encoding.
    """

    def __init__(self, encoding: str, status: int) -> None:
        self._unpack = zlib.decompressobj(31) if encoding.strip().lower() == "gzip" else None
        if self._unpack is None and encoding.strip().lower() not in {"", "identity"}:
            kind = encoding if encoding in _KNOWN else "something"  # a server may repeat the request here
            raise UnexpectedResponse(f"a response in the encoding {kind}, which no request accepts", status=status)
        self._cap = MAX_BODY if status < 400 else MAX_ERROR_BODY
        self._status = status
        self._first = b""  # most responses are one piece
        self._body = bytearray()  # a list of tiny pieces would take many times their size
        self._compressed_bytes = 0
        self._decoded_bytes = 0

    def feed(self, piece: bytes, sink: Any) -> None:
        """Take a piece, and hand its content to *sink* if there is one.

        Raises:
            UnexpectedResponse: The compression is broken, or the body too large.
        """
        self._compressed_bytes += len(piece)
        if self._unpack is None:
            self._append(piece, sink)
            return
        rest = piece
        while rest:
            if self._unpack.eof:
                raise UnexpectedResponse("a response that goes on after the end of its gzip", status=self._status)
            try:
                self._append(self._unpack.decompress(rest, CHUNK), sink)
            except zlib.error as error:
                raise UnexpectedResponse(f"a response with broken gzip: {error}", status=self._status) from error
            rest = self._unpack.unconsumed_tail or self._unpack.unused_data

    def _append(self, piece: bytes, sink: Any) -> None:
        self._decoded_bytes += len(piece)
        too_dense = self._decoded_bytes > CHECK_RATIO_ABOVE and self._decoded_bytes > MAX_RATIO * self._compressed_bytes
        if too_dense or (sink is None and self._decoded_bytes > self._cap):
            raise UnexpectedResponse(
                f"a response of more than {self._decoded_bytes - len(piece)} bytes; ask for smaller pages",
                status=self._status,
            )
        if sink is not None:
            sink(piece)
        elif not self._first:
            self._first = piece
        elif piece:
            self._body += piece

    def finish(self, sink: Any) -> bytes:
        """Return the whole body after its last piece.

        Raises:
            TransportError: The end of the compression is missing.
        """
        if self._unpack is not None:
            if self._compressed_bytes and not self._unpack.eof:
                raise TransportError("the response was cut short", kind="disconnected")
            self._append(self._unpack.flush(), sink)
        return self._first + self._body if self._body else self._first
