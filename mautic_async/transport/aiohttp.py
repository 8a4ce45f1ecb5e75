"""aiohttp beneath httpx: the ``fast`` extra. Second half of the transport room, as `connection_pool` is.

httpx-aiohttp hands an httpx request to aiohttp. Three habits of the pair are mended here, because each could make a
contact twice: aiohttp repeats GET, PUT and DELETE by itself when a connection breaks; httpx-aiohttp reports a
connection that broke after the request had left as one that was never made; and it passes some errors on unnamed.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn
from weakref import WeakSet

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from multidict import CIMultiDict
from yarl import URL

from mautic_async.transport._sockets import KEEPALIVE_SECONDS, is_readable

if TYPE_CHECKING:
    import ssl

LINE: Final = 64 * 2**10
"""Bytes of a header; about what httpx allows."""

LARGE: Final = 2**18
"""Bytes of a body that are sent at once."""


class Fast(AiohttpTransport):
    """An httpx transport over aiohttp, with as many connections as there are requests under way.

    Args:
        context: Of TLS; without one, httpx's own for its usual certificates.
    """

    name = "aiohttp"
    json = "orjson"

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(verify=context or httpx.create_ssl_context(trust_env=False), client=self._session)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=_Connector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS, ssl=self.ssl_context),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("accept", "accept-encoding", "user-agent", "content-type"),
            middlewares=(_once,),
            max_line_size=LINE,
            max_field_size=LINE,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*, byte for byte as httpx would."""
        session = self.client
        if not isinstance(session, aiohttp.ClientSession):
            session = self.client = self.get_client()
        times = request.extensions.get("timeout", {})
        try:
            response = await session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=CIMultiDict((name.decode(), value.decode()) for name, value in request.headers.raw),
                data=_payload(await request.aread()),
                allow_redirects=False,
                timeout=_timeout(times.get("connect"), times.get("read"), times.get("pool")),
            )
        except (aiohttp.ClientError, ValueError) as error:
            _told(error)
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Reading(response),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": (response.reason or "").encode()},
        )


class _Connector(aiohttp.TCPConnector):
    """Uses an idle connection again only if the server has said nothing on it since its last answer."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._used: WeakSet[object] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> aiohttp.connector.Connection:
        """Return a connection for *req*."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or protocol.transport is None:
                return connection
            if protocol not in self._used:  # new: what TLS says after its handshake is no answer
                self._used.add(protocol)
                return connection
            if not protocol.should_close and not is_readable(protocol.transport):
                return connection
            connection.close()


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    """A large body goes out in pieces, between which the loop gets its turn."""
    return io.BytesIO(body) if len(body) > LARGE else body or None


@lru_cache(maxsize=32)
def _timeout(connect: float | None, read: float | None, pool: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=pool, sock_connect=connect, sock_read=read)


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Name what went wrong before aiohttp sees it, which would send the request again."""
    try:
        return await handler(request)
    except aiohttp.ClientError as error:
        _told(error)


def _told(error: Exception) -> NoReturn:
    """Raise *error* as the one that httpx knows: whether a connection was made is what counts."""
    text = str(error) or type(error).__name__
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        raise httpx.ConnectTimeout(text) from error
    if isinstance(error, aiohttp.ClientConnectorError):
        raise httpx.ConnectError(text) from error
    if isinstance(error, aiohttp.ServerTimeoutError):
        raise httpx.ReadTimeout(text) from error
    if isinstance(error, (aiohttp.InvalidURL, ValueError)):
        raise httpx.LocalProtocolError(text) from error
    if isinstance(error, (aiohttp.ServerDisconnectedError, aiohttp.ClientResponseError)):
        raise httpx.RemoteProtocolError(text) from error
    raise httpx.ReadError(text) from error


class _Reading(httpx.AsyncByteStream):
    """The body of an answer, in the pieces in which it comes."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except aiohttp.ClientError as error:
            _told(error)

    async def aclose(self) -> None:
        """Let the connection go; it is kept if the body has been read to its end."""
        self._response.release()
        await self._response.wait_for_close()
