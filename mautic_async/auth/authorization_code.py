"""Credentials: they give each attempt its ``Authorization`` header, and another one after a 401.

Mautic: REST API, Authentication.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
from typing import Final, Protocol

from attrs import frozen

from mautic_async.auth.refresh import (
    MIN_LIFETIME,
    AuthContext,
    AuthorizationHeader,
    LoginRequired,
    OAuth2Credentials,
    await_shared,
)
from mautic_async.auth.token_endpoint import authorization_url, error_code, parse_redirect
from mautic_async.auth.token_store import FileTokens, MemoryTokens, Token, TokenStore
from mautic_async.clock import Clock
from mautic_async.errors import AuthenticationError, ConfigurationError, ReauthorizationNeeded, Secret
from mautic_async.protocol import format_problems

__all__ = [
    "Auth",
    "AuthContext",
    "AuthorizationCode",
    "BasicAuth",
    "ClientCredentials",
    "FileTokens",
    "MemoryTokens",
    "Token",
    "TokenStore",
]


class Auth(Protocol):
    """Credentials: any object with these two methods. Mautic: REST API, Authentication."""

    async def header(self, context: AuthContext) -> str:
        """Return the value of ``Authorization`` for the next attempt."""
        ...

    async def renew(self, refused: str, context: AuthContext) -> bool | None:
        """Prepare another header after the server answered 401 to *refused*; if there is none, do nothing.

        Returns:
            True if the server may refuse the next header, too, and `renew` should then be called once more; False or
            None if not.
        """
        ...


class BasicAuth:
    """User name and password, sent with every request, if Mautic's configuration allows Basic authentication.

    Each request costs the server about 0.35 s of CPU (with OAuth 2 next to nothing), and all Basic users of a site
    share one rate limit, so prefer `ClientCredentials`. With a wrong password, Mautic 5 answers 401 with a reason and
    Mautic 7 answers 401 with an empty body.

    Args:
        username: Name of a user of Mautic.
        password: Password of that user.

    Raises:
        ConfigurationError: A part is empty, or cannot be sent.

    Mautic: REST API, Authentication (Basic authentication).
    """

    shares_site_limit: Final = True
    """True: all users of the site share one rate limit."""

    def __init__(self, username: str, password: str) -> None:
        for name, value in (("username", username), ("password", password)):
            if not isinstance(value, str) or not value or any(ord(char) < 32 or ord(char) == 127 for char in value):
                raise ConfigurationError(f"{name} must be a text without line breaks, and not empty")
        # The first colon ends the user name (RFC 7617).
        if ":" in username:
            raise ConfigurationError(
                "username must not contain a colon, which Basic authentication cannot send; use OAuth 2 for this user"
            )
        self._header = Secret("Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii"))

    def __repr__(self) -> str:
        return "BasicAuth('***')"

    async def header(self, context: AuthContext) -> str:  # noqa: ARG002 - the protocol's shape
        """Return the header with user name and password."""
        return AuthorizationHeader(self._header.reveal)

    async def renew(self, refused: str, context: AuthContext) -> None:
        """Do nothing: there is no other password."""


class ClientCredentials(OAuth2Credentials):
    """An API credential for a program without a user, such as a job or a backend.

    Args:
        client_id: ID of an API credential of the grant type client credentials (Mautic's Settings > API Credentials).
        client_secret: Secret of the same credential.
        tokens: Token store; None: memory. With `FileTokens`, several processes share one token.

    Raises:
        ConfigurationError: A part is empty, or has spaces or line breaks.

    Mautic: REST API, Authentication (Client Credentials).
    """

    def __init__(self, client_id: str, client_secret: str, *, tokens: TokenStore | None = None) -> None:
        super().__init__(client_id, client_secret, tokens)

    async def _fetch(self, context: AuthContext, current: Token | None) -> None:  # noqa: ARG002 - the other credential needs it
        granted, arrived = await self._request_token(context, "client_credentials")
        await self._accept(granted, arrived, context)


LOGIN_LIFETIME: Final = 600.0
"""Seconds between `AuthorizationCode.authorization_url` and the return of the browser, at most."""
_MAX_LOGINS: Final = 1000


@frozen
class _PendingLogin:
    state: Secret
    verifier: Secret | None
    expires_at: float


class AuthorizationCode(OAuth2Credentials):
    """An API credential for which a user logs in once, in a browser; the token is refreshed without the user.

    Send the user to `authorization_url`. When the browser comes back to *redirect_uri*, hand that URL to
    ``Mautic.authorize``. With a persistent store this happens once: a refresh token lives for 14 days, and each refresh
    gives a new one.

    Args:
        client_id: ID of an API credential (Mautic's Settings > API Credentials).
        client_secret: Secret of the same credential.
        redirect_uri: URL to which Mautic redirects the browser: letter for letter as in the API credential.
        tokens: Token store; None: memory.
        pkce: Whether to add a PKCE challenge (S256), for servers that check it; Mautic ignores it.
        clock: Time, for tests.

    Raises:
        ConfigurationError: A part is empty, or has spaces or line breaks.

    Mautic: REST API, Authentication (Authorization Code).
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        redirect_uri: str,
        tokens: TokenStore | None = None,
        pkce: bool = False,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(client_id, client_secret, tokens)
        if not isinstance(redirect_uri, str) or "://" not in redirect_uri or not redirect_uri.isprintable():
            raise ConfigurationError("redirect_uri must be the whole address, as it stands in the API credential")
        self._redirect_uri = redirect_uri
        self._pkce = pkce
        self._clock = clock or Clock()
        self._logins: list[_PendingLogin] = []

    def authorization_url(self, base_url: str) -> str:
        """Return the URL at which a user allows the access; it is valid for one login, within ten minutes.

        Args:
            base_url: The base URL of the client.

        Raises:
            ConfigurationError: *base_url* is no URL.

        Mautic: REST API, Authentication (Authorization Code, step one).
        """
        login = _PendingLogin(
            Secret(secrets.token_urlsafe(32)),
            Secret(secrets.token_urlsafe(48)) if self._pkce else None,
            self._clock.wall_time() + LOGIN_LIFETIME,
        )
        verifier = login.verifier.reveal if login.verifier else None
        address = authorization_url(base_url, self._client.id, self._redirect_uri, login.state.reveal, verifier)
        # Bounded: a login page that is opened without end must not take more and more memory.
        self._logins = [*self._logins[1 - _MAX_LOGINS :], login]
        return address

    async def exchange_code(self, callback: str, state: str | None, context: AuthContext) -> None:
        """Exchange the code from the browser's redirect for a token, and store the token.

        Args:
            callback: The whole URL that Mautic redirected the browser to, or the code alone.
            state: The state that came with the code, if *callback* is the code alone.
            context: Sends the request.

        Raises:
            ConfigurationError: The state is missing, unknown, used or more than ten minutes old.
            ReauthorizationNeeded: The user declined.
            AuthenticationError: Mautic refused the code, which is valid once and for 30 s.

        Mautic: REST API, Authentication (Authorization Code, step two).
        """
        came, claimed = parse_redirect(callback), Secret(state) if state else None
        del callback, state  # a traceback with locals would show them
        # The state is checked before the error is read: a forged redirect cannot end a login.
        login = self._pop_login(came.state or claimed)
        if came.error is not None or came.code is None:
            why = came.error or "no code came"
            raise ReauthorizationNeeded(f"the login was not completed ({why}): the user must log in again")
        # A task of its own, because the code works once: a cancelled caller must not lose the token.
        task = context.spawn(self._exchange_code(came.code, login, context))
        await await_shared(task)

    def _pop_login(self, state: Secret | None) -> _PendingLogin:
        """Remove and return the login of *state*; all are compared in constant time, so that none can be guessed."""
        given = b"" if state is None else state.reveal.encode("utf-8", "replace")
        now = self._clock.wall_time()
        found = [login for login in self._logins if secrets.compare_digest(login.state.reveal.encode(), given)]
        # A state works once, so it is removed even if the exchange fails later.
        self._logins = [login for login in self._logins if login not in found and now < login.expires_at]
        if not found or now >= found[0].expires_at:
            raise ConfigurationError(
                "the login's state is missing, unknown, used before or older than ten minutes; nothing was sent."
                " Begin again with authorization_url(), and bring the answer back to the same process"
            )
        return found[0]

    async def _exchange_code(self, code: Secret, login: _PendingLogin, context: AuthContext) -> None:
        # Under the lock of the store, or a refresh in another process could overwrite the new token.
        async with self._locked():
            granted, arrived = await self._request_token(
                context,
                "authorization_code",
                code=code,
                redirect_uri=self._redirect_uri,
                code_verifier=login.verifier,
            )
            await self._accept(granted, arrived, context)

    async def _fetch(self, context: AuthContext, current: Token | None) -> None:
        if current is None or current.refresh is None:
            raise LoginRequired(
                "no user has logged in yet: send the user to authorization_url(), then call Mautic.authorize()"
            )
        try:
            granted, arrived = await self._request_token(context, "refresh_token", refresh_token=current.refresh)
        except AuthenticationError as error:
            # Only this code says that the refresh token is spent; the others concern the API credential.
            if error_code(error) != "invalid_grant":
                raise
            await self._recover_invalid_grant(context, current, error)
            return
        await self._accept(granted, arrived, context, current.refresh)

    async def _recover_invalid_grant(self, context: AuthContext, spent: Token, error: AuthenticationError) -> None:
        """Use the newer token of another process that has spent the refresh token.

        Raises:
            ReauthorizationNeeded: There is none: the refresh token is expired or revoked.
        """
        stored = await self._load()
        # A store whose lock does not reach every process lets two of them send one refresh token. The process that
        # comes second finds the token of the first one here.
        if (
            stored is not None
            and stored.access != spent.access
            and stored.expires_at - context.clock.wall_time() > MIN_LIFETIME
        ):
            self._cache(stored, context.clock, stored.expires_at - context.clock.wall_time())
            return
        # The access token of the other process has expired already, but its refresh token may still work.
        if stored is not None and stored.refresh is not None and stored.refresh != spent.refresh:
            with contextlib.suppress(AuthenticationError):
                granted, arrived = await self._request_token(context, "refresh_token", refresh_token=stored.refresh)
                await self._accept(granted, arrived, context, stored.refresh)
                return
        raise ReauthorizationNeeded(
            "the refresh token is spent, expired (after 14 days) or revoked: send the user to authorization_url(),"
            f" then call Mautic.authorize(). Mautic said: {format_problems(error.problems)}"
        ) from error
