"""The connections beneath the client: httpx as it comes, without two costs that grow with use.

Second half of the transport room; loaded with the first request, because httpx is. httpx's pool (httpcore 1.0) looks
at every connection twice a request, so that eight idle ones cost more than the request itself, and a request that is
cancelled leaves its connection stuck there for good. So each connection is a pool of its own here, and the one used
last is used first.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    import ssl

KEPT: Final = 3.0
"""Seconds for which an idle connection is kept: Apache closes it after 5, and equal values lose requests."""


class Connections(httpx.AsyncBaseTransport):
    """As many connections as there are requests under way; the caller sees to it that these are few.

    Args:
        context: Of TLS; made once, because loading the certificates takes 20 ms.
    """

    name = "httpx"

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        _spare_failed_imports()
        self._context = context or httpx.create_ssl_context(trust_env=False)
        self._limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEPT)
        self._idle: list[tuple[httpx.AsyncHTTPTransport, float]] = []
        self._all: set[httpx.AsyncHTTPTransport] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* over the connection used last, or over a new one.

        A connection comes back when its answer has been read, or when its request has failed, which closes it. One
        whose request was cancelled does not: httpcore may think it busy for ever.
        """
        connection = self._idle.pop()[0] if self._idle else self._another()
        try:
            response = await connection.handle_async_request(request)
        except Exception:
            self.give_back(connection)
            raise
        response.stream = _Reading(response.stream, connection, self)
        if self._idle and time.monotonic() - self._idle[0][1] > 2 * KEPT:
            oldest, _ = self._idle.pop(0)
            self._all.discard(oldest)
            await oldest.aclose()
        return response

    def _another(self) -> httpx.AsyncHTTPTransport:
        connection = httpx.AsyncHTTPTransport(verify=self._context, trust_env=False, limits=self._limits)
        self._all.add(connection)
        return connection

    def give_back(self, connection: httpx.AsyncHTTPTransport) -> None:
        """Let *connection* be used again."""
        self._idle.append((connection, time.monotonic()))

    async def aclose(self) -> None:
        """Close all of them."""
        self._idle.clear()
        while self._all:
            await self._all.pop().aclose()


class _Reading(httpx.AsyncByteStream):
    """The body of an answer, at whose end the connection is free."""

    def __init__(self, stream: Any, connection: httpx.AsyncHTTPTransport, home: Connections) -> None:
        self._stream = stream
        self._connection: httpx.AsyncHTTPTransport | None = connection
        self._home = home

    def __aiter__(self) -> AsyncIterator[bytes]:
        pieces: AsyncIterator[bytes] = self._stream.__aiter__()
        return pieces

    async def aclose(self) -> None:
        await self._stream.aclose()
        connection, self._connection = self._connection, None
        if connection is not None:
            self._home.give_back(connection)


class _NoCookies(httpx.Cookies):
    """Takes none and gives none: PHP would queue our requests on its session lock. Nor are they parsed."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave them where they are."""

    def set_cookie_header(self, request: httpx.Request) -> None:
        """Add none."""


class Client(httpx.AsyncClient):
    """An `httpx.AsyncClient` without cookies."""

    @property
    def cookies(self) -> httpx.Cookies:
        """Always empty."""
        return _NONE

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        """Take none."""


_NONE: Final = _NoCookies()


def _spare_failed_imports() -> None:
    """Make "sniffio is not installed" cheap to find out.

    httpcore tries to import it four times a request to tell asyncio from trio. A failed import is not remembered, but
    searches the disk each time: a third of what a request costs. None in `sys.modules` is the import system's own word
    for a module that is not there; whoever else asks gets the same answer as before, only sooner.
    """
    if "sniffio" not in sys.modules and importlib.util.find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]  # documented: halts the import
