"""A server of canned answers, for tests of the rooms below the simulator's fidelity."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any

from attrs import define, field

from mautic_async.auth.authorization_code import Auth, Exchange
from mautic_async.clock import Clock
from mautic_async.pipeline import Pipeline
from mautic_async.protocol import Call
from mautic_async.ratelimit.limiter import Limits
from mautic_async.testing.virtual_time import virtual_clock
from mautic_async.transport.client import Timeouts, in_process, new_transport

ON_FAST = os.environ.get("MAUTIC_ASYNC_FAST", "") not in {"", "0"}
"""Whether the suite runs on the ``fast`` extra: ``MAUTIC_ASYNC_FAST=1 pytest``."""

Reply = tuple[int, dict[str, str], Any]


@define
class Seen:
    """One request as the stub got it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float


@define(eq=False)
class Stub:
    """Answers from *script*, in turn; the last one for ever. An exception in it is raised."""

    script: list[Any] = field(factory=list)
    seen: list[Seen] = field(factory=list)
    delay: float = 0.0

    async def exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Take a request; `mautic_async.transport.client.in_process` calls this."""
        seen = Seen(method, target, headers, body, asyncio.get_running_loop().time())
        self.seen.append(seen)
        step: Any = self.script[min(len(self.seen), len(self.script)) - 1] if self.script else (200, {}, {})
        if self.delay:
            await asyncio.sleep(self.delay)
        if isinstance(step, Callable):  # type: ignore[arg-type]  # a callable answer
            step = step(seen)
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, asyncio.Future):
            step = await step
        status, fields, content = step
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        return status, list(fields.items()), raw

    @property
    def sends(self) -> int:
        """How many requests came."""
        return len(self.seen)


class FixedAuth:
    """A token that never changes, unless told what comes next."""

    def __init__(self, *headers: str) -> None:
        self.headers = list(headers or ("Bearer one",))
        self.renewals = 0

    async def header(self, exchange: Exchange) -> str:
        """The token of now."""
        del exchange
        return self.headers[0]

    async def renew(self, refused: str, exchange: Exchange) -> None:
        """Go on to the next, if there is one."""
        del exchange
        if refused == self.headers[0] and len(self.headers) > 1:
            self.headers.pop(0)
            self.renewals += 1


def pipeline_of(stub: Stub, *, auth: Auth | None = None, limits: Limits | None = None, **more: Any) -> Pipeline:
    """A real pipeline over *stub*, on the running loop's time."""
    clock: Clock = more.pop("clock", None) or virtual_clock(asyncio.get_running_loop())
    transport = new_transport("https://mautic.test", more.pop("timeouts", Timeouts()), transport=in_process(stub))
    return Pipeline(transport, auth or FixedAuth(), limits or Limits(), clock, **more)


def error(status: int, message: str = "no", *, details: object = (), headers: dict[str, str] | None = None) -> Reply:
    """A refusal as Mautic's controllers make it; details None: as its exception page makes it."""
    item: dict[str, object] = {"code": status, "message": message}
    item |= {"type": None} if details is None else {"details": details or []}
    return status, headers or {}, {"errors": [item]}


GET = Call("GET", "contacts/1")
