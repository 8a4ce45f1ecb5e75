"""Proxies and the texts of connection failures: what a user gets to read, and what a proxy gets to see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from mautic_async import BasicAuth, ConfigurationError, Limits, Mautic, Timeouts, TransportError, fast_transport
from mautic_async.transport.network import Network
from tests.support.certificates import Authority
from tests.support.raw_socket_server import fixed_answer, serve_raw

FOUND = fixed_answer("200 OK", body=b'{"contact": {"id": 1}}')
ENVIRONMENT = [name for word in ("http", "https", "all", "no") for name in (f"{word}_proxy", f"{word}_proxy".upper())]


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.new(tmp_path)


@pytest.fixture(params=["httpx", "aiohttp"])
def transport(request: pytest.FixtureRequest) -> Any:
    return fast_transport() if request.param == "aiohttp" else None


@define
class Proxy:
    """An HTTP proxy for tunnels, which keeps the heads and the bytes that it was sent."""

    port: int = 0
    status: bytes = b"200 Connection established"
    heads: list[bytes] = field(factory=list)
    passed: bytearray = field(factory=bytearray)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError, ConnectionError):  # the end of the test
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            length = b"" if self.status.startswith(b"200") else b"Content-Length: 0\r\n"
            writer.write(b"HTTP/1.1 " + self.status + b"\r\n" + length + b"\r\n")
            if not length:
                host, _, port = head.split()[1].partition(b":")
                received, sent = await asyncio.open_connection(host.decode(), int(port))
                back = asyncio.create_task(self.copy(received, writer))
                await self.copy(reader, sent, keep=True)
                await back
        writer.close()

    async def copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bool = False) -> None:
        with suppress(asyncio.CancelledError, ConnectionError):
            while piece := await reader.read(65536):
                if keep:
                    self.passed += piece
                writer.write(piece)
        writer.close()


@asynccontextmanager
async def serve_proxy(status: bytes = Proxy().status) -> AsyncIterator[Proxy]:
    proxy = Proxy(status=status)
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy


@pytest.mark.parametrize("way", ["argument", "HTTPS_PROXY", "all_proxy"])
async def test_proxy_sees_an_encrypted_connection_and_no_credential(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, transport: Any, way: str
) -> None:
    async with serve_proxy() as proxy, serve_raw(FOUND, tls=authority.server("localhost")) as server:
        url = f"http://squid:pass@127.0.0.1:{proxy.port}"
        if way != "argument":
            monkeypatch.setenv(way, url)
        async with Mautic(
            f"https://localhost:{server.port}",
            auth=BasicAuth("ada", "hunter2"),
            ca=authority.file,
            proxy=url if way == "argument" else None,
            transport=transport,
        ) as mautic:
            assert [(await mautic.contacts.get(1)).id for _ in range(3)] == [1, 1, 1]
            assert f"proxy='127.0.0.1:{proxy.port}'" in repr(mautic)
            assert "pass" not in repr(mautic)
    assert 1 <= len(proxy.heads) <= 3  # the server closes its connections
    assert proxy.heads[0].startswith(f"CONNECT localhost:{server.port} HTTP/1.1".encode())
    assert b"proxy-authorization: basic c3f1awq6cgfzcw==" in proxy.heads[0].lower()
    assert b"YWRh" not in proxy.heads[0] + bytes(proxy.passed)


async def test_transport_connects_directly_to_a_host_in_no_proxy(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, transport: Any
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.com,localhost")
    async with (
        serve_raw(FOUND, tls=authority.server("localhost")) as server,
        Mautic(
            f"https://localhost:{server.port}", auth=BasicAuth("a", "b"), ca=authority.file, transport=transport
        ) as mautic,
    ):
        assert (await mautic.contacts.get(1)).id == 1


async def test_transport_error_names_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch, transport: Any) -> None:
    async with serve_proxy(b"407 Proxy Authentication Required") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://squid:pass@127.0.0.1:{proxy.port}")
        async with Mautic("https://crm.example.com", auth=BasicAuth("ada", "hunter2"), transport=transport) as mautic:
            with pytest.raises(TransportError) as found:
                await mautic.contacts.get(1)
    text = str(found.value)
    assert f"crm.example.com:443 through the proxy 127.0.0.1:{proxy.port} for GET contacts/1: " in text
    assert "407" in text
    assert "pass" not in text.replace("password", "")
    assert found.value.kind == "connect"


def test_network_uses_the_proxy_of_the_environment_for_https_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("ALL_PROXY", "proxy.example.com:3128")
    assert Network().proxy_for("http://localhost:8000") is None
    assert Network().proxy_for("https://crm.example.com") == "http://proxy.example.com:3128"
    assert Network(proxy="").proxy_for("https://crm.example.com") is None


@pytest.mark.parametrize("proxy", ["socks5://proxy.example.com", "http://", "ftp://x"])
def test_mautic_refuses_proxies_other_than_http(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="must be an HTTP proxy"):
        Mautic("https://crm.example.com", auth=BasicAuth("ada", "hunter2"), proxy=proxy)


def test_mautic_refuses_a_proxy_for_an_http_base_url() -> None:
    with pytest.raises(ConfigurationError, match="would read the credentials"):
        Mautic("http://localhost", auth=BasicAuth("ada", "hunter2"), proxy="http://proxy.example.com:3128")


async def message(base: str, transport: Any, **timeouts: float) -> str:
    async with Mautic(
        base,
        auth=BasicAuth("ada", "hunter2"),
        transport=transport,
        timeouts=Timeouts(**timeouts),
        limits=Limits(concurrency=1),
    ) as mautic:
        mautic._pipeline._retry_policy.budget._tokens = 0.0
        mautic._pipeline._retry_policy.budget._free_at = float("inf")
        with pytest.raises(TransportError) as found:
            await mautic.contacts.list(search="ada@example.com")
    return str(found.value)


async def test_transport_error_of_an_unknown_name_names_host_and_call(transport: Any) -> None:
    text = await message("https://crm.invalid", transport)
    assert text == "no connection to crm.invalid:443 for GET contacts: name not known; check the base URL"


async def test_transport_error_of_a_refused_connection_names_host_and_call(transport: Any) -> None:
    text = await message("http://127.0.0.1:9", transport)
    assert text == (
        "no connection to 127.0.0.1:9 for GET contacts: refused;"
        " check host and port of the base URL, and that the server is running"
    )


async def test_transport_error_of_a_late_response_names_timeouts(transport: Any) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        text = await message(f"http://127.0.0.1:{port}", transport, read=0.2)
    assert text == (
        f"no whole response from 127.0.0.1:{port} to GET contacts within 0 s; the server may still be at work"
        " (Timeouts sets how long to wait)"
    )
