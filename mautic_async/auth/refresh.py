"""The one renewal of a token that any number of waiting requests share.

It runs as a flight of its own, so that no caller who leaves takes the new token along. It holds the store's lock,
adopts what somebody else has fetched meanwhile, and saves before anybody uses. A failure is shared too.
Mautic: REST API, Authentication (OAuth 2).
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
    """What a credential may use of the client: an unsigned request, time, and a task that outlives its caller."""

    clock: Clock

    async def __call__(self, request: Request) -> Response:
        """Send *request* to the site, unsigned; `TransportError` when no answer came."""
        ...

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run *work* as a flight: it ends by itself, not with the caller."""
        ...


class AuthorizationHeader(str):
    """A header's value whose repr is three stars, so that a traceback with locals stays clean."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """Refuse what is no text: `str` would make one of it."""
        if not isinstance(value, str):
            raise ConfigurationError(f"a credential's header() must give a text, not {type(value).__name__}")
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return "'***'"


REFRESH_BEFORE_EXPIRY: Final = 60.0
"""A token with less than this left (and a jitter) is renewed while it is still in use, in seconds."""
JITTER: Final = 30.0
"""By how much the processes of a fleet differ in what they call soon, in seconds."""
MIN_LIFETIME: Final = 5.0
"""A token with less than this left may expire on its way: the request waits for the renewal, in seconds."""
FAILURE_TTL: Final = 60.0
"""After a refused renewal nothing is asked again for so long, in seconds."""
_BACKGROUND_PAUSE: Final = 5.0
_MAX_FORCED_PER_MINUTE: Final = 10
"""Renewals that 401s may force within a minute: more of them mean that no token will do."""


@frozen
class _CachedToken:
    """The token in use.

    Attributes:
        expires_at: When it expires, on the loop's clock.
        refresh_at: From when on it is renewed in the background.
        block_at: From when on requests wait for the renewal.
    """

    token: Token
    header: AuthorizationHeader = field(repr=False)
    expires_at: float
    refresh_at: float
    block_at: float


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
    """What both OAuth 2 credentials share: one token, one renewal."""

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
        self.is_refreshing = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._client.id!r}, '***', tokens={self._tokens!r})"

    async def header(self, context: AuthContext) -> str:
        """The bearer token, renewed before it expires."""
        check_not_refreshing(self)
        now, held = context.clock.monotonic(), self._token
        if held is not None and now < held.refresh_at:
            return held.header
        if held is not None and now < held.block_at:
            self._refresh_in_background(context, now)
            return held.header
        await self._refresh_and_wait(context)
        return self._current_header()

    async def renew(self, refused: str, context: AuthContext) -> None:
        """Get another token than *refused*, unless there is one already."""
        check_not_refreshing(self)
        held = self._token
        if held is None:
            return
        if held.header != refused or (not self._is_refreshing() and not self._may_force(context.clock.monotonic())):
            return
        await self._refresh_and_wait(context, refused)

    def _current_header(self) -> AuthorizationHeader:
        if self._token is None:  # pragma: no cover - a renewal that succeeds holds a token
            raise ReauthorizationNeeded("there is no token")
        return self._token.header

    def _may_force(self, now: float) -> bool:
        self._forced_refreshes = [moment for moment in self._forced_refreshes if now - moment < 60.0][
            -_MAX_FORCED_PER_MINUTE:
        ]
        if len(self._forced_refreshes) >= _MAX_FORCED_PER_MINUTE:
            return False
        self._forced_refreshes.append(now)
        return True

    # -- the one renewal --

    def _refresh_in_background(self, context: AuthContext, now: float) -> None:
        if now >= self._next_background_refresh and (self._last_failure is None or now >= self._last_failure[1]):
            self._next_background_refresh = (
                now + _BACKGROUND_PAUSE
            )  # a token endpoint that is down is not asked by each request
            self._start_refresh(context, None)

    async def _refresh_and_wait(self, context: AuthContext, refused: str | None = None) -> None:
        if self._last_failure is not None:
            error, until = self._last_failure
            if context.clock.monotonic() < until:
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
                self._token = None  # the server does not take it, and there is no other: nobody need try it again
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
        if self._unsaved is not None:  # fetched, but the store failed: nobody has used it yet
            await self._save_then_use(self._unsaved, context)
            return
        stored = await self._load()
        if stored is not None and self._is_newer(stored, refused, context):
            self._cache(stored, context.clock, stored.expires_at - context.clock.wall_time())
            return
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
        """Whether *stored* is somebody else's newer token, good enough to be adopted."""
        mine = self._token
        if stored.expires_at - context.clock.wall_time() <= MIN_LIFETIME or bearer(stored) == refused:
            return False
        return mine is None or stored.access != mine.token.access

    async def _fetch(self, context: AuthContext, current: Token | None) -> None:
        raise NotImplementedError

    async def _request_token(
        self, context: AuthContext, grant: str, **fields: Secret | str | None
    ) -> tuple[TokenResponse, float]:
        """One token request, sent once more where no answer, or no final one, came.

        Returns:
            What was granted, and when its answer arrived on the loop's clock.
        """
        sent = [self._client.secret, *(value for value in fields.values() if isinstance(value, Secret))]
        try:
            return parse_token_response(
                await context(self._client.request(grant, **fields)), *sent
            ), context.clock.monotonic()
        except (TransportError, APIError) as error:
            pause = _retry_delay(error)
            if pause is None:
                raise
        await context.clock.sleep(pause + context.clock.uniform(0.1, 0.5))
        return parse_token_response(
            await context(self._client.request(grant, **fields)), *sent
        ), context.clock.monotonic()

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
        self._unsaved = token
        await self._save_then_use(token, context, lifetime=granted.lifetime - age)

    async def _save_then_use(self, token: Token, context: AuthContext, lifetime: float | None = None) -> None:
        """Save, then use."""
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
        if fresh:  # short-lived tokens must not be renewed as soon as they come
            soon, late = min(soon, 0.2 * lifetime), min(late, 0.1 * lifetime)
        until = clock.monotonic() + lifetime
        self._token = _CachedToken(token, bearer(token), until, until - soon, until - late)
        self._last_failure = None


# --- small steps ---------------------------------------------------------------------------------------------------


def bearer(token: Token) -> AuthorizationHeader:
    """What a request carries to use *token*."""
    return AuthorizationHeader(f"Bearer {token.access.reveal}")


_RETRYABLE_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAX_RETRY_DELAY: Final = 5.0
_TRANSIENT_FAILURE_TTL: Final = 0.1
"""A failure that may pass is shared with those who come on its heels: they were waiting too."""


class LoginRequired(ReauthorizationNeeded):
    """There has been no login; nothing was asked, so a login elsewhere counts at once."""


def _failure_ttl(error: MauticError) -> float:
    """Seconds for which a failed renewal is not tried again."""
    if isinstance(error, (ServerError, RateLimited)):
        return min(error.retry_after or _TRANSIENT_FAILURE_TTL, FAILURE_TTL)
    if isinstance(error, (APIError, ReauthorizationNeeded)) and not isinstance(error, LoginRequired):
        return FAILURE_TTL
    return _TRANSIENT_FAILURE_TTL


def _retry_delay(error: MauticError) -> float | None:
    """Seconds before a token request is sent once more; None where it would not help, or would take too long."""
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
    """Wait for *task* without taking it along when the caller is cancelled; everybody gets an error of their own."""
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        if task.cancelled() and not _caller_is_cancelled():
            raise TransportError("the client was closed while a token was renewed", kind="closed") from None
        raise
    except MauticError as error:
        raise _copy_error(error) from error.__cause__


def _copy_error(error: MauticError) -> MauticError:
    """A copy of an error that several waiters get: each may add its own notes and traceback."""
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    copy.__cause__ = error.__cause__
    return copy


def _caller_is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
