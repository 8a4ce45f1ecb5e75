"""What reports found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, FromServer, Nested
from mautic_async.models.report import Report


@define(kw_only=True)
class ReportGraph(Nested):
    """A graph that a report drew; Mautic 5.1 answers none. Read only.

    Attributes:
        type: ``line``, ``pie`` or ``table``.
        name: As in `Report.graphs`.
        title: For people.
        labels: Along the axis.
        datasets: One for each line.

    Mautic: REST API, Reports.
    """

    type: FromServer[str] = None
    name: FromServer[str] = None
    title: FromServer[str] = None
    labels: FromServer[list[str]] = None
    datasets: FromServer[list[Mapping[str, JSON]]] = None


@define(kw_only=True)
class ReportResult(Nested):
    """What a report found. Read only.

    Attributes:
        report: The report itself.
        total_results: Rows, on all pages.
        rows: Of this page, by alias of the column; values are texts, empty ones are left out.
        columns: ``prefix.column`` by alias.
        aggregator_columns: The same, for what was reckoned up.
        graphs: None where the server draws none.
        limit: Rows of a page; 0 if there are no pages.
        page: From 1.
        date_from: From then,
        date_to: until then.
        debug: Of the query, where the server tells.

    Mautic: REST API, Reports (get report).
    """

    report: FromServer[Report] = None
    total_results: FromServer[int] = None
    rows: FromServer[list[Mapping[str, JSON]]] = field(default=None, repr=False, metadata={"json": "data"})
    columns: FromServer[Mapping[str, str]] = field(default=None, repr=False, metadata={"json": "dataColumns"})
    aggregator_columns: FromServer[Mapping[str, JSON]] = None
    graphs: FromServer[list[ReportGraph]] = None
    limit: FromServer[int] = None
    page: FromServer[int] = None
    date_from: FromServer[datetime] = None
    date_to: FromServer[datetime] = None
    debug: FromServer[Mapping[str, JSON]] = None
