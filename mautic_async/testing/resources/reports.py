"""Reports, and what they find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import data, php
from mautic_async.testing.replies import Reply, UnhandledError, not_found
from mautic_async.testing.resources import _parts, _report_run
from mautic_async.testing.resources._base import PUBLISH_BLOCK, FakeResource, publish_block
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    Property,
    boolean,
    html,
    integer,
    list_or_map,
    one_of,
    plain_text,
)
from mautic_async.testing.resources._standard import without_nulls

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.state import ServerState
    from mautic_async.testing.store import Row

_DAY: Final = 86400
"""Seconds."""
_PAGE: Final = 10
"""Rows a page, where only the page is asked for."""
_CHOSEN: Final = ("columns", "filters", "tableOrder", "graphs", "groupBy", "aggregators")


def _no_settings() -> dict[str, Any]:
    return dict.fromkeys(("showGraphsAboveTable", "showDynamicFilters", "hideDateRangeFilter"))


def _source(value: Any, context: RequestContext) -> Any:
    known = [line.split()[0] for line in data.lines("report_columns")]
    return one_of("leads", *known)(value, context)


class Reports(FakeResource):
    """Reports; getting one runs it."""

    path: ClassVar[str] = "reports"
    singular: ClassVar[str] = "report"
    plural: ClassVar[str] = "reports"
    permission = "report:reports"
    shows_publish_block = False
    default_order: ClassVar[tuple[str, ...]] = ("name",)
    searched_columns: ClassVar[tuple[str, ...]] = ("name",)
    search_commands: ClassVar[tuple[str, ...]] = ("is",)
    audit_name: ClassVar[tuple[str, str]] = ("report", "report")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        Property("description", html),
        Property("system", boolean, default=False, value_on_put=NOT_NULL),
        Property("isScheduled", boolean, default=False, value_on_put=False),
        Property("source", _source),
        Property("columns", list_or_map, default=list, value_on_put=[]),
        Property("filters", list_or_map, default=list, value_on_put=[]),
        Property("tableOrder", list_or_map, default=list, value_on_put=[]),
        Property("graphs", list_or_map, default=list, value_on_put=[]),
        Property("groupBy", list_or_map, default=list, value_on_put=[]),
        Property("settings", list_or_map, default=_no_settings, value_on_put=None),
        Property("aggregators", list_or_map, default=list, value_on_put=[]),
        Property("scheduleUnit", plain_text),
        Property("toAddress", plain_text),
        Property("scheduleDay", plain_text),
        Property("scheduleMonthFrequency", plain_text),
        Property("createdBy", integer, hidden=True),
    )

    def new_row(self, context: RequestContext) -> Row:
        """Return a new report without an author."""
        return super().new_row(context) | {"createdBy": None}

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Fill up the settings; ``createdBy`` is kept where it is not sent."""
        del context
        if not params.get("source"):  # the choices of the form are those of the source that was sent
            problems |= {name: "This value is not valid." for name in _CHOSEN if params.get(name)}
        if row is not None and params.get("createdBy") is None:
            draft["createdBy"] = row["createdBy"]
        settings = draft["settings"] if isinstance(draft["settings"], dict) else {}
        draft["settings"] = _no_settings() | settings

    def extra_routes(self, routes: Router) -> None:
        """Add the route of one report with its rows."""
        routes.add("GET", "/api/reports/{id}", self.run)

    async def run(self, context: RequestContext) -> Any:
        """Answer with the rows of a report, or with the page asked for."""
        row = self.get(context.path["id"], context)
        if row is None:
            raise not_found()
        context.require(self.permission, "view", own=self.is_owned_by(row, context))
        since, until = (_moment(context.query.get(name), context) for name in ("dateFrom", "dateTo"))
        rows_found = _report_run.rows(row, since, until, context)
        limit, page = php.to_int(context.query.get("limit")), max(php.to_int(context.query.get("page")), 1)
        if "page" in context.query and not limit:
            limit = _PAGE
        rows_page = rows_found[(page - 1) * limit : page * limit] if limit else rows_found
        body: dict[str, Any] = {
            "totalResults": len(rows_found),
            "data": rows_page,
            "dataColumns": _report_run.columns(row, context),
            "limit": limit,
            "page": page,
        }
        if until is not None and context.is_7 and until % _DAY == 0:
            until += _DAY - 1
        for name, value in (("dateFrom", since), ("dateTo", until)):
            if value is not None:
                body[name] = php.iso_datetime(value)
        columns_out = publish_block(row) | self.serialize(row, context)
        columns_out = {name: value for name, value in columns_out.items() if name != "createdBy"}
        return Reply(body | {"debug": [], "aggregatorColumns": [], "report": without_nulls(columns_out)})


def _moment(value: Any, context: RequestContext) -> int | None:
    if not value:
        return None
    seconds = php.strtotime(value, context.now)
    if seconds is None:
        raise UnhandledError
    return seconds


# --- what Mautic installs ---------------------------------------------------------------------------------------------

_INSTALLED: Final = (
    (
        "Visits published Pages",
        "page.hits",
        "ph.date_hit ph.url ph.url_title ph.referer i.ip_address ph.city ph.country",
        "ph.code=200 p.is_published=1",
        "ph.date_hit",
        (
            "page.graph.line.time.on.site page.graph.line.hits page.graph.pie.new.vs.returning page.graph.pie.languages"
            " page.graph.pie.time.on.site page.table.referrers page.table.most.visited page.table.most.visited.unique"
        ),
    ),
    (
        "Downloads of all Assets",
        "asset.downloads",
        "ad.date_download a.title i.ip_address l.firstname l.lastname l.email a.id",
        "a.is_published=1",
        "ad.date_download",
        "asset.graph.line.downloads asset.graph.pie.statuses asset.table.most.downloaded asset.table.top.referrers",
    ),
    (
        "Submissions of published Forms",
        "form.submissions",
        "",
        "f.is_published=1",
        "",
        "form.graph.line.submissions form.table.most.submitted form.table.top.referrers",
    ),
    (
        "All Emails",
        "email.stats",
        "es.date_sent es.date_read e.subject es.email_address e.id",
        "e.is_published=1",
        "es.date_sent",
        (
            "email.graph.line.stats email.graph.pie.ignored.read.failed email.table.most.emails.read"
            " email.table.most.emails.sent email.table.most.emails.read.percent email.table.most.emails.failed"
        ),
    ),
    (
        "Leads and Points",
        "lead.pointlog",
        "lp.date_added lp.type lp.event_name l.firstname l.lastname l.email lp.delta",
        "",
        "lp.date_added",
        (
            "lead.graph.line.points lead.table.most.points lead.table.top.actions lead.table.top.cities"
            " lead.table.top.countries lead.table.top.events"
        ),
    ),
)


def install(state: ServerState) -> None:
    """Store the five reports of a new server."""
    for name, source, columns, filters, order, graphs in _INSTALLED:
        texts: list[Any] = []
        for one in filters.split():
            column, _, value = one.partition("=")
            texts.append({"column": column, "condition": "eq", "value": value})
        block = {"isPublished": True, "dateAdded": None, "dateModified": None, **dict.fromkeys(PUBLISH_BLOCK[3:])}
        lists: dict[str, Any] = {
            "columns": columns.split(),
            "filters": texts if columns else {"1": texts[0]},  # as it was installed: its first filter was taken away
            "tableOrder": [{"column": order, "direction": "ASC"}] if order else [],
            "graphs": [f"mautic.{graph}" for graph in graphs.split()],
        }
        empty: dict[str, Any] = {one: [] for one in ("groupBy", "settings", "aggregators")}
        nothing = dict.fromkeys(("description", "scheduleUnit", "toAddress", "scheduleDay", "scheduleMonthFrequency"))
        row = {"id": None, "name": name, "source": source, "system": True, "isScheduled": False}
        state.store["reports"].save(block | row | lists | empty | nothing)
