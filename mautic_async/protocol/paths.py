"""Paths that cannot leave their place, and parameters as PHP reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote as percent
from urllib.parse import urlencode

from mautic_async.errors import ConfigurationError, quote
from mautic_async.protocol.call import Pairs

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,191}")
_TOO_LARGE: Final = 2**63
"""A database has no such ids, and Python does not write integers of thousands of digits."""


def id_of(value: object) -> int:
    """*value* as an id of Mautic.

    Raises:
        ConfigurationError: It is not a positive integer.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _TOO_LARGE:
        shown = "such a large number" if isinstance(value, int) and abs(value) >= _TOO_LARGE else quote(repr(value), 60)
        raise ConfigurationError(f"an id is a positive integer, not {shown}; 0 means that Mautic has given none yet")
    return value


def path(*parts: str | int) -> str:
    """Join *parts* to a path that cannot leave its place: ids as they are, all else quoted.

    Raises:
        ConfigurationError: A part is empty, or ``.`` or ``..``, or an id is not a positive integer.
    """
    return "/".join(str(id_of(part)) if not isinstance(part, str) else _segment(part) for part in parts)


def _segment(part: str) -> str:
    if _NAME.fullmatch(part):
        return part
    if part in {"", ".", ".."} or any(ord(char) < 32 or ord(char) == 127 for char in part):
        raise ConfigurationError(f"{quote(repr(part), 60)} cannot be part of a path")
    try:
        return percent(part, safe="")
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"{quote(repr(part), 60)} cannot be part of a path") from error


def pairs(query: Mapping[str, object]) -> Pairs:
    """Flatten *query* the way PHP reads it: ``{"where": [{"col": "id"}]}`` becomes ``where[0][col]=id``."""
    return tuple(_flat(query))


def _flat(query: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in query.items():
        name = f"{prefix}[{key}]" if prefix else str(key)
        yield from _flat_value(name, value)


def _flat_value(name: str, value: object) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        yield from _flat(value, name)
    elif isinstance(value, (list, tuple)):
        yield from _flat({str(index): item for index, item in enumerate(value)}, name)
    elif isinstance(value, bool):
        yield name, "1" if value else "0"
    else:
        yield name, str(value)


def query_string(query: Pairs) -> str:
    """*query* as it stands in a URL.

    Raises:
        ConfigurationError: A text in it is not Unicode: it holds half of a surrogate pair.
    """
    try:
        return urlencode(query, quote_via=percent) if query else ""
    except UnicodeEncodeError as error:
        raise ConfigurationError("a query parameter holds half of a surrogate pair, which no URL can") from error
