"""A client over answers that a test writes down."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

from attrs import define, field

from mautic_async import Mautic
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from mautic_async.transport.in_process import in_process
from tests.support.scripted_server import FixedAuth


@define
class RecordedRequest:
    """One request."""

    method: str
    path: str
    """Below ``/api/``."""

    query: list[tuple[str, str]]
    content: bytes
    headers: dict[str, str]

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@define
class CannedServer:
    """Answers by method and path; a list of answers in turn; a callable gets the request."""

    answers: dict[str, Any]
    requests: list[RecordedRequest] = field(factory=list)

    async def exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        path, _, query = target.partition("?")
        request = RecordedRequest(
            method, path.removeprefix("/api/"), parse_qsl(query, keep_blank_values=True), body, headers
        )
        self.requests.append(request)
        answer = self.answers.get(str(request), (404, UNKNOWN))
        if isinstance(answer, list) and answer and isinstance(answer[0], tuple):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        return status, [("content-type", "application/json"), *self.version(status)], raw

    def version(self, status: int) -> list[tuple[str, str]]:
        return [("mautic-version", "5.1.1")] if status == 200 else []

    @property
    def calls(self) -> list[str]:
        return [str(request) for request in self.requests]

    @property
    def last(self) -> RecordedRequest:
        return self.requests[-1]


UNKNOWN = {"errors": [{"message": "Requested URL not found: /api/...", "code": 404, "type": None}]}
MISSING = (404, {"errors": [{"code": 404, "message": "Item was not found.", "details": []}]})


def run_with_answers(
    answers: dict[str, Any], use: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any
) -> tuple[Any, CannedServer]:
    """What *use* makes of a client over *answers* (and *arguments*), and what was asked; time costs nothing."""
    server = CannedServer(answers)

    async def work() -> Any:
        import asyncio

        clock = virtual_clock(asyncio.get_running_loop())
        transport = in_process(server)
        async with Mautic("https://mautic.test", auth=FixedAuth(), transport=transport, clock=clock) as mautic:
            return await use(mautic, *arguments)

    return run_virtual(work()), server


def error_answer(status: int, message: str) -> tuple[int, Any]:
    return status, {"errors": [{"code": status, "message": message, "details": []}]}
