"""A server of canned answers, for tests of the rooms below the simulator's fidelity."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any

from attrs import define, field

from mautic_async.auth.authorization_code import Auth, AuthContext
from mautic_async.clock import Clock
from mautic_async.pipeline import Pipeline
from mautic_async.protocol import Call
from mautic_async.ratelimit.settings import Limits
from mautic_async.testing.virtual_time import virtual_clock
from mautic_async.transport.client import Timeouts, new_transport
from mautic_async.transport.in_process import in_process

RUNS_ON_FAST = os.environ.get("MAUTIC_ASYNC_FAST", "") not in {"", "0"}
"""Whether the suite runs on the ``fast`` extra: ``MAUTIC_ASYNC_FAST=1 pytest``."""

Reply = tuple[int, dict[str, str], Any]


@define
class RecordedRequest:
    """One request as the stub got it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float


@define(eq=False)
class ScriptedServer:
    """Answers from *replies*, in turn; the last one for ever. An exception in it is raised."""

    replies: list[Any] = field(factory=list)
    requests: list[RecordedRequest] = field(factory=list)
    delay: float = 0.0

    async def exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Take a request; `mautic_async.transport.in_process.in_process` calls this."""
        request = RecordedRequest(method, target, headers, body, asyncio.get_running_loop().time())
        self.requests.append(request)
        reply: Any = self.replies[min(len(self.requests), len(self.replies)) - 1] if self.replies else (200, {}, {})
        if self.delay:
            await asyncio.sleep(self.delay)
        if isinstance(reply, Callable):  # type: ignore[arg-type]  # a callable answer
            reply = reply(request)
        if isinstance(reply, BaseException):
            raise reply
        if isinstance(reply, asyncio.Future):
            reply = await reply
        status, fields, content = reply
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        return status, list(fields.items()), raw

    @property
    def request_count(self) -> int:
        """How many requests came."""
        return len(self.requests)


class FixedAuth:
    """A token that never changes, unless told what comes next."""

    def __init__(self, *headers: str) -> None:
        self.headers = list(headers or ("Bearer one",))
        self.renewals = 0

    async def header(self, context: AuthContext) -> str:
        """The token of now."""
        del context
        return self.headers[0]

    async def renew(self, refused: str, context: AuthContext) -> None:
        """Go on to the next, if there is one."""
        del context
        if refused == self.headers[0] and len(self.headers) > 1:
            self.headers.pop(0)
            self.renewals += 1


def make_pipeline(
    stub: ScriptedServer, *, auth: Auth | None = None, limits: Limits | None = None, **more: Any
) -> Pipeline:
    """A real pipeline over *stub*, on the running loop's time."""
    clock: Clock = more.pop("clock", None) or virtual_clock(asyncio.get_running_loop())
    transport = new_transport("https://mautic.test", more.pop("timeouts", Timeouts()), transport=in_process(stub))
    return Pipeline(transport, auth or FixedAuth(), limits or Limits(), clock, **more)


def error_reply(
    status: int, message: str = "no", *, details: object = (), headers: dict[str, str] | None = None
) -> Reply:
    """A refusal as Mautic's controllers make it; details None: as its exception page makes it."""
    item: dict[str, object] = {"code": status, "message": message}
    item |= {"type": None} if details is None else {"details": details or []}
    return status, headers or {}, {"errors": [item]}


GET = Call("GET", "contacts/1")
