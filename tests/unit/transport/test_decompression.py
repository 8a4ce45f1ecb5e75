"""Answers: size, density, time and form have caps, whatever the headers say."""

import asyncio
import gzip
import itertools
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from mautic_async.errors import APIError, MauticError, TransportError, UnexpectedResponse
from mautic_async.protocol import (
    STDLIB,
    Call,
    JsonLibrary,
    Request,
    Response,
    orjson_library,
    parse_json,
    parse_response,
)
from mautic_async.transport.aiohttp import AiohttpTransport
from mautic_async.transport.client import Timeouts, new_transport
from mautic_async.transport.connection_pool import PooledTransport
from mautic_async.transport.decompression import CHECK_RATIO_ABOVE, CHUNK, MAX_BODY, MAX_ERROR_BODY
from tests.support.chunked_transport import ChunkedBody, ChunkedTransport, Headers, make_chunked_transport
from tests.support.raw_socket_server import serve_raw

GZIP: Headers = [(b"content-encoding", b"gzip")]
MIB = 2**20


async def exchange(inner: ChunkedTransport, **request: object) -> Response:
    transport = new_transport("https://mautic.example.com", Timeouts(), transport=inner)
    try:
        return await transport.exchange(Request("GET", "api/contacts", **request))  # type: ignore[arg-type]
    finally:
        await transport.aclose()


def bomb(mebibytes: int) -> Iterator[bytes]:
    """A gzip stream of zeros, some thousand times smaller than what it unpacks to, in pieces as they come from a socket."""
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    head, block = packed, packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    stream = head + block * (mebibytes - 1)
    return (stream[start : start + 4096] for start in range(0, len(stream), 4096))


async def test_decompression_of_a_500_mib_bomb_stops_at_the_first_mib() -> None:
    body = ChunkedBody(bomb(500))
    tracemalloc.start()
    try:
        with pytest.raises(UnexpectedResponse, match="more than"):
            await exchange(ChunkedTransport(body, 200, GZIP))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert body.chunks_read * 4096 < 16 * 1024
    assert peak < 8 * MIB


async def test_decompression_of_a_bomb_into_a_file_stops_as_early() -> None:
    written = 0

    def sink(piece: bytes) -> None:
        nonlocal written
        written += len(piece)

    with pytest.raises(UnexpectedResponse):
        await exchange(ChunkedTransport(ChunkedBody(bomb(500)), 200, GZIP), write_to=sink)
    assert written <= CHECK_RATIO_ABOVE + 2 * CHUNK + 200 * 4096


async def test_decompression_accepts_dense_small_responses() -> None:
    plain = json.dumps({"contacts": [{"id": 1, "fields": {}}] * 13_000}).encode()
    assert len(plain) > 300 * 1000
    assert (await exchange(make_chunked_transport(gzip.compress(plain), headers=GZIP))).content == plain


@pytest.mark.parametrize("encoding", [b"gzip, gzip", b"deflate", b"br", b"zstd", b"gzip, br", b"x\xff", b"gzip;q=1"])
async def test_decompression_refuses_an_encoding_that_was_not_requested(encoding: bytes) -> None:
    twice = gzip.compress(gzip.compress(bytes(50 * MIB)))
    with pytest.raises(UnexpectedResponse, match="no request accepts"):
        await exchange(make_chunked_transport(twice, headers=[(b"content-encoding", encoding)]))


async def test_decompression_decodes_a_doubled_encoding_once() -> None:
    inner = gzip.compress(bytes(50 * MIB))
    answer = await exchange(make_chunked_transport(gzip.compress(inner), headers=GZIP))
    assert answer.content == inner
    with pytest.raises(UnexpectedResponse):
        parse_response(Call("GET", "contacts"), answer)


@pytest.mark.parametrize(
    ("status", "cap"), [(200, MAX_BODY), (201, MAX_BODY), (400, MAX_ERROR_BODY), (503, MAX_ERROR_BODY)]
)
async def test_transport_ends_endless_chunks_at_the_cap(status: int, cap: int) -> None:
    body = ChunkedBody(itertools.repeat(bytes(CHUNK)))
    with pytest.raises(UnexpectedResponse, match="more than"):
        await exchange(ChunkedTransport(body, status))
    assert body.chunks_read == cap // CHUNK + 1


async def test_transport_does_not_trust_content_length() -> None:
    small = await exchange(make_chunked_transport(b"{}", headers=[(b"content-length", b"99999999999")]))
    assert small.content == b"{}"
    with pytest.raises(UnexpectedResponse):
        await exchange(ChunkedTransport(ChunkedBody(itertools.repeat(bytes(CHUNK))), 200, [(b"content-length", b"2")]))


async def test_transport_stores_tiny_chunks_as_compactly_as_large_ones() -> None:
    body = ChunkedBody(bytes((index & 255, index >> 8 & 255)) for index in range(2**16))
    tracemalloc.start()
    try:
        answer = await exchange(ChunkedTransport(body))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(answer.content) == 2**17
    assert peak < MIB


@pytest.mark.parametrize("carrier", [PooledTransport, AiohttpTransport])
async def test_transport_yields_to_other_tasks_during_many_tiny_chunks(carrier: Callable[[], Any]) -> None:
    turns, loop = 0, asyncio.get_running_loop()

    def turn() -> None:
        nonlocal turns
        turns += 1
        if not over.is_set():
            loop.call_soon(turn)

    async def respond(_: bytes) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 40_000 + b"0\r\n\r\n"

    over = asyncio.Event()
    async with serve_raw(respond) as server:
        transport = new_transport(server.base, Timeouts(), transport=carrier())
        loop.call_soon(turn)
        answer = await transport.exchange(Request("GET", "api/contacts", timeout=20.0))
        over.set()
        await transport.aclose()
    assert answer.content == b"x" * 40_000
    if carrier is PooledTransport:  # aiohttp joins them
        assert turns > 100, turns


async def test_decompression_drops_bytes_after_the_end_of_gzip() -> None:
    body = ChunkedBody(itertools.chain([gzip.compress(b"{}", mtime=0)], itertools.repeat(bytes(CHUNK))))
    with pytest.raises(UnexpectedResponse):
        await exchange(ChunkedTransport(body, 200, GZIP))
    assert body.chunks_read < 4


@pytest.mark.parametrize("more", [b"x", gzip.compress(b"[]", mtime=0), bytes(CHUNK * 3)])
@pytest.mark.parametrize("together", [True, False])
async def test_decompression_drops_bytes_after_the_end_of_gzip_in_the_same_piece(more: bytes, together: bool) -> None:  # noqa: FBT001 - a table
    whole = gzip.compress(b"{}", mtime=0)
    with pytest.raises(UnexpectedResponse, match="after the end"):
        await exchange(make_chunked_transport(*([whole + more] if together else [whole, more]), headers=GZIP))


@pytest.mark.parametrize("cut", [1, 9, 10, 15, -1, -8])
async def test_decompression_of_truncated_gzip_is_a_lost_response(cut: int) -> None:
    whole = gzip.compress(json.dumps({"contact": {"id": 1}}).encode())
    with pytest.raises(TransportError, match="cut short"):
        await exchange(make_chunked_transport(whole[:cut], headers=GZIP))


@pytest.mark.parametrize(
    "body", [b"not gzip at all", b"\x1f\x8b\x08" + b"\xff" * 40, gzip.compress(b"{}", mtime=0)[:-8] + bytes(8)]
)
async def test_decompression_of_broken_gzip_is_an_unexpected_response(body: bytes) -> None:
    with pytest.raises(UnexpectedResponse, match="broken gzip"):
        await exchange(make_chunked_transport(body, headers=GZIP))


@pytest.mark.virtual_time
async def test_transport_ends_a_byte_a_second_at_the_total_timeout() -> None:
    import asyncio

    body = ChunkedBody(itertools.repeat(b" "), pause=1.0)
    with pytest.raises(TransportError, match="no whole response") as found:
        await exchange(ChunkedTransport(body), timeout=30.0)
    assert found.value.kind == "read-timeout"
    assert asyncio.get_running_loop().time() == 5 + 30 + 2 * 30


async def test_transport_refuses_too_many_headers() -> None:
    fine = [(b"x-%d" % index, b"1") for index in range(200)]
    assert (await exchange(make_chunked_transport(b"{}", headers=fine))).status == 200
    with pytest.raises(UnexpectedResponse, match="201 headers"):
        await exchange(make_chunked_transport(b"{}", headers=[*fine, (b"x", b"1")]))


# --- JSON ----------------------------------------------------------------------------------------------------------

LIBRARIES = [STDLIB, orjson_library()]
HOSTILE = {
    "100,000 brackets": b"[" * 100_000,
    "100,000 balanced brackets": b"[" * 100_000 + b"]" * 100_000,
    "100,000 braces": b'{"a":' * 100_000,
    "65 levels": b"[" * 65 + b"]" * 65,
    "65 mixed levels": b'[{"a":' * 33 + b"1" + b"}]" * 33,
    "65 levels behind texts that close them": b'["]",' * 65 + b"1" + b',"["]' * 65,
    "65 levels behind escapes": b'["\\\\","]\\"",' * 65 + b"1" + b',"["]' * 65,
    "NaN": b"[NaN]",
    "Infinity": b"[Infinity]",
    "-Infinity": b'{"a":-Infinity}',
    "5,000 digits": b"[" + b"1" * 5_000 + b"x]",
    "no UTF-8": b'["\xff\xfe"]',
    "UTF-16": '["a"]'.encode("utf-16"),
    "nothing": b"",
    "cut": b'{"contacts": {"1": {"id"',
    "twice": b"{}{}",
    "single quotes": b"{'a': 1}",
    "NUL": b"\0",
}


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_loads_raises_value_error_for_hostile_json(body: bytes, library: JsonLibrary) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every kind of it
        parse_json(body, library)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_loads_accepts_64_levels_and_brackets_in_texts(library: JsonLibrary) -> None:
    assert parse_json(b'[{"a":' * 32 + b"1" + b"}]" * 32, library)
    assert parse_json(json.dumps(["[", '"[', "\\[", '\\"['] * 100).encode(), library)
    assert parse_json(b"[" * 64 + b"]" * 64, library)
    assert parse_json(json.dumps(["[" * 1000 + "{" * 1000]).encode(), library)


def test_loads_5000_digits_are_refused_or_read_as_a_float() -> None:
    digits = b"[" + b"1" * 5_000 + b"]"
    with pytest.raises(ValueError, match="digits"):
        parse_json(digits)


@pytest.mark.parametrize("status", [200, 201, 400, 404, 500])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_transport_raises_only_mautic_errors_for_hostile_json(body: bytes, status: int) -> None:
    try:
        parse_response(Call("GET", "contacts"), Response(status, {}, body))
    except MauticError as error:
        assert len(str(error)) < 1024  # noqa: PT017 - some statuses have an answer without a body
    else:
        assert not body


def test_transport_keeps_little_of_a_large_error_body() -> None:
    many = {f"field{index}": ["This value is wrong. " * 20] for index in range(15_000)}
    body = json.dumps({"errors": [{"message": "x" * MIB, "code": 400, "details": many}]}).encode()
    assert len(body) < MAX_ERROR_BODY + MIB
    with pytest.raises(APIError) as found:
        parse_response(Call("POST", "contacts/new"), Response(400, {}, body))
    assert len(str(found.value)) <= 1500
    assert len(found.value.problems) <= 200
    assert sum(len(str(problem)) for problem in found.value.problems) < 100_000
