"""The OAuth 2 token in Redis, for processes on several machines."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, Self

from mautic_async.auth.token_store import LOCK_TIMEOUT, Token
from mautic_async.errors import ConfigurationError, Unavailable
from mautic_async.redis.connection import LEASE, Lease, RedisConnection, RedisUnreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from typing import TypeVar

    from redis.asyncio import Redis

    T = TypeVar("T")

PATIENCE: Final = 30.0


class RedisTokens:
    """A token store in Redis: processes on several machines share the token, and one of them renews it.

    A process that renews holds a lease, which it extends while it lives. When it dies, another process renews after
    *lease* seconds. A renewed token is in Redis before a request carries it. If the holder dies between Mautic's answer
    and the write, the refresh token is spent: only then is a new login needed, as with every store.

    The key holds the token as plain JSON: every client of that Redis can use the token. Give Redis a password, TLS
    (``rediss://``) and a persistence that survives a restart (``appendonly yes``); a token lost with Redis is a new
    login for `AuthorizationCode`, and one more token request for `ClientCredentials`.

    Args:
        redis: URL, or a client that the caller closes. A store made from a URL is closed by ``async with`` or `aclose`.
        name: Name of the token. Every Mautic and every credential needs a name of its own.
        patience: Seconds to wait for Redis before a call fails.
        lease: Seconds after which another process may renew in place of a dead one.

    Mautic: REST API, Authentication (OAuth 2).
    """

    def __init__(
        self, redis: str | Redis, *, name: str = "default", patience: float = PATIENCE, lease: float = LEASE
    ) -> None:
        self._connection = RedisConnection(redis, patience)
        self._name = name
        self._lease = lease
        self._key = f"mautic:{{{name}}}:token"

    def __repr__(self) -> str:
        return f"RedisTokens({str(self._connection)!r}, name={self._name!r})"

    async def load(self) -> Token | None:
        """Return the token as last saved, or None.

        Raises:
            ConfigurationError: The key holds something else.
            Unavailable: Redis is away, or refuses.
        """
        text = await self._run(lambda redis: redis.get(self._key))
        try:
            return None if text is None else Token.from_json(text)
        except ConfigurationError as error:
            raise ConfigurationError(f"{self._key} in Redis: {error}") from None

    async def save(self, token: Token) -> None:
        """Write *token*.

        Raises:
            Unavailable: Redis is away, or refuses; the credential keeps the token and saves it with the next call.
        """
        await self._run(lambda redis: redis.set(self._key, token.to_json()))

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Keep the other processes from renewing.

        Raises:
            Unavailable: Redis is away, or a living process has held the lease for 30 s.
        """
        lease = Lease(self._connection.client, f"{self._key}:lock", self._lease)
        try:
            if not await self._run(lambda _: lease.acquire(LOCK_TIMEOUT)):
                raise Unavailable(f"another process has held {self._key}:lock for {LOCK_TIMEOUT:.0f} s")
            yield
        finally:
            await lease.release()

    async def aclose(self) -> None:
        """Close the connections, if the store was made from a URL."""
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _run(self, operation: Callable[[Redis], Awaitable[T]]) -> T:
        try:
            return await self._connection.run(operation)
        except RedisUnreachable as error:
            raise Unavailable(f"no token: {error}") from error
