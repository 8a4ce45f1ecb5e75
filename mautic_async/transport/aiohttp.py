"""The transport of the ``fast`` extra: aiohttp instead of httpx.

The transport switches off two habits of aiohttp. aiohttp repeats GET, PUT and DELETE by itself when a connection
breaks, which could create a contact twice. It also reuses a connection on which the server has sent more than its
response, so that a request could get the response to another one.
"""

from __future__ import annotations

import asyncio
import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

import aiohttp
from yarl import URL

from mautic_async.errors import ConfigurationError, MauticError, TransportError, sanitize
from mautic_async.protocol import Request, Response
from mautic_async.transport._sockets import KEEPALIVE_SECONDS, is_readable
from mautic_async.transport.base_url import host_and_port
from mautic_async.transport.decompression import BodyDecoder
from mautic_async.transport.failures import Exchange
from mautic_async.transport.interface import Timeouts, parse_headers
from mautic_async.transport.network import Network

if TYPE_CHECKING:
    import ssl

MAX_HEADER_LINE: Final = 64 * 2**10
"""Bytes of a header line in an answer; about what httpx allows."""

STREAM_UPLOADS_ABOVE: Final = 2**18
"""Bytes of a request's body that are sent at once; a larger one is sent in chunks, between which the loop runs."""


class AiohttpTransport:
    """A transport over aiohttp, with as many connections as there are requests in flight.

    `Mautic` binds it to its base URL; the unbound object only carries the settings.

    Args:
        context: TLS context; None: one with the same certificate authorities as with httpx.
        base: From `parse_base_url`.
        timeouts: Time-outs in seconds.
        network: The trusted authorities, and the proxy.
    """

    name = "aiohttp"
    json = "orjson"

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        *,
        base: str = "",
        timeouts: Timeouts | None = None,
        network: Network | None = None,
    ) -> None:
        self.base = base
        self.timeouts: Timeouts = timeouts or Timeouts()
        self._context = context
        self._network = network or Network()
        self._proxy = self._network.proxy_for(base)
        self._session: aiohttp.ClientSession | None = None

    def bind(self, base: str, timeouts: Timeouts, network: Network | None = None) -> AiohttpTransport:
        """Return a transport with the same settings for requests below *base*."""
        return type(self)(self._context, base=base, timeouts=timeouts, network=network)

    async def exchange(self, request: Request) -> Response:
        """Send *request* and read its response to the end; see `Transport`."""
        read = request.timeout or self.timeouts.read
        total = self.timeouts.connect + self.timeouts.write + 2 * read
        failure: MauticError
        try:
            async with asyncio.timeout(total):
                return await self._send(self._session or self._open_session(), request, read)
        except MauticError as error:
            failure = error.with_traceback(None)
        except _NotRepeated as error:
            failure = _translate_error(error.error, self._named(request), read)
        except (aiohttp.ClientError, ValueError) as error:  # some of these are a TimeoutError as well
            failure = _translate_error(error, self._named(request), read)
        except TimeoutError:
            failure = self._named(request).too_late(total)
        raise failure  # outside the handler, so without aiohttp's error and frames, which hold credentials

    def _named(self, request: Request) -> Exchange:
        proxy = URL(self._proxy).authority.rpartition("@")[2] if self._proxy else None
        return Exchange(request, host_and_port(self.base), self.timeouts, proxy)

    async def _send(self, session: aiohttp.ClientSession, request: Request, read: float) -> Response:
        response = await self._start(session, request, read)
        try:
            status = response.status
            headers = parse_headers(status, response.raw_headers)
            sink = request.write_to if status < 300 else None
            body = BodyDecoder(headers.get("content-encoding", ""), status)
            content = response.content
            while not content.at_eof():
                body.feed(await content.readany(), sink)
            return Response(status, headers, body.finish(sink))
        finally:
            if not response.closed:  # given up: the connection closes, and the rest of the request is not sent
                response.release()
                await response.wait_for_close()

    async def _start(self, session: aiohttp.ClientSession, request: Request, read: float) -> aiohttp.ClientResponse:
        """Send *request* and return its response as soon as the headers have come."""
        url = f"{self.base}/{request.path}?{request.query}" if request.query else f"{self.base}/{request.path}"
        body = request.content
        return await session.request(
            request.method,
            URL(url, encoded=True),
            headers={"accept-encoding": "gzip", **request.headers},
            data=io.BytesIO(body) if body and len(body) > STREAM_UPLOADS_ABOVE else body or None,
            allow_redirects=False,
            timeout=_client_timeout(self.timeouts.connect, read),
            proxy=self._proxy,
        )

    def _open_session(self) -> aiohttp.ClientSession:
        """Return a new session, without cookies and without passwords from the environment."""
        if self._context is None and self.base.startswith("https:"):
            self._context = self._network.ssl_context()
        self._session = aiohttp.ClientSession(
            connector=_Connector(limit=0, keepalive_timeout=KEEPALIVE_SECONDS, ssl=self._context or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("accept", "user-agent", "content-type"),
            middlewares=(_disable_retries,),
            max_line_size=MAX_HEADER_LINE,
            max_field_size=MAX_HEADER_LINE,
            trust_env=False,
        )
        return self._session

    async def aclose(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def __repr__(self) -> str:
        """Return the base URL, the HTTP library and the proxy."""
        proxy = f", proxy={self._named(Request('', '')).proxy!r}" if self._proxy else ""
        return f"Transport({self.base!r}, {self.name}{proxy})"


class _Connector(aiohttp.TCPConnector):
    """A connector that reuses an idle connection only if the server has sent nothing on it since its last response."""

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
            if protocol not in self._used:  # new: bytes of TLS may follow its handshake
                self._used.add(protocol)
                return connection
            if not protocol.should_close and not is_readable(protocol.transport):
                return connection
            connection.close()


@lru_cache(maxsize=64)
def _client_timeout(connect: float, read: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=5.0, sock_connect=connect, sock_read=read)


async def _disable_retries(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Raise an error of another class than aiohttp's own, after which aiohttp would send the request again."""
    try:
        return await handler(request)
    except aiohttp.ClientError as error:
        raise _NotRepeated(error) from None


class _NotRepeated(Exception):
    """The carrier of an aiohttp error past aiohttp's retries.

    Attributes:
        error: The error of aiohttp.
    """

    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__()
        self.error = error


def _translate_error(error: Exception, exchange: Exchange, read: float) -> TransportError | ConfigurationError:
    """Return our error for one of aiohttp's: whether a connection was made is what counts."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return exchange.bad_certificate(error.certificate_error)
    if isinstance(error, (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)):
        return exchange.no_connection(error)
    if isinstance(error, aiohttp.ServerTimeoutError):
        return exchange.too_late(read)
    if isinstance(error, ValueError):  # aiohttp.InvalidURL among them
        return ConfigurationError("the request cannot be sent: HTTP does not allow one of its headers")  # unquoted
    reason = sanitize(str(error) or type(error).__name__, 200)
    return exchange.disconnected(reason.partition(":")[0])  # the server's bytes follow, with what it was sent
