"""Reports, and what they find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Crash, Said, missing
from mautic_async.testing.resources import _parts, _report_run
from mautic_async.testing.resources._base import BLOCK, Noun, publish_block
from mautic_async.testing.resources._properties import ID, NOT_NULL, Prop, mapping, plain, rich, switch, whole
from mautic_async.testing.resources._standard import without_nulls

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.server import FakeMautic
    from mautic_async.testing.store import Row

_PAGE: Final = 10
"""Rows a page, where only the page is asked for."""


def _no_settings() -> dict[str, Any]:
    return dict.fromkeys(("showGraphsAboveTable", "showDynamicFilters", "hideDateRangeFilter"))


class Reports(Noun):
    """Reports; getting one runs it."""

    path = "reports"
    one, many = "report", "reports"
    permission = "report:reports"
    block = False
    order = ("name",)
    searched = ("name",)
    commands = ("is",)
    audit = ("report", "report")
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        Prop("description", rich),
        Prop("system", switch, default=False, blank=NOT_NULL),
        Prop("isScheduled", switch, default=False, blank=False),
        Prop("source", plain),
        Prop("columns", mapping, default=list, blank=[]),
        Prop("filters", mapping, default=list, blank=[]),
        Prop("tableOrder", mapping, default=list, blank=[]),
        Prop("graphs", mapping, default=list, blank=[]),
        Prop("groupBy", mapping, default=list, blank=[]),
        Prop("settings", mapping, default=_no_settings, blank=None),
        Prop("aggregators", mapping, default=list, blank=[]),
        Prop("scheduleUnit", plain),
        Prop("toAddress", plain),
        Prop("scheduleDay", plain),
        Prop("scheduleMonthFrequency", plain),
        Prop("createdBy", whole, hidden=True),
    )

    def fresh(self, ask: Ask) -> Row:
        """Made by nobody yet."""
        return super().fresh(ask) | {"createdBy": None}

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """Fill up the settings; ``createdBy`` is kept where it is not sent."""
        del problems, ask
        if row is not None and params.get("createdBy") is None:
            draft["createdBy"] = row["createdBy"]
        given = draft["settings"] if isinstance(draft["settings"], dict) else {}
        draft["settings"] = _no_settings() | given

    def special(self, routes: Routes) -> None:
        """One report, with what it finds."""
        routes.add("GET", "/api/reports/{id}", self.run)

    async def run(self, ask: Ask) -> Any:
        """The rows of a report, a page of them where one is asked for."""
        row = self.get(ask.path["id"], ask)
        if row is None:
            raise missing()
        ask.need(self.permission, "view", own=self.own(row, ask))
        since, until = (_moment(ask.query.get(name), ask) for name in ("dateFrom", "dateTo"))
        found = _report_run.rows(row, since, until, ask)
        limit, page = php.integer(ask.query.get("limit")), max(php.integer(ask.query.get("page")), 1)
        if "page" in ask.query and not limit:
            limit = _PAGE
        shown = found[(page - 1) * limit : page * limit] if limit else found
        body: dict[str, Any] = {
            "totalResults": len(found),
            "data": shown,
            "dataColumns": _report_run.columns(row, ask),
            "limit": limit,
            "page": page,
        }
        for name, value in (("dateFrom", since), ("dateTo", until)):
            if value is not None:
                body[name] = php.iso(value)
        told = publish_block(row) | self.show(row, ask)
        told = {name: value for name, value in told.items() if name != "createdBy"}
        return Said(body | {"debug": [], "aggregatorColumns": [], "report": without_nulls(told)})


def _moment(value: Any, ask: Ask) -> int | None:
    if not value:
        return None
    seconds = php.strtotime(value, ask.now)
    if seconds is None:
        raise Crash
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


def seed(fake: FakeMautic) -> None:
    """The five reports of a new server."""
    for name, source, columns, filters, order, graphs in _INSTALLED:
        told: list[Any] = []
        for one in filters.split():
            column, _, value = one.partition("=")
            told.append({"column": column, "condition": "eq", "value": value})
        block = {"isPublished": True, "dateAdded": None, "dateModified": None, **dict.fromkeys(BLOCK[3:])}
        lists: dict[str, Any] = {
            "columns": columns.split(),
            "filters": told if columns else {"1": told[0]},  # as it was installed: its first filter was taken away
            "tableOrder": [{"column": order, "direction": "ASC"}] if order else [],
            "graphs": [f"mautic.{graph}" for graph in graphs.split()],
        }
        empty: dict[str, Any] = {one: [] for one in ("groupBy", "settings", "aggregators")}
        nothing = dict.fromkeys(("description", "scheduleUnit", "toAddress", "scheduleDay", "scheduleMonthFrequency"))
        row = {"id": None, "name": name, "source": source, "system": True, "isScheduled": False}
        fake.store["reports"].save(block | row | lists | empty | nothing)
