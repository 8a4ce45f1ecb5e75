"""The refresh of an access token: one at a time, shared by all requests that wait for it (single flight).

A refresh runs in a task of its own, so that a cancelled caller does not lose the new token. It holds the lock of the
token store, adopts a token that another process has fetched meanwhile, and saves a new token before any request uses
it. A failure is shared by the waiting requests, too. Mautic: REST API, Authentication (OAuth 2).
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TypeVar

from attrs import field, frozen

from mautic_async.auth.token_endpoint import OAuthClient, TokenResponse, parse_token_response
from mautic_async.auth.token_store import MemoryTokens, Token, TokenStore
from mautic_async.errors import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    MauticError,
    RateLimited,
    ReauthorizationNeeded,
    Secret,
    ServerError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from mautic_async.clock import Clock
    from mautic_async.protocol import Request, Response

T = TypeVar("T")


class AuthContext(Protocol):
    """The part of a client that credentials may use: unsigned requests, the clock, tasks that outlive their caller."""

    clock: Clock

    async def __call__(self, request: Request) -> Response:
        """Send *request* to the site, unsigned, and return the response.

        Raises:
            TransportError: No response came.
        """
        ...

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start *work* in a task of its own, which a cancelled caller does not stop."""
        ...


class AuthorizationHeader(str):
    """The value of an Authorization header, whose repr is three stars: tracebacks with locals show no credential."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """Return *value* as such a text; raise ConfigurationError for any other type, which `str` would convert."""
        if not isinstance(value, str):
            raise ConfigurationError(f"a credential's header() must give a text, not {type(value).__name__}")
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return "'***'"


REFRESH_BEFORE_EXPIRY: Final = 60.0
"""Seconds before its expiry (and a jitter) at which a token is refreshed in the background, while still in use."""
JITTER: Final = 30.0
"""Seconds by which that moment differs between processes, at most."""
MIN_LIFETIME: Final = 5.0
"""Seconds that a token must be valid for: with less, requests wait for its refresh."""
FAILURE_TTL: Final = 60.0
"""Seconds after a refused refresh in which no other is tried."""
_BACKGROUND_PAUSE: Final = 5.0
"""Seconds between two refreshes in the background, of which the first failed."""
_MAX_FORCED_PER_MINUTE: Final = 10
"""Refreshes that 401s may cause within a minute: if more are needed, another token does not help."""


@frozen
class _CachedToken:
    """The token in use. Times are those of the event loop.

    Attributes:
        token: The token.
        header: The Authorization header that uses it.
        expires_at: The end of its life.
        refresh_at: The time from which on it is refreshed in the background.
        block_at: The time from which on requests wait for the refresh.
        is_adopted: Whether it comes from the store: another process fetched it, and it may have been revoked since.
    """

    token: Token
    header: AuthorizationHeader = field(repr=False)
    expires_at: float
    refresh_at: float
    block_at: float
    is_adopted: bool


_refreshing: ContextVar[object | None] = ContextVar("mautic_async_refreshing", default=None)
"""The credential whose refresh the running code is part of, such as a token store that is loading a token."""


def check_not_refreshing(credential: object) -> None:
    """Refuse a call that the token store of *credential* makes during a refresh: the call would wait for the refresh.

    Raises:
        ConfigurationError: The running code is part of a refresh of *credential*.
    """
    if _refreshing.get() is credential and getattr(credential, "is_refreshing", False):
        raise ConfigurationError("the token store uses the client that it keeps the token for; give it another client")


class OAuth2Credentials:
    """Base class of the OAuth 2 credentials: one token, refreshed once for all requests."""

    shares_site_limit: Final = False

    def __init__(self, client_id: str, client_secret: str, tokens: TokenStore | None) -> None:
        self._client = OAuthClient(client_id, Secret(client_secret))
        self._tokens: TokenStore = MemoryTokens() if tokens is None else tokens
        self._token: _CachedToken | None = None
        self._unsaved: Token | None = None
        self._refresh_task: asyncio.Task[None] | None = None
        self._last_failure: tuple[MauticError, float] | None = None
        self._next_background_refresh = -math.inf
        self._forced_refreshes: list[float] = []
        self._jitter: float | None = None
        self.is_refreshing: bool = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._client.id!r}, '***', tokens={self._tokens!r})"

    async def header(self, context: AuthContext) -> str:
        """Return the Authorization header of a valid token; wait for a refresh if there is none.

        Raises:
            MauticError: The refresh failed.
        """
        check_not_refreshing(self)
        now, held = context.clock.monotonic(), self._token
        if held is not None and now < held.refresh_at:
            return held.header
        # Still valid: the request uses it at once, while a task fetches the next one.
        if held is not None and now < held.block_at:
            self._refresh_in_background(context, now)
            return held.header
        await self._refresh_and_wait(context)
        return self._current_header()

    async def renew(self, refused: str, context: AuthContext) -> bool:
        """Replace the token if it is still the one of the header *refused*, which the server answered with a 401.

        Returns:
            True if the new token comes from the store. Another process fetched it, so it may have been revoked like
            *refused*, and be worth another renewal.

        Raises:
            AuthenticationError: The token was replaced too often within a minute: another one does not help.
            MauticError: The refresh failed.
        """
        check_not_refreshing(self)
        held = self._token
        # Another request has replaced the token since; the new one may be accepted.
        if held is None or held.header != refused:
            return held is not None and held.is_adopted
        # Waiting for a refresh that runs already costs the server nothing.
        if not self._is_refreshing():
            self._count_forced(context.clock.monotonic())
        await self._refresh_and_wait(context, refused)
        return self._token is not None and self._token.is_adopted

    def _current_header(self) -> AuthorizationHeader:
        if self._token is None:  # pragma: no cover - a refresh that succeeds sets a token
            raise ReauthorizationNeeded("there is no token")
        return self._token.header

    def _count_forced(self, now: float) -> None:
        """Count a refresh that a 401 causes.

        Raises:
            AuthenticationError: There were too many within the last minute.
        """
        self._forced_refreshes = [moment for moment in self._forced_refreshes if now - moment < 60.0]
        if len(self._forced_refreshes) >= _MAX_FORCED_PER_MINUTE:
            wait = self._forced_refreshes[0] + 60.0 - now
            raise AuthenticationError(
                f"the access token was refused (401) although it was replaced {_MAX_FORCED_PER_MINUTE} times within a"
                f" minute; it is replaced again in {wait:.0f} s. Check the user of the API credential in Mautic, and"
                " that a proxy passes the Authorization header on",
                status=401,
                retry_after=wait,
            )
        self._forced_refreshes.append(now)

    def _refresh_in_background(self, context: AuthContext, now: float) -> None:
        if now >= self._next_background_refresh and (self._last_failure is None or now >= self._last_failure[1]):
            # A token endpoint that is down is not asked by each request.
            self._next_background_refresh = now + _BACKGROUND_PAUSE
            self._start_refresh(context, None)

    async def _refresh_and_wait(self, context: AuthContext, refused: str | None = None) -> None:
        if self._last_failure is not None:
            error, until = self._last_failure
            if context.clock.monotonic() < until:
                # Without this, each call of a busy client would send the refused credential again.
                raise _copy_error(error)
            self._last_failure = None
        task = self._start_refresh(context, refused)
        await await_shared(task)

    def _start_refresh(self, context: AuthContext, refused: str | None) -> asyncio.Task[None]:
        if self._refresh_task is None or not self._is_refreshing():
            self._refresh_task = context.spawn(self._refresh(context, refused))
        return self._refresh_task

    def _is_refreshing(self) -> bool:
        return self._refresh_task is not None and not self._refresh_task.done()

    async def _refresh(self, context: AuthContext, refused: str | None) -> None:
        try:
            async with self._locked():
                await self._adopt_or_fetch(context, refused)
        except MauticError as error:
            seconds = _failure_ttl(error)
            self._last_failure = (error, context.clock.monotonic() + seconds)
            if refused is not None and seconds >= FAILURE_TTL:
                self._token = None  # the server refuses it, and there is no other
            raise

    @contextlib.asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        _refreshing.set(self)  # in the context of the task, whose children inherit it
        try:
            self.is_refreshing = True
            async with self._tokens.lock():
                yield
        finally:
            self.is_refreshing = False

    async def _adopt_or_fetch(self, context: AuthContext, refused: str | None) -> None:
        if self._unsaved is not None:  # fetched, but not stored yet: no request has used it
            await self._save_then_use(self._unsaved, context)
            return
        # Loaded after the lock was taken: meanwhile another process may have fetched a token.
        stored = await self._load()
        if stored is not None and self._is_newer(stored, refused, context):
            self._cache(stored, context.clock, stored.expires_at - context.clock.wall_time())
            return
        # The stored refresh token is the newest; the one in memory may be spent.
        current = stored if stored is not None or self._token is None else self._token.token
        await self._fetch(context, current)

    async def _load(self) -> Token | None:
        stored = await self._tokens.load()
        if stored is not None and stored.client_id not in {None, self._client.id}:
            raise ConfigurationError(
                f"the token store {self._tokens!r} holds a token of another client_id; give each credential its own"
            )
        return stored

    def _is_newer(self, stored: Token, refused: str | None, context: AuthContext) -> bool:
        """Return True if another process has stored a newer token that is still valid."""
        mine = self._token
        if stored.expires_at - context.clock.wall_time() <= MIN_LIFETIME or bearer(stored) == refused:
            return False
        return mine is None or stored.access != mine.token.access

    async def _fetch(self, context: AuthContext, current: Token | None) -> None:
        raise NotImplementedError

    async def _request_token(
        self, context: AuthContext, grant: str, **fields: Secret | str | None
    ) -> tuple[TokenResponse, float]:
        """Send a token request; send it once more after a lost response or a failure that may pass.

        Returns:
            The token response, and the time of the event loop at which it arrived.
        """
        sent = [self._client.secret, *(value for value in fields.values() if isinstance(value, Secret))]
        try:
            return parse_token_response(await self._post(context, grant, fields), *sent), context.clock.monotonic()
        except (TransportError, APIError) as error:
            pause = _retry_delay(error)
            if pause is None:
                raise
        await context.clock.sleep(pause + context.clock.uniform(0.1, 0.5))
        return parse_token_response(await self._post(context, grant, fields), *sent), context.clock.monotonic()

    async def _post(self, context: AuthContext, grant: str, fields: dict[str, Secret | str | None]) -> Response:
        return await context(self._client.request(grant, **fields))

    async def _accept(
        self, granted: TokenResponse, arrived: float, context: AuthContext, refresh: Secret | None = None
    ) -> None:
        age = context.clock.monotonic() - arrived
        token = Token(
            access=granted.access,
            refresh=granted.refresh or refresh,
            expires_at=int(context.clock.wall_time() - age + granted.lifetime),
            client_id=self._client.id,
        )
        # If saving fails, the next refresh tries again: the old refresh token is spent already.
        self._unsaved = token
        await self._save_then_use(token, context, lifetime=granted.lifetime - age)

    async def _save_then_use(self, token: Token, context: AuthContext, lifetime: float | None = None) -> None:
        """Save *token* in the store, then use it for requests; *lifetime* in seconds, None: until its `expires_at`."""
        before = context.clock.monotonic()
        await self._tokens.save(token)
        self._unsaved = None
        if lifetime is None:
            lifetime = token.expires_at - context.clock.wall_time()
        else:
            lifetime -= context.clock.monotonic() - before
        self._cache(token, context.clock, lifetime, fresh=True)

    def _cache(self, token: Token, clock: Clock, lifetime: float, *, fresh: bool = False) -> None:
        if self._jitter is None:
            self._jitter = clock.uniform(0.0, JITTER)
        soon, late = REFRESH_BEFORE_EXPIRY + self._jitter, MIN_LIFETIME
        if fresh:  # a short-lived token must not be refreshed as soon as it comes
            soon, late = min(soon, 0.2 * lifetime), min(late, 0.1 * lifetime)
        until = clock.monotonic() + lifetime
        self._token = _CachedToken(token, bearer(token), until, until - soon, until - late, is_adopted=not fresh)
        self._last_failure = None


def bearer(token: Token) -> AuthorizationHeader:
    """Return the Authorization header that uses *token*."""
    return AuthorizationHeader(f"Bearer {token.access.reveal}")


_RETRYABLE_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAX_RETRY_DELAY: Final = 5.0
_TRANSIENT_FAILURE_TTL: Final = 0.1
"""Seconds for which a failure that may pass is shared: with the requests that waited for the same refresh."""


class LoginRequired(ReauthorizationNeeded):
    """A credential without a login. Nothing was sent, so a login in another process counts at once."""


def _failure_ttl(error: MauticError) -> float:
    """Return the seconds for which a failed refresh is not tried again."""
    if isinstance(error, (ServerError, RateLimited)):
        return min(error.retry_after or _TRANSIENT_FAILURE_TTL, FAILURE_TTL)
    if isinstance(error, (APIError, ReauthorizationNeeded)) and not isinstance(error, LoginRequired):
        return FAILURE_TTL
    return _TRANSIENT_FAILURE_TTL


def _retry_delay(error: MauticError) -> float | None:
    """Return the seconds before a token request is sent once more, or None if that would not help or take too long."""
    if isinstance(error, TransportError):
        return 0.0
    if (
        not isinstance(error, APIError)
        or error.status not in _RETRYABLE_STATUSES
        or isinstance(error, AuthenticationError)
    ):
        return None
    pause = error.retry_after or 0.0
    return pause if pause <= _MAX_RETRY_DELAY else None


async def await_shared(task: asyncio.Task[None]) -> None:
    """Wait for *task*, which goes on if the caller is cancelled; each caller gets a copy of its error."""
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        # Either the caller was cancelled, or the refresh, by the end of the client.
        if task.cancelled() and not _caller_is_cancelled():
            raise TransportError("the client was closed while a token was refreshed", kind="closed") from None
        raise
    except MauticError as error:
        raise _copy_error(error) from error.__cause__


def _copy_error(error: MauticError) -> MauticError:
    """Return a copy of an error that several callers raise: each may add its own notes and traceback."""
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    copy.__cause__ = error.__cause__
    return copy


def _caller_is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
