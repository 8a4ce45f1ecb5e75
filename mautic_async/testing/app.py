"""From bytes to an action and back: what nginx, Symfony and the firewall do before and after a controller."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import auth, bodies, php, tracking
from mautic_async.testing.faults import Fault
from mautic_async.testing.http import Headers, Request, Response
from mautic_async.testing.replies import ControllerError, PlainError, Reply, UnhandledError, to_json, to_response
from mautic_async.testing.request_context import RequestContext
from mautic_async.testing.steps import WorkerKilled

if TYPE_CHECKING:
    from mautic_async.testing.limiter import CountedCall
    from mautic_async.testing.router import Match, Router
    from mautic_async.testing.state import RecordedRequest, ServerState

_log: Final = logging.getLogger(__name__)
API_DISABLED: Final = "API disabled. You need to enable the API in the API settings of Mautic's Configuration."
MAX_URL: Final = 8190
"""Bytes; nginx refuses longer request lines."""
MAX_BODY: Final = 64 * 1024 * 1024
"""Bytes; nginx refuses larger ones."""
_NO_ENTRY: Final = {
    "type": "https://tools.ietf.org/html/rfc2616#section-10",
    "title": "An error occurred",
    "status": 401,
    "detail": "Unauthorized",
}
"""The answer of Mautic 7 at the root of the API, to any caller."""
_OVERRIDES: Final = ("PUT", "PATCH", "DELETE")
_SESSION: Final = "mautic_session="


async def handle(
    state: ServerState, routes: Router, request: Request, recorded: RecordedRequest, fault: Fault | None = None
) -> Response:
    """Serve one request in a worker, at the speed of the server.

    Args:
        state: State of the server.
        routes: The actions by path.
        request: The request.
        recorded: The entry of the request in `FakeMautic.requests`, which is kept up to date.
        fault: A fault that breaks the work at a row, or None.
    """
    async with state.workers.acquire(_cookie(request)):
        basic = request.headers.get("authorization", "").startswith("Basic ")
        await state.workers.charge_request(basic=basic, fraction=0.5 if state.limiter.loss_chance else 1.0)
        try:
            response = await _respond(state, routes, request, recorded, fault)
        except WorkerKilled:
            response = Fault(what=502).answer(state.http_date())
        if request.method != "GET":
            state.store.flush()
    recorded.status = response.status
    recorded.ended = state.now()
    if request.method == "HEAD":
        response.body = b""
    return response


def _cookie(request: Request) -> str | None:
    cookie = request.headers.get("cookie", "")
    return next((part.strip() for part in cookie.split(";") if part.strip().startswith(_SESSION)), None)


async def _respond(
    state: ServerState, routes: Router, request: Request, recorded: RecordedRequest, fault: Fault | None
) -> Response:
    if len(request.path) + len(request.query) > MAX_URL:
        return Fault(what=414).answer(state.http_date())
    if len(request.body) > MAX_BODY:
        return Fault(what=413).answer(state.http_date())
    headers: Headers = []
    try:
        reply = await _route(state, routes, request, recorded, headers, fault)
    except (ControllerError, UnhandledError) as why:
        reply = why.to_reply()
    except Exception:  # noqa: BLE001 - PHP answers 500 to whatever a request broke, and logs it; so do we
        _log.exception("%s %s broke the simulator", request.method, request.path)
        reply = UnhandledError().to_reply()
    if not isinstance(reply, Reply):
        reply = Reply(reply)
    return to_response(reply, state.http_date(), headers, state.settings.version)


async def _route(  # noqa: PLR0917 - called once
    state: ServerState,
    routes: Router,
    request: Request,
    recorded: RecordedRequest,
    headers: Headers,
    fault: Fault | None,
) -> Any:
    path = request.path.removeprefix("/index.php") or "/"
    is_api = path == "/api" or path.startswith(("/api/", "/oauth"))
    if is_api and not state.settings.api_enabled:
        raise UnhandledError(403, API_DISABLED, "api_disabled")
    method = _method(request)
    if method == "OPTIONS":
        return Reply(b"", 204, has_version_header=False, media_type="text/html; charset=UTF-8")
    match = routes.find("GET" if method == "HEAD" else method, path)
    if path == "/api":
        if state.settings.is_7:
            return Reply(_NO_ENTRY, 401, has_version_header=False, headers=[("Vary", "Accept")])
        match = None  # no page of this name
    if not is_api and match is None:
        return tracking.home_or_missing(path)
    if path != "/" and path.endswith("/"):
        match = None if match is None else _redirect_slash(state, path)
    if match is None:
        return _not_found(state, request, path, headers)
    request.method = "GET" if method == "HEAD" else method
    try:
        return await _call_action(state, request, match, recorded, headers, fault)
    finally:
        request.method = recorded.method


def _method(request: Request) -> str:
    if request.method == "POST":
        override = request.headers.get("x-http-method-override", "").upper()
        if override in _OVERRIDES:
            return override
    return request.method


async def _call_action(  # noqa: PLR0917 - called once
    state: ServerState, request: Request, match: Match, recorded: RecordedRequest, headers: Headers, fault: Fault | None
) -> Any:
    action, placeholders = match
    query = php.parse_brackets(request.query) if request.query else {}
    body, files = bodies.read(request) if request.method != "GET" else ({}, [])
    api = request.path.removeprefix("/index.php").startswith("/api")
    user = _ANONYMOUS
    counted: CountedCall | None = None
    if api:
        user = _authenticate(state, request, query, body)
        counted = _apply_rate_limit(state, user.token or "", headers)
    context = RequestContext(state, request, user, recorded, placeholders, query, body, files)
    if fault is not None:
        context.fault_break = fault.break_point(len(body) if isinstance(body, list) else 1)
    if b"\\u0000" in request.body or b"%00" in request.body:
        context.has_nul = True
    try:
        if state.limiter.loss_chance:
            await state.workers.charge_request(fraction=0.5)  # counted, and not written back yet
        reply = await action(context)
    finally:
        if counted is not None:
            counted.finish()
    if context.fault_break is not None and context.fault_break.mysql_error is None:
        raise WorkerKilled  # no row reached the step: the worker dies before it can answer
    return reply


def _authenticate(state: ServerState, request: Request, query: dict[str, Any], body: Any) -> auth.User:
    """Return the sender of a request to the API; Mautic 7 refuses in words of its own."""
    basic = state.settings.basic_auth
    try:
        user = auth.authenticate(request, query, body, state.store, state.now(), basic=basic)
    except UnhandledError as why:
        if state.settings.is_7 and str(why) == auth.BAD_LOGIN and auth.basic_login(request) != ("", ""):
            raise PlainError(b"", "text/html", [("WWW-Authenticate", 'Basic realm="Secured Area"')]) from None
        raise
    is_v2 = request.path.removeprefix("/index.php").startswith("/api/v2")
    if state.settings.is_7 and is_v2 and user.token is not None:
        raise PlainError(to_json({"message": "Invalid credentials."}), "application/json", [])
    return user


_ANONYMOUS: Final = auth.User(None, "", {"isAdmin": False})


def _apply_rate_limit(
    state: ServerState, key: str, headers: Headers, media_type: str = "application/json"
) -> CountedCall:
    counted = state.limiter.hit(key, state.now())
    headers += counted.headers
    if not counted.allowed:
        counted.finish()
        raise _RateLimited(state.limiter.limit, media_type)
    return counted


class _RateLimited(ControllerError):
    def __init__(self, limit: int, media_type: str) -> None:
        super().__init__(429, f"You exceeded the rate limit of {limit} API calls per hour.")
        self._media_type = media_type

    def to_reply(self) -> Reply:
        body = {"errors": [{"code": 429, "message": self.message, "details": []}]}
        return Reply(to_json(body), 429, has_version_header=False, media_type=self._media_type)


def _not_found(state: ServerState, request: Request, path: str, headers: Headers) -> Reply:
    if path.startswith("/api"):
        tokens = auth.bearer_tokens(request, {}, {})
        _apply_rate_limit(state, tokens[0] if tokens else "", headers, "text/html; charset=UTF-8").finish()
    raise UnhandledError(404, f"Requested URL not found: {path}")


def _redirect_slash(state: ServerState, path: str) -> Match:
    target = "http://" + state.url.partition("://")[2] + path.rstrip("/")

    async def redirect(context: RequestContext) -> Reply:
        del context
        link = f'<a href="{target}">{target}</a>'
        page = f"<!DOCTYPE html>\n<html>\n    <body>\n        Redirecting to {link}.\n    </body>\n</html>"
        reply = Reply(page.encode(), 301, has_version_header=False, media_type="text/html; charset=UTF-8")
        reply.location = target
        return reply

    return redirect, {}
