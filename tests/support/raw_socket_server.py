"""Servers on the loopback interface that answer byte by byte what a test says, and count what came."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable

from attrs import define, field

Respond = Callable[[bytes], AsyncIterator[bytes]]


@define
class RawSocketServer:
    """What came to a server."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def fixed_answer(status: str, headers: str = "", body: bytes = b"{}") -> Respond:
    """Always the same answer; *headers* are lines without an end."""
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers.splitlines(),
    ]
    response = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    async def respond(_: bytes) -> AsyncIterator[bytes]:
        yield response

    return respond


@contextlib.asynccontextmanager
async def serve_raw(respond: Respond, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawSocketServer]:
    """A server on a free port; a connection ends with its first answer."""
    server = RawSocketServer()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
            body = await reader.readexactly(int(length.partition(b":")[2]))
            server.requests.append(head + body)
            async for chunk in respond(head):
                writer.write(chunk)
                await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    listening = await asyncio.start_server(converse, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server
