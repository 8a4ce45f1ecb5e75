"""Lists: ``where``, ``order``, ``search``, ``start`` and ``limit``, with what the database makes of each."""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from mautic_async.testing import php
from mautic_async.testing.replies import Crash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mautic_async.testing.store import Row

Column: TypeAlias = "Callable[[Row], Any]"
Test: TypeAlias = "Callable[[Row], bool]"

_NAME = re.compile(r"[^A-Za-z0-9_.]")
_NUMERIC = (int, float)


def column_name(raw: Any) -> str:
    """A column name without what the server strips from it."""
    return _NAME.sub("", php.text(raw))


def as_number(value: Any) -> float:
    """A value where the database wants a number."""
    if isinstance(value, str):
        match = re.match(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value)
        return float(match[0]) if match else 0.0
    return float(value)


def compare(stored: Any, given: Any) -> int | None:
    """-1, 0 or 1 as the database orders them; None when either is NULL."""
    if stored is None or given is None:
        return None
    left: Any
    right: Any
    if isinstance(stored, _NUMERIC) or (isinstance(given, _NUMERIC) and not isinstance(given, bool)):
        left, right = as_number(stored), as_number(given)
    else:
        left, right = php.collate(php.text(stored)), php.collate(php.text(given))
    return int(left > right) - int(left < right)


@lru_cache(maxsize=512)
def _pattern(like: str) -> re.Pattern[str]:
    parts = re.split(r"(\\.|%|_)", php.collate(like) if like.rstrip() == like else php.collate(like) + " ")
    made = {"%": ".*", "_": "."}
    text = "".join(made.get(p, re.escape(p[1:] if len(p) == 2 and p[0] == "\\" else p)) for p in parts)
    return re.compile(text, re.DOTALL)


def like(stored: Any, pattern: str) -> bool:
    """SQL's LIKE under a collation without case and accents."""
    if stored is None:
        return False
    return _pattern(pattern).fullmatch(php.collate(php.text(stored))) is not None


_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "eq": lambda c: c == 0,
    "neq": lambda c: c != 0,
    "lt": lambda c: c < 0,
    "lte": lambda c: c <= 0,
    "gt": lambda c: c > 0,
    "gte": lambda c: c >= 0,
}


def condition(clause: Any, column: Callable[[str], Column]) -> Test | None:
    """One ``where`` clause as a test of a row; None for one the server ignores.

    Args:
        clause: ``{col, expr, val}``.
        column: Gives the reader of a column, or raises `Crash` for an unknown one.
    """
    if not isinstance(clause, dict):
        raise Crash
    if php.truthy(clause.get("internal")):
        return None
    expr = clause.get("expr")
    value = clause.get("val", clause.get("value"))
    if not isinstance(expr, str):
        raise Crash
    if expr in ("andX", "orX"):
        return _joined(expr, value, column)
    name = clause.get("col", clause.get("column"))
    if name is None:
        raise Crash
    read = column(column_name(name))
    if expr in _COMPARISONS:
        return _compared(read, _COMPARISONS[expr], value)
    return _SPECIAL[expr](read, value) if expr in _SPECIAL else None


def _compared(read: Column, holds: Callable[[int], bool], value: Any) -> Test:
    if isinstance(value, (list, dict)):
        raise Crash

    def test(row: Row) -> bool:
        order = compare(read(row), value)
        return order is not None and holds(order)

    return test


def _joined(expr: str, value: Any, column: Callable[[str], Column]) -> Test | None:
    tests = [test for one in php.values(value) if (test := condition(one, column)) is not None]
    if not tests:
        return None
    quantify = any if expr == "orX" else all
    return lambda row: quantify(test(row) for test in tests)


def _in(read: Column, value: Any, *, negate: bool) -> Test:
    if isinstance(value, (list, dict)):
        raise Crash
    text = php.text(value)
    options = next(csv.reader([text]), []) if text else [""]

    texts = {php.collate(option) for option in options}
    numbers = {as_number(option) for option in options}

    def test(row: Row) -> bool:
        stored = read(row)
        if stored is None:
            return False
        found = as_number(stored) in numbers if isinstance(stored, _NUMERIC) else php.collate(php.text(stored)) in texts
        return found is not negate

    return test


def _like(read: Column, value: Any, *, negate: bool) -> Test:
    pattern = php.text(value)
    return lambda row: read(row) is not None and like(read(row), pattern) is not negate


def _between(read: Column, value: Any, *, negate: bool) -> Test | None:
    bounds = php.values(value)
    if len(bounds) != 2:
        return None

    def test(row: Row) -> bool:
        low, high = compare(read(row), bounds[0]), compare(read(row), bounds[1])
        return low is not None and high is not None and (low >= 0 >= high) is not negate

    return test


_SPECIAL: dict[str, Callable[[Column, Any], Test | None]] = {
    "like": lambda read, value: _like(read, value, negate=False),
    "notLike": lambda read, value: _like(read, value, negate=True),
    "in": lambda read, value: _in(read, value, negate=False),
    "notIn": lambda read, value: _in(read, value, negate=True),
    "between": lambda read, value: _between(read, value, negate=False),
    "notBetween": lambda read, value: _between(read, value, negate=True),
    "isNull": lambda read, _: lambda row: read(row) is None,
    "isNotNull": lambda read, _: lambda row: read(row) is not None,
    "isEmpty": lambda read, _: lambda row: read(row) in (None, ""),
    "isNotEmpty": lambda read, _: lambda row: read(row) not in (None, ""),
}


def where(raw: Any, column: Callable[[str], Column]) -> list[Test]:
    """All clauses of ``where[]``; a row must pass each."""
    return [test for clause in php.values(raw) if (test := condition(clause, column)) is not None]


def window(query: dict[str, Any], default: int = 30) -> slice:
    """``start`` and ``limit``: 0 or an empty limit means everything, from the beginning."""
    limit, start = query.get("limit", default), query.get("start", 0)
    if limit in ("", "0", 0):
        return slice(None)
    if not php.numeric(limit) or php.integer(limit) < 0 or not php.numeric(start or 0) or php.integer(start) < 0:
        raise Crash
    return slice(php.integer(start), php.integer(start) + php.integer(limit))


def sort(rows: Iterable[Row], keys: list[tuple[Column, bool]]) -> list[Row]:
    """Rows by several columns.

    Args:
        rows: To be sorted; the order of equals is kept.
        keys: Readers, and whether each runs downwards. NULL comes first upwards.
    """
    made = list(rows)
    for read, down in reversed(keys):
        made.sort(key=lambda row, read=read: _rank(read(row)), reverse=down)  # type: ignore[misc]
    return made


def _rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    if isinstance(value, _NUMERIC):
        return (1, float(value))
    return (2, php.collate(php.text(value)))


def order(
    query: dict[str, Any], default: tuple[str, ...], column: Callable[[str], Column]
) -> list[tuple[Column, bool]]:
    """The sort keys of a list request.

    Args:
        query: ``order[]``, or ``orderBy`` and ``orderByDir``.
        default: Columns when neither is sent; ``-name`` runs downwards.
        column: As for `condition`.
    """
    if query.get("order"):
        keys = []
        for one in php.values(query["order"]):
            if not isinstance(one, dict) or "col" not in one:
                raise Crash
            keys.append((column(column_name(one["col"])), _down(one.get("dir", "ASC"))))
        return keys
    if query.get("orderBy"):
        down = _down(query.get("orderByDir") or "ASC")
        return [(column(column_name(name)), down) for name in php.text(query["orderBy"]).split(",")]
    return [(column(name.lstrip("-")), name.startswith("-")) for name in default]


def _down(word: Any) -> bool:
    if php.text(word).upper() not in ("ASC", "DESC"):
        raise Crash
    return php.text(word).upper() == "DESC"
