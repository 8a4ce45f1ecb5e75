"""Redis as the shared memory of several machines: the OAuth 2 token, the rate limit, and the journals of bulk jobs.

Needs the extra ``redis`` (redis-py's asyncio client)::

    from mautic_async.redis import RedisJournal, RedisRateLimitStore, RedisTokens

Each class takes a URL, or a `redis.asyncio.Redis` that the caller closes. A shared name that several processes use
must be written by processes of the same version of this library; a newer format is refused with an error.
"""

from __future__ import annotations

try:
    import redis.asyncio  # noqa: F401 - tells at once that the extra is missing
except ModuleNotFoundError as error:  # pragma: no cover - the tests run it in an environment without redis
    raise ModuleNotFoundError(
        "mautic_async.redis needs redis-py: pip install 'mautic-async[redis]'", name=error.name
    ) from None

from mautic_async.redis.journal import RedisJournal
from mautic_async.redis.rate_limit import RedisRateLimitStore
from mautic_async.redis.tokens import RedisTokens

__all__ = ["RedisJournal", "RedisRateLimitStore", "RedisTokens"]
