"""Bytes out, bytes in: httpx's errors become ours, its habits stay outside."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import respx

from mautic_async.errors import ConfigurationError, MauticError, TransportError, UnexpectedResponse
from mautic_async.protocol import Request
from mautic_async.transport.base_url import parse_base_url
from mautic_async.transport.client import Timeouts, json_library_for, new_transport
from mautic_async.transport.in_process import in_process
from tests.support.scripted_server import RUNS_ON_FAST, ScriptedServer

BASE = "https://mautic.test"
GET = Request("GET", "api/contacts")


class Raising(httpx.AsyncBaseTransport):
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise self.error


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (httpx.ConnectError("refused"), "connect"),
        (httpx.ConnectTimeout("slow"), "connect"),
        (httpx.PoolTimeout("full"), "connect"),
        (httpx.ProxyError("no"), "connect"),
        (httpx.ReadTimeout("slow"), "read-timeout"),
        (httpx.WriteTimeout("slow"), "write"),
        (httpx.WriteError("broken"), "write"),
        (httpx.ReadError("reset"), "disconnected"),
        (httpx.RemoteProtocolError("gone"), "disconnected"),
        (httpx.CloseError("x"), "disconnected"),
        (httpx.TooManyRedirects("x"), "disconnected"),
    ],
)
async def test_transport_maps_each_httpx_failure_to_transport_error(error: Exception, event: str) -> None:
    with pytest.raises(TransportError) as caught:
        await new_transport(BASE, Timeouts(), transport=Raising(error)).exchange(GET)
    assert caught.value.kind == event
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [httpx.InvalidURL("x"), httpx.UnsupportedProtocol("x"), httpx.LocalProtocolError("x")]
)
async def test_transport_raises_configuration_error_for_unsendable_requests(error: Exception) -> None:
    with pytest.raises(ConfigurationError):
        await new_transport(BASE, Timeouts(), transport=Raising(error)).exchange(GET)


async def test_transport_error_of_a_wrong_certificate_is_not_retried() -> None:
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    with pytest.raises(TransportError) as caught:
        await new_transport(BASE, Timeouts(), transport=Raising(error)).exchange(GET)
    assert caught.value.kind == "certificate"


@respx.mock
async def test_transport_reads_a_canned_response() -> None:
    respx.get(f"{BASE}/api/contacts?limit=1").respond(200, json={"total": "0"}, headers={"X-One": "1"})
    transport = new_transport(BASE, Timeouts())
    answer = await transport.exchange(Request("GET", "api/contacts", "limit=1"))
    assert (answer.status, answer.content, answer.headers["x-one"]) == (200, b'{"total":"0"}', "1")
    await transport.aclose()


async def test_transport_decompresses_gzip() -> None:
    stub = ScriptedServer([(200, {"content-encoding": "gzip"}, gzip.compress(b"x" * 100_000))])
    answer = await new_transport(BASE, Timeouts(), transport=in_process(stub)).exchange(GET)
    assert answer.content == b"x" * 100_000


@pytest.mark.parametrize(
    ("encoding", "body"), [("gzip", b"no gzip"), ("br", b""), ("gzip", gzip.compress(b"x" * 5000, mtime=0)[:-20])]
)
async def test_transport_raises_its_own_error_for_broken_gzip(encoding: str, body: bytes) -> None:
    stub = ScriptedServer([(200, {"content-encoding": encoding}, body)])
    with pytest.raises((UnexpectedResponse, TransportError)):
        await new_transport(BASE, Timeouts(), transport=in_process(stub)).exchange(GET)


async def test_transport_never_echoes_a_cookie() -> None:
    """Invariant 57."""
    stub = ScriptedServer([(200, {"set-cookie": "PHPSESSID=abc; Path=/"}, {})])
    transport = new_transport(BASE, Timeouts(), transport=in_process(stub))
    await transport.exchange(GET)
    await transport.exchange(GET)
    assert "cookie" not in stub.requests[1].headers


async def test_transport_never_echoes_a_cookie_with_a_given_client() -> None:
    """Invariant 57."""
    stub = ScriptedServer([(200, {"set-cookie": "PHPSESSID=abc; Path=/"}, {})])
    async with httpx.AsyncClient(
        transport=in_process(stub),
        cookies={"a": "b"},
        headers={"x-mine": "1"},
        auth=("user", "pass"),
        follow_redirects=True,
    ) as client:
        transport = new_transport(BASE, Timeouts(), http=client)
        await transport.exchange(GET)
        await transport.exchange(GET)
        assert "cookie" not in stub.requests[1].headers
        assert "authorization" not in stub.requests[1].headers
        await transport.aclose()
        assert not client.is_closed


async def test_transport_returns_a_redirect_without_following_it() -> None:
    stub = ScriptedServer([(302, {"location": "https://other.example/x"}, b"")])
    async with httpx.AsyncClient(transport=in_process(stub), follow_redirects=True) as client:
        answer = await new_transport(BASE, Timeouts(), http=client).exchange(GET)
    assert answer.status == 302
    assert len(stub.requests) == 1


def test_transport_accepts_only_httpx_clients() -> None:
    client: Any = object()
    with pytest.raises(ConfigurationError, match=r"httpx\.AsyncClient"):
        new_transport(BASE, Timeouts(), http=client)


async def test_transport_sink_gets_the_pieces_of_a_success_only() -> None:
    pieces: list[bytes] = []
    stub = ScriptedServer([(200, {}, b"zip"), (404, {}, b"{}")])
    transport = new_transport(BASE, Timeouts(), transport=in_process(stub))
    assert (await transport.exchange(Request("GET", "api/themes/x", write_to=pieces.append))).content == b""
    assert (await transport.exchange(Request("GET", "api/themes/x", write_to=pieces.append))).content == b"{}"
    assert b"".join(pieces) == b"zip"


async def test_transport_refuses_too_many_headers() -> None:
    stub = ScriptedServer([(200, {f"x-{index}": "1" for index in range(250)}, b"")])
    with pytest.raises(UnexpectedResponse, match="headers"):
        await new_transport(BASE, Timeouts(), transport=in_process(stub)).exchange(GET)


@pytest.mark.virtual_time
async def test_transport_ends_an_endless_response_at_the_total_timeout() -> None:
    class Dripping(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            async def drip() -> AsyncIterator[bytes]:
                while True:
                    await asyncio.sleep(1)
                    yield b"x"

            return httpx.Response(200, content=drip())

    with pytest.raises(TransportError) as caught:
        await new_transport(BASE, Timeouts(read=5), transport=Dripping()).exchange(GET)
    assert caught.value.kind == "read-timeout"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://m.example", "https://m.example"),
        ("https://m.example/", "https://m.example"),
        ("https://m.example/sub/index.php/", "https://m.example/sub/index.php"),
        ("https://m.example:8443/api", "https://m.example:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_base_url_may_have_a_subfolder(url: str, base: str) -> None:
    assert parse_base_url(url) == base


@pytest.mark.parametrize(
    "url",
    [
        "",
        "m.example",
        "ftp://m.example",
        "https://",
        "http://m.example",
        "https://u:p@m.example",
        "https://m.example?x",
    ],
)
def test_base_url_refuses_other_texts(url: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_base_url(url)


def test_base_url_with_http_to_another_host_requires_insecure() -> None:
    assert parse_base_url("http://m.example", insecure=True) == "http://m.example"


def test_transport_repr_names_the_library() -> None:
    assert repr(new_transport(BASE, Timeouts())) == "Transport('https://mautic.test', httpx)"
    assert "in process" in repr(new_transport(BASE, Timeouts(), transport=in_process(ScriptedServer())))
    assert json_library_for(None).name == ("orjson" if RUNS_ON_FAST else "json")


async def test_transport_errors_are_all_mautic_errors() -> None:
    for error in (httpx.ReadError("x"), httpx.InvalidURL("x")):
        with pytest.raises(MauticError):
            await new_transport(BASE, Timeouts(), transport=Raising(error)).exchange(GET)
