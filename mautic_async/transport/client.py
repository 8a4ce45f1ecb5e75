"""Bytes out, bytes in. The one room that knows httpx.

Nothing is fixed to the module `httpx`: a client handed in may come from its successor `httpx2`, so the exceptions are
those of the client's own module. httpx 0.28 has two faults that the settings and the callers design around: a
cancelled request leaves its connection stuck in the pool (hence flights), and a pool wider than needed costs time per
connection (hence the gate is never wider than the pool).
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
from mautic_async.transport.decompression import BodyDecoder
from mautic_async.transport.interface import (
    Timeouts,
    Transport,
    is_about_certificate,
    parse_headers,
    strip_error,
    too_late,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import httpx

__all__ = [
    "HttpxTransport",
    "Timeouts",
    "Transport",
    "fast_transport",
    "in_process",
    "json_library_for",
    "new_client",
    "new_transport",
    "parse_base_url",
]

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_VALUE: Final = re.compile(r"([?&][^=&#]*)=[^&#]*")
_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def parse_base_url(url: str, *, insecure: bool = False) -> str:
    """The base of all requests, without a trailing slash.

    Args:
        url: Of the Mautic site: ``https://host``, also with a subfolder or ``/index.php``; a trailing ``/api`` is cut
            off.
        insecure: Allow ``http://`` to a host that is not this machine.

    Raises:
        ConfigurationError: It is not such a URL.
    """
    if not isinstance(url, str) or any(ord(char) <= 32 or ord(char) >= 127 for char in url):
        raise ConfigurationError("the base URL must be a text of visible ASCII, such as https://mautic.example.com")
    try:
        parts = urlsplit(url)
        host_is_fine = _HOST.fullmatch(parts.netloc.rpartition("@")[2]) is not None and parts.port != 0
    except ValueError as error:
        raise ConfigurationError(f"the base URL is not a URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not host_is_fine or "\\" in url:
        raise ConfigurationError("the base URL must look like https://mautic.example.com")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("the base URL must hold no user or password; hand them to BasicAuth")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ConfigurationError("the base URL must hold no ? and no #")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not insecure:
        raise ConfigurationError(
            "http:// would send the credentials in the clear; use https://, or say insecure=True if you must"
        )
    path = parts.path.rstrip("/").removesuffix("/api")
    if any(part in {".", ".."} for part in path.split("/")) or "//" in path:
        raise ConfigurationError("the base URL's path must hold no . or .. or empty part")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _module_of(client: httpx.AsyncClient) -> Any:
    """The module that the client's class comes from: httpx, or httpx2."""
    for kind in type(client).__mro__:
        root = sys.modules.get(kind.__module__.split(".")[0])
        if kind.__name__ == "AsyncClient" and getattr(root, "AsyncClient", None) is kind:
            return root
    raise ConfigurationError(f"http= must be an httpx.AsyncClient, not {type(client).__name__}")


def new_client(timeouts: Timeouts, transport: object = None) -> httpx.AsyncClient:
    """An `httpx.AsyncClient` with the settings that suit Mautic.

    No cookies: PHP would queue our requests on its session lock. No redirects, no environment proxies, no retries.
    """
    from mautic_async.transport.connection_pool import CookielessClient, PooledTransport

    return CookielessClient(
        transport=transport or PooledTransport(),  # type: ignore[arg-type]  # any httpx transport; its type stays out of our signatures
        timeout=timeouts.read,
        follow_redirects=False,
        trust_env=False,
        http2=False,
    )


class _QueryMaskingFilter(logging.Filter):
    """Hides the parameters of our requests in the HTTP library's own log: searches hold e-mail addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            args = (_VALUE.sub(r"\1=***", str(it)) if str(it).startswith(self.name) else it for it in record.args)
            record.args = tuple(args)
        return True


class HttpxTransport:
    """The transport over httpx, or over the client of its successor httpx2.

    Args:
        base: From `parse_base_url`. Every request goes below it, so that a token can reach no other place.
        timeouts: In seconds.
        http: A ready client, which its owner keeps and closes.
        transport: An httpx transport for a client of our own.
    """

    def __init__(
        self,
        base: str,
        timeouts: Timeouts,
        *,
        http: httpx.AsyncClient | None = None,
        transport: object = None,
    ) -> None:
        self.base = base
        self.timeouts = timeouts
        self._client = http
        self._owned = http is None
        self._inner = transport
        self._mask: _QueryMaskingFilter | None = None
        self._module: Any = None if http is None else _module_of(http)

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = new_client(self.timeouts, self._inner)
        if self._module is None:
            self._module = _module_of(self._client)
        if self._mask is None:
            self._mask = _QueryMaskingFilter(str(self._module.URL(self.base)))
            logging.getLogger(self._module.__name__).addFilter(self._mask)
        return self._client

    async def exchange(self, request: Request) -> Response:
        """Send *request* and read its answer to the end; see `Transport`."""
        client = self._opened()
        read = request.timeout or self.timeouts.read
        total = self.timeouts.total(read)
        try:
            async with asyncio.timeout(total):
                return await self._exchange(client, request, read)
        except TimeoutError as error:
            raise too_late(total) from strip_error(error)
        except (self._module.RequestError, self._module.InvalidURL) as error:
            raise self._ours(error) from strip_error(error)
        except RuntimeError as error:
            if not client.is_closed:
                raise
            raise ConfigurationError("the HTTP client that was handed in is closed") from strip_error(error)

    def _outgoing(self, request: Request, read: float) -> httpx.Request:
        """What goes out; made apart, so that no frame with the credentials in it is alive when something fails."""
        url = f"{self.base}/{request.path}?{request.query}" if request.query else f"{self.base}/{request.path}"
        timeouts, module, content = self.timeouts, self._module, request.content or b""
        target = module.URL(url)
        # Whole headers beside a ready body: httpx would otherwise read, complete and rebuild them, for 10 us a request.
        headers = [(b"host", target.netloc), (b"accept-encoding", b"gzip")]
        headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in request.headers.items()]
        if content or request.method not in _BODILESS:
            headers.append((b"content-length", b"%d" % len(content)))
        outgoing: httpx.Request = module.Request(
            request.method,
            target,
            headers=headers,
            stream=module.ByteStream(content),
            extensions={"timeout": {"connect": timeouts.connect, "read": read, "write": timeouts.write, "pool": 5.0}},
        )
        outgoing.read()
        return outgoing

    async def _exchange(self, client: httpx.AsyncClient, request: Request, read: float) -> Response:
        outgoing = self._outgoing(request, read)
        response = await client.send(outgoing, auth=None, follow_redirects=False, stream=True)
        try:
            fields = parse_headers(response.status_code, response.headers.raw)
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

    def _ours(self, error: Exception) -> TransportError | ConfigurationError:
        module = self._module
        reason = sanitize(str(error) or type(error).__name__, 200)
        if isinstance(error, module.LocalProtocolError):
            return ConfigurationError("the request cannot be sent: HTTP does not allow one of its headers")  # unquoted
        if isinstance(error, (module.InvalidURL, module.UnsupportedProtocol)):
            return ConfigurationError(f"the request cannot be sent: {reason}")
        if isinstance(error, (module.ConnectTimeout, module.PoolTimeout)):
            return TransportError(f"no connection in time: {reason}", kind="connect")
        if isinstance(error, (module.ConnectError, module.ProxyError)):
            if is_about_certificate(error):
                return TransportError(f"the server's certificate is refused: {reason}", kind="certificate")
            return TransportError(f"no connection: {reason}", kind="connect")
        if isinstance(error, module.ReadTimeout):
            return TransportError("no answer in time; the server may still be at work", kind="read-timeout")
        if isinstance(error, (module.WriteTimeout, module.WriteError)):
            return TransportError(f"the request did not go out whole: {reason}", kind="write")
        if isinstance(error, module.RemoteProtocolError):
            reason = reason.partition(":")[0]  # behind it come the server's bytes, and with them what it was sent
        return TransportError(f"the connection broke before the whole answer came: {reason}", kind="disconnected")

    async def aclose(self) -> None:
        """Close the client, if it is our own."""
        if self._mask is not None:
            logging.getLogger(self._module.__name__).removeFilter(self._mask)
            self._mask = None
        if self._owned and self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    def __repr__(self) -> str:
        """The base URL and what is in use beneath."""
        inner = getattr(self._inner, "name", None) or type(self._inner or self._client).__name__
        return f"Transport({self.base!r}, {'httpx' if inner == 'NoneType' else inner})"


def new_transport(
    base: str, timeouts: Timeouts, *, http: httpx.AsyncClient | None = None, transport: object = None
) -> Transport:
    """Return the transport for requests below *base*.

    Args:
        base: From `parse_base_url`.
        timeouts: In seconds.
        http: A ready client, which its owner keeps and closes.
        transport: From `fast_transport`, or an httpx transport for a client of our own.
    """
    bind = getattr(type(transport), "bind", None) if http is None else None
    if bind is not None:
        bound: Transport = bind(transport, base, timeouts)  # AiohttpTransport, whose module only its users load
        return bound
    return HttpxTransport(base, timeouts, http=http, transport=transport)


def fast_transport() -> Any:
    """The ``fast`` extra, aiohttp instead of httpx and orjson for JSON: ``Mautic(..., transport=fast_transport())``.

    It carries several times as many requests a second as httpx; all else stays the same. ``repr(mautic)`` says
    which is in use. ``MAUTIC_ASYNC_FAST=1`` in the environment chooses it for every client that is given no other.

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
    """*transport*, or what the environment asks for where neither it nor a ready client is given."""
    return fast_transport() if transport is None and http is None and _fast_requested() else transport


def json_library_for(transport: object) -> protocol.JsonLibrary:
    """The JSON library that goes with a transport."""
    return (
        protocol.orjson_library()
        if getattr(transport, "json", "") == "orjson" or _fast_requested()
        else protocol.STDLIB
    )


def in_process(server: Any, module: Any = None) -> Any:
    """An httpx transport that hands requests to *server* in this process, with the client's time-outs.

    Args:
        server: Has ``async exchange(method, target, headers, body) -> (status, headers, body)`` and raises
            `ConnectionRefusedError` (nothing was taken), `ConnectionResetError` (no answer), or an exception with
            ``status, headers, body`` (cut short).
        module: The HTTP library whose client will use it; httpx by default.
    """
    if module is None:
        import httpx as module

    class _TruncatedStream(module.AsyncByteStream):  # type: ignore[misc]  # the base is chosen at run time
        def __init__(self, body: bytes) -> None:
            self._body = body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield self._body
            raise module.RemoteProtocolError("peer closed connection without sending complete message body")

    class InProcess(module.AsyncBaseTransport):  # type: ignore[misc]  # the base is chosen at run time
        name = "in process"

        async def handle_async_request(self, request: Any) -> Any:
            timeouts: Mapping[str, float] = request.extensions.get("timeout", {})
            body = await request.aread()
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw}
            target = request.url.raw_path.decode("ascii")
            try:
                async with asyncio.timeout(timeouts.get("read")):
                    status, fields, content = await server.exchange(request.method, target, headers, body)
            except TimeoutError as error:
                raise module.ReadTimeout("no answer", request=request) from error
            except ConnectionRefusedError as error:
                raise module.ConnectError("All connection attempts failed", request=request) from error
            except ConnectionError as error:
                raise module.ReadError("", request=request) from error
            except Exception as error:
                cut: Any = error
                if not hasattr(error, "body"):
                    raise
                return module.Response(cut.status, headers=cut.headers, stream=_TruncatedStream(cut.body))
            return module.Response(status, headers=fields, stream=module.ByteStream(content))

    return InProcess()
