"""Rules of both connection pools for idle connections: the time to keep one, and the check before its reuse."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

KEEPALIVE_SECONDS: Final = 3.0
"""Seconds for which an idle connection is kept: Apache closes it after 5, and equal values lose requests."""


def is_readable(transport: asyncio.BaseTransport) -> bool:
    """Return True if the socket holds bytes, or an end, that the event loop has not read yet.

    A connection between two requests must be silent: what it holds would become the answer to the next request.
    """
    number = transport.get_extra_info("socket").fileno()
    if number < 0:
        return True
    if not hasattr(select, "poll"):  # pragma: no cover - Windows
        return bool(select.select([number], [], [], 0)[0])
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))
