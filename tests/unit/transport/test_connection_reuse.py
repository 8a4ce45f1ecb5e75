"""A connection that is used again gives each request its own answer, or none."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from mautic_async.errors import TransportError, UnexpectedResponse
from mautic_async.protocol import Request
from mautic_async.transport.aiohttp import AiohttpTransport
from mautic_async.transport.client import Transport
from mautic_async.transport.connection_pool import PooledTransport
from tests.support.certificates import Authority
from tests.unit.transport.test_connection_pool import Carrier, Line, listening, transport_to

GET = Request("GET", "api/contacts/1", timeout=5.0)
FORGED = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"forged"'


def own(number: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number


@pytest.fixture(params=[PooledTransport, AiohttpTransport])
def carrier(request: pytest.FixtureRequest) -> Any:
    return request.param


async def content(transport: Transport, request: Request = GET) -> bytes | None:
    """What is answered; None for an error of ours, which aiohttp prefers where it sees more than an answer."""
    try:
        return (await transport.exchange(request)).content
    except TransportError:
        return None


@pytest.mark.parametrize(
    "more",
    [FORGED, FORGED[:20], b"\r\n", b"x", b"HTTP/1.1 100 Continue\r\n\r\n" + FORGED],
    ids=["an answer", "half an answer", "an empty line", "a byte", "an interim answer"],
)
async def test_transport_ignores_bytes_after_a_response(carrier: Carrier, more: bytes) -> None:
    count = iter(range(1, 10))

    async def talk(line: Line) -> None:
        while True:
            await line.take()
            await line.give(own(next(count)) + more)

    async with listening(talk) as server, transport_to(server, carrier) as transport:
        answers = [await content(transport) for _ in range(4)]
    assert all(answer in (b"%d" % number, None) for number, answer in enumerate(answers, 1)), answers
    assert carrier is AiohttpTransport or None not in answers


@pytest.mark.parametrize("size", [1, 16_000, 60_000, 65_536 - 48, 250_000])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
async def test_transport_ignores_buffered_bytes_after_a_response(
    carrier: Carrier,
    tmp_path: Path,
    tls: bool,  # noqa: FBT001 - a table
    size: int,
) -> None:
    authority = Authority.new(tmp_path)
    count = iter(range(1, 10))

    async def talk(line: Line) -> None:
        while True:
            await line.take()
            body = b"%d" % next(count) * size
            line.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %08d\r\n\r\n" % len(body) + body)
            line.writer.write(FORGED)  # a TLS record of its own

    async with (
        listening(talk, authority.server("127.0.0.1") if tls else None) as server,
        transport_to(server, lambda: carrier(authority.client())) as transport,  # type: ignore[call-arg]  # both take a context
    ):
        answers = [await content(transport) for _ in range(4)]
    assert all(answer in (b"%d" % number * size, None) for number, answer in enumerate(answers, 1))


@pytest.mark.parametrize("head", ["HEAD", "204", "304"])
async def test_transport_ignores_a_body_of_a_response_without_body(carrier: Carrier, head: str) -> None:
    status = {"HEAD": "200 OK", "204": "204 No Content", "304": "304 Not Modified"}[head].encode()
    count = iter(range(1, 10))

    async def talk(line: Line) -> None:
        if len(server.lines) == 1:
            await line.take()
            await line.give(b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n\r\n" % len(FORGED) + FORGED)
        while True:
            await line.take()
            await line.give(own(next(count)))

    async with listening(talk) as server, transport_to(server, carrier) as transport:
        asked = Request("HEAD" if head == "HEAD" else "GET", "api/contacts", timeout=5.0)
        assert await content(transport, asked) in (b"", None)
        assert await content(transport) in (b"1", None)


async def test_transport_closes_the_connection_of_a_partly_sent_request(carrier: Carrier) -> None:
    whole: list[bytes] = []
    slow = asyncio.Event()

    async def talk(line: Line) -> None:
        while True:
            body = await line.take()
            whole.append(body)
            await line.give(own(len(whole)))
            if len(whole) == 1:
                await slow.wait()  # takes nothing of the second

    async with listening(talk) as server, transport_to(server, carrier) as transport:
        await transport.exchange(GET)
        large = Request("POST", "api/contacts/batch/new", content=b"x" * 2**24, timeout=5.0)
        sending = asyncio.create_task(transport.exchange(large))
        await asyncio.sleep(0.05)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        slow.set()
        answer = await transport.exchange(GET)
    assert len(server.lines) == 2
    assert answer.content == b"2"
    assert whole == [b"", b""]


async def test_transport_never_sends_unwritten_bytes_of_a_cancelled_request(carrier: Carrier) -> None:
    given_up, over = asyncio.Event(), asyncio.Event()
    got = 0

    async def talk(line: Line) -> None:
        nonlocal got
        await given_up.wait()
        with contextlib.suppress(ConnectionError):
            while piece := await line.reader.read(2**16):
                got += len(piece)
        over.set()

    async with listening(talk) as server, transport_to(server, carrier, write=0.05, connect=0.05) as transport:
        with pytest.raises(TransportError):
            await transport.exchange(Request("POST", "x", content=b"x" * 30_000_000, timeout=0.05))
        given_up.set()
        await asyncio.wait_for(over.wait(), 10)
    assert 0 < got < 20_000_000


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" + FORGED,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 50\r\n\r\n{}" + FORGED,
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked, identity\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b: c\r\nX\x00: d\r\n\r\n",
    ],
    ids=["upgrade", "two lengths", "negative length", "endless chunk", "odd encoding", "odd headers"],
)
async def test_transport_refuses_an_ambiguous_response_and_closes_its_connection(
    carrier: Carrier, answer: bytes
) -> None:
    async def talk(line: Line) -> None:
        await line.take()
        await line.give(answer)
        await line.take()
        await line.give(own(7))

    async with listening(talk) as server, transport_to(server, carrier) as transport:
        with pytest.raises((TransportError, UnexpectedResponse)):
            await transport.exchange(Request("GET", "api/contacts", timeout=1.0))
        assert not [line for line in server.lines if len(line.heads) > 1]
