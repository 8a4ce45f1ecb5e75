"""Mautic's token endpoint for tests of credentials, and shorthands for credentials and tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from attrs import define, field

from mautic_async._background import BackgroundTasks
from mautic_async.auth.authorization_code import (
    AuthorizationCode,
    ClientCredentials,
    MemoryTokens,
    Token,
    TokenStore,
)
from mautic_async.clock import Clock
from mautic_async.errors import (
    Secret,
)
from mautic_async.protocol import Request, Response
from mautic_async.testing.virtual_time import EPOCH, virtual_clock

T = TypeVar("T")
SECRET = "s3cr3t-of-the-client"


def refusal(kind: str, message: str = "no", status: int = 400) -> Response:
    return Response(status, {}, json.dumps({"errors": [{"message": message, "code": status, "type": kind}]}).encode())


@define(eq=False, repr=False)
class Site:
    """Mautic's token endpoint, and the client's way to it."""

    clock: Clock = field(factory=lambda: virtual_clock(asyncio.get_running_loop()))
    flights: BackgroundTasks = field(factory=BackgroundTasks)
    forms: list[dict[str, str]] = field(factory=list)
    script: list[Response | Exception | Callable[[dict[str, str]], Response]] = field(factory=list)
    delay: float = 0.1
    lifetime: object = 3600
    alive: set[str] = field(factory=set)
    refresh: set[str] = field(factory=set)
    events: list[str] = field(factory=list)
    asked: int = 0
    """Token requests under way."""

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self.flights.spawn(work)

    async def __call__(self, request: Request) -> Response:
        assert (request.method, request.path) == ("POST", "oauth/v2/token")
        assert "authorization" not in {name.lower() for name in request.headers}
        form = dict(parse_qsl((request.content or b"").decode(), keep_blank_values=True, strict_parsing=True))
        self.forms.append(form)
        self.asked += 1
        self.events.append(form["grant_type"])
        number = len(self.forms)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.asked -= 1
        if self.script:
            step = self.script.pop(0)
            if isinstance(step, Exception):
                raise step
            return step if isinstance(step, Response) else step(form)
        return self.grant(form, number)

    def grant(self, form: dict[str, str], number: int) -> Response:
        body: dict[str, object] = {
            "access_token": f"access-{number}",
            "expires_in": self.lifetime,
            "token_type": "bearer",
            "scope": None,
        }
        if form["grant_type"] == "refresh_token" and form["refresh_token"] not in self.refresh:
            return refusal("invalid_grant", "Invalid refresh token")
        if form["grant_type"] != "client_credentials":
            self.refresh.discard(form.get("refresh_token", ""))
            body["refresh_token"] = f"refresh-{number}"
            self.refresh.add(f"refresh-{number}")
        self.alive.add(f"access-{number}")
        return Response(200, {}, json.dumps(body).encode())


def machine(tokens: TokenStore | None = None) -> ClientCredentials:
    return ClientCredentials("1_id", SECRET, tokens=tokens)


def person(tokens: TokenStore | None = None, **more: Any) -> AuthorizationCode:
    return AuthorizationCode("2_id", SECRET, redirect_uri="https://app.example.com/back", tokens=tokens, **more)


def token(access: str, refresh: str | None = None, seconds: float = 3600) -> Token:
    now = EPOCH + asyncio.get_running_loop().time()
    return Token(access=Secret(access), refresh=Secret(refresh) if refresh else None, expires_at=int(now + seconds))


async def together(work: Callable[[], Coroutine[Any, Any, T]], times: int) -> list[T | BaseException]:
    return list(await asyncio.gather(*(work() for _ in range(times)), return_exceptions=True))


class Strict(MemoryTokens):
    """Counts what is saved."""

    def __init__(self, token: Token | None = None) -> None:
        super().__init__(token)
        self.saved: list[Token] = []

    async def save(self, token: Token) -> None:
        self.saved.append(token)
        await super().save(token)
