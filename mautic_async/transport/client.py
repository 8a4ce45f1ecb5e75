"""The transport over httpx, and the choice between it and the ``fast`` extra's.

No code here depends on the module `httpx` by name: a client that a user hands in may come from its successor `httpx2`,
so the exceptions are those of the client's own module. The package works around two faults of httpx 0.28. A cancelled
request leaves its connection stuck in httpx's pool, so a request runs in a task that is not cancelled. A pool wider
than needed costs time for each connection, so the rate limiter bounds the requests in flight.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from mautic_async import protocol
from mautic_async.errors import ConfigurationError, TransportError, sanitize
from mautic_async.protocol import Request, Response
from mautic_async.transport.base_url import host_and_port
from mautic_async.transport.decompression import BodyDecoder
from mautic_async.transport.failures import Exchange, strip_error
from mautic_async.transport.interface import Timeouts, Transport, parse_headers
from mautic_async.transport.network import Network

if TYPE_CHECKING:
    import httpx

__all__ = ["HttpxTransport", "Timeouts", "Transport", "fast_transport", "json_library_for", "new_transport"]

_VALUE: Final = re.compile(r"([?&][^=&#]*)=[^&#]*")
_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


def _module_of(client: httpx.AsyncClient) -> Any:
    """Return the module that the client's class comes from: httpx, or httpx2."""
    # The client may be of a subclass of the user's: its base class tells the library.
    for kind in type(client).__mro__:
        root = sys.modules.get(kind.__module__.split(".")[0])
        if kind.__name__ == "AsyncClient" and getattr(root, "AsyncClient", None) is kind:
            return root
    raise ConfigurationError(f"http= must be an httpx.AsyncClient, not {type(client).__name__}")


def new_client(
    timeouts: Timeouts, transport: object = None, network: Network | None = None, proxy: str | None = None
) -> httpx.AsyncClient:
    """Return an `httpx.AsyncClient` without cookies, redirects or retries: PHP queues requests on its session lock.

    Args:
        timeouts: Time-outs in seconds.
        transport: An httpx transport, or None for the package's own connection pool.
        network: The trusted authorities.
        proxy: URL of the proxy, or None.
    """
    from mautic_async.transport.connection_pool import CookielessClient, PooledTransport

    pool = transport or PooledTransport(network=network, proxy=proxy)
    return CookielessClient(
        transport=pool,  # type: ignore[arg-type]  # any httpx transport; its type stays out of our signatures
        timeout=timeouts.read,
        follow_redirects=False,
        trust_env=False,  # `Network` reads what of the environment counts
        http2=False,
    )


class _QueryMaskingFilter(logging.Filter):
    """A filter that masks query parameters in the HTTP library's own log: searches hold e-mail addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            args = (_VALUE.sub(r"\1=***", str(it)) if str(it).startswith(self.name) else it for it in record.args)
            record.args = tuple(args)
        return True


class HttpxTransport:
    """The transport over httpx, or over the client of its successor httpx2.

    Args:
        base: From `parse_base_url`. Every request goes below it, so that a token can reach no other place.
        timeouts: Time-outs in seconds.
        http: A ready client, which its owner keeps and closes.
        transport: An httpx transport for a client of our own.
        network: The trusted authorities, and the proxy.
    """

    def __init__(
        self,
        base: str,
        timeouts: Timeouts,
        *,
        http: httpx.AsyncClient | None = None,
        transport: object = None,
        network: Network | None = None,
    ) -> None:
        self.base = base
        self.timeouts = timeouts
        self._client = http
        self._owned = http is None
        self._inner = transport
        self._network = network or Network()
        self._proxy = self._network.proxy_for(base) if http is None and transport is None else None
        self._mask: _QueryMaskingFilter | None = None
        self._module: Any = None if http is None else _module_of(http)

    def _ensure_client(self) -> httpx.AsyncClient:
        """Return the client, which the first request creates: importing httpx takes a tenth of a second."""
        if self._client is None:
            self._client = new_client(self.timeouts, self._inner, self._network, self._proxy)
        if self._module is None:
            self._module = _module_of(self._client)
        if self._mask is None:
            self._mask = _QueryMaskingFilter(str(self._module.URL(self.base)))
            logging.getLogger(self._module.__name__).addFilter(self._mask)
        return self._client

    async def exchange(self, request: Request) -> Response:
        """Send *request* and read its response to the end; see `Transport`."""
        client = self._ensure_client()
        read = request.timeout or self.timeouts.read
        # httpx bounds each read and not their sum: a server that sends a byte now and then would never time out.
        total = self.timeouts.connect + self.timeouts.write + 2 * read
        try:
            async with asyncio.timeout(total):
                return await self._send(client, request, read)
        except TimeoutError as error:
            raise self._named(request).too_late(total) from strip_error(error)
        except (self._module.RequestError, self._module.InvalidURL) as error:
            raise self._translate_error(error, request, read) from strip_error(error)
        except RuntimeError as error:
            # httpx has no exception of its own for a closed client.
            if not client.is_closed:
                raise
            raise ConfigurationError("the client given as http= is closed; give an open one") from strip_error(error)

    def _build_request(self, request: Request, read: float) -> httpx.Request:
        """Return httpx's form of *request*. A function of its own: its frame with the credentials ends here."""
        url = f"{self.base}/{request.path}?{request.query}" if request.query else f"{self.base}/{request.path}"
        timeouts, module, content = self.timeouts, self._module, request.content or b""
        target = module.URL(url)
        # Whole headers beside a ready body: httpx would otherwise read, complete and rebuild them, for 10 us a request.
        headers = [(b"host", target.netloc), (b"accept-encoding", b"gzip")]
        headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in request.headers.items()]
        if content or request.method not in _BODILESS:
            headers.append((b"content-length", b"%d" % len(content)))
        built: httpx.Request = module.Request(
            request.method,
            target,
            headers=headers,
            stream=module.ByteStream(content),
            extensions={"timeout": {"connect": timeouts.connect, "read": read, "write": timeouts.write, "pool": 5.0}},
        )
        built.read()
        return built

    async def _send(self, client: httpx.AsyncClient, request: Request, read: float) -> Response:
        built = self._build_request(request, read)
        response = await client.send(built, auth=None, follow_redirects=False, stream=True)
        try:
            fields = parse_headers(response.status_code, response.headers.raw)
            # The page of an error must not end up in the caller's file.
            sink = request.write_to if response.status_code < 300 else None
            ready = response.is_stream_consumed  # a canned response: read and unpacked when it was made
            body = BodyDecoder("" if ready else fields.get("content-encoding", ""), response.status_code)
            if ready:
                body.feed(response.content, sink)
            else:
                async for piece in response.stream:  # type: ignore[union-attr]  # `aiter_raw` adds two generators to it
                    body.feed(piece, sink)
            return Response(response.status_code, fields, body.finish(sink))
        finally:
            await response.aclose()

    def _named(self, request: Request) -> Exchange:
        proxy = urlsplit(self._proxy).netloc.rpartition("@")[2] if self._proxy else None
        return Exchange(request, host_and_port(self.base), self.timeouts, proxy)

    def _translate_error(self, error: Exception, request: Request, read: float) -> TransportError | ConfigurationError:
        """Return our error for one of httpx's: whether a connection was made is what counts."""
        module, exchange = self._module, self._named(request)
        reason = sanitize(str(error) or type(error).__name__, 200)
        if isinstance(error, module.LocalProtocolError):
            return ConfigurationError("the request cannot be sent: HTTP does not allow one of its headers")  # unquoted
        if isinstance(error, (module.InvalidURL, module.UnsupportedProtocol)):
            return ConfigurationError(f"the request cannot be sent: {reason}")
        if isinstance(error, (module.ConnectTimeout, module.PoolTimeout, module.ConnectError, module.ProxyError)):
            return exchange.no_connection(error)
        if isinstance(error, module.ReadTimeout):
            return exchange.too_late(read)
        if isinstance(error, (module.WriteTimeout, module.WriteError)):
            return exchange.not_sent_whole(error)
        if isinstance(error, module.RemoteProtocolError):
            reason = reason.partition(":")[0]  # the server's bytes follow, and with them what it was sent
        return exchange.disconnected(reason)

    async def aclose(self) -> None:
        """Close the client, unless it was handed in."""
        if self._mask is not None:
            logging.getLogger(self._module.__name__).removeFilter(self._mask)
            self._mask = None
        if self._owned and self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    def __repr__(self) -> str:
        """Return the base URL, the HTTP library and the proxy."""
        inner = getattr(self._inner, "name", None) or type(self._inner or self._client).__name__
        proxy = f", proxy={self._named(Request('', '')).proxy!r}" if self._proxy else ""
        return f"Transport({self.base!r}, {'httpx' if inner == 'NoneType' else inner}{proxy})"


def new_transport(
    base: str,
    timeouts: Timeouts,
    *,
    http: httpx.AsyncClient | None = None,
    transport: object = None,
    network: Network | None = None,
) -> Transport:
    """Return the transport for requests below *base*.

    Args:
        base: From `parse_base_url`.
        timeouts: Time-outs in seconds.
        http: A ready client, which its owner keeps and closes.
        transport: From `fast_transport`, or an httpx transport for a client of our own.
        network: The trusted authorities, and the proxy.

    Raises:
        ConfigurationError: *http* or an httpx transport was given together with settings that only they can apply.
    """
    bind = getattr(type(transport), "bind", None) if http is None else None
    if bind is not None:
        bound: Transport = bind(transport, base, timeouts, network)
        return bound
    if network not in {None, Network()} and (http is not None or transport is not None):
        raise ConfigurationError("ca= and proxy= have no effect on a client or transport of your own: set them there")
    return HttpxTransport(base, timeouts, http=http, transport=transport, network=network)


def fast_transport() -> Any:
    """Return the transport of the ``fast`` extra: aiohttp instead of httpx, and orjson for JSON.

    ``Mautic(..., transport=fast_transport())`` sends several times as many requests a second as with httpx; all else
    stays the same. ``repr(mautic)`` says which transport is in use. ``MAUTIC_ASYNC_FAST=1`` in the environment chooses
    it for every client that is given no other.

    Raises:
        ConfigurationError: The extra is not installed: ``pip install 'mautic-async[fast]'``.
    """
    protocol.orjson_library()
    try:
        from mautic_async.transport import aiohttp
    except ImportError as error:
        raise ConfigurationError(f"{error.name} is not installed: pip install 'mautic-async[fast]'") from error
    return aiohttp.AiohttpTransport()


def _fast_requested() -> bool:
    return os.environ.get("MAUTIC_ASYNC_FAST", "") not in {"", "0"}


def resolve_transport(transport: object, http: object) -> object:
    """Return *transport*, or the one that the environment asks for if neither it nor a ready client is given."""
    return fast_transport() if transport is None and http is None and _fast_requested() else transport


def json_library_for(transport: object) -> protocol.JsonLibrary:
    """Return the JSON library that belongs to *transport*."""
    is_fast = getattr(transport, "json", "") == "orjson" or _fast_requested()
    return protocol.orjson_library() if is_fast else protocol.STDLIB
