"""Reports; `report_result` has their data."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import JSON, UNSET, Maybe, Nested, Published


@define(kw_only=True)
class ReportFilter(Nested):
    """Condition on the rows of a report.

    Attributes:
        column: ``prefix.column``.
        glue: ``and`` or ``or``.
        dynamic: Readers of the report may change the value.
        condition: ``eq neq gt gte lt lte like notLike startsWith endsWith contains empty notEmpty in notIn``.
        value: Value to compare with.

    Mautic: REST API, Reports.
    """

    column: Maybe[str] = UNSET
    glue: Maybe[str] = UNSET
    dynamic: Maybe[bool] = UNSET
    condition: Maybe[str] = UNSET
    value: Maybe[JSON] = UNSET


@define(kw_only=True)
class ReportOrder(Nested):
    """Column to sort by.

    Attributes:
        column: ``prefix.column``.
        direction: ``ASC`` or ``DESC``.

    Mautic: REST API, Reports.
    """

    column: Maybe[str] = UNSET
    direction: Maybe[str] = UNSET


@define(kw_only=True)
class ReportAggregator(Nested):
    """Column to aggregate.

    Attributes:
        column: ``prefix.column``.
        function: ``COUNT``, ``AVG``, ``SUM``, ``MIN`` or ``MAX``.

    Mautic: REST API, Reports.
    """

    column: Maybe[str] = UNSET
    function: Maybe[str] = UNSET


@define(kw_only=True)
class ReportSettings(Nested):
    """Display settings of a report.

    Attributes:
        show_graphs_above_table: Show graphs above the table, not below it.
        show_dynamic_filters: Show the dynamic filters opened.
        hide_date_range_filter: Hide the filter of the date range.

    Mautic: REST API, Reports.
    """

    show_graphs_above_table: Maybe[bool] = UNSET
    show_dynamic_filters: Maybe[bool] = UNSET
    hide_date_range_filter: Maybe[bool] = UNSET


@define(kw_only=True)
class Report(Published):
    """Stored query of Mautic's database.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic.
        system: Visible to all users.
        source: ``leads``, ``email.stats``, ``page.hits`` and others. Required to create.
        columns: Columns, each as ``prefix.column``.
        filters: Conditions on the rows.
        table_order: Columns to sort by.
        graphs: Names of graphs, such as ``mautic.email.graph.line_number.stats``.
        group_by: Columns to group by, each as ``prefix.column``.
        aggregators: Columns to aggregate.
        settings: Display settings.
        is_scheduled: Sent by e-mail at intervals.
        schedule_unit: ``NOW``, ``DAILY``, ``WEEKLY`` or ``MONTHLY``.
        to_address: Recipients, separated by commas.
        schedule_day: Name of a day, or ``WEEK_DAYS``.
        schedule_month_frequency: ``1`` for the first such day of the month, ``-1`` for the last.

    Mautic: REST API, Reports.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    system: Maybe[bool] = UNSET
    source: Maybe[str] = UNSET
    columns: Maybe[list[str]] = UNSET
    filters: Maybe[list[ReportFilter]] = UNSET
    table_order: Maybe[list[ReportOrder]] = UNSET
    graphs: Maybe[list[str]] = UNSET
    group_by: Maybe[list[str]] = UNSET
    aggregators: Maybe[list[ReportAggregator]] = UNSET
    settings: Maybe[ReportSettings] = UNSET
    is_scheduled: Maybe[bool] = UNSET
    schedule_unit: Maybe[str] = UNSET
    to_address: Maybe[str] = UNSET
    schedule_day: Maybe[str] = UNSET
    schedule_month_frequency: Maybe[str] = UNSET
