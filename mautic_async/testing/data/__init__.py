"""Tables that Mautic brings along, as files: countries, file extensions and the like."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def lines(table: str) -> tuple[str, ...]:
    """Return the lines of ``TABLE.txt``."""
    return tuple((Path(__file__).parent / f"{table}.txt").read_text("utf-8").splitlines())


@cache
def names(table: str) -> frozenset[str]:
    """Return the lines of ``TABLE.txt`` as a set."""
    return frozenset(lines(table))


@cache
def table(name: str) -> Any:
    """Return the content of ``NAME.json``; it is shared, and must not be changed."""
    return json.loads((Path(__file__).parent / f"{name}.json").read_text("utf-8"))
