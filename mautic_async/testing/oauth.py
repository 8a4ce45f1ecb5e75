"""The OAuth2 server: three grants, refresh tokens that rotate, and the two browser pages."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from mautic_async.testing.auth import basic_login
from mautic_async.testing.replies import Reply, UnhandledError

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.state import ServerState
    from mautic_async.testing.store import Row

CODE_LIFETIME: Final = 30
"""Seconds an authorization code is good for."""
_GRANTS: Final = ("authorization_code", "refresh_token", "client_credentials", "password")
_NO_STORE: Final = [("Pragma", "no-cache")]
_COOKIE: Final = "mautic_session"


def routes(table: Router) -> None:
    """Add the OAuth2 paths."""
    table.add("GET|POST", "/oauth/v2/token", token)
    table.add("GET|POST", "/oauth/v2/authorize", authorize)
    table.add("GET|POST", "/oauth/v2/authorize_login", login_page)
    table.add("GET|POST", "/oauth/v2/authorize_login_check", login_submit)


def _error(message: str, type: str) -> UnhandledError:
    return UnhandledError(400, message, type)


def _parameters(context: RequestContext) -> dict[str, Any]:
    if context.request.method == "GET":
        return context.query
    return context.body if isinstance(context.body, dict) else {}


async def token(context: RequestContext) -> Reply:
    """Give out tokens."""
    params = _parameters(context)
    grant = params.get("grant_type")
    if grant not in _GRANTS:
        raise _error("Invalid grant_type parameter or parameter missing", "invalid_request")
    client = _client(params, context)
    if grant not in client["grants"]:
        raise _error("The grant type is unauthorized for this client_id", "unauthorized_client")
    if params.get("scope"):
        raise _error("An unsupported scope was requested.", "invalid_scope")
    if grant == "client_credentials":
        return _issue_tokens(client, None, context, refresh=False)
    used = (
        _use_code(params, client, context)
        if grant == "authorization_code"
        else _use_refresh_token(params, client, context)
    )
    await context.state.workers.charge_row()  # two at once both find the token before either deletes it
    reply = _issue_tokens(client, used["user"], context, refresh=True)
    context.table("tokens").remove(used["id"])
    return reply


def _client(params: dict[str, Any], context: RequestContext) -> Row:
    id, secret = params.get("client_id"), params.get("client_secret")
    basic = basic_login(context.request)
    if basic is not None:
        id, secret = basic
    if not id:
        raise _error("Client id was not found in the headers or body", "invalid_client")
    for row in context.table("clients"):
        if row["public"] == id and row["secret"] == secret:
            return row
    raise _error("The client credentials are invalid", "invalid_client")


def _find(kind: str, value: Any, client: Row, context: RequestContext) -> Row | None:
    for row in context.table("tokens").find("token", value):
        if row["kind"] == kind and row["client"] == client["id"]:
            return row
    return None


def _use_code(params: dict[str, Any], client: Row, context: RequestContext) -> Row:
    if not params.get("code"):
        raise _error('Missing parameter. "code" is required', "invalid_request")
    row = _find("code", params["code"], client, context)
    if row is None:
        raise _error("Code doesn't exist or is invalid for the client", "invalid_grant")
    if params.get("redirect_uri") != row["redirect"]:
        raise _error("The redirect URI is missing or do not match", "redirect_uri_mismatch")
    if row["expires"] <= context.state.now():
        raise _error("The authorization code has expired", "invalid_grant")
    return row


def _use_refresh_token(params: dict[str, Any], client: Row, context: RequestContext) -> Row:
    if not params.get("refresh_token"):
        raise _error('No "refresh_token" parameter found', "invalid_request")
    row = _find("refresh", params["refresh_token"], client, context)
    if row is None:
        raise _error("Invalid refresh token", "invalid_grant")
    if row["expires"] <= context.state.now():
        raise _error("Refresh token has expired", "invalid_grant")
    return row


def _issue_tokens(client: Row, user: int | None, context: RequestContext, *, refresh: bool) -> Reply:
    state = context.state
    lifetime = state.settings.access_token_lifetime
    body: dict[str, Any] = {
        "access_token": new_grant(state, "access", client, user, lifetime)["token"],
        "expires_in": int(lifetime),
        "token_type": "bearer",
        "scope": None,
    }
    if refresh:
        body["refresh_token"] = new_grant(state, "refresh", client, user, state.settings.refresh_token_lifetime)[
            "token"
        ]
    return Reply(body, has_version_header=False, headers=list(_NO_STORE))


def new_grant(state: ServerState, kind: str, client: Row, user: int | None, lifetime: float, **more: Any) -> Row:
    """Store a new token or authorization code, and return its row."""
    row = {
        "token": state.new_token(),
        "kind": kind,
        "client": client["id"],
        "user": user,
        "expires": state.now() + lifetime,
        **more,
    }
    saved: Row = state.store["tokens"].save(row)
    return saved


# --- the pages a person sees ---------------------------------------------------------------------------------------


def _page(body: str, status: int = 200) -> Reply:
    text = f"<!DOCTYPE html>\n<html><head><title>Mautic</title></head><body>{body}</body></html>"
    return Reply(text.encode(), status, has_version_header=False, media_type="text/html; charset=UTF-8")


def _redirect(target: str, cookie: str | None = None) -> Reply:
    reply = _page(f'Redirecting to <a href="{html.escape(target)}">{html.escape(target)}</a>.', 302)
    reply.location = target
    if cookie:
        reply.headers.append(("Set-Cookie", f"{_COOKIE}={cookie}; path=/; httponly; samesite=lax"))
    return reply


def _session(context: RequestContext) -> Row | None:
    return next(context.table("sessions").where(cookie=context.cookie(_COOKIE)), None)


async def authorize(context: RequestContext) -> Reply:
    """Ask a logged-in person for consent; send others to the login form."""
    session = _session(context)
    if session is None or session["user"] is None:
        params = session or context.table("sessions").save(
            {"cookie": context.state.new_token(), "user": None, "asked": ""}
        )
        params["asked"] = context.request.query
        context.table("sessions").save(params)
        return _redirect(context.state.absolute_url("/oauth/v2/authorize_login"), params["cookie"])
    form = context.query | (context.body if isinstance(context.body, dict) else {})
    client = next((row for row in context.table("clients") if row["public"] == form.get("client_id")), None)
    if client is None:
        raise _error("Unknown client", "invalid_client")
    target = form.get("redirect_uri") or client["redirects"][0]
    if target not in client["redirects"]:
        raise _error("The redirect URI provided does not match registered URI(s).", "redirect_uri_mismatch")
    if form.get("response_type") != "code":
        raise _error("Invalid response type.", "invalid_request")
    if form.get("scope"):
        raise _error("An unsupported scope was requested.", "invalid_scope")
    if context.request.method == "GET":
        return _consent(client, form, target)
    redirect = {"state": form["state"]} if form.get("state") else {}
    if form.get("accepted"):
        code = new_grant(context.state, "code", client, session["user"], CODE_LIFETIME, redirect=target)
        redirect["code"] = code["token"]
    else:
        redirect |= {"error": "access_denied", "error_description": "The user denied access to your application"}
    return _redirect(f"{target}{'&' if '?' in target else '?'}{urlencode(redirect)}")


def _consent(client: Row, params: dict[str, Any], target: str) -> Reply:
    hidden_fields = {name: params.get(name, "") for name in ("client_id", "response_type", "state")} | {
        "redirect_uri": target
    }
    fields = "".join(
        f'<input type="hidden" name="{n}" value="{html.escape(str(v))}">' for n, v in hidden_fields.items()
    )
    return _page(
        f"<p>{html.escape(client['name'])} would like to access your account.</p>"
        f'<form method="post" action="/oauth/v2/authorize">{fields}'
        '<button name="accepted" value="1">Accept</button><button name="rejected" value="1">Deny</button></form>'
    )


async def login_page(context: RequestContext) -> Reply:
    """Answer with the login form."""
    del context
    return _page(
        '<form method="post" action="/oauth/v2/authorize_login_check">'
        '<input name="_username"><input name="_password" type="password"><button>Login</button></form>'
    )


async def login_submit(context: RequestContext) -> Reply:
    """Log a person in by the form, and go back to the consent page."""
    form = context.body if isinstance(context.body, dict) else {}
    session = _session(context)
    for user in context.table("users"):
        if user["username"] == form.get("_username") and user["password"] == form.get("_password"):
            query = session["asked"] if session else ""
            session_row = {"cookie": context.state.new_token(), "user": user["id"], "asked": query}
            context.table("sessions").save(session_row)
            return _redirect(context.state.absolute_url(f"/oauth/v2/authorize?{query}"), session_row["cookie"])
    return _redirect(context.state.absolute_url("/oauth/v2/authorize_login"))
