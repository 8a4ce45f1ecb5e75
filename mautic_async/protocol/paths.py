"""Paths below ``/api/``, quoted so that no value changes the route, and query parameters in PHP's form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote as percent
from urllib.parse import urlencode

from mautic_async.errors import ConfigurationError, sanitize
from mautic_async.protocol.call import QueryParams

_SAFE_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]{1,191}")
_ID_LIMIT: Final = 2**63
"""One above the largest id of a database."""


def validate_id(value: object) -> int:
    """Return *value* if it can be an id of Mautic.

    Raises:
        ConfigurationError: It is not a positive integer.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _ID_LIMIT:
        shown = (
            "such a large number" if isinstance(value, int) and abs(value) >= _ID_LIMIT else sanitize(repr(value), 60)
        )
        raise ConfigurationError(f"an id is a positive integer, not {shown}; 0 means that Mautic has given none yet")
    return value


def build_path(*parts: str | int) -> str:
    """Return the path of *parts*: ids as they are, texts quoted, so that no text adds a segment.

    Raises:
        ConfigurationError: A part is empty, or ``.`` or ``..``, or an id is not a positive integer.
    """
    return "/".join(str(validate_id(part)) if not isinstance(part, str) else _quote_segment(part) for part in parts)


def _quote_segment(part: str) -> str:
    if _SAFE_SEGMENT.fullmatch(part):
        return part
    # HTTP libraries resolve dot segments, so these would lead to another route.
    if part in {"", ".", ".."} or any(ord(char) < 32 or ord(char) == 127 for char in part):
        raise ConfigurationError(f"{sanitize(repr(part), 60)} cannot be part of a path")
    try:
        return percent(part, safe="")
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"{sanitize(repr(part), 60)} cannot be part of a path") from error


def encode_query(query: Mapping[str, object]) -> QueryParams:
    """Return *query* in the form that PHP reads: ``{"where": [{"col": "id"}]}`` becomes ``where[0][col]=id``."""
    return tuple(_flatten(query))


def _flatten(query: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in query.items():
        name = f"{prefix}[{key}]" if prefix else str(key)
        yield from _flatten_value(name, value)


def _flatten_value(name: str, value: object) -> Iterator[tuple[str, str]]:
    # A query has no null: PHP would read the text "None".
    if value is None:
        return
    if isinstance(value, Mapping):
        yield from _flatten(value, name)
    elif isinstance(value, (list, tuple)):
        yield from _flatten({str(index): item for index, item in enumerate(value)}, name)
    # PHP takes the text "false" for true.
    elif isinstance(value, bool):
        yield name, "1" if value else "0"
    else:
        yield name, str(value)


def query_string(query: QueryParams) -> str:
    """Return *query* percent-encoded for a URL.

    Raises:
        ConfigurationError: A text in it is not Unicode: it holds half of a surrogate pair.
    """
    try:
        return urlencode(query, quote_via=percent) if query else ""
    except UnicodeEncodeError as error:
        raise ConfigurationError(
            "a query parameter holds half of a surrogate pair, which a URL cannot: remove it"
        ) from error
