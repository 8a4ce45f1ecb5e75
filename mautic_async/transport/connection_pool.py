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
from mautic_async.transport.network import Network

READ_BUFFER_LIMIT: Final = 128 * 2**10
"""Half of the bytes that may lie unread before asyncio stops reading from the socket."""

CHUNKS_PER_YIELD: Final = 256
"""Pieces of a body after which other tasks get their turn: a quarter of a megabyte may hold 40,000 of them."""

_HTTPX_ERROR: Final[dict[type[Exception], type[httpx.TransportError]]] = {
    getattr(httpcore, name): getattr(httpx, name)
    for name in (
        *("ConnectError", "ConnectTimeout", "ReadError", "ReadTimeout", "WriteError", "WriteTimeout", "PoolTimeout"),
        *("LocalProtocolError", "RemoteProtocolError", "ProxyError", "UnsupportedProtocol"),
    )
}
"""The errors of httpx by those of httpcore, which have the same names."""
_ERRORS: Final = tuple(_HTTPX_ERROR)


class PooledTransport(httpx.AsyncBaseTransport):
    """An httpx transport with as many connections as there are requests in flight; the rate limiter keeps these few.

    Args:
        context: TLS context; None: the one of *network*, created for the first ``https`` connection.
        network: The trusted certificate authorities; None: the usual ones.
        proxy: URL of an HTTP proxy, through which every connection is tunnelled, or None.
    """

    name = "httpx"

    def __init__(
        self, context: ssl.SSLContext | None = None, *, network: Network | None = None, proxy: str | None = None
    ) -> None:
        self._context = context
        self._network = network or Network()
        self._proxy = proxy
        self._factory: httpcore.AsyncConnectionPool | None = None
        self._idle: list[httpcore.AsyncConnectionInterface] = []

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

    async def _send(self, request: httpcore.Request) -> tuple[httpcore.AsyncConnectionInterface, httpcore.Response]:
        while True:
            connection = await self._connection(request.url.origin)
            try:
                return connection, await connection.handle_async_request(request)
            except httpcore.ConnectionNotAvailable:
                continue  # the server closed it at this very moment; nothing was sent

    async def _connection(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionInterface:
        while self._idle:
            # The one used last: the server is the least likely to have closed it.
            connection = self._idle.pop()
            if connection.is_available() and not connection.has_expired() and connection.can_handle_request(origin):
                return connection
            await connection.aclose()
        if self._factory is None:
            self._factory = self._new_factory(origin)
        return self._factory.create_connection(origin)

    def _new_factory(self, origin: httpcore.Origin) -> httpcore.AsyncConnectionPool:
        """Return a pool of httpcore that only creates connections, directly or through the proxy; it keeps none."""
        settings: dict[str, Any] = {
            "ssl_context": self._ssl_context() if origin.scheme == b"https" else None,
            "keepalive_expiry": KEEPALIVE_SECONDS,
            "network_backend": _AsyncioBackend(),
        }
        if self._proxy is None:
            return httpcore.AsyncConnectionPool(**settings)
        proxy = httpx.Proxy(self._proxy)  # takes user and password out of the URL
        url = proxy.url
        return httpcore.AsyncHTTPProxy(
            proxy_url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/"),
            proxy_auth=proxy.raw_auth,
            proxy_ssl_context=self._ssl_context() if url.scheme == "https" else None,
            **settings,
        )

    def _ssl_context(self) -> ssl.SSLContext:
        self._context = self._context or self._network.ssl_context()
        return self._context

    async def aclose(self) -> None:
        """Close all idle connections; the other ones close with their responses."""
        while self._idle:
            await self._idle.pop().aclose()


class _ResponseStream(httpx.AsyncByteStream):
    """The body of a response; at its end the connection returns to the pool."""

    def __init__(self, stream: Any, connection: httpcore.AsyncConnectionInterface, idle: list[Any]) -> None:
        self._stream = stream
        self._connection: httpcore.AsyncConnectionInterface | None = connection
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
        """Return the connection to the pool; close it unless the body has been read to its end."""
        # At most once, or one connection would be in the pool twice.
        connection, self._connection = self._connection, None
        if connection is None:
            return
        await self._stream.aclose()
        # The body was not read to its end, so httpcore has closed the connection.
        if not connection.is_available():
            return
        if _has_trailing_data(connection):
            await connection.aclose()
        else:
            self._idle.append(connection)
            if len(self._idle) > 1 and self._idle[0].has_expired():
                await self._idle.pop(0).aclose()  # too many after a peak of traffic


def _has_trailing_data(connection: Any) -> bool:
    """Return True if the parser holds bytes behind the response, which it would take for the next response.

    httpcore neither checks this itself nor has a public way to. The parser is below one layer, or below two through a
    proxy.
    """
    inner = connection
    while not hasattr(inner, "_h11_state"):
        inner = inner._connection  # noqa: SLF001
    return bool(inner._h11_state.trailing_data[0])  # noqa: SLF001


class _NoCookies(httpx.Cookies):
    """A cookie jar that stays empty: with a session cookie PHP would queue the requests on its session lock."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Ignore the cookies of *response*."""

    def set_cookie_header(self, request: httpx.Request) -> None:
        """Add no cookie to *request*."""


_NO_COOKIES: Final = _NoCookies()


class CookielessClient(httpx.AsyncClient):
    """An `httpx.AsyncClient` without cookies."""

    @property
    def cookies(self) -> httpx.Cookies:
        """The empty cookie jar."""
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        """Ignore *cookies*."""


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
    """A network backend of httpcore over asyncio's streams.

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
            # With IPv6 and IPv4 in turn, so that one that is broken does not use up the time-out.
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
    """One connection, in the form that httpcore uses."""

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
        # A cancelled handshake, too, must not leave its socket open.
        except BaseException:
            self._writer.transport.abort()
            raise
        return self

    async def aclose(self) -> None:
        """Close the connection and drop unwritten bytes: a request that was given up must not go out whole.

        TLS is closed without its closing handshake, for which a server may take long.
        """
        transport = self._writer.transport
        # A plain close would first send what is still in the write buffer.
        if transport.get_extra_info("ssl_object") is None and not transport.get_write_buffer_size():
            transport.close()
        else:
            transport.abort()
        with suppress(OSError):  # a timeout among them
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    def get_extra_info(self, info: str) -> Any:
        """Return a property of the connection; ``is_readable``: the server has closed it, or sent more bytes."""
        # Bytes may be in the reader's buffer or still in the socket, and the end counts like bytes.
        if info == "is_readable":
            return self._reader.unread > 0 or self._reader.at_eof() or is_readable(self._writer.transport)
        return self._writer.get_extra_info("peername" if info == "server_addr" else info)
