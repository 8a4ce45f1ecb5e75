"""Parsers of response headers. Any bytes give a value or None; none raises."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from attrs import frozen

from mautic_async.protocol.call import Response

MAX_WAIT: Final = 3660.0
"""Longest wait in seconds that is taken from a header: the window of the rate limit, an hour, and a minute."""


@frozen
class RateLimitHeaders:
    """The rate-limit headers of one response.

    Attributes:
        limit: Calls per window.
        remaining: Calls left in the window.
        reset: End of the window, in epoch seconds of the server's clock.
        date: The server's clock when it responded, in epoch seconds, or None.
    """

    limit: int
    remaining: int
    reset: int
    date: float | None = None


def parse_rate_limit(response: Response) -> RateLimitHeaders | None:
    """Return the rate-limit headers, or None if they are missing or invalid."""
    headers = response.headers
    values = [_parse_int(headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining", "reset")]
    limit, remaining, reset = values
    if limit is None or remaining is None or reset is None or limit <= 0:
        return None
    return RateLimitHeaders(limit, remaining, reset, parse_date(response))


def _parse_int(text: str | None) -> int | None:
    # `int` would also take signs, underscores and the digits of other scripts.
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) <= 12 else None


def parse_date(response: Response) -> float | None:
    """Return the ``Date`` header in epoch seconds, or None."""
    return _parse_http_date(response.headers.get("date"))


@lru_cache(maxsize=16)
def _parse_http_date(text: str | None) -> float | None:
    """Return an HTTP date in epoch seconds. Cached, since all responses of a second have the same."""
    if not text or len(text) > 40:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def parse_retry_after(response: Response) -> float | None:
    """Return the seconds of ``Retry-After``, a number or a date compared with ``Date``; None if there are none."""
    text = response.headers.get("retry-after")
    seconds = _parse_int(text)
    if seconds is not None:
        return min(float(seconds), MAX_WAIT)
    # Both dates are by the server's clock; the local one may differ by minutes.
    retry_at, now = _parse_http_date(text), parse_date(response)
    return None if retry_at is None or now is None else min(max(0.0, retry_at - now), MAX_WAIT)


_VERSION: Final = re.compile(r"[0-9A-Za-z.+-]{1,40}")


def parse_version(response: Response) -> str | None:
    """Return the ``Mautic-Version`` of a response, or None; many responses have none."""
    version = response.headers.get("mautic-version", "")
    return version if _VERSION.fullmatch(version) else None
