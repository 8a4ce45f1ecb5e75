"""Requests to Mautic's token endpoint and its responses, with the sans-IO part of authlib. Nothing here awaits.

A response is a token only if it has a text ``access_token`` and no error. Every other shape is an exception that says
what to do. No message quotes a body: it may hold a token. Mautic: REST API, Authentication (OAuth 2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from mautic_async.errors import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    MauticError,
    Problem,
    Secret,
    UnexpectedResponse,
    sanitize,
)
from mautic_async.protocol import (
    Request,
    Response,
    error_class,
    format_problems,
    parse_json,
    parse_problems,
    parse_retry_after,
)

PATH: Final = "oauth/v2/token"
_CALL: Final = f"POST {PATH}"
TIMEOUT: Final = 12.0
"""Seconds for one token request. Two of them fit into the time that other processes wait for the lock."""
LIFETIME: Final = 3600
"""Seconds that Mautic's tokens live unless it says otherwise."""
_MAX_LIFETIME: Final = 10 * 365 * 24 * 3600
_PRINTABLE_ASCII: Final = re.compile(r"[\x21-\x7e]{1,8192}")


@frozen
class TokenResponse:
    """The response to a successful token request.

    Attributes:
        access: The access token, in visible ASCII.
        refresh: The refresh token, or None.
        lifetime: Seconds until the access token expires.
    """

    access: Secret
    refresh: Secret | None
    lifetime: int


@frozen
class OAuthClient:
    """ID and secret of an API credential of Mautic.

    Raises:
        ConfigurationError: A part is empty, or has spaces or line breaks.
    """

    id: str
    secret: Secret

    def __attrs_post_init__(self) -> None:
        """Raise ConfigurationError for spaces and line breaks, which copying or an environment file may add."""
        for name, value in (("client_id", self.id), ("client_secret", self.secret.reveal)):
            if not isinstance(value, str) or not _PRINTABLE_ASCII.fullmatch(value):
                raise ConfigurationError(
                    f"{name} must be a text without spaces or line breaks;"
                    " Mautic shows it under Settings > API Credentials"
                )

    def request(self, grant: str, **fields: Secret | str | None) -> Request:
        """Return the token request for *grant*: a form with the credential, since some servers drop the header."""
        named = {name: value.reveal if isinstance(value, Secret) else value for name, value in fields.items() if value}
        return Request(
            "POST",
            PATH,
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            content=_form(self, grant, named),
            timeout=TIMEOUT,
        )


def _form(client: OAuthClient, grant: str, fields: Mapping[str, str]) -> bytes:
    from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]  # authlib has no types
    from authlib.oauth2.rfc6749.parameters import prepare_token_request  # type: ignore[import-untyped]

    signer = ClientAuth(client.id, client.secret.reveal, "client_secret_post")
    _, _, body = signer.prepare("POST", PATH, {}, prepare_token_request(grant, **fields))
    return str(body).encode("ascii")


# --- answers -------------------------------------------------------------------------------------------------------


def parse_token_response(answer: Response, *sent: Secret | None) -> TokenResponse:
    """Return the token in *answer*, the response to a token request.

    Args:
        answer: The response.
        *sent: The secrets of the request, which are masked in messages of the server.

    Raises:
        AuthenticationError: Mautic refused the credential or the grant; `type` of its problem says which.
        APIError: Mautic refused for another reason: the API is off, too many requests, a server error.
        UnexpectedResponse: It is no response of a token endpoint.
    """
    outcome = _classify(answer, [secret for secret in sent if secret is not None])
    if isinstance(outcome, MauticError):
        raise outcome
    return outcome


def _classify(answer: Response, sent: list[Secret]) -> TokenResponse | MauticError:
    """Return the token or the error; the error is not raised here, so that no frame of its traceback holds the body."""
    if 300 <= answer.status < 400:
        return _unexpected(
            answer, "a redirect, which is not followed: check the scheme, host and subfolder of the base URL"
        )
    try:
        body = parse_json(answer.content) if answer.content else None
    except ValueError:
        body = None
    problems, _ = parse_problems(body)
    if problems:
        return _refusal(answer, tuple(_redact(problem, sent) for problem in problems))
    # These statuses mean the same without a readable body, which a proxy may have replaced.
    if answer.status >= 500 or answer.status in {401, 408, 425, 429}:
        return _refusal(answer, ())
    # The token endpoint gives a reason with every other 4xx, and JSON with every success.
    if answer.status >= 400 or not isinstance(body, Mapping):
        return _unexpected(
            answer, "a body that is not Mautic's: check that the base URL leads to Mautic and not to a login page"
        )
    from authlib.oauth2.rfc6749 import OAuth2Token  # type: ignore[import-untyped]

    token = OAuth2Token({**body, "expires_at": 0})  # a number there keeps authlib from reading a clock of its own
    if not _is_token(token.get("access_token")) or not isinstance(token.get("refresh_token"), (str, type(None))):
        return _unexpected(answer, "a success without a usable access_token")
    refresh = token.get("refresh_token")
    return TokenResponse(
        Secret(token["access_token"]), Secret(refresh) if refresh else None, _lifetime(token.get("expires_in"))
    )


def _redact(problem: Problem, sent: list[Secret]) -> Problem:
    message = problem.message
    # A server may quote the form that it refuses.
    for secret in sent:
        message = message.replace(secret.reveal, "***")
    return Problem(message, problem.field, problem.code, sanitize(problem.type, 60) if problem.type else None)


def _is_token(value: object) -> bool:
    return isinstance(value, str) and _PRINTABLE_ASCII.fullmatch(value) is not None


def _lifetime(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 10:
        value = int(value)
    # A value out of range is replaced: the token would be refreshed without end, or never.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < _MAX_LIFETIME:
        return LIFETIME
    return max(1, int(value))


def _unexpected(answer: Response, what: str) -> UnexpectedResponse:
    event = "redirect" if 300 <= answer.status < 400 else "not-mautic" if answer.status >= 400 else "undecodable-body"
    return UnexpectedResponse(f"{_CALL} ({answer.status}) answered with {what}", status=answer.status, kind=event)


_HINTS: Final[Mapping[str, str]] = {
    "invalid_client": "check client_id and client_secret against Mautic's Settings > API Credentials, and that the"
    " base URL is that Mautic",
    "unauthorized_client": "this API credential was created for another grant type: make one under Settings > API"
    " Credentials with the grant type that you use (client credentials need an administrator)",
    "redirect_uri_mismatch": "redirect_uri must be, letter for letter, one of those of the API credential",
    "invalid_scope": "Mautic has no scopes; do not ask for one",
    "invalid_request": "a parameter did not arrive; a proxy may drop the body of POST requests",
    "api_disabled": "switch the API on in Mautic: Settings > Configuration > API Settings > API enabled",
}
_OAUTH_ERRORS: Final = frozenset(
    {
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "redirect_uri_mismatch",
        "unauthorized_client",
        "unsupported_grant_type",
        "access_denied",
    }
)


def error_code(error: MauticError) -> str | None:
    """Return the OAuth error code of a refusal, such as ``invalid_grant``, or None."""
    problems: tuple[Problem, ...] = error.problems if isinstance(error, APIError) else ()
    return next((problem.type for problem in problems if problem.type), None)


def _refusal(answer: Response, problems: tuple[Problem, ...]) -> APIError:
    kinds = [problem.type for problem in problems if problem.type]
    known = next((kind for kind in kinds if kind in _OAUTH_ERRORS), None)
    # OAuth 2 refuses a wrong credential with 400 or 401, so the error code decides and not the status.
    kind = AuthenticationError if known and answer.status < 500 else error_class(max(answer.status, 400))
    reason = format_problems(problems) or "no reason given"
    advice = next((f" -> {_HINTS[name]}" for name in kinds if name in _HINTS), "")
    return kind(
        f"{_CALL} refused ({answer.status}{f', {kinds[0]}' if kinds else ''}): {reason}{advice}",
        status=answer.status,
        problems=problems,
        call=_CALL,
        retry_after=parse_retry_after(answer),
        deliberate=bool(known),
    )


# --- the login page ------------------------------------------------------------------------------------------------


def authorization_url(base_url: str, client_id: str, redirect_uri: str, state: str, verifier: str | None) -> str:
    """Return the URL at which a user allows the access.

    Raises:
        ConfigurationError: *base_url* is no URL.
    """
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError("base_url must be Mautic's address, such as https://mautic.example.com")
    extra = {} if verifier is None else _challenge(verifier)
    address = f"{base_url.rstrip('/')}/oauth/v2/authorize"
    return str(prepare_grant_uri(address, client_id, "code", redirect_uri, state=state, **extra))


def _challenge(verifier: str) -> dict[str, str]:
    from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

    return {"code_challenge": str(create_s256_code_challenge(verifier)), "code_challenge_method": "S256"}


@frozen
class AuthorizationResponse:
    """The parameters of the redirect after a login: code and state, or an error."""

    code: Secret | None
    state: Secret | None
    error: str | None


def parse_redirect(text: str) -> AuthorizationResponse:
    """Return the parameters of the URL of a redirect; a text that is no URL is the code itself."""
    if "?" not in text and "://" not in text:
        return AuthorizationResponse(Secret(text) if text else None, None, None)
    try:
        query = parse_qs(urlsplit(text).query, keep_blank_values=False, max_num_fields=50)
    except ValueError:
        return AuthorizationResponse(None, None, None)
    code, state, error = (query.get(name, [""]) for name in ("code", "state", "error"))
    if max(len(code), len(state), len(error)) > 1:  # a repeated parameter is an attack
        return AuthorizationResponse(None, None, None)
    # An attacker may have written the URL, so only a plain word is quoted.
    word = error[0] if re.fullmatch(r"[a-z_]{1,40}", error[0]) else "an error" if error[0] else None
    return AuthorizationResponse(Secret(code[0]) if code[0] else None, Secret(state[0]) if state[0] else None, word)
