"""What goes to Mautic's token endpoint, and what its answers mean. Nothing here awaits; authlib's protocol half helps.

An answer is a token only if it holds a text ``access_token`` and no error; every other shape is an exception that says
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
"""Seconds for one token request: two of them fit into the time that other processes wait for the lock."""
LIFETIME: Final = 3600
"""Seconds that Mautic's tokens live unless it says otherwise."""
_MAX_LIFETIME: Final = 10 * 365 * 24 * 3600
_PRINTABLE_ASCII: Final = re.compile(r"[\x21-\x7e]{1,8192}")


@frozen
class TokenResponse:
    """What a successful token request gave.

    Attributes:
        access: The access token: visible ASCII, fit for a header.
        refresh: The refresh token, or None.
        lifetime: Seconds.
    """

    access: Secret
    refresh: Secret | None
    lifetime: int


@frozen
class OAuthClient:
    """An API credential of Mautic.

    Raises:
        ConfigurationError: A part is empty, or holds what no credential holds.
    """

    id: str
    secret: Secret

    def __attrs_post_init__(self) -> None:
        """Refuse what a copy or an environment file spoilt."""
        for name, value in (("client_id", self.id), ("client_secret", self.secret.reveal)):
            if not isinstance(value, str) or not _PRINTABLE_ASCII.fullmatch(value):
                raise ConfigurationError(
                    f"{name} must be a text without spaces or line breaks;"
                    " Mautic shows it under Settings > API Credentials"
                )

    def request(self, grant: str, **fields: Secret | str | None) -> Request:
        """The token request for *grant*: a form with the credential inside, since some servers drop the header."""
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
    """The token in *answer*; what was *sent* is blotted out of its complaints, should it repeat them.

    Raises:
        AuthenticationError: Mautic refused the credential or the grant; `type` of its problem says which.
        APIError: It refused for another reason: the API is off, too many requests, a fault.
        UnexpectedResponse: It is not an answer of a token endpoint.
    """
    outcome = _classify(answer, [secret for secret in sent if secret is not None])
    if isinstance(outcome, MauticError):
        raise outcome
    return outcome


def _classify(answer: Response, sent: list[Secret]) -> TokenResponse | MauticError:
    """Token or error, returned so that no frame of a traceback holds the body."""
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
    if answer.status >= 500 or answer.status in {401, 408, 425, 429}:
        return _refusal(answer, ())
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
    for secret in sent:
        message = message.replace(secret.reveal, "***")
    return Problem(message, problem.field, problem.code, sanitize(problem.type, 60) if problem.type else None)


def _is_token(value: object) -> bool:
    return isinstance(value, str) and _PRINTABLE_ASCII.fullmatch(value) is not None


def _lifetime(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 10:
        value = int(value)
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
    """The OAuth word for a refusal, such as ``invalid_grant``."""
    problems: tuple[Problem, ...] = error.problems if isinstance(error, APIError) else ()
    return next((problem.type for problem in problems if problem.type), None)


def _refusal(answer: Response, problems: tuple[Problem, ...]) -> APIError:
    kinds = [problem.type for problem in problems if problem.type]
    known = next((kind for kind in kinds if kind in _OAUTH_ERRORS), None)
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
    """Where a person gives the consent.

    Raises:
        ConfigurationError: *base_url* is not one.
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
    """What came back to the redirect URI."""

    code: Secret | None
    state: Secret | None
    error: str | None


def parse_redirect(text: str) -> AuthorizationResponse:
    """Take the address that the browser was sent back to apart; a text that is no address is the code itself."""
    if "?" not in text and "://" not in text:
        return AuthorizationResponse(Secret(text) if text else None, None, None)
    try:
        query = parse_qs(urlsplit(text).query, keep_blank_values=False, max_num_fields=50)
    except ValueError:
        return AuthorizationResponse(None, None, None)
    code, state, error = (query.get(name, [""]) for name in ("code", "state", "error"))
    if max(len(code), len(state), len(error)) > 1:  # twice the same parameter is somebody's trick
        return AuthorizationResponse(None, None, None)
    word = error[0] if re.fullmatch(r"[a-z_]{1,40}", error[0]) else "an error" if error[0] else None
    return AuthorizationResponse(Secret(code[0]) if code[0] else None, Secret(state[0]) if state[0] else None, word)
