"""Rows of the statistics tables, and widgets of the dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from attrs import define, field

from mautic_async.models._base import JSON, FromServer, Nested

StatRow: TypeAlias = Mapping[str, str]
"""Row of a table, by column. Values are texts, times are UTC without an offset, empty columns are left out."""


@define(kw_only=True)
class StatTables(Nested):
    """Tables of statistics. Read only.

    Attributes:
        available_tables: Names of the tables.
        table_columns: Names of the columns, by table.

    Mautic: REST API, Stats.
    """

    available_tables: FromServer[list[str]] = None
    table_columns: FromServer[Mapping[str, list[str]]] = None


@define(kw_only=True)
class Widget(Nested):
    """Content of a dashboard widget. Read only.

    Attributes:
        content: Data of a chart, or values by label; depends on the type of the widget.
        cached: Taken from the server's cache.
        execution_time: Seconds that the server took.

    Mautic: REST API, Data - dashboard widgets.
    """

    content: FromServer[Mapping[str, JSON]] = field(default=None, metadata={"json": "data"})
    cached: FromServer[bool] = None
    execution_time: FromServer[float] = field(default=None, metadata={"json": "execution_time"})
