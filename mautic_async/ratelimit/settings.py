"""The user's settings of the rate limiter. Mautic: REST API, Rate limiter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeAlias

from attrs import frozen

from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from mautic_async.ratelimit.store import RateLimitStore

Pace: TypeAlias = Literal["auto", "fast", "spread"]

_MAX_CONCURRENCY: Final = 1000


@frozen(kw_only=True)
class Limits:
    """The load that the client may put on the server.

    Attributes:
        concurrency: Requests in flight at once. More than the server has cores only adds latency.
        patience: Seconds that a call waits for the rate limit before `RateLimited` is raised; None: a minute for
            interactive calls, without end for bulk jobs.
        pace: The pace of background work. ``"fast"`` uses the calls of a window at once and then waits for the next
            window. ``"spread"`` spreads them evenly over the window. ``"auto"`` is fast with OAuth 2, where each token
            has a rate limit of its own, and spread with Basic authentication, where all users of the site share one.
        reserve: Calls per window that bulk jobs leave to interactive calls; None: a tenth of what an even pace would
            use in the rest of the window, which shrinks to nothing towards its end.
        store: Shares the rate limit with other processes that use the same token, or Basic authentication on the same
            site: a `FileRateLimitStore`, or any `RateLimitStore`. None: this process learns of calls of other
            processes from the responses to its own.

    Raises:
        ConfigurationError: A value is out of range.

    Mautic: REST API, Rate limiter.
    """

    concurrency: int = 8
    patience: float | None = None
    pace: Pace = "auto"
    reserve: int | None = None
    store: RateLimitStore | None = None

    def __attrs_post_init__(self) -> None:
        """Raise ConfigurationError for a value out of range."""
        if not _is_count(self.concurrency) or not 1 <= self.concurrency <= _MAX_CONCURRENCY:
            _refuse("concurrency", f"a number from 1 to {_MAX_CONCURRENCY}", self.concurrency)
        if self.patience is not None and not _is_duration(self.patience):
            _refuse("patience", "seconds, 0 or more, or None", self.patience)
        if self.pace not in {"auto", "fast", "spread"}:
            _refuse("pace", '"auto", "fast" or "spread"', self.pace)
        if self.reserve is not None and (not _is_count(self.reserve) or self.reserve < 0):
            _refuse("reserve", "a number of calls, or None", self.reserve)
        if self.store is not None and not all(
            callable(getattr(self.store, name, None)) for name in ("acquire", "observe")
        ):
            _refuse("store", "a FileRateLimitStore or another RateLimitStore, or None", self.store)

    def max_wait(self, *, background: bool) -> float:
        """Return the seconds that a call waits for the rate limit; infinity means without end."""
        if self.patience is not None:
            return float(self.patience)
        return math.inf if background else 60.0


def _refuse(name: str, expected: str, value: object) -> NoReturn:
    raise ConfigurationError(f"Limits: {name} must be {expected}, not {value!r}")


def _is_count(value: object) -> bool:
    # True is an int, and would pass as 1.
    return isinstance(value, int) and not isinstance(value, bool)


def _is_duration(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0  # NaN is not
