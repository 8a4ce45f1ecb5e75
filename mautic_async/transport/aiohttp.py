"""The transport of the ``fast`` extra: aiohttp, without httpx in the way.

Two habits of aiohttp are mended here, because each could make a contact twice or give a request a foreign answer:
aiohttp repeats GET, PUT and DELETE by itself when a connection breaks, and it uses a connection again on which the
server has said more than its answer.
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
from mautic_async.transport.decompression import BodyDecoder
from mautic_async.transport.interface import Timeouts, is_about_certificate, parse_headers, too_late

if TYPE_CHECKING:
    import ssl

MAX_HEADER_LINE: Final = 64 * 2**10
"""Bytes of a header line in an answer; about what httpx allows."""

STREAM_UPLOADS_ABOVE: Final = 2**18
"""Bytes of a request's body that are sent at once; a larger one is sent in chunks, between which the loop runs."""


class AiohttpTransport:
    """A transport over aiohttp, with as many connections as there are requests under way.

    `Mautic` binds it to its base URL; the unbound object only carries the settings.

    Args:
        context: Of TLS; without one, the same certificates as with httpx.
    """

    name = "aiohttp"
    json = "orjson"

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.base = ""
        self.timeouts = Timeouts()
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    def bind(self, base: str, timeouts: Timeouts) -> AiohttpTransport:
        """Return a transport with the same settings for requests below *base*."""
        bound = type(self)(self._context)
        bound.base, bound.timeouts = base, timeouts
        return bound

    async def exchange(self, request: Request) -> Response:
        """Send *request* and read its answer to the end; see `Transport`."""
        read = request.timeout or self.timeouts.read
        total = self.timeouts.total(read)
        failure: MauticError
        try:
            async with asyncio.timeout(total):
                return await self._send(self._session or self._open_session(), request, read)
        except MauticError as error:
            failure = error.with_traceback(None)
        except (aiohttp.ClientError, ValueError) as error:  # some of these are a TimeoutError as well
            failure = _translate_error(error)
        except TimeoutError:
            failure = too_late(total)
        raise failure  # out here without aiohttp's error and frames, which hold credentials and the server's bytes

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
            if not response.closed:  # given up: the connection closes, and with it what is still being sent
                response.release()
                await response.wait_for_close()

    async def _start(self, session: aiohttp.ClientSession, request: Request, read: float) -> aiohttp.ClientResponse:
        """Send *request* and return its answer when the headers are there."""
        url = f"{self.base}/{request.path}?{request.query}" if request.query else f"{self.base}/{request.path}"
        body = request.content
        return await session.request(
            request.method,
            URL(url, encoded=True),
            headers={"accept-encoding": "gzip", **request.headers},
            data=io.BytesIO(body) if body and len(body) > STREAM_UPLOADS_ABOVE else body or None,
            allow_redirects=False,
            timeout=_client_timeout(self.timeouts.connect, read),
        )

    def _open_session(self) -> aiohttp.ClientSession:
        """Return a new session: no cookies, no redirects, no proxies or passwords from the environment."""
        if self._context is None and self.base.startswith("https:"):
            import httpx

            self._context = httpx.create_ssl_context(trust_env=False)
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
        """Return the base URL and what is in use beneath."""
        return f"Transport({self.base!r}, {self.name})"


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


@lru_cache(maxsize=64)
def _client_timeout(connect: float, read: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=5.0, sock_connect=connect, sock_read=read)


async def _disable_retries(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Raise our error before aiohttp sees its own, which would make it send the request again."""
    try:
        return await handler(request)
    except aiohttp.ClientError as error:
        failure = _translate_error(error)
    raise failure  # out here without aiohttp's error


def _translate_error(error: Exception) -> TransportError | ConfigurationError:
    """Return our error for one of aiohttp's: whether a connection was made is what counts."""
    reason = sanitize(str(error) or type(error).__name__, 200)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return TransportError(f"no connection in time: {reason}", kind="connect")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError):
        if is_about_certificate(error) or isinstance(error, aiohttp.ClientConnectorCertificateError):
            return TransportError(f"the server's certificate is refused: {reason}", kind="certificate")
        return TransportError(f"no connection: {reason}", kind="connect")
    if isinstance(error, aiohttp.ServerTimeoutError):
        return TransportError("no answer in time; the server may still be at work", kind="read-timeout")
    if isinstance(error, ValueError):  # aiohttp.InvalidURL among them
        return ConfigurationError("the request cannot be sent: HTTP does not allow one of its headers")  # unquoted
    reason = reason.partition(":")[0]  # behind it come the server's bytes, and with them what it was sent
    return TransportError(f"the connection broke before the whole answer came: {reason}", kind="disconnected")
