"""Rows of statistics as the database has them: every value a text, nulls left out, no permission needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php, query
from mautic_async.testing.replies import Reply, UnhandledError
from mautic_async.testing.resources._stat_tables import ROWS, TABLES

if TYPE_CHECKING:
    from mautic_async.testing.query import ColumnReader
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router

_LIMIT: Final = 100
_LOG: Final = "campaign_lead_event_log"
_UNKNOWN: Final = (
    "An exception occurred while executing a query: SQLSTATE[42S22]: Column not found: 1054 Unknown column"
    " '{}.{}' in '{}'"
)
_ALIASES: Final = {
    "campaign_lead_event_log": "ll",
    "channel_url_trackables": "t",
    "dynamic_content_lead_data": "dcld",
    "dynamic_content_stats": "s",
    "email_stat_replies": "reply",
    "email_stats": "s",
    "form_submissions": "fs",
    "lead_devices": "d",
    "lead_event_log": "lel",
    "lead_points_change_log": "lp",
    "push_notification_stats": "s",
    "sms_message_stats": "s",
}
"""Alias of a table in its query, where it is not ``e``."""


class _NoColumn(UnhandledError):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def routes(table: Router) -> None:
    """Add them."""
    table.add("GET", "/api/stats", tables)
    table.add("GET", "/api/stats/{table}", rows)


async def tables(context: RequestContext) -> Any:
    """Answer with the tables and their columns."""
    columns = {name: list(cols) for name, cols in TABLES.items()}
    if context.is_7:
        columns[_LOG] = sorted([*columns[_LOG], "date_queued", "version"])
    return Reply({"availableTables": list(TABLES), "tableColumns": columns})


async def rows(context: RequestContext) -> Any:
    """Answer with rows of a table, or with the list of tables if it is unknown."""
    name = context.path["table"]
    return listing(name, "stats", context) if name in TABLES else await tables(context)


def listing(name: str, key: str, context: RequestContext, *, only: set[int] | None = None) -> Reply:
    """Return a page of a table.

    Args:
        name: Of the table.
        key: The rows stand under in the answer.
        context: The request: ``where``, ``order``, ``start``, ``limit``.
        only: Ids of the records to look at; None for all.
    """
    columns = TABLES[name]

    def column(raw: str) -> ColumnReader:
        column_name = raw.rpartition(".")[2]
        if column_name not in columns:
            raise _NoColumn(column_name)
        return lambda row: row.get(column_name)

    source = ROWS.get(name)
    matching: list[dict[str, Any]] = [] if source is None else list(source(context, only))
    clause = "where clause"
    try:
        for predicate in query.parse_where(context.query.get("where"), column):
            matching = [row for row in matching if predicate(row)]
        clause = "order clause"
        keys = query.sort_keys({"order": context.query.get("order")}, (), column)
    except _NoColumn as why:
        message = _UNKNOWN.format(_ALIASES.get(name, "e"), why.name, clause)
        return Reply({"errors": [{"message": message, "code": 1054}]})
    start, limit = php.to_int(context.query.get("start")), php.to_int(context.query.get("limit", _LIMIT))
    page = query.sort(matching, keys)[start : start + limit if limit else None]
    rows_shown = [{name: php.to_string(value) for name, value in row.items() if value is not None} for row in page]
    return Reply({"total": str(len(matching)), key: rows_shown})
