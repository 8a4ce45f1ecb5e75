"""The data behind dashboard widgets."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import ControllerError, Reply, not_found
from mautic_async.testing.resources._standard import without_nulls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

TYPES: Final[dict[str, dict[str, str]]] = {
    "Asset Widgets": {
        "asset.downloads.in.time": "Downloads in time",
        "unique.vs.repetitive.downloads": "Unique vs repetitive downloads",
        "popular.assets": "Popular assets",
        "created.assets": "Created assets",
    },
    "Campaign Widgets": {
        "events.in.time": "Events triggered in time",
        "leads.added.in.time": "Leads added in time",
    },
    "Core Widgets": {"recent.activity": "Recent Activity"},
    "Email Widgets": {
        "emails.best.hours": "Best email read hours ",
        "emails.in.time": "Emails in time",
        "sent.email.to.contacts": "Sent email to contacts",
        "most.hit.email.redirects": "Most hit email redirects",
        "ignored.vs.read.emails": "Ignored vs read",
        "upcoming.emails": "Upcoming emails",
        "most.sent.emails": "Most sent emails",
        "most.read.emails": "Most read emails",
        "created.emails": "Created emails",
        "device.granularity.email": "Devices for emails read",
    },
    "Form Widgets": {
        "submissions.in.time": "Submissions in time",
        "top.submission.referrers": "Top submission referrers",
        "top.submitters": "Top submitters",
        "created.forms": "Created forms",
    },
    "Contact Widgets": {
        "created.leads.in.time": "Created contacts in time",
        "anonymous.vs.identified.leads": "Anonymous vs identified contacts",
        "lead.lifetime": "Lifecycle",
        "map.of.leads": "Map",
        "top.lists": "Top segments",
        "segments.build.time": "Segments build time",
        "top.creators": "Top contact creators",
        "top.owners": "Top contact owners",
        "created.leads": "Created contacts",
    },
    "Page Widgets": {
        "page.hits.in.time": "Page visits in time",
        "unique.vs.returning.leads": "Unique vs returning visitors",
        "dwell.times": "Dwell times",
        "popular.pages": "Popular landing pages",
        "created.pages": "Created Landing pages",
        "device.granularity": "Device granularity",
    },
    "Point Widgets": {"points.in.time": "Points in time"},
    "Report Widgets": {"report": "Report Graph"},
    "Stage Widgets": {"stages.in.time": "Stages in time"},
}
_LABELS: Final = {key: label for group in TYPES.values() for key, label in group.items()}
_LINES: Final = {
    "created.leads.in.time": ("All contacts", "contacts", "dateAdded"),
    "asset.downloads.in.time": ("Download", "asset_downloads", "date"),
    "events.in.time": ("Events triggered", "campaign_log", "dateTriggered"),
    "leads.added.in.time": ("Contacts added", "campaign_contacts", "date"),
    "emails.in.time": ("Sent emails", "email_stats", "date"),
    "submissions.in.time": ("Submissions", "submissions", "date"),
    "page.hits.in.time": ("Total visits", "page_hits", "date"),
    "points.in.time": ("Points in time", "point_log", "date"),
    "stages.in.time": ("Stages in time", "stage_log", "date"),
}
"""Charts by time: label, table, column."""
_CREATED: Final = {
    "created.assets": ("assets", "title"),
    "created.emails": ("emails", "name"),
    "created.forms": ("forms", "name"),
    "created.pages": ("pages", "title"),
    "created.leads": ("contacts", "name"),
}
_COLOUR: Final = "78,93,157"
_HEIGHT, _MARGIN = 300, 80
_UNITS: Final[dict[str, tuple[str, Callable[[dt.datetime], dt.datetime]]]] = {
    "s": ("M j, y H:i:s", lambda at: at + dt.timedelta(seconds=1)),
    "i": ("M j, y H:i", lambda at: at + dt.timedelta(minutes=1)),
    "H": ("M j, y ga", lambda at: at + dt.timedelta(hours=1)),
    "d": ("M j, y", lambda at: at + dt.timedelta(days=1)),
    "W": (r"\W W", lambda at: at + dt.timedelta(weeks=1)),
    "m": ("M Y", lambda at: (at.replace(day=1) + dt.timedelta(days=32)).replace(day=1)),
    "Y": ("Y", lambda at: at.replace(year=at.year + 1, month=1, day=1)),
}
"""Units of time: how PHP prints them on the axis, and the next one."""
_MAX_POINTS: Final = 10_000
"""Points of a chart."""


def routes(table: Router) -> None:
    """Add them."""
    table.add("GET", "/api/data", types)
    table.add("GET", "/api/data/{type}", widget)


async def types(context: RequestContext) -> Any:
    """Labels by type, in groups."""
    del context
    return Reply({"success": 1, "types": TYPES})


async def widget(context: RequestContext) -> Any:
    """The data of one widget."""
    began = time.perf_counter()
    kind = context.path["type"]
    unit = php.to_string(context.query.get("timeUnit") or "Y")
    if unit not in _UNITS:
        raise ControllerError(400, f"Unknown timeUnit: {unit}")
    if kind not in _LABELS:
        raise not_found()
    if kind == "recent.activity":
        data: Any = _activity(context)
    elif kind in _LINES:
        data = _line(kind, unit, context)
    else:
        data = _table(kind, context)
    return Reply({"success": 1, "cached": False, "execution_time": time.perf_counter() - began, "data": data})


# --- charts -----------------------------------------------------------------------------------------------------------


def _line(kind: str, unit: str, context: RequestContext) -> dict[str, Any]:
    label, table, column = _LINES[kind]
    date_format, _ = _UNITS[unit]
    counts: dict[str, int] = {}
    points = list(_points(unit, context))
    for point_at, until in points:
        low, high = point_at.timestamp(), until.timestamp()
        counts[_php_date(point_at, php.to_string(context.query.get("dateFormat") or date_format))] = sum(
            1 for row in context.table(table) if row.get(column) is not None and low <= row[column] < high
        )
    if context.query.get("dataFormat") == "raw":
        return {label: {name: count or 0 for name, count in counts.items()}}
    height = php.to_int(context.query.get("height", _HEIGHT)) - _MARGIN
    look = {"backgroundColor": 0.1, "borderColor": 0.8, "pointHoverBackgroundColor": 1, "pointHoverBorderColor": 1}
    dataset = {"label": label, "data": [str(count) if count else 0 for count in counts.values()]}
    dataset |= {name: f"rgba({_COLOUR},{opacity})" for name, opacity in look.items()}
    chart = {"labels": list(counts), "datasets": [dataset]}
    return {"chartType": "line", "chartHeight": height, "chartData": chart}


def _points(unit: str, context: RequestContext) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    now = context.now
    since = php.strtotime(context.query.get("dateFrom"), now)
    until = php.strtotime(context.query.get("dateTo"), now)
    at = dt.datetime.fromtimestamp(now - 30 * 86400 if since is None else since, dt.UTC)
    end = dt.datetime.fromtimestamp(now if until is None else until, dt.UTC)
    if unit in "dWmY":
        at = at.replace(hour=0, minute=0, second=0)
    at = at.replace(day=1) if unit in "mY" else at
    at = at.replace(month=1) if unit == "Y" else at
    at -= dt.timedelta(days=at.weekday()) if unit == "W" else dt.timedelta()
    for _ in range(_MAX_POINTS):
        if at > end:
            return
        following = _UNITS[unit][1](at)
        yield at, following
        at = following


def _php_date(at: dt.datetime, date_format: str) -> str:
    """A moment as PHP's ``date`` prints it."""
    hour = at.hour % 12 or 12
    text_out = {
        "d": f"{at.day:02}", "j": str(at.day), "D": at.strftime("%a"), "m": f"{at.month:02}", "n": str(at.month),
        "M": at.strftime("%b"), "F": at.strftime("%B"), "Y": str(at.year), "y": f"{at.year % 100:02}", "g": str(hour),
        "a": "am" if at.hour < 12 else "pm", "H": f"{at.hour:02}", "i": f"{at.minute:02}", "s": f"{at.second:02}",
        "W": f"{at.isocalendar().week:02}",
    }  # fmt: skip
    text, escaped = "", False
    for char in date_format:
        text += char if escaped or char == "\\" else text_out.get(char, char)
        escaped = char == "\\" and not escaped
    return text.replace("\\", "")


# --- tables and the log -----------------------------------------------------------------------------------------------


def _table(kind: str, context: RequestContext) -> dict[str, Any]:
    table, name = _CREATED.get(kind, ("", ""))
    limit = php.to_int(context.query.get("limit")) or 10
    rows = (
        sorted(context.table(table), key=lambda row: (row["dateAdded"] or 0, row["id"]), reverse=True) if table else []
    )
    items = [[{"value": _name(row, name), "type": "link"}] for row in rows[:limit]]
    return {"headItems": ["mautic.dashboard.label.title"], "bodyItems": items}


def _name(row: Row, name: str) -> Any:
    if name in row:
        return row[name]
    fields = row.get("fields", {})
    return " ".join(part for part in (fields.get("firstname"), fields.get("lastname")) if part) or fields.get("email")


def _activity(context: RequestContext) -> dict[str, Any]:
    """The audit log, newest first; the server shows one line more than asked for."""
    limit = php.to_int(context.query.get("limit")) or 10
    lines = sorted(context.table("audit_log"), key=lambda row: int(row["id"]), reverse=True)[: limit + 1]
    entries = []
    for row in lines:
        change = {name: row[name] for name in ("userName", "userId", "bundle", "object")}
        change |= {"objectId": str(row["objectId"]), "action": row["action"], "details": _details(row["details"])}
        change |= {"dateAdded": php.iso_datetime(row["dateAdded"]), "ipAddress": row["ipAddress"]}
        entries.append(change | {"objectName": _object(row, context), "route": False})
    return {"logs": entries, "icons": []}


def _details(details: Any) -> Any:
    """Changes without their nulls: a pair that loses its first place becomes a map."""
    details_out = {}
    for name, value in details.items():
        if isinstance(value, list):
            details_out[name] = php.to_json_array({place: one for place, one in enumerate(value) if one is not None})
        else:
            details_out[name] = value
    return without_nulls(details_out)


def _object(row: Row, context: RequestContext) -> str:
    if (row["bundle"], row["object"]) != ("lead", "lead"):
        return ""
    contact = context.table("contacts").get(row["objectId"])
    return "" if contact is None else php.to_string(_name(contact, "name"))
