"""The conditions of ``--where`` and the date of ``--since``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mautic_async import ConfigurationError, where

if TYPE_CHECKING:
    from mautic_async.where import Where

_CONDITION: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\s*(<=|>=|!=|=|<|>|~)\s*(.*)", re.DOTALL)
_COMPARISONS: Final = {
    "=": where.eq,
    "!=": where.neq,
    "<": where.lt,
    "<=": where.lte,
    ">": where.gt,
    ">=": where.gte,
    "~": where.like,
}


def parse_where(conditions: Iterable[str]) -> list[Where]:
    """Read conditions such as ``points>=10``, ``city=Berlin``, ``email~%@example.com``; ``city=`` is an empty city.

    Raises:
        ConfigurationError: One is none.
    """
    found = []
    for text in conditions:
        match = _CONDITION.fullmatch(text.strip())
        if match is None:
            raise ConfigurationError(f"--where {text!r}: write COLUMN=VALUE, with = != < <= > >= or ~ (like, with %)")
        column, sign, value = match.groups()
        if not value and sign in {"=", "!="}:
            found.append(where.is_empty(column) if sign == "=" else where.is_not_empty(column))
        else:
            found.append(_COMPARISONS[sign](column, value))
    return found


def parse_since(text: str) -> datetime | None:
    """Read an ISO 8601 date, or date and time; without a zone it is UTC. None for no text.

    Raises:
        ConfigurationError: It is none.
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"--since {text!r}: write 2026-01-31 or 2026-01-31T08:00:00Z") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
