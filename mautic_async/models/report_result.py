"""Data of reports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, FromServer, Nested
from mautic_async.models.report import Report


@define(kw_only=True)
class ReportGraph(Nested):
    """Graph of a report; Mautic 5.1 and 7.0 send none. Read only.

    Attributes:
        type: ``line``, ``pie`` or ``table``.
        name: Name, as in `Report.graphs`.
        title: Title shown to users.
        labels: Labels along the axis.
        datasets: Series of values.

    Mautic: REST API, Reports.
    """

    type: FromServer[str] = None
    name: FromServer[str] = None
    title: FromServer[str] = None
    labels: FromServer[list[str]] = None
    datasets: FromServer[list[Mapping[str, JSON]]] = None


@define(kw_only=True)
class ReportResult(Nested):
    """Page of the data of a report. Read only.

    Attributes:
        report: Definition of the report.
        total_results: Number of rows on all pages.
        rows: Rows of this page, as maps by alias of the column. Values are texts; empty ones are left out.
        columns: ``prefix.column`` by alias.
        aggregator_columns: Aggregated columns, by alias.
        graphs: Graphs, or None.
        limit: Rows per page; 0 if the data is not split into pages.
        page: Number of this page, from 1.
        date_from: Start of the date range.
        date_to: End of the date range.
        debug: Query and timing, if the server runs in development mode.

    Mautic: REST API, Reports (get report).
    """

    report: FromServer[Report] = None
    total_results: FromServer[int] = None
    rows: FromServer[list[Mapping[str, JSON]]] = field(default=None, metadata={"json": "data"})
    columns: FromServer[Mapping[str, str]] = field(default=None, metadata={"json": "dataColumns"})
    aggregator_columns: FromServer[Mapping[str, JSON]] = None
    graphs: FromServer[list[ReportGraph]] = None
    limit: FromServer[int] = None
    page: FromServer[int] = None
    date_from: FromServer[datetime] = None
    date_to: FromServer[datetime] = None
    debug: FromServer[Mapping[str, JSON]] = None
