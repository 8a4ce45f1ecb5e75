"""An httpx transport that streams given pieces, on any loop, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

import httpx

Headers = Sequence[tuple[bytes, bytes]]


class ChunkedBody(httpx.AsyncByteStream):
    """The pieces of a body, *pause* seconds apart; `chunks_read` counts those that somebody wanted."""

    def __init__(self, chunks: Iterable[bytes], pause: float = 0.0) -> None:
        self._chunks = chunks
        self._pause = pause
        self.chunks_read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            self.chunks_read += 1
            if self._pause:
                await asyncio.sleep(self._pause)
            yield chunk


class ChunkedTransport(httpx.AsyncBaseTransport):
    """Gives the same answer to every request, and keeps the requests."""

    def __init__(self, body: ChunkedBody, status: int = 200, headers: Headers = ()) -> None:
        self.body = body
        self.status = status
        self.headers = list(headers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.status, headers=self.headers, stream=self.body)


def make_chunked_transport(*chunks: bytes, status: int = 200, headers: Headers = ()) -> ChunkedTransport:
    return ChunkedTransport(ChunkedBody(chunks), status, headers)
