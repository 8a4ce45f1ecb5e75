"""Reports; what they found is in `report_result`."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Maybe, Nested, Published


@define(kw_only=True)
class ReportFilter(Nested):
    """A condition on the rows.

    Attributes:
        column: ``prefix.column``.
        glue: ``and`` or ``or``.
        dynamic: Whoever reads the report may change it.
        condition: ``eq neq gt gte lt lte like notLike startsWith endsWith contains empty notEmpty in notIn``.
        value: To compare with.

    Mautic: REST API, Reports.
    """

    column: Maybe[str] = UNSET
    glue: Maybe[str] = UNSET
    dynamic: Maybe[bool] = UNSET
    condition: Maybe[str] = UNSET
    value: Maybe[JSON] = UNSET


@define(kw_only=True)
class ReportOrder(Nested):
    """A column to sort by.

    Attributes:
        column: ``prefix.column``.
        direction: ``ASC`` or ``DESC``.

    Mautic: REST API, Reports.
    """

    column: Maybe[str] = UNSET
    direction: Maybe[str] = UNSET


@define(kw_only=True)
class ReportAggregator(Nested):
    """A column to reckon up.

    Attributes:
        column: ``prefix.column``.
        function: ``COUNT``, ``AVG``, ``SUM``, ``MIN`` or ``MAX``.

    Mautic: REST API, Reports.
    """

    column: Maybe[str] = UNSET
    function: Maybe[str] = UNSET


@define(kw_only=True)
class ReportSettings(Nested):
    """How people see a report.

    Attributes:
        show_graphs_above_table: Otherwise below.
        show_dynamic_filters: Open at first.
        hide_date_range_filter: Not shown.

    Mautic: REST API, Reports.
    """

    show_graphs_above_table: Maybe[bool] = UNSET
    show_dynamic_filters: Maybe[bool] = UNSET
    hide_date_range_filter: Maybe[bool] = UNSET


@define(kw_only=True)
class Report(Published):
    """A question to the database that can be asked again.

    Attributes:
        name: Required to create.
        description: For people.
        system: Everybody may see it.
        source: ``leads``, ``email.stats``, ``page.hits`` and others. Required to create.
        columns: ``prefix.column`` each.
        filters: Which rows.
        table_order: By what to sort.
        graphs: Names: ``mautic.email.graph.line_number.stats``.
        group_by: ``prefix.column`` each.
        aggregators: What to reckon up.
        settings: How people see it.
        is_scheduled: Sent by e-mail now and then.
        schedule_unit: ``NOW``, ``DAILY``, ``WEEKLY`` or ``MONTHLY``.
        to_address: Whom to, separated by commas.
        schedule_day: Name of a day, or ``WEEK_DAYS``.
        schedule_month_frequency: Which one of the month: ``1`` or ``-1``.

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
    to_address: Maybe[str] = field(default=UNSET, repr=False)
    schedule_day: Maybe[str] = UNSET
    schedule_month_frequency: Maybe[str] = UNSET
