"""The OAuth2 server: three grants, refresh tokens that rotate, and the two browser pages."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from mautic_async.testing.auth import login
from mautic_async.testing.replies import Crash, Said

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row

CODE_LIFETIME: Final = 30
"""Seconds an authorization code is good for."""
_GRANTS: Final = ("authorization_code", "refresh_token", "client_credentials", "password")
_NO_STORE: Final = [("Pragma", "no-cache")]
_COOKIE: Final = "mautic_session"


def routes(table: Routes) -> None:
    """Add the OAuth2 paths."""
    table.add("GET|POST", "/oauth/v2/token", token)
    table.add("GET|POST", "/oauth/v2/authorize", authorize)
    table.add("GET|POST", "/oauth/v2/authorize_login", login_page)
    table.add("GET|POST", "/oauth/v2/authorize_login_check", login_check)


def _error(message: str, type: str) -> Crash:
    return Crash(400, message, type)


def _parameters(ask: Ask) -> dict[str, Any]:
    if ask.request.method == "GET":
        return ask.query
    return ask.body if isinstance(ask.body, dict) else {}


async def token(ask: Ask) -> Said:
    """Give out tokens."""
    sent = _parameters(ask)
    grant = sent.get("grant_type")
    if grant not in _GRANTS:
        raise _error("Invalid grant_type parameter or parameter missing", "invalid_request")
    client = _client(sent, ask)
    if grant not in client["grants"]:
        raise _error("The grant type is unauthorized for this client_id", "unauthorized_client")
    if sent.get("scope"):
        raise _error("An unsupported scope was requested.", "invalid_scope")
    if grant == "client_credentials":
        return _issue(client, None, ask, refresh=False)
    spent = _code(sent, client, ask) if grant == "authorization_code" else _refresh(sent, client, ask)
    await ask.fake.physics.row()  # two at once both find the token before either deletes it
    said = _issue(client, spent["user"], ask, refresh=True)
    ask.table("tokens").remove(spent["id"])
    return said


def _client(sent: dict[str, Any], ask: Ask) -> Row:
    id, secret = sent.get("client_id"), sent.get("client_secret")
    basic = login(ask.request)
    if basic is not None:
        id, secret = basic
    if not id:
        raise _error("Client id was not found in the headers or body", "invalid_client")
    for row in ask.table("clients"):
        if row["public"] == id and row["secret"] == secret:
            return row
    raise _error("The client credentials are invalid", "invalid_client")


def _find(kind: str, value: Any, client: Row, ask: Ask) -> Row | None:
    for row in ask.table("tokens").find("token", value):
        if row["kind"] == kind and row["client"] == client["id"]:
            return row
    return None


def _code(sent: dict[str, Any], client: Row, ask: Ask) -> Row:
    if not sent.get("code"):
        raise _error('Missing parameter. "code" is required', "invalid_request")
    row = _find("code", sent["code"], client, ask)
    if row is None:
        raise _error("Code doesn't exist or is invalid for the client", "invalid_grant")
    if sent.get("redirect_uri") != row["redirect"]:
        raise _error("The redirect URI is missing or do not match", "redirect_uri_mismatch")
    if row["expires"] <= ask.fake.now():
        raise _error("The authorization code has expired", "invalid_grant")
    return row


def _refresh(sent: dict[str, Any], client: Row, ask: Ask) -> Row:
    if not sent.get("refresh_token"):
        raise _error('No "refresh_token" parameter found', "invalid_request")
    row = _find("refresh", sent["refresh_token"], client, ask)
    if row is None:
        raise _error("Invalid refresh token", "invalid_grant")
    if row["expires"] <= ask.fake.now():
        raise _error("Refresh token has expired", "invalid_grant")
    return row


def _issue(client: Row, user: int | None, ask: Ask, *, refresh: bool) -> Said:
    fake = ask.fake
    body: dict[str, Any] = {
        "access_token": grant(fake, "access", client, user, fake.access_token_lifetime)["token"],
        "expires_in": int(fake.access_token_lifetime),
        "token_type": "bearer",
        "scope": None,
    }
    if refresh:
        body["refresh_token"] = grant(fake, "refresh", client, user, fake.refresh_token_lifetime)["token"]
    return Said(body, versioned=False, headers=list(_NO_STORE))


def grant(fake: Any, kind: str, client: Row, user: int | None, lifetime: float, **more: Any) -> Row:
    """A new token or code, stored."""
    row = {
        "token": fake.secret(),
        "kind": kind,
        "client": client["id"],
        "user": user,
        "expires": fake.now() + lifetime,
        **more,
    }
    saved: Row = fake.store["tokens"].save(row)
    return saved


# --- the pages a person sees ---------------------------------------------------------------------------------------


def _page(body: str, status: int = 200) -> Said:
    text = f"<!DOCTYPE html>\n<html><head><title>Mautic</title></head><body>{body}</body></html>"
    return Said(text.encode(), status, versioned=False, media_type="text/html; charset=UTF-8")


def _redirect(target: str, cookie: str | None = None) -> Said:
    said = _page(f'Redirecting to <a href="{html.escape(target)}">{html.escape(target)}</a>.', 302)
    said.location = target
    if cookie:
        said.headers.append(("Set-Cookie", f"{_COOKIE}={cookie}; path=/; httponly; samesite=lax"))
    return said


def _session(ask: Ask) -> Row | None:
    for part in ask.request.headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == _COOKIE:
            return next(ask.table("sessions").where(cookie=value), None)
    return None


async def authorize(ask: Ask) -> Said:
    """Ask a logged-in person for consent; send others to the login form."""
    session = _session(ask)
    if session is None or session["user"] is None:
        asked = session or ask.table("sessions").save({"cookie": ask.fake.secret(), "user": None, "asked": ""})
        asked["asked"] = ask.request.query
        ask.table("sessions").save(asked)
        return _redirect(ask.fake.absolute("/oauth/v2/authorize_login"), asked["cookie"])
    sent = ask.query | (ask.body if isinstance(ask.body, dict) else {})
    client = next((row for row in ask.table("clients") if row["public"] == sent.get("client_id")), None)
    if client is None:
        raise _error("Unknown client", "invalid_client")
    target = sent.get("redirect_uri") or client["redirects"][0]
    if target not in client["redirects"]:
        raise _error("The redirect URI provided does not match registered URI(s).", "redirect_uri_mismatch")
    if sent.get("response_type") != "code":
        raise _error("Invalid response type.", "invalid_request")
    if sent.get("scope"):
        raise _error("An unsupported scope was requested.", "invalid_scope")
    if ask.request.method == "GET":
        return _consent(client, sent, target)
    answer = {"state": sent["state"]} if sent.get("state") else {}
    if sent.get("accepted"):
        code = grant(ask.fake, "code", client, session["user"], CODE_LIFETIME, redirect=target)
        answer["code"] = code["token"]
    else:
        answer |= {"error": "access_denied", "error_description": "The user denied access to your application"}
    return _redirect(f"{target}{'&' if '?' in target else '?'}{urlencode(answer)}")


def _consent(client: Row, sent: dict[str, Any], target: str) -> Said:
    kept = {name: sent.get(name, "") for name in ("client_id", "response_type", "state")} | {"redirect_uri": target}
    fields = "".join(f'<input type="hidden" name="{n}" value="{html.escape(str(v))}">' for n, v in kept.items())
    return _page(
        f"<p>{html.escape(client['name'])} would like to access your account.</p>"
        f'<form method="post" action="/oauth/v2/authorize">{fields}'
        '<button name="accepted" value="1">Accept</button><button name="rejected" value="1">Deny</button></form>'
    )


async def login_page(ask: Ask) -> Said:
    """The login form."""
    del ask
    return _page(
        '<form method="post" action="/oauth/v2/authorize_login_check">'
        '<input name="_username"><input name="_password" type="password"><button>Login</button></form>'
    )


async def login_check(ask: Ask) -> Said:
    """Log a person in by the form, and go back to the consent page."""
    sent = ask.body if isinstance(ask.body, dict) else {}
    session = _session(ask)
    for user in ask.table("users"):
        if user["username"] == sent.get("_username") and user["password"] == sent.get("_password"):
            asked = session["asked"] if session else ""
            made = {"cookie": ask.fake.secret(), "user": user["id"], "asked": asked}
            ask.table("sessions").save(made)
            return _redirect(ask.fake.absolute(f"/oauth/v2/authorize?{asked}"), made["cookie"])
    return _redirect(ask.fake.absolute("/oauth/v2/authorize_login"))
