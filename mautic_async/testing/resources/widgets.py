"""The data behind dashboard widgets."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import data, php
from mautic_async.testing.contacts.serialize import primary_name
from mautic_async.testing.replies import ControllerError, Reply, not_found
from mautic_async.testing.resources import _widget_data
from mautic_async.testing.resources._standard import without_nulls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_LINES: Final = {
    "created.leads.in.time": ("All contacts", "contacts", "dateAdded"),
    "asset.downloads.in.time": ("Download count", "asset_downloads", "date"),
    "events.in.time": ("Triggered Events", "campaign_log", "dateTriggered"),
    "leads.added.in.time": ("Contacts added", "campaign_contacts", "date"),
    "emails.in.time": ("Sent emails", "email_stats", "date"),
    "submissions.in.time": ("Submission Count", "submissions", "date"),
    "page.hits.in.time": ("Total visits", "page_hits", "date"),
    "points.in.time": ("Point changes", "point_log", "date"),
    "stages.in.time": ("Stage changes", "stage_log", "date"),
}
"""Charts by time: label, table, column."""
_HEIGHT, _MARGIN, _LINE_HEIGHT = 300, 80, 75
"""Pixels."""
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
    """Answer with the labels of all types, in groups."""
    del context
    return Reply({"success": 1, "types": data.table("widgets")})


async def widget(context: RequestContext) -> Any:
    """Answer with the data of one widget."""
    began = time.perf_counter()
    kind = context.path["type"]
    unit = php.to_string(context.query.get("timeUnit") or "Y")
    if unit not in _UNITS:
        raise ControllerError(400, f"Unknown timeUnit: {unit}")
    if kind == "recent.activity":
        shown: Any = _activity(context)
    elif kind in _LINES:
        shown = _line(kind, unit, context)
    elif kind in _widget_data.WIDGETS:
        shown = _widget_data.WIDGETS[kind](context)
    else:
        raise not_found()
    return Reply({"success": 1, "cached": False, "execution_time": time.perf_counter() - began, "data": shown})


# --- charts -----------------------------------------------------------------------------------------------------------


def _line(kind: str, unit: str, context: RequestContext) -> dict[str, Any]:
    label, table, column = _LINES[kind]
    date_format, _ = _UNITS[unit]
    counts: dict[str, int] = {}
    points = list(_points(unit, context))
    since, end = _widget_data.period(context)
    for point_at, until in points:
        low, high = max(point_at.timestamp(), since), min(until.timestamp(), end + 1) if end > since else 0
        counts[_php_date(point_at, php.to_string(context.query.get("dateFormat") or date_format))] = sum(
            1 for row in context.table(table) if row.get(column) is not None and low <= row[column] < high
        )
    if context.query.get("dataFormat") == "raw":
        return {label: {name: count or 0 for name, count in counts.items()}}
    height = php.to_int(context.query.get("height", _HEIGHT)) - _MARGIN
    look = {"backgroundColor": 0.1, "borderColor": 0.8, "pointHoverBackgroundColor": 1, "pointHoverBorderColor": 1}
    numbers: list[Any] = [str(count) if count else 0 for count in counts.values()]
    if kind == "emails.in.time":  # numbers, and none at all where there is no e-mail
        numbers = list(counts.values()) if any(counts.values()) else []
    dataset = {"label": label, "data": numbers}
    dataset |= {name: f"rgba({_widget_data.COLOURS[0]},{opacity})" for name, opacity in look.items()}
    chart = {"labels": list(counts), "datasets": [dataset]}
    return {"chartType": "line", "chartHeight": height, "chartData": chart}


def _points(unit: str, context: RequestContext) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    at, end = (dt.datetime.fromtimestamp(int(moment), dt.UTC) for moment in _widget_data.period(context))
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
    """Return a moment as PHP's ``date`` prints it."""
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


# --- the log ----------------------------------------------------------------------------------------------------------


def _activity(context: RequestContext) -> dict[str, Any]:
    """Return the newest lines of the audit log, as many as fit into the height of the widget."""
    height = php.to_int(context.query.get("height", _HEIGHT))
    shown = round((height - _MARGIN) / _LINE_HEIGHT)
    lines = sorted(context.table("audit_log"), key=lambda row: int(row["id"]), reverse=True)[:shown]
    entries = []
    for row in lines:
        change = {name: row[name] for name in ("userName", "userId", "bundle", "object")}
        change |= {"objectId": str(row["objectId"]), "action": row["action"], "details": _details(row["details"])}
        change |= {"dateAdded": php.iso_datetime(row["dateAdded"]), "ipAddress": row["ipAddress"]}
        entries.append(change | {"objectName": _object(row, context), "route": False})
    return {"logs": entries, "icons": []}


def _details(details: Any) -> Any:
    """Return changes without their nulls: a pair that loses its first place becomes a map."""
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
    return f"lead-{row['objectId']}" if contact is None else php.to_string(primary_name(contact))
