"""A small connection pool for httpx, loaded with the first request, because httpx is.

httpx's own pool (httpcore 1.0) leaves the connection of a cancelled request stuck, and looks at every connection twice
a request. Here a request takes the connection that was used last, or opens one; a connection returns to the pool only
after its answer was read to the end and nothing came behind it. Parsing and the life of a connection stay httpcore's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, cast

import httpcore
import httpx

from mautic_async.transport._sockets import KEEPALIVE_SECONDS, is_readable

READ_BUFFER_LIMIT: Final = 128 * 2**10
"""Half of the bytes that may lie unread before asyncio stops reading from the socket."""

CHUNKS_PER_YIELD: Final = 256
"""Pieces of a body after which others get their turn: a quarter of a megabyte may hold 40,000 of them."""

_HTTPX_ERROR: Final[dict[type[Exception], type[httpx.TransportError]]] = {
    getattr(httpcore, name): getattr(httpx, name)
    for name in (
        *("ConnectError", "ConnectTimeout", "ReadError", "ReadTimeout", "WriteError", "WriteTimeout", "PoolTimeout"),
        *("LocalProtocolError", "RemoteProtocolError", "ProxyError", "UnsupportedProtocol"),
    )
}
"""httpcore's errors by httpx's, which have the same names."""
_ERRORS: Final = tuple(_HTTPX_ERROR)


class PooledTransport(httpx.AsyncBaseTransport):
    """An httpx transport with as many connections as there are requests under way; the rate limiter keeps these few.

    Args:
        context: Of TLS; without one, httpx's own for its usual certificates.
    """

    name = "httpx"

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._network = _AsyncioBackend()
        self._idle: list[httpcore.AsyncHTTPConnection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* over the connection used last, or over a new one."""
        url = request.url
        outgoing = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            content=cast("AsyncIterable[bytes]", request.stream),
            extensions=request.extensions,
        )
        outgoing.headers = request.headers.raw  # bytes already, which the argument would be searched for
        try:
            connection, response = await self._send(outgoing)
        except _ERRORS as error:
            raise _HTTPX_ERROR[type(error)](str(error)) from error
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_ResponseStream(response.stream, connection, self._idle),
            extensions=response.extensions,
        )

    async def _send(self, request: httpcore.Request) -> tuple[httpcore.AsyncHTTPConnection, httpcore.Response]:
        while True:
            connection = await self._connection(request.url.origin)
            try:
                return connection, await connection.handle_async_request(request)
            except httpcore.ConnectionNotAvailable:
                continue  # the server closed it at this very moment; nothing was sent

    async def _connection(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_available() and not connection.has_expired() and connection.can_handle_request(origin):
                return connection
            await connection.aclose()
        if self._context is None and origin.scheme == b"https":
            self._context = httpx.create_ssl_context(trust_env=False)  # 20 ms, so once
        return httpcore.AsyncHTTPConnection(
            origin, ssl_context=self._context, keepalive_expiry=KEEPALIVE_SECONDS, network_backend=self._network
        )

    async def aclose(self) -> None:
        """Close all that are idle; the others close with their answers."""
        while self._idle:
            await self._idle.pop().aclose()


class _ResponseStream(httpx.AsyncByteStream):
    """The body of an answer, at whose end the connection is free."""

    def __init__(self, stream: Any, connection: httpcore.AsyncHTTPConnection, idle: list[Any]) -> None:
        self._stream = stream
        self._connection: httpcore.AsyncHTTPConnection | None = connection
        self._idle = idle

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        try:
            async for piece in self._stream:
                yield piece
                count += 1
                if not count % CHUNKS_PER_YIELD:
                    await asyncio.sleep(0)
        except _ERRORS as error:
            raise _HTTPX_ERROR[type(error)](str(error)) from error

    async def aclose(self) -> None:
        """Let the connection go; it closes itself unless the body has been read to its end."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        await self._stream.aclose()
        if not connection.is_available():
            return
        if _has_trailing_data(connection):
            await connection.aclose()
        else:
            self._idle.append(connection)
            if len(self._idle) > 1 and self._idle[0].has_expired():
                await self._idle.pop(0).aclose()  # what a rush has left behind


def _has_trailing_data(connection: Any) -> bool:
    """Return True if the parser holds bytes behind the answer, which it would take for the answer to the next request.

    httpcore has no public way to ask; it does not look itself.
    """
    return bool(connection._connection._h11_state.trailing_data[0])  # noqa: SLF001


class _NoCookies(httpx.Cookies):
    """Takes none and gives none: PHP would queue our requests on its session lock. Nor are they parsed."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave them where they are."""

    def set_cookie_header(self, request: httpx.Request) -> None:
        """Add none."""


_NO_COOKIES: Final = _NoCookies()


class CookielessClient(httpx.AsyncClient):
    """An `httpx.AsyncClient` without cookies."""

    @property
    def cookies(self) -> httpx.Cookies:
        """Always empty."""
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        """Take none."""


class _ByteCountingReader(asyncio.StreamReader):
    """A stream reader that knows how many received bytes have not been read yet."""

    unread = 0

    def feed_data(self, data: Any) -> None:
        """Count the bytes of *data* and buffer them."""
        self.unread += len(data)
        super().feed_data(data)

    async def read(self, n: int = -1) -> bytes:
        """Return up to *n* bytes, or nothing at the end of the stream."""
        data = await super().read(n)
        self.unread -= len(data)
        return data


class _AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Opens connections with asyncio's streams.

    httpcore's own backend (anyio) keeps received bytes in buffers that its `is_readable` does not look into. With TLS,
    a second answer behind the first one would therefore become the answer to the next request.
    """

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,  # noqa: ARG002 - none is ever asked for
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - none is ever asked for
    ) -> httpcore.AsyncNetworkStream:
        """Return a new connection to *host*."""
        loop = asyncio.get_running_loop()
        reader = _ByteCountingReader(limit=READ_BUFFER_LIMIT, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        async with _translated(timeout, httpcore.ConnectTimeout, httpcore.ConnectError):
            transport, _ = await loop.create_connection(lambda: protocol, host, port, happy_eyeballs_delay=0.25)
        return _AsyncioStream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


@asynccontextmanager
async def _translated(seconds: float | None, too_late: type[Exception], failed: type[Exception]) -> AsyncIterator[None]:
    """Limit the body to *seconds* and raise httpcore's errors for a timeout and for a failure of the socket or TLS."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise too_late(str(error)) from error
    except OSError as error:
        raise failed(str(error)) from error


class _AsyncioStream(httpcore.AsyncNetworkStream):
    """One connection, as httpcore sees it."""

    def __init__(self, reader: _ByteCountingReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        """Return the next bytes, or nothing at the end of the stream."""
        async with _translated(timeout, httpcore.ReadTimeout, httpcore.ReadError):
            return await self._reader.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        """Send *buffer*; wait while the server does not take it."""
        async with _translated(timeout, httpcore.WriteTimeout, httpcore.WriteError):
            self._writer.write(buffer)
            await self._writer.drain()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        """Encrypt the connection from here on."""
        try:
            async with _translated(timeout, httpcore.ConnectTimeout, httpcore.ConnectError):
                await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except BaseException:
            self._writer.transport.abort()
            raise
        return self

    async def aclose(self) -> None:
        """Close the connection and drop what is not yet written: a request that was given up must not go out whole.

        TLS is closed without its farewell, for which the server might keep us waiting.
        """
        transport = self._writer.transport
        if transport.get_extra_info("ssl_object") is None and not transport.get_write_buffer_size():
            transport.close()
        else:
            transport.abort()
        with suppress(OSError):  # a timeout among them
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks for: above all whether an idle connection has been closed, or has said more."""
        if info == "is_readable":
            return self._reader.unread > 0 or self._reader.at_eof() or is_readable(self._writer.transport)
        return self._writer.get_extra_info("peername" if info == "server_addr" else info)
