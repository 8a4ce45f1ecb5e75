"""Rows of statistics and widgets of the dashboard. Both are as the server's tables have them: maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from attrs import define, field

from mautic_async.models._base import JSON, FromServer, Nested

StatRow: TypeAlias = Mapping[str, str]
"""A row of a table, by column. Values are texts, times are UTC without an offset, empty columns are left out."""


@define(kw_only=True)
class StatTables(Nested):
    """What there are statistics of. Read only.

    Attributes:
        available_tables: Names.
        table_columns: Names by table.

    Mautic: REST API, Stats.
    """

    available_tables: FromServer[list[str]] = None
    table_columns: FromServer[Mapping[str, list[str]]] = None


@define(kw_only=True)
class Widget(Nested):
    """What a widget of the dashboard shows. Read only.

    Attributes:
        content: By type of widget: a chart, or values by label.
        cached: Not reckoned just now.
        execution_time: Seconds.

    Mautic: REST API, Data - dashboard widgets.
    """

    content: FromServer[Mapping[str, JSON]] = field(default=None, repr=False, metadata={"json": "data"})
    cached: FromServer[bool] = None
    execution_time: FromServer[float] = field(default=None, metadata={"json": "execution_time"})
