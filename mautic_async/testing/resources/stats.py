"""Rows of statistics as the database has them: every value a text, nulls left out, and nobody's permission asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php, query
from mautic_async.testing.replies import Crash, Said
from mautic_async.testing.resources._stat_tables import ROWS, TABLES

if TYPE_CHECKING:
    from mautic_async.testing.query import Column
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes

_LIMIT: Final = 100
_UNKNOWN: Final = (
    "An exception occurred while executing a query: SQLSTATE[42S22]: Column not found: 1054 Unknown column"
    " 's.{}' in 'where clause'"
)


class _NoColumn(Crash):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def routes(table: Routes) -> None:
    """Add them."""
    table.add("GET", "/api/stats", tables)
    table.add("GET", "/api/stats/{table}", rows)


async def tables(ask: Ask) -> Any:
    """Which tables there are, and their columns."""
    del ask
    return Said({"availableTables": list(TABLES), "tableColumns": {name: list(cols) for name, cols in TABLES.items()}})


async def rows(ask: Ask) -> Any:
    """Rows of a table; of an unknown one, the list of those there are."""
    name = ask.path["table"]
    return listing(name, "stats", ask) if name in TABLES else await tables(ask)


def listing(name: str, key: str, ask: Ask, *, only: set[int] | None = None) -> Said:
    """A page of a table.

    Args:
        name: Of the table.
        key: The rows stand under in the answer.
        ask: The request: ``where``, ``order``, ``start``, ``limit``.
        only: Ids of the records to look at; None for all.
    """
    columns = TABLES[name]

    def column(raw: str) -> Column:
        column_name = raw.rpartition(".")[2]
        if column_name not in columns:
            raise _NoColumn(column_name)
        return lambda row: row.get(column_name)

    source = ROWS.get(name)
    found: list[dict[str, Any]] = [] if source is None else list(source(ask, only))
    try:
        for test in query.where(ask.query.get("where"), column):
            found = [row for row in found if test(row)]
        keys = query.order({"order": ask.query.get("order")}, (), column)
    except _NoColumn as why:
        return Said({"errors": [{"message": _UNKNOWN.format(why.name), "code": 1054}]})
    start, limit = php.integer(ask.query.get("start")), php.integer(ask.query.get("limit", _LIMIT))
    page = query.sort(found, keys)[start : start + limit if limit else None]
    shown = [{name: php.text(value) for name, value in row.items() if value is not None} for row in page]
    return Said({"total": str(len(found)), key: shown})
