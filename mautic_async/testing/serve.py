"""The simulator on a loopback socket: HTTP/1.1 with keep-alive, and faults that break real connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mautic_async._background import BackgroundTasks
from mautic_async.testing.http import Request, Truncated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from mautic_async.clock import Clock
    from mautic_async.testing.http import Headers, Response

    Answer = Callable[[Request], Awaitable[Response]]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

DRIP_CHUNKS = 20
"""Parts of a body that drips."""


@asynccontextmanager
async def listen(answer: Answer, clock: Clock, host: str, port: int) -> AsyncIterator[str]:
    """Serve HTTP until the block ends; yield the base URL.

    Args:
        answer: Function that serves one request.
        clock: Source of the pauses within a body that arrives slowly.
        host: Address to bind.
        port: 0 lets the system choose.

    Raises:
        RuntimeError: uvicorn is not installed.
    """
    try:
        import uvicorn
        from uvicorn.protocols.http.h11_impl import H11Protocol
    except ImportError as missing:
        raise RuntimeError("serving needs uvicorn: install mautic-async[testing]") from missing
    connections: dict[Any, asyncio.Transport] = {}

    class Protocol(H11Protocol):
        """Lets the application at the wire of its connection."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            connections[transport.get_extra_info("peername")[:2]] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.pop(self.transport.get_extra_info("peername")[:2], None)
            super().connection_lost(exc)

    class Server(uvicorn.Server):
        """A uvicorn server that leaves signals to the owner of the event loop."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    bound = socket.create_server((host, port), reuse_port=False)
    config = uvicorn.Config(
        _AsgiApp(answer, clock, connections),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
    )
    server = Server(config)
    running = BackgroundTasks().spawn(server.serve(sockets=[bound]))
    try:
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        yield f"http://{host}:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        bound.close()


class _AsgiApp:
    """An ASGI application around a function that serves one request."""

    def __init__(self, answer: Answer, clock: Clock, connections: dict[Any, asyncio.Transport]) -> None:
        self._answer = answer
        self._clock = clock
        self._connections = connections

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        connection = self._connections.get(tuple(scope["client"]))
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request = Request(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, body)
        try:
            response = await self._answer(request)
        except Truncated as cut:
            await _start(send, cut.status, cut.headers, length=len(cut.body) + 1000)
            await send({"type": "http.response.body", "body": cut.body, "more_body": True})
            if connection is not None:
                connection.close()
        except ConnectionError:
            if connection is not None:
                connection.abort()
        else:
            await self._send(send, response)

    async def _send(self, send: Send, response: Response) -> None:
        await _start(send, response.status, response.headers, length=len(response.body))
        if response.drip_seconds and response.body:
            size = max(1, len(response.body) // DRIP_CHUNKS)
            for start in range(0, len(response.body), size):
                await self._clock.sleep(response.drip_seconds / DRIP_CHUNKS)
                chunk = response.body[start : start + size]
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.body", "body": response.body})


async def _start(send: Send, status: int, headers: Headers, *, length: int) -> None:
    names = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
    if status != 204:
        names.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": status, "headers": names})
