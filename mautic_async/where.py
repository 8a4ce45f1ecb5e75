"""Conditions for `list` and `iterate`, checked before they are sent, because Mautic ignores what it does not know.

    from mautic_async import where
    where.any_of(where.gt("points", 10), where.in_("id", [1, 2, 3]))

Columns are named as for ``order_by``: by property (``dateAdded``), but for contacts and companies as in the database
(``date_added``), with the aliases of fields. A column that is nearly the name of one is refused with the right name.

A condition replaces the filters that Mautic applies by itself: ``published`` (which `list` therefore turns into a
condition), the hidden variants of e-mails and pages, and the restriction of a limited user to entities of that user.

Mautic: REST API, Advanced filters (where).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias
from urllib.parse import quote as percent

from attrs import field, frozen

from mautic_async.errors import ConfigurationError, sanitize

Value: TypeAlias = str | int | float | bool | date | datetime

_COLUMN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
COMPARISONS: Final = frozenset({"eq", "neq", "lt", "lte", "gt", "gte", "like", "notLike"})
LISTS: Final = frozenset({"in", "notIn"})
RANGES: Final = frozenset({"between", "notBetween"})
STATES: Final = frozenset({"isNull", "isNotNull", "isEmpty", "isNotEmpty"})
GROUPS: Final = frozenset({"andX", "orX"})

MAX_URL_BYTES: Final = 6_000
"""Bytes of values in one condition: servers refuse an address line of 8,000."""


@frozen
class Where:
    """One condition, or a group of them; build it with the functions of this module."""

    expression: str
    column: str = ""
    value: Any = field(default=None, repr=False)
    clauses: tuple[Where, ...] = field(default=())

    def parameters(self) -> dict[str, object]:
        """Return the condition as Mautic's nested query parameters."""
        if self.clauses:
            return {"expr": self.expression, "val": [clause.parameters() for clause in self.clauses]}
        found: dict[str, object] = {"col": self.column, "expr": self.expression}
        if self.value is not None:
            found["val"] = self.value
        return found


def validate_column(name: object) -> str:
    """Return *name*, which must be the name of a column, perhaps with that of its table.

    Raises:
        ConfigurationError: It is none; Mautic would strip characters from it and use another column.
    """
    if not isinstance(name, str) or not _COLUMN.fullmatch(name):
        raise ConfigurationError(f"{sanitize(repr(name), 60)} is not a column's name")
    return name


def _condition(expression: str, column: str, value: object = None) -> Where:
    return Where(expression, validate_column(column), value)


def _to_scalar(value: Value) -> str | int | float:
    # PHP would take the text "False" for true.
    if isinstance(value, bool):
        return int(value)
    # Before date, of which datetime is a subclass.
    if isinstance(value, datetime):
        # The columns of the database are in UTC and have no offset.
        return (value if value.tzinfo is None else value.astimezone(UTC)).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (str, int, float)):
        return value
    raise ConfigurationError(f"where: a {type(value).__name__} cannot be compared with; give a text, number or date")


def eq(column: str, value: Value) -> Where:
    """Match rows with this value; for texts the database ignores case and accents."""
    return _condition("eq", column, _to_scalar(value))


def neq(column: str, value: Value) -> Where:
    """Match rows with another value."""
    return _condition("neq", column, _to_scalar(value))


def lt(column: str, value: Value) -> Where:
    """Match values less than *value*."""
    return _condition("lt", column, _to_scalar(value))


def lte(column: str, value: Value) -> Where:
    """Match values of at most *value*."""
    return _condition("lte", column, _to_scalar(value))


def gt(column: str, value: Value) -> Where:
    """Match values greater than *value*."""
    return _condition("gt", column, _to_scalar(value))


def gte(column: str, value: Value) -> Where:
    """Match values of at least *value*."""
    return _condition("gte", column, _to_scalar(value))


def like(column: str, pattern: str) -> Where:
    """Match texts like *pattern*, where ``%`` stands for any text and ``_`` for any character."""
    return _condition("like", column, pattern)


def not_like(column: str, pattern: str) -> Where:
    """Match texts that are not like *pattern*."""
    return _condition("notLike", column, pattern)


def in_(column: str, values: Iterable[Value]) -> Where:
    """Match one of *values*. They are sent as one CSV text in the URL, whose 8,000 bytes hold about 150 addresses."""
    return _condition("in", column, csv_text(values))


def not_in(column: str, values: Iterable[Value]) -> Where:
    """Match values that are not in *values*."""
    return _condition("notIn", column, csv_text(values))


def csv_text(values: Iterable[Value]) -> str:
    """Return *values* as the CSV text that ``in`` takes: no space after a comma, quotes where a value needs them.

    Raises:
        ConfigurationError: There are no values, or one is empty: Mautic would find something else.
    """
    # A text is an iterable, too, but its letters are never meant.
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ConfigurationError('where: "in" takes a list of values; for a single one use eq()')
    texts = [str(_to_scalar(value)) for value in values]
    if not texts or not all(texts):
        raise ConfigurationError('where: "in" needs at least one value, and none of them may be empty')
    if not all(map(_survives_php_csv, texts)):
        raise ConfigurationError(
            'where: "in" cannot take a value that needs quotes and holds a backslash before one; ask for it with eq()'
        )
    return ",".join(map(_csv_cell, texts))


_NEEDS_QUOTES: Final = re.compile(r'[,"\s]')


def _csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def _survives_php_csv(text: str) -> bool:
    """Return True if PHP reads the cell of *text* unchanged: in quotes, a backslash escapes the next quote."""
    return '\\"' not in _csv_cell(text)


def in_or_eq(column: str, values: Sequence[str]) -> Where:
    """Return the same condition as `in_`, for a group of `url_sized_groups` or a single text.

    A single text needs ``in``, too: until Mautic 6, ``eq`` compares with ``&`` and quotes as HTML entities.
    """
    return in_(column, values) if len(values) > 1 or _survives_php_csv(values[0]) else eq(column, values[0])


def url_sized_groups(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield distinct *values* in groups whose CSV text fits into one URL."""
    group: list[str] = []
    size = 0
    # Bytes are counted as they are in the URL: an umlaut takes six.
    for value in dict.fromkeys(values):
        # Such a value needs a condition of its own; see `in_or_eq`.
        if not _survives_php_csv(value):
            yield [value]
            continue
        weight = len(percent(_csv_cell(value), safe="")) + 3  # and an escaped comma
        if group and size + weight > MAX_URL_BYTES:
            yield group
            group, size = [], 0
        group.append(value)
        size += weight
    if group:
        yield group


def between(column: str, low: Value, high: Value) -> Where:
    """Match values from *low* to *high*, both included."""
    return _condition("between", column, [_to_scalar(low), _to_scalar(high)])


def not_between(column: str, low: Value, high: Value) -> Where:
    """Match values below *low* or above *high*."""
    return _condition("notBetween", column, [_to_scalar(low), _to_scalar(high)])


def is_null(column: str) -> Where:
    """Match NULL."""
    return _condition("isNull", column)


def is_not_null(column: str) -> Where:
    """Match values that are not NULL."""
    return _condition("isNotNull", column)


def is_empty(column: str) -> Where:
    """Match NULL and empty texts."""
    return _condition("isEmpty", column)


def is_not_empty(column: str) -> Where:
    """Match values that are neither NULL nor an empty text."""
    return _condition("isNotEmpty", column)


def all_of(*clauses: Where) -> Where:
    """Match rows that meet all conditions."""
    return _group("andX", clauses)


def any_of(*clauses: Where) -> Where:
    """Match rows that meet at least one condition."""
    return _group("orX", clauses)


def _group(expression: str, clauses: Sequence[Where]) -> Where:
    if not clauses:
        raise ConfigurationError("where: an empty group would find everything")
    return Where(expression, clauses=tuple(_to_clause(clause) for clause in clauses))


def _to_clause(clause: object) -> Where:
    if isinstance(clause, Where):
        return clause
    if isinstance(clause, Mapping):
        return parse(clause)
    raise ConfigurationError(
        f"where: {sanitize(repr(clause), 60)} is not a condition; build it with mautic_async.where"
    )


def parse(raw: Mapping[str, Any]) -> Where:
    """Return the condition that *raw* is in Mautic's own form, such as ``{"col": "id", "expr": "gt", "val": 5}``.

    Raises:
        ConfigurationError: Mautic would ignore it, or answer with a 500.
    """
    # Mautic takes either spelling of both keys.
    expression, column = raw.get("expr"), raw.get("col", raw.get("column", ""))
    value = raw.get("val", raw.get("value"))
    if expression in GROUPS:
        return _group(str(expression), [_to_clause(item) for item in value or ()])
    # A text is CSV that the caller has built.
    if expression in LISTS:
        return _condition(str(expression), column, value if isinstance(value, str) and value else csv_text(value or ()))
    if expression in STATES:
        return _condition(str(expression), column)
    if expression in RANGES:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise ConfigurationError(f"where: {expression} takes exactly two values")
        return _condition(str(expression), column, [_to_scalar(item) for item in value])
    if expression in COMPARISONS and value is not None:
        return _condition(str(expression), column, _to_scalar(value))
    expressions = sorted(COMPARISONS | LISTS | RANGES | STATES | GROUPS)
    raise ConfigurationError(
        f"where: {sanitize(repr(expression), 60)} is not an expression that Mautic knows,"
        f" or lacks its value: {expressions}"
    )


def columns_of(clauses: Iterable[Where]) -> Iterator[str]:
    """Yield the column of each condition, those inside groups included."""
    for clause in clauses:
        if clause.clauses:
            yield from columns_of(clause.clauses)
        else:
            yield clause.column


def to_clauses(value: object) -> list[Where]:
    """Return the conditions of a query's ``where``: one, several, or in Mautic's own form."""
    if value is None:
        return []
    # A Mapping is iterable, too, so the single condition is recognised first.
    if isinstance(value, (Where, Mapping)):
        return [_to_clause(value)]
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [_to_clause(item) for item in value]
    raise ConfigurationError("where: give conditions built with mautic_async.where")
