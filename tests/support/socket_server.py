"""A simulated Mautic on a loopback socket, in a thread of its own, for code that brings its own event loop."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from mautic_async.testing import FakeMautic


@frozen
class ServedFake:
    """Where it is.

    Attributes:
        fake: The server.
        env: The environment variables that lead a client to it.
    """

    fake: FakeMautic
    env: dict[str, str]


def free_port() -> int:
    """Return the number of a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def serve_fake(*, v2: bool = False) -> Iterator[ServedFake]:
    """Serve until the block ends; *v2* adds ``/api/v2``."""
    fake = FakeMautic(v2=v2)
    ready, done = threading.Event(), asyncio.Event()
    environment: list[tuple[str, asyncio.AbstractEventLoop]] = []

    async def work() -> None:
        async with fake, fake.serve() as url:
            environment.append((url, asyncio.get_running_loop()))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    assert ready.wait(20)
    ((url, loop),) = environment
    try:
        yield ServedFake(
            fake,
            {"MAUTIC_BASE_URL": url, "MAUTIC_CLIENT_ID": fake.client_id, "MAUTIC_CLIENT_SECRET": fake.client_secret},
        )
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
