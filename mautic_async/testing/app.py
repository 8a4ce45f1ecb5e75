"""From bytes to an action and back: what nginx, Symfony and the firewall do before and after a controller."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import auth, bodies, php
from mautic_async.testing.faults import Fault
from mautic_async.testing.http import Headers, Request, Response
from mautic_async.testing.replies import Crash, Refused, Said, encode, respond
from mautic_async.testing.request_context import Ask
from mautic_async.testing.steps import Killed

if TYPE_CHECKING:
    from mautic_async.testing.limiter import Counted
    from mautic_async.testing.router import Found
    from mautic_async.testing.server import FakeMautic, Seen

_log: Final = logging.getLogger(__name__)
API_OFF: Final = "API disabled. You need to enable the API in the API settings of Mautic's Configuration."
LONGEST_URL: Final = 8190
"""Bytes; nginx refuses longer request lines."""
LARGEST_BODY: Final = 64 * 1024 * 1024
"""Bytes; nginx refuses larger ones."""
_OVERRIDES: Final = ("PUT", "PATCH", "DELETE")
_SESSION: Final = "mautic_session="


async def work(fake: FakeMautic, request: Request, seen: Seen, fault: Fault | None = None) -> Response:
    """Serve one request, in a worker, at the server's speed.

    Args:
        fake: The server.
        request: What came.
        seen: Its record, kept up to date.
        fault: Breaks the work at a row, or not at all.
    """
    async with fake.physics.worker(_cookie(request)):
        basic = request.headers.get("authorization", "").startswith("Basic ")
        await fake.physics.request(basic=basic, share=0.5 if fake.limiter.loses else 1.0)
        try:
            response = await _serve(fake, request, seen, fault)
        except Killed:
            response = Fault(what=502).answer(fake.date())
        if request.method != "GET":
            fake.store.flush()
    seen.status = response.status
    seen.ended = fake.now()
    if request.method == "HEAD":
        response.body = b""
    return response


def _cookie(request: Request) -> str | None:
    cookie = request.headers.get("cookie", "")
    return next((part.strip() for part in cookie.split(";") if part.strip().startswith(_SESSION)), None)


async def _serve(fake: FakeMautic, request: Request, seen: Seen, fault: Fault | None) -> Response:
    if len(request.path) + len(request.query) > LONGEST_URL:
        return Fault(what=414).answer(fake.date())
    if len(request.body) > LARGEST_BODY:
        return Fault(what=413).answer(fake.date())
    told: Headers = []
    try:
        said = await _enter(fake, request, seen, told, fault)
    except (Refused, Crash) as why:
        said = why.said()
    except Exception:  # noqa: BLE001 - PHP answers 500 to whatever a request broke, and logs it; so do we
        _log.exception("%s %s broke the simulator", request.method, request.path)
        said = Crash().said()
    if not isinstance(said, Said):
        said = Said(said)
    return respond(said, fake.date(), told)


async def _enter(fake: FakeMautic, request: Request, seen: Seen, told: Headers, fault: Fault | None) -> Any:
    path = request.path.removeprefix("/index.php")
    if not path.startswith(("/api", "/oauth")):
        return Said(b"<!DOCTYPE html>\n<html><body>Mautic</body></html>", 404, versioned=False, media_type="text/html")
    if not fake.api_enabled:
        raise Crash(403, API_OFF, "api_disabled")
    method = _method(request)
    if method == "OPTIONS":
        return Said(b"", 204, versioned=False, media_type="text/html; charset=UTF-8")
    found = fake.routes.find("GET" if method == "HEAD" else method, path)
    if path != "/" and path.endswith("/"):
        found = None if found is None else _slash(fake, path)
    if found is None:
        return _unknown(fake, request, path, told)
    request.method = "GET" if method == "HEAD" else method
    try:
        return await _call(fake, request, found, seen, told, fault)
    finally:
        request.method = seen.method


def _method(request: Request) -> str:
    if request.method == "POST":
        wanted = request.headers.get("x-http-method-override", "").upper()
        if wanted in _OVERRIDES:
            return wanted
    return request.method


async def _call(  # noqa: PLR0917 - called once
    fake: FakeMautic, request: Request, found: Found, seen: Seen, told: Headers, fault: Fault | None
) -> Any:
    action, placeholders = found
    query = php.brackets(request.query) if request.query else {}
    body, files = bodies.read(request) if request.method != "GET" else ({}, [])
    api = request.path.removeprefix("/index.php").startswith("/api")
    actor = _NOBODY
    counted: Counted | None = None
    if api:
        actor = auth.authenticate(request, query, body, fake.store, fake.now(), basic=fake.basic_enabled)
        counted = _count(fake, actor.token or "", told)
    ask = Ask(fake, request, actor, seen)
    ask.path, ask.query, ask.body, ask.files = placeholders, query, body, files
    if fault is not None:
        ask.breaks = fault.breaks(len(body) if isinstance(body, list) else 1)
    if b"\\u0000" in request.body or b"%00" in request.body:
        ask.poisoned = True
    try:
        if fake.limiter.loses:
            await fake.physics.request(share=0.5)  # counted, and not written back yet
        said = await action(ask)
    finally:
        if counted is not None:
            counted.end()
    if ask.breaks is not None and ask.breaks.number is None:
        raise Killed  # no row reached the step: the worker dies before it can answer
    return said


_NOBODY: Final = auth.Actor(None, "", {"isAdmin": False})


def _count(fake: FakeMautic, key: str, told: Headers, media_type: str = "application/json") -> Counted:
    counted = fake.limiter.count(key, fake.now())
    told += counted.headers
    if not counted.passed:
        counted.end()
        raise _Limited(fake.limiter.limit, media_type)
    return counted


class _Limited(Refused):
    def __init__(self, limit: int, media_type: str) -> None:
        super().__init__(429, f"You exceeded the rate limit of {limit} API calls per hour.")
        self._media_type = media_type

    def said(self) -> Said:
        body = {"errors": [{"code": 429, "message": self.message, "details": []}]}
        return Said(encode(body), 429, versioned=False, media_type=self._media_type)


def _unknown(fake: FakeMautic, request: Request, path: str, told: Headers) -> Said:
    if path.startswith("/api"):
        tokens = auth.presented(request, {}, {})
        _count(fake, tokens[0] if tokens else "", told, "text/html; charset=UTF-8").end()
    raise Crash(404, f"Requested URL not found: {path}")


def _slash(fake: FakeMautic, path: str) -> Found:
    target = "http://" + fake.url.partition("://")[2] + path.rstrip("/")

    async def redirect(ask: Ask) -> Said:
        del ask
        link = f'<a href="{target}">{target}</a>'
        page = f"<!DOCTYPE html>\n<html>\n    <body>\n        Redirecting to {link}.\n    </body>\n</html>"
        said = Said(page.encode(), 301, versioned=False, media_type="text/html; charset=UTF-8")
        said.location = target
        return said

    return redirect, {}
