"""The connections beneath the client: httpcore's, each for itself, on plain asyncio.

Second half of the transport room; loaded with the first request, because httpx is. httpx comes with a pool (httpcore
1.0) that looks at every connection twice a request, so that a few idle ones cost more than the request itself, and that
keeps the connection of a cancelled request for busy for ever; and with a network layer (anyio) that opens nine scopes a
request. Here a request takes the connection that was used last, or makes one, and its bytes go straight to asyncio.
Parsing, TLS and the life of a connection stay httpcore's.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import httpcore
import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT: Final = 3.0
"""Seconds for which an idle connection is kept: Apache closes it after 5, and equal values lose requests."""

MOST: Final = 256 * 2**10
"""Bytes that may lie unread before the socket is left alone."""

TURN: Final = 256
"""Pieces of a body after which others get their turn: a quarter of a megabyte may hold 40,000 of them."""

_TOLD: Final[dict[type[Exception], type[httpx.TransportError]]] = {
    getattr(httpcore, name): getattr(httpx, name)
    for name in (
        *("ConnectError", "ConnectTimeout", "ReadError", "ReadTimeout", "WriteError", "WriteTimeout", "PoolTimeout"),
        *("LocalProtocolError", "RemoteProtocolError", "ProxyError", "UnsupportedProtocol"),
    )
}
"""httpcore's errors by httpx's, which have the same names."""
_ERRORS: Final = tuple(_TOLD)


class Connections(httpx.AsyncBaseTransport):
    """An httpx transport with as many connections as there are requests under way; the caller keeps these few.

    Args:
        context: Of TLS; without one, httpx's own for its usual certificates.
    """

    name = "httpx"

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._network = _Network()
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
            raise _TOLD[type(error)](str(error)) from error
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response.stream, connection, self._idle),
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
            origin, ssl_context=self._context, keepalive_expiry=KEPT, network_backend=self._network
        )

    async def aclose(self) -> None:
        """Close all that are idle; the others close with their answers."""
        while self._idle:
            await self._idle.pop().aclose()


class _Body(httpx.AsyncByteStream):
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
                if not count % TURN:
                    await asyncio.sleep(0)
        except _ERRORS as error:
            raise _TOLD[type(error)](str(error)) from error

    async def aclose(self) -> None:
        """Let the connection go; it closes itself unless the body has been read to its end."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        await self._stream.aclose()
        if not connection.is_available():
            return
        if _said_more(connection):
            await connection.aclose()
        else:
            self._idle.append(connection)
            if len(self._idle) > 1 and self._idle[0].has_expired():
                await self._idle.pop(0).aclose()  # what a rush has left behind


def _said_more(connection: Any) -> bool:
    """Whether bytes lie behind the end of the answer: the parser would take them for the answer to the next request."""
    return bool(connection._connection._h11_state.trailing_data[0])  # noqa: SLF001 - httpcore neither asks nor tells


class _NoCookies(httpx.Cookies):
    """Takes none and gives none: PHP would queue our requests on its session lock. Nor are they parsed."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave them where they are."""

    def set_cookie_header(self, request: httpx.Request) -> None:
        """Add none."""


_NONE: Final = _NoCookies()


class Client(httpx.AsyncClient):
    """An `httpx.AsyncClient` without cookies."""

    @property
    def cookies(self) -> httpx.Cookies:
        """Always empty."""
        return _NONE

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        """Take none."""


# --- bytes ---------------------------------------------------------------------------------------------------------


class _Network(httpcore.AsyncNetworkBackend):
    """Opens connections by asyncio."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,  # noqa: ARG002 - none is ever asked for
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - none is ever asked for
    ) -> httpcore.AsyncNetworkStream:
        """A connection to *host*."""
        with _connecting():
            async with asyncio.timeout(timeout):
                loop = asyncio.get_running_loop()
                _, stream = await loop.create_connection(_Stream, host, port, happy_eyeballs_delay=0.25)
                return stream


@contextmanager
def _connecting() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(str(error)) from error
    except OSError as error:  # also what is wrong with a certificate
        raise httpcore.ConnectError(str(error)) from error


class _Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """A connection's bytes."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._pieces: deque[bytes] = deque()
        self._unread = 0
        self._over = False
        self._error: Exception | None = None
        self._full = False
        self._waiter: asyncio.Future[None] | None = None
        self._lost = self._loop.create_future()
        self._poll: Any = None

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._pieces.append(data)
        self._unread += len(data)
        if self._unread > MOST:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """The server has no more to say; asyncio closes the connection."""
        self._over = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._over, self._error = True, exc
        self._wake()
        if not self._lost.done():
            self._lost.set_result(None)

    def pause_writing(self) -> None:
        """The other side does not keep up."""
        self._full = True

    def resume_writing(self) -> None:
        """It does again."""
        self._full = False
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, seconds: float | None) -> bool:
        """Wait for any of these calls; False if none came in time."""
        waiter = self._waiter = self._loop.create_future()
        timer = None if seconds is None else self._loop.call_later(seconds, waiter.cancel, _LATE)
        try:
            await waiter
        except asyncio.CancelledError as error:
            if waiter.cancelled() and error.args == (_LATE,):
                return False
            raise
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()
        return True

    # what httpcore calls

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 - its parser takes pieces of any size
        """The next bytes; none at the end."""
        while not self._pieces:
            if self._error is not None:
                raise httpcore.ReadError(str(self._error)) from self._error
            if self._over:
                return b""
            if not await self._wait(timeout):
                raise httpcore.ReadTimeout
        piece = self._pieces.popleft()
        if self._unread > MOST >= self._unread - len(piece):
            self._transport.resume_reading()
        self._unread -= len(piece)
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        """Send *buffer*."""
        if not buffer:
            return
        if self._over:
            raise httpcore.WriteError("the connection is closed") from self._error
        self._transport.write(buffer)
        while self._full and not self._over:
            if not await self._wait(timeout):
                raise httpcore.WriteTimeout

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        """Go on in secret."""
        try:
            with _connecting():
                async with asyncio.timeout(timeout):
                    upgraded = await self._loop.start_tls(
                        self._transport, self, ssl_context, server_hostname=server_hostname
                    )
        except BaseException:
            self._transport.abort()
            raise
        self._transport = cast("asyncio.Transport", upgraded)
        return self

    async def aclose(self) -> None:
        """Close it, without a farewell in TLS for which the other side might keep us waiting.

        What is not yet written is dropped: the caller has given the request up, and counts on its not going out whole.
        """
        if self._transport.get_extra_info("ssl_object") is None and not self._transport.get_write_buffer_size():
            self._transport.close()
        else:
            self._transport.abort()
        await asyncio.wait([self._lost], timeout=1.0)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks: whether TLS chose a protocol, and whether an idle connection was closed meanwhile."""
        if info == "is_readable":
            return self._over or bool(self._pieces) or self._has_news()
        if info == "server_addr":
            return self._transport.get_extra_info("peername")
        return self._transport.get_extra_info(info)

    def _has_news(self) -> bool:
        """Whether the system knows more than the loop has seen yet: the server may have closed a moment ago."""
        number = self._transport.get_extra_info("socket").fileno()
        if number < 0:
            return True
        if not hasattr(select, "poll"):  # pragma: no cover - Windows
            return bool(select.select([number], [], [], 0)[0])
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(number, select.POLLIN)
        return bool(self._poll.poll(0))


_LATE: Final = "late"
