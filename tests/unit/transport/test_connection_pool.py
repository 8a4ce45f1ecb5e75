"""The connections beneath httpx, on real sockets: both of them, httpcore's on asyncio and aiohttp's."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mautic_async.errors import TransportError, UnexpectedResponse
from mautic_async.protocol import Request
from mautic_async.transport.aiohttp import AiohttpTransport
from mautic_async.transport.client import Timeouts, Transport, fast_transport, new_transport
from mautic_async.transport.connection_pool import READ_BUFFER_LIMIT, PooledTransport

GET = Request("GET", "api/contacts/1", timeout=5.0)
POST = Request("POST", "api/contacts/new", headers={"content-type": "application/json"}, content=b"{}", timeout=5.0)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Talk = Callable[["Line"], Awaitable[None]]


class Line:
    """One connection as the server has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.heads: list[str] = []

    async def take(self) -> bytes:
        """One request; its body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        length = next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
        return await self.reader.readexactly(length)

    async def give(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()


class Server:
    """Answers as *talk* says, once a connection."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.lines: list[Line] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        self.lines.append(line)
        try:
            await self.talk(line)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(talk)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    scheme = "https" if context else "http"
    server.url = f"{scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        for line in server.lines:
            line.writer.close()


@pytest.fixture(params=["httpx", "aiohttp"])
def carrier(request: pytest.FixtureRequest) -> Callable[[], Any]:
    return PooledTransport if request.param == "httpx" else AiohttpTransport


@asynccontextmanager
async def transport_to(server: Server, carrier: Callable[[], Any], **times: float) -> AsyncIterator[Transport]:
    transport = new_transport(server.url, Timeouts(**times), transport=carrier())
    try:
        yield transport
    finally:
        await transport.aclose()


async def answer_all(line: Line) -> None:
    while True:
        await line.take()
        await line.give(OK)


Carrier = Callable[[], Any]


async def test_connection_pool_reuses_a_connection(carrier: Carrier) -> None:
    async with listening(answer_all) as server, transport_to(server, carrier) as transport:
        for _ in range(3):
            assert (await transport.exchange(POST)).content == b"{}"
        assert len(server.lines) == 1


async def test_connection_pool_sends_the_same_bytes_as_httpx(carrier: Carrier) -> None:
    async with listening(answer_all) as server, transport_to(server, carrier) as transport:
        await transport.exchange(Request("GET", "api/x%2Fy", "where%5B0%5D%5Bval%5D=a%26b", {"user-agent": "me"}))
        await transport.exchange(Request("PATCH", "api/contacts/1/edit", content=b"{}"))
        await transport.exchange(Request("POST", "api/contacts/1/points/plus/5"))
        heads = [sorted(head.lower().strip().split("\r\n")) for head in server.lines[0].heads]
    host = f"host: {server.url[7:]}"
    get = ["accept-encoding: gzip", "get /api/x%2fy?where%5b0%5d%5bval%5d=a%26b http/1.1", host, "user-agent: me"]
    assert heads[0] == get
    assert heads[1] == ["accept-encoding: gzip", "content-length: 2", host, "patch /api/contacts/1/edit http/1.1"]
    assert heads[2] == [
        "accept-encoding: gzip",
        "content-length: 0",
        host,
        "post /api/contacts/1/points/plus/5 http/1.1",
    ]


async def test_connection_pool_opens_as_many_connections_as_running_requests(carrier: Carrier) -> None:
    arrived = asyncio.Barrier(5)

    async def together(line: Line) -> None:
        await line.take()
        await arrived.wait()
        await line.give(OK)
        await answer_all(line)

    async with listening(together) as server, transport_to(server, carrier) as transport:
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(transport.exchange(GET))
        assert len(server.lines) == 5
        await transport.exchange(GET)
        assert len(server.lines) == 5


async def test_connection_pool_does_not_use_a_closed_connection(carrier: Carrier) -> None:
    async def once(line: Line) -> None:
        await line.take()
        await line.give(OK)

    async with listening(once) as server, transport_to(server, carrier) as transport:
        await transport.exchange(POST)
        for _ in range(20):
            await asyncio.sleep(0)  # the news travels through the loop
        await transport.exchange(POST)
        assert len(server.lines) == 2


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc", b"de"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", b"abcde"),
    ],
)
async def test_connection_pool_reads_bodies_in_all_framings(carrier: Carrier, pieces: tuple[bytes, ...]) -> None:
    async def say(line: Line) -> None:
        await line.take()
        await line.give(*pieces)

    async with listening(say) as server, transport_to(server, carrier) as transport:
        assert (await transport.exchange(GET)).content == b"abcde"


async def test_connection_pool_passes_large_bodies_both_ways(carrier: Carrier) -> None:
    sizes: list[int] = []

    async def mirror(line: Line) -> None:
        body = await line.take()
        sizes.append(len(body))
        await line.give(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body), body)

    content = bytes(range(256)) * (READ_BUFFER_LIMIT // 32)
    async with listening(mirror) as server, transport_to(server, carrier) as transport:
        answer = await transport.exchange(Request("POST", "x", content=content, timeout=5.0))
    assert answer.content == content
    assert sizes == [len(content)]


async def test_connection_pool_refused_connection_was_not_sent(carrier: Carrier) -> None:
    async with listening(answer_all) as server:
        pass
    async with transport_to(server, carrier) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.exchange(POST)
    assert caught.value.kind == "connect"


@pytest.mark.parametrize("request_", [POST, Request("PUT", "api/contacts/1/edit", content=b"{}"), GET])
@pytest.mark.parametrize(
    "words", [b"", b"HTTP/1.1 200 OK\r\ncontent-le", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"]
)
async def test_connection_pool_never_repeats_a_sent_request(carrier: Carrier, request_: Request, words: bytes) -> None:
    async def hang_up(line: Line) -> None:
        await line.take()
        await line.give(OK)  # the second request finds a connection in use, which is when aiohttp repeats
        await line.take()
        await line.give(words)

    async with listening(hang_up) as server, transport_to(server, carrier) as transport:
        await transport.exchange(GET)
        with pytest.raises(TransportError) as caught:
            await transport.exchange(request_)
    assert caught.value.kind == "disconnected"
    assert len(server.lines) == 1


async def test_connection_pool_reset_is_no_refused_connection(carrier: Carrier) -> None:
    async def reset(line: Line) -> None:
        await line.take()
        line.writer.transport.abort()

    async with listening(reset) as server, transport_to(server, carrier) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.exchange(POST)
    assert caught.value.kind == "disconnected"


async def test_connection_pool_silence_is_a_read_timeout(carrier: Carrier) -> None:
    async def silent(line: Line) -> None:
        await line.take()
        await line.reader.read()

    async with listening(silent) as server, transport_to(server, carrier) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.exchange(Request("POST", "x", content=b"{}", timeout=0.05))
        assert caught.value.kind == "read-timeout"


async def test_connection_pool_silence_within_a_body_is_a_read_timeout(carrier: Carrier) -> None:
    async def half(line: Line) -> None:
        await line.take()
        await line.give(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}")
        await line.reader.read()

    async with listening(half) as server, transport_to(server, carrier) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.exchange(Request("GET", "x", timeout=0.05))
        assert caught.value.kind == "read-timeout"


@pytest.mark.parametrize("words", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"])
async def test_connection_pool_raises_its_own_error_for_other_protocols(carrier: Carrier, words: bytes) -> None:
    async def rubbish(line: Line) -> None:
        await line.take()
        await line.give(words)

    async with listening(rubbish) as server, transport_to(server, carrier) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.exchange(GET)
        assert caught.value.kind == "disconnected"


async def test_connection_pool_accepts_long_headers_and_refuses_too_long_ones(carrier: Carrier) -> None:
    async def wordy(line: Line) -> None:
        await line.take()
        await line.give(b"HTTP/1.1 200 OK\r\nx-long: " + b"a" * 20_000 + b"\r\ncontent-length: 2\r\n\r\n{}")
        await line.take()
        await line.give(b"HTTP/1.1 200 OK\r\nx-long: " + b"a" * 200_000 + b"\r\ncontent-length: 2\r\n\r\n{}")

    async with listening(wordy) as server, transport_to(server, carrier) as transport:
        assert (await transport.exchange(GET)).content == b"{}"
        with pytest.raises((TransportError, UnexpectedResponse)):
            await transport.exchange(GET)


async def test_connection_pool_cancelled_request_closes_only_its_connection(carrier: Carrier) -> None:
    taken = asyncio.Event()

    async def slow_first(line: Line) -> None:
        await line.take()
        taken.set()
        if len(server.lines) == 1:
            await line.reader.read()
        await line.give(OK)
        await answer_all(line)

    async with listening(slow_first) as server, transport_to(server, carrier) as transport:
        task = asyncio.get_running_loop().create_task(transport.exchange(GET))
        await taken.wait()
        task.cancel()
        await asyncio.wait([task])
        for _ in range(3):
            assert (await transport.exchange(GET)).content == b"{}"
        assert len(server.lines) == 2


async def test_connection_pool_write_timeout_is_of_unknown_outcome(carrier: Carrier) -> None:
    async def deaf(line: Line) -> None:
        await asyncio.get_running_loop().create_future()

    async with listening(deaf) as server, transport_to(server, carrier, write=0.05, connect=0.05) as transport:
        with pytest.raises(TransportError) as caught:
            await transport.exchange(Request("POST", "x", content=b"x" * 20_000_000, timeout=0.05))
        assert caught.value.kind in {"write", "read-timeout"}
        for line in server.lines:
            line.writer.transport.abort()


# --- TLS -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mautic.test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_connection_pool_refuses_an_unknown_certificate(carrier: Carrier, certificate: Path) -> None:
    async with (
        listening(answer_all, server_context(certificate)) as server,
        transport_to(server, carrier) as transport,
    ):
        with pytest.raises(TransportError) as caught:
            await transport.exchange(GET)
    assert caught.value.kind == "certificate"


async def test_connection_pool_works_over_tls(carrier: Carrier, certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with (
        listening(answer_all, server_context(certificate)) as server,
        transport_to(server, lambda: carrier(trusting)) as transport,  # type: ignore[call-arg]  # both take a context
    ):
        for _ in range(3):
            assert (await transport.exchange(POST)).content == b"{}"
        assert len(server.lines) == 1


async def test_connection_pool_plain_text_in_place_of_tls_is_no_connection(carrier: Carrier) -> None:
    async def plain(line: Line) -> None:
        await line.give(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listening(plain) as server:
        server.url = server.url.replace("http:", "https:")
        async with transport_to(server, carrier) as transport:
            with pytest.raises(TransportError) as caught:
                await transport.exchange(POST)
    assert caught.value.kind == "connect"


def test_connection_pool_repr_names_the_pool_in_use() -> None:
    assert "aiohttp" in repr(new_transport("https://mautic.test", Timeouts(), transport=fast_transport()))
    assert "httpx" in repr(new_transport("https://mautic.test", Timeouts()))
