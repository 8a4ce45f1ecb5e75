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

from mautic_async.auth.token_endpoint import Client, Granted, read_grant
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
    from mautic_async.protocol import Answer, Request

T = TypeVar("T")


class Exchange(Protocol):
    """What a credential may use of the client: an unsigned request, time, and a task that outlives its caller."""

    clock: Clock

    async def __call__(self, request: Request) -> Answer:
        """Send *request* to the site, unsigned; `TransportError` when no answer came."""
        ...

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run *work* as a flight: it ends by itself, not with the caller."""
        ...


class Header(str):
    """A header's value whose repr is three stars, so that a traceback with locals stays clean."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """Refuse what is no text: `str` would make one of it."""
        if not isinstance(value, str):
            raise ConfigurationError(f"a credential's header() must give a text, not {type(value).__name__}")
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return "'***'"


SOON: Final = 60.0
"""A token with less than this left (and a jitter) is renewed while it is still in use, in seconds."""
JITTER: Final = 30.0
"""By how much the processes of a fleet differ in what they call soon, in seconds."""
LATE: Final = 5.0
"""A token with less than this left may expire on its way: the request waits for the renewal, in seconds."""
FAIL_FAST: Final = 60.0
"""After a refused renewal nothing is asked again for so long, in seconds."""
_BACKGROUND_PAUSE: Final = 5.0
_FORCED: Final = 10
"""Renewals that 401s may force within a minute: more of them mean that no token will do."""


@frozen
class _Held:
    """The token in use.

    Attributes:
        until: When it expires, on the loop's clock.
        soon: From when on it is renewed in the background.
        late: From when on requests wait for the renewal.
    """

    token: Token
    header: Header = field(repr=False)
    until: float
    soon: float
    late: float


_refreshing: ContextVar[object | None] = ContextVar("mautic_async_refreshing", default=None)
"""The credential whose refresh the running code is part of, such as a token store that is loading a token."""


def check_not_refreshing(credential: object) -> None:
    """Refuse a call that the token store of *credential* makes during a refresh: the call would wait for the refresh.

    Raises:
        ConfigurationError: The running code is part of a refresh of *credential*.
    """
    if _refreshing.get() is credential and getattr(credential, "is_refreshing", False):
        raise ConfigurationError("the token store uses the client that it keeps the token for; give it another client")


class Renewing:
    """What both OAuth 2 credentials share: one token, one renewal."""

    shared_bucket: Final = False

    def __init__(self, client_id: str, client_secret: str, tokens: TokenStore | None) -> None:
        self._client = Client(client_id, Secret(client_secret))
        self._tokens: TokenStore = MemoryTokens() if tokens is None else tokens
        self._held: _Held | None = None
        self._unsaved: Token | None = None
        self._flight: asyncio.Task[None] | None = None
        self._failure: tuple[MauticError, float] | None = None
        self._quiet_until = -math.inf
        self._forced: list[float] = []
        self._jitter: float | None = None
        self.is_refreshing = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._client.id!r}, '***', tokens={self._tokens!r})"

    async def header(self, exchange: Exchange) -> str:
        """The bearer token, renewed before it expires."""
        check_not_refreshing(self)
        now, held = exchange.clock.time(), self._held
        if held is not None and now < held.soon:
            return held.header
        if held is not None and now < held.late:
            self._renew_early(exchange, now)
            return held.header
        await self._renewed(exchange)
        return self._in_use()

    async def renew(self, refused: str, exchange: Exchange) -> None:
        """Get another token than *refused*, unless there is one already."""
        check_not_refreshing(self)
        held = self._held
        if held is None:
            return
        if held.header != refused or (not self._under_way() and not self._may_force(exchange.clock.time())):
            return
        await self._renewed(exchange, refused)

    def _in_use(self) -> Header:
        if self._held is None:  # pragma: no cover - a renewal that succeeds holds a token
            raise ReauthorizationNeeded("there is no token")
        return self._held.header

    def _may_force(self, now: float) -> bool:
        self._forced = [moment for moment in self._forced if now - moment < 60.0][-_FORCED:]
        if len(self._forced) >= _FORCED:
            return False
        self._forced.append(now)
        return True

    # -- the one renewal --

    def _renew_early(self, exchange: Exchange, now: float) -> None:
        if now >= self._quiet_until and (self._failure is None or now >= self._failure[1]):
            self._quiet_until = now + _BACKGROUND_PAUSE  # a token endpoint that is down is not asked by each request
            self._begin(exchange, None)

    async def _renewed(self, exchange: Exchange, refused: str | None = None) -> None:
        if self._failure is not None:
            error, until = self._failure
            if exchange.clock.time() < until:
                raise _twin(error)
            self._failure = None
        flight = self._begin(exchange, refused)
        await landed(flight)

    def _begin(self, exchange: Exchange, refused: str | None) -> asyncio.Task[None]:
        if self._flight is None or not self._under_way():
            self._flight = exchange.start(self._renewal(exchange, refused))
        return self._flight

    def _under_way(self) -> bool:
        return self._flight is not None and not self._flight.done()

    async def _renewal(self, exchange: Exchange, refused: str | None) -> None:
        try:
            async with self._alone():
                await self._replace(exchange, refused)
        except MauticError as error:
            seconds = _remembered(error)
            self._failure = (error, exchange.clock.time() + seconds)
            if refused is not None and seconds >= FAIL_FAST:
                self._held = None  # the server does not take it, and there is no other: nobody need try it again
            raise

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        _refreshing.set(self)  # in the context of the task, whose children inherit it
        try:
            self.is_refreshing = True
            async with self._tokens.lock():
                yield
        finally:
            self.is_refreshing = False

    async def _replace(self, exchange: Exchange, refused: str | None) -> None:
        if self._unsaved is not None:  # fetched, but the store failed: nobody has used it yet
            await self._keep(self._unsaved, exchange)
            return
        stored = await self._load()
        if stored is not None and self._is_news(stored, refused, exchange):
            self._hold(stored, exchange.clock, stored.expires_at - exchange.clock.wall())
            return
        current = stored if stored is not None or self._held is None else self._held.token
        await self._fetch(exchange, current)

    async def _load(self) -> Token | None:
        stored = await self._tokens.load()
        if stored is not None and stored.client_id not in {None, self._client.id}:
            raise ConfigurationError(
                f"the token store {self._tokens!r} holds a token of another client_id; give each credential its own"
            )
        return stored

    def _is_news(self, stored: Token, refused: str | None, exchange: Exchange) -> bool:
        """Whether *stored* is somebody else's newer token, good enough to be adopted."""
        mine = self._held
        if stored.expires_at - exchange.clock.wall() <= LATE or bearer(stored) == refused:
            return False
        return mine is None or stored.access != mine.token.access

    async def _fetch(self, exchange: Exchange, current: Token | None) -> None:
        raise NotImplementedError

    async def _ask(self, exchange: Exchange, grant: str, **fields: Secret | str | None) -> tuple[Granted, float]:
        """One token request, sent once more where no answer, or no final one, came.

        Returns:
            What was granted, and when its answer arrived on the loop's clock.
        """
        sent = [self._client.secret, *(value for value in fields.values() if isinstance(value, Secret))]
        try:
            return read_grant(await exchange(self._client.request(grant, **fields)), *sent), exchange.clock.time()
        except (TransportError, APIError) as error:
            pause = _pause_before_again(error)
            if pause is None:
                raise
        await exchange.clock.sleep(pause + exchange.clock.uniform(0.1, 0.5))
        return read_grant(await exchange(self._client.request(grant, **fields)), *sent), exchange.clock.time()

    async def _take(self, granted: Granted, arrived: float, exchange: Exchange, refresh: Secret | None = None) -> None:
        age = exchange.clock.time() - arrived
        token = Token(
            access=granted.access,
            refresh=granted.refresh or refresh,
            expires_at=int(exchange.clock.wall() - age + granted.lifetime),
            client_id=self._client.id,
        )
        self._unsaved = token
        await self._keep(token, exchange, lifetime=granted.lifetime - age)

    async def _keep(self, token: Token, exchange: Exchange, lifetime: float | None = None) -> None:
        """Save, then use."""
        before = exchange.clock.time()
        await self._tokens.save(token)
        self._unsaved = None
        if lifetime is None:
            lifetime = token.expires_at - exchange.clock.wall()
        else:
            lifetime -= exchange.clock.time() - before
        self._hold(token, exchange.clock, lifetime, fresh=True)

    def _hold(self, token: Token, clock: Clock, lifetime: float, *, fresh: bool = False) -> None:
        if self._jitter is None:
            self._jitter = clock.uniform(0.0, JITTER)
        soon, late = SOON + self._jitter, LATE
        if fresh:  # short-lived tokens must not be renewed as soon as they come
            soon, late = min(soon, 0.2 * lifetime), min(late, 0.1 * lifetime)
        until = clock.time() + lifetime
        self._held = _Held(token, bearer(token), until, until - soon, until - late)
        self._failure = None


# --- small steps ---------------------------------------------------------------------------------------------------


def bearer(token: Token) -> Header:
    """What a request carries to use *token*."""
    return Header(f"Bearer {token.access.reveal}")


_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE: Final = 5.0
_QUEUED: Final = 0.1
"""A failure that may pass is shared with those who come on its heels: they were waiting too."""


class NobodyYet(ReauthorizationNeeded):
    """There has been no login; nothing was asked, so a login elsewhere counts at once."""


def _remembered(error: MauticError) -> float:
    """Seconds for which a failed renewal is not tried again."""
    if isinstance(error, (ServerError, RateLimited)):
        return min(error.retry_after or _QUEUED, FAIL_FAST)
    if isinstance(error, (APIError, ReauthorizationNeeded)) and not isinstance(error, NobodyYet):
        return FAIL_FAST
    return _QUEUED


def _pause_before_again(error: MauticError) -> float | None:
    """Seconds before a token request is sent once more; None where it would not help, or would take too long."""
    if isinstance(error, TransportError):
        return 0.0
    if not isinstance(error, APIError) or error.status not in _AGAIN or isinstance(error, AuthenticationError):
        return None
    pause = error.retry_after or 0.0
    return pause if pause <= _LONGEST_PAUSE else None


async def landed(flight: asyncio.Task[None]) -> None:
    """Wait for *flight* without taking it along when the caller is cancelled; everybody gets an error of their own."""
    try:
        await asyncio.shield(flight)
    except asyncio.CancelledError:
        if flight.cancelled() and not _cancelling():
            raise TransportError("the client was closed while a token was renewed", event="closed") from None
        raise
    except MauticError as error:
        raise _twin(error) from error.__cause__


def _twin(error: MauticError) -> MauticError:
    """A copy of an error that several waiters get: each may add its own notes and traceback."""
    twin = type(error).__new__(type(error), *error.args)
    twin.__dict__.update(error.__dict__)
    twin.__cause__ = error.__cause__
    return twin


def _cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
