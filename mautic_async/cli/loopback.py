"""A loopback server for one redirect of a browser (RFC 8252, section 7.3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from attrs import define, field

from mautic_async import ConfigurationError

MAX_REQUEST_LINE: Final = 8192
"""Bytes of a request line; a redirect with code and state has some 300."""
READ_SECONDS: Final = 10.0
_PAGE: Final = "<!doctype html><meta charset=utf-8><title>mautic-async</title><p>{}</p>"


def is_loopback(host: str) -> bool:
    """Return True if *host* names this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@define(eq=False)
class RedirectListener:
    """Listens where the browser is sent back to.

    Attributes:
        redirect_uri: The address, as registered in Mautic.
        callbacks: Addresses that browsers came back with.
    """

    redirect_uri: str
    callbacks: asyncio.Queue[str] = field(factory=lambda: asyncio.Queue(maxsize=16))

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[None]:
        """Accept requests until the block ends.

        Raises:
            ConfigurationError: The address is not of this machine, or its port is in use.
        """
        parts = urlsplit(self.redirect_uri)
        host = parts.hostname or ""
        if parts.scheme != "http" or not is_loopback(host) or not parts.port:
            raise ConfigurationError(f"--redirect-uri {self.redirect_uri}: it is like http://127.0.0.1:8099/callback")
        try:
            server = await asyncio.start_server(self._answer, host, parts.port, limit=MAX_REQUEST_LINE)
        except OSError as error:
            raise ConfigurationError(f"--redirect-uri {self.redirect_uri}: {error.strerror}") from error
        async with server:
            yield

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request line, and answer with a page; only the path of the redirect counts."""
        status, text = "404 Not Found", "Nothing is here."
        try:
            async with asyncio.timeout(READ_SECONDS):
                line = await reader.readline()
                method, _, rest = line.decode("latin-1").partition(" ")
                target = rest.partition(" ")[0]
                expected = urlsplit(self.redirect_uri)
                # Browsers ask for /favicon.ico as well, which must not end the login.
                if method == "GET" and urlsplit(target).path == expected.path and not self.callbacks.full():
                    self.callbacks.put_nowait(f"{expected.scheme}://{expected.netloc}{target}")
                    status, text = "200 OK", "Back in the terminal you see whether the login succeeded."
                body = _PAGE.format(text).encode()
                head = f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
                writer.write(f"{head}Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n".encode() + body)
                await writer.drain()
        except (OSError, ValueError, TimeoutError):  # a browser that leaves, or a line that is too long
            pass
        finally:
            writer.close()
