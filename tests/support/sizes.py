"""How much the long tests do.

By default they do a short part, so that all tests end within three minutes on two cores. `MAUTIC_ASYNC_TESTS=full` runs
them at full length; `.ci/run` sets it.
"""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("MAUTIC_ASYNC_TESTS") == "full"


def sized(short: T, full: T) -> T:
    """Return *full* where the tests run at full length, *short* otherwise."""
    return full if FULL else short
