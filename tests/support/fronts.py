"""Front servers before a `FakeMautic` on a socket: nginx from the system, and a reverse proxy of asyncio that does the same.

Two stand in a row, as at many hosters: the client talks to the outer one, and the inner one can be killed and started
again. The outer one then answers 502 (or 504, when its own time runs out), while the server behind both goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

Kind: TypeAlias = Literal["nginx", "asyncio"]
NGINX = shutil.which("nginx")
_STARTS_WITHIN = 10.0
"""Seconds."""


class Front(Protocol):
    """A reverse proxy on a loopback port."""

    port: int

    async def start(self) -> None:
        """Listen; returns when connections are taken."""

    async def kill(self) -> None:
        """Stop at once: every connection breaks, nothing is finished."""


@asynccontextmanager
async def fronts(kind: Kind, upstream: int, folder: Path, *, patience: float) -> AsyncIterator[tuple[str, Front]]:
    """Put two front servers in a row before the server on port *upstream*.

    Args:
        kind: Which.
        upstream: Port of the server on the loopback interface.
        folder: For files of nginx.
        patience: Seconds that the outer one waits for an answer before it writes a 504.

    Yields:
        The URL of the outer one, and the inner one.
    """
    make = _Nginx if kind == "nginx" else _Asyncio
    inner = make(upstream, folder / "inner", 600.0)
    outer = make(inner.port, folder / "outer", patience)
    await inner.start()
    await outer.start()
    try:
        yield f"http://127.0.0.1:{outer.port}", inner
    finally:
        await outer.kill()
        await inner.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


_CONF = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 64m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_read_timeout {patience}ms;
            proxy_next_upstream off;
        }}
    }}
}}
"""


class _Nginx:
    def __init__(self, upstream: int, folder: Path, patience: float) -> None:
        self.port = _free_port()
        self._conf = folder / "nginx.conf"
        self._folder = folder
        folder.mkdir()
        settings = {"folder": folder, "port": self.port, "upstream": upstream, "patience": int(patience * 1000)}
        self._conf.write_text(_CONF.format(**settings))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        assert NGINX is not None
        log = str(self._folder / "error.log")
        self._process = await asyncio.create_subprocess_exec(
            NGINX, "-c", str(self._conf), "-p", str(self._folder), "-e", log
        )
        async with asyncio.timeout(_STARTS_WITHIN):
            while True:
                assert self._process.returncode is None, Path(log).read_text()
                with contextlib.suppress(ConnectionError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    await _closed(writer)
                    return
                await asyncio.sleep(0.01)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class _Asyncio:
    def __init__(self, upstream: int, folder: Path, patience: float) -> None:
        self.port = _free_port()
        self._upstream = upstream
        self._patience = patience
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def kill(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._server = None

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (request := await _message(reader)) is not None:
                writer.write(await self._answer(request))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:  # killed: no one is left to be told
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            await _closed(writer)

    async def _answer(self, request: bytes) -> bytes:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        except ConnectionError:
            return _page("502 Bad Gateway")
        try:
            writer.write(request)
            async with asyncio.timeout(self._patience):
                await writer.drain()
                return await _message(reader) or _page("502 Bad Gateway")
        except TimeoutError:
            return _page("504 Gateway Time-out")
        except (ConnectionError, asyncio.IncompleteReadError):
            return _page("502 Bad Gateway")
        finally:
            await _closed(writer)


async def _message(reader: StreamReader) -> bytes | None:
    """One HTTP message with its body, whose length its head tells; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return None
    lines = head.lower().split(b"\r\n")
    length = next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


def _page(title: str) -> bytes:
    body = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n".encode()
    return f"HTTP/1.1 {title}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _closed(writer: StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
