"""Lists: ``parse_where``, ``sort_keys``, ``search``, ``start`` and ``limit``, with what the database makes of each."""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from mautic_async.testing import php
from mautic_async.testing.replies import UnhandledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mautic_async.testing.store import Row

ColumnReader: TypeAlias = "Callable[[Row], Any]"
Predicate: TypeAlias = "Callable[[Row], bool]"

_NAME = re.compile(r"[^A-Za-z0-9_.]")
_NUMERIC = (int, float)


def column_name(raw: Any) -> str:
    """Return a column name without what the server strips from it."""
    return _NAME.sub("", php.to_string(raw))


def as_number(value: Any) -> float:
    """Return a value where the database wants a number."""
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
        left, right = php.collate(php.to_string(stored)), php.collate(php.to_string(given))
    return int(left > right) - int(left < right)


@lru_cache(maxsize=512)
def _pattern(like: str) -> re.Pattern[str]:
    parts = re.split(r"(\\.|%|_)", php.collate(like) if like.rstrip() == like else php.collate(like) + " ")
    pattern = {"%": ".*", "_": "."}
    text = "".join(pattern.get(p, re.escape(p[1:] if len(p) == 2 and p[0] == "\\" else p)) for p in parts)
    return re.compile(text, re.DOTALL)


def like(stored: Any, pattern: str) -> bool:
    """Apply SQL's LIKE under a collation without case and accents."""
    if stored is None:
        return False
    return _pattern(pattern).fullmatch(php.collate(php.to_string(stored))) is not None


_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "eq": lambda c: c == 0,
    "neq": lambda c: c != 0,
    "lt": lambda c: c < 0,
    "lte": lambda c: c <= 0,
    "gt": lambda c: c > 0,
    "gte": lambda c: c >= 0,
}


def parse_condition(clause: Any, column: Callable[[str], ColumnReader]) -> Predicate | None:
    """Return one ``parse_where`` clause as a test of a row, or None if the server ignores it.

    Args:
        clause: ``{col, expr, val}``.
        column: Gives the reader of a column, or raises `UnhandledError` for an unknown one.
    """
    if not isinstance(clause, dict):
        raise UnhandledError
    if php.is_truthy(clause.get("internal")):
        return None
    expr = clause.get("expr")
    value = clause.get("val", clause.get("value"))
    if not isinstance(expr, str):
        raise UnhandledError
    if expr in ("andX", "orX"):
        return _any_or_all(expr, value, column)
    name = clause.get("col", clause.get("column"))
    if name is None:
        raise UnhandledError
    reader = column(column_name(name))
    if expr in _COMPARISONS:
        return _comparison(reader, _COMPARISONS[expr], value)
    return _SPECIAL[expr](reader, value) if expr in _SPECIAL else None


def _comparison(reader: ColumnReader, holds: Callable[[int], bool], value: Any) -> Predicate:
    if isinstance(value, (list, dict)):
        raise UnhandledError

    def test(row: Row) -> bool:
        order = compare(reader(row), value)
        return order is not None and holds(order)

    return test


def _any_or_all(expr: str, value: Any, column: Callable[[str], ColumnReader]) -> Predicate | None:
    tests = [test for one in php.array_values(value) if (test := parse_condition(one, column)) is not None]
    if not tests:
        return None
    quantify = any if expr == "orX" else all
    return lambda row: quantify(test(row) for test in tests)


def _in_list(reader: ColumnReader, value: Any, *, negate: bool) -> Predicate:
    if isinstance(value, (list, dict)):
        raise UnhandledError
    text = php.to_string(value)
    options = next(csv.reader([text]), []) if text else [""]

    texts = {php.collate(option) for option in options}
    numbers = {as_number(option) for option in options}

    def test(row: Row) -> bool:
        stored = reader(row)
        if stored is None:
            return False
        found = (
            as_number(stored) in numbers
            if isinstance(stored, _NUMERIC)
            else php.collate(php.to_string(stored)) in texts
        )
        return found is not negate

    return test


def _like(reader: ColumnReader, value: Any, *, negate: bool) -> Predicate:
    pattern = php.to_string(value)
    return lambda row: reader(row) is not None and like(reader(row), pattern) is not negate


def _between(reader: ColumnReader, value: Any, *, negate: bool) -> Predicate | None:
    bounds = php.array_values(value)
    if len(bounds) != 2:
        return None

    def test(row: Row) -> bool:
        low, high = compare(reader(row), bounds[0]), compare(reader(row), bounds[1])
        return low is not None and high is not None and (low >= 0 >= high) is not negate

    return test


_SPECIAL: dict[str, Callable[[ColumnReader, Any], Predicate | None]] = {
    "like": lambda read, value: _like(read, value, negate=False),
    "notLike": lambda read, value: _like(read, value, negate=True),
    "in": lambda read, value: _in_list(read, value, negate=False),
    "notIn": lambda read, value: _in_list(read, value, negate=True),
    "between": lambda read, value: _between(read, value, negate=False),
    "notBetween": lambda read, value: _between(read, value, negate=True),
    "isNull": lambda read, _: lambda row: read(row) is None,
    "isNotNull": lambda read, _: lambda row: read(row) is not None,
    "isEmpty": lambda read, _: lambda row: read(row) in (None, ""),
    "isNotEmpty": lambda read, _: lambda row: read(row) not in (None, ""),
}


def parse_where(raw: Any, column: Callable[[str], ColumnReader]) -> list[Predicate]:
    """Return the tests of all clauses of ``where[]``; a row must pass each."""
    return [test for clause in php.array_values(raw) if (test := parse_condition(clause, column)) is not None]


def slice_of(query: dict[str, Any], default: int = 30) -> slice:
    """``start`` and ``limit``: 0 or an empty limit means everything, from the beginning."""
    limit, start = query.get("limit", default), query.get("start", 0)
    if limit in ("", "0", 0):
        return slice(None)
    if not php.is_numeric(limit) or php.to_int(limit) < 0 or not php.is_numeric(start or 0) or php.to_int(start) < 0:
        raise UnhandledError
    return slice(php.to_int(start), php.to_int(start) + php.to_int(limit))


def sort(rows: Iterable[Row], keys: list[tuple[ColumnReader, bool]]) -> list[Row]:
    """Sort rows by several columns.

    Args:
        rows: To be sorted; the order of equals is kept.
        keys: Readers, and whether each runs downwards. NULL comes first upwards.
    """
    result = list(rows)
    for reader, descending in reversed(keys):
        result.sort(key=lambda row, reader=reader: _rank(reader(row)), reverse=descending)  # type: ignore[misc]
    return result


def _rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    if isinstance(value, _NUMERIC):
        return (1, float(value))
    return (2, php.collate(php.to_string(value)))


def sort_keys(
    query: dict[str, Any], default: tuple[str, ...], column: Callable[[str], ColumnReader]
) -> list[tuple[ColumnReader, bool]]:
    """Return the sort keys of a list request.

    Args:
        query: ``order[]``, or ``orderBy`` and ``orderByDir``.
        default: Columns when neither is sent; ``-name`` runs downwards.
        column: As for `parse_condition`.
    """
    if query.get("order"):
        keys = []
        for clause in php.array_values(query["order"]):
            if not isinstance(clause, dict) or "col" not in clause:
                raise UnhandledError
            keys.append((column(column_name(clause["col"])), _descending(clause.get("dir", "ASC"))))
        return keys
    if query.get("orderBy"):
        descending = _descending(query.get("orderByDir") or "ASC")
        return [(column(column_name(name)), descending) for name in php.to_string(query["orderBy"]).split(",")]
    return [(column(name.lstrip("-")), name.startswith("-")) for name in default]


def _descending(word: Any) -> bool:
    if php.to_string(word).upper() not in ("ASC", "DESC"):
        raise UnhandledError
    return php.to_string(word).upper() == "DESC"
