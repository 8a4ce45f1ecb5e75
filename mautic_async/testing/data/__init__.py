"""Tables that Mautic brings along, as files: countries and the like."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def names(table: str) -> frozenset[str]:
    """Return the lines of ``TABLE.txt``."""
    return frozenset((Path(__file__).parent / f"{table}.txt").read_text("utf-8").splitlines())
