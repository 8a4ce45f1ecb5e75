"""The data of dashboard widgets that are no charts by time: lists, and charts of shares."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mautic_async.testing import php
from mautic_async.testing.contacts.serialize import primary_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

COLOURS: Final = ("78,93,157", "0,180,156", "253,149,114", "253,185,51")
_HEIGHT: Final = 220
_NO_DATA: Final = "No data returned for this report"
_TITLE: Final = "mautic.dashboard.label.title"
_LIMIT: Final = 5
"""Rows of a list, where the caller names no limit."""
Widget: TypeAlias = "Callable[[RequestContext], dict[str, Any]]"


def period(context: RequestContext) -> tuple[float, float]:
    """Return the first and the last second of the period: this second, where the caller names none."""
    since, until = (php.strtotime(context.query.get(name), context.now) for name in ("dateFrom", "dateTo"))
    first = context.now if since is None else since
    last = context.now if until is None else until
    is_day = until is not None and len(php.to_string(context.query.get("dateTo"))) == len("2024-01-01")
    return first, last + (86399 if is_day else 0)


def _within(table: str, column: str, context: RequestContext) -> list[Row]:
    first, last = period(context)
    if first == last:
        return []
    return [row for row in context.table(table) if row.get(column) is not None and first <= row[column] <= last]


# --- lists --------------------------------------------------------------------------------------------------------


def _list(heads: Iterable[str], rows: list[list[dict[str, Any]]], context: RequestContext) -> dict[str, Any]:
    limit = php.to_int(context.query.get("limit")) or _LIMIT
    return {"headItems": list(heads), "bodyItems": rows[:limit]}


def _link(value: Any, target: str) -> dict[str, Any]:
    return {"value": value, "type": "link", "link": target}


def _created(table: str, name: str) -> Widget:
    def widget(context: RequestContext) -> dict[str, Any]:
        rows = _within(table, "dateAdded", context)
        return _list([_TITLE], [[_link(row[name], f"/s/{table}/view/{row['id']}")] for row in rows], context)

    return widget


def _created_contacts(context: RequestContext) -> dict[str, Any]:
    contacts = [row for row in _within("contacts", "dateAdded", context) if row["dateIdentified"] is not None]
    rows = [[_link(primary_name(row), f"/s/contacts/view/{row['id']}")] for row in contacts]
    return _list([_TITLE], rows or [[{"value": _NO_DATA, "type": "text", "link": ""}]], context)


def _empty(*heads: str) -> Widget:
    return lambda context: _list(heads, [], context)


def _sent_emails(context: RequestContext) -> dict[str, Any]:
    counts = Counter(row["email"] for row in _within("email_stats", "date", context) if row["email"] is not None)
    rows = []
    for id, count in counts.most_common():
        email = context.table("emails").get(id)
        if email is not None:
            rows.append([_link(email["name"], f"/s/emails/view/{id}"), {"value": str(count)}])
    return _list([_TITLE, "mautic.email.label.sends"], rows, context)


_SENT: Final = (
    "contact.id contact.email.address contact.open contact.click contact.links.clicked email.id email.name segment.id"
    " segment.name company.id company.name campaign.id campaign.name date.sent date.read"
)
_NO_SOURCE: Final = tuple(f"{one}_{part}" for one in ("segment", "company", "campaign") for part in ("id", "name"))


def _emails_to_contacts(context: RequestContext) -> dict[str, Any]:
    stats = sorted(_within("email_stats", "date", context), key=lambda row: int(row["id"]), reverse=True)
    rows = {}
    for row in stats[: php.to_int(context.query.get("limit")) or _LIMIT]:
        email = context.table("emails").get(row["email"])
        if email is None or row["contact"] is None:
            continue
        sent: dict[str, Any] = {"contact_id": str(row["contact"]), "contact_email": row["address"]}
        sent |= {"open": "0", "click": "0", "links_clicked": [], "email_id": str(email["id"])}
        sent |= {"email_name": email["name"]} | dict.fromkeys(_NO_SOURCE, "")
        rows[str(row["id"])] = sent | {"date_sent": php.sql_datetime(row["date"])}
    return {"headItems": [f"mautic.dashboard.label.{head}" for head in _SENT.split()], "bodyItems": rows or []}


def _members(context: RequestContext) -> list[tuple[Row, int]]:
    links = _within("segment_contacts", "date", context)
    counts = Counter(link["segment"] for link in links if not link["removed"])
    found = ((context.table("segments").get(id), count) for id, count in counts.most_common())
    return [(segment, count) for segment, count in found if segment is not None]


def _top_segments(context: RequestContext) -> dict[str, Any]:
    rows = []
    for segment, count in _members(context):
        search = f"/s/contacts?search=segment:{segment['alias']}"
        rows.append([_link(segment["name"], f"/s/segments/edit/{segment['id']}"), _link(str(count), search)])
    return _list([_TITLE, "mautic.lead.leads"], rows, context)


def _built_segments(context: RequestContext) -> dict[str, Any]:
    rows = []
    for row in context.table("segments"):
        link = _link(row["name"], f"/s/segments/view/{row['id']}")
        rows.append([link, {"value": row["createdByUser"]}, {"value": "Less than 1 second"}])
    return _list([_TITLE, "mautic.core.createdby", "mautic.lead.list.last_built_time"], rows, context)


def _top_users(column: str) -> Widget:
    def widget(context: RequestContext) -> dict[str, Any]:
        contacts = _within("contacts", "dateAdded", context)
        counts = Counter(row[column] for row in contacts if row[column] is not None)
        rows = []
        for id, count in counts.most_common():
            user = context.table("users").get(id) or {"firstName": "", "lastName": ""}
            name = f"{user['firstName']} {user['lastName']}"
            rows.append([_link(name, f"/s/users/edit/{id}"), {"value": str(count)}])
        return _list(["mautic.user.account.permissions.editname", "mautic.lead.leads"], rows, context)

    return widget


# --- charts -------------------------------------------------------------------------------------------------------


def _pie(counts: dict[str, int], *, texts: bool = False) -> dict[str, Any]:
    """Return a pie chart; its labels tell the shares where there is anything to share."""
    total = sum(counts.values())
    labels = [f"{name}; {n}x, {n * 100 / total:.4g}%" if total else name for name, n in counts.items()]
    looks = {"backgroundColor": 0.8, "hoverBackgroundColor": 0.9}
    dataset: dict[str, Any] = {"data": [str(n) if texts and n else n for n in counts.values()]}
    for name, opacity in looks.items():
        dataset[name] = [f"rgba({COLOURS[place % len(COLOURS)]},{opacity})" for place in range(len(counts))]
    return {"chartType": "pie", "chartHeight": _HEIGHT, "chartData": {"labels": labels, "datasets": [dataset]}}


def _identified(context: RequestContext) -> dict[str, Any]:
    contacts = _within("contacts", "dateAdded", context)
    known = sum(row["dateIdentified"] is not None for row in contacts)
    return _pie({"Identified": known, "Anonymous": len(contacts) - known})


def _read_emails(context: RequestContext) -> dict[str, Any]:
    return _pie({"Ignored": len(_within("email_stats", "date", context)), "Read": 0, "Failed": 0})


def _visitors(context: RequestContext) -> dict[str, Any]:
    hits = _within("page_hits", "date", context)
    unique = len({row["trackingId"] for row in hits})
    return _pie({"Unique": unique, "Returning": len(hits) - unique})


def _devices(context: RequestContext) -> dict[str, Any]:
    first, last = period(context)
    hits = [row for row in context.table("page_hits") if first == last or first <= row["date"] <= last]
    devices = (context.table("devices").get(row["device"]) or {"device": ""} for row in hits)
    counts = Counter(device["device"] or "n/a" for device in devices)
    return _pie(dict(counts.most_common()) or {_NO_DATA: 0}, texts=True)


def _bars(label: str, names: list[str], values: list[str], colour: int) -> dict[str, Any]:
    looks = {"backgroundColor": 0.7, "borderColor": 0.8, "pointHoverBackgroundColor": 0.9, "pointHoverBorderColor": 1}
    colours = {name: f"rgba({COLOURS[colour]},{opacity})" for name, opacity in looks.items()}
    return {"labels": names, "datasets": [{"label": label, "data": values, "fill": True} | colours]}


def _lifetime(context: RequestContext) -> dict[str, Any]:
    total = len(_within("contacts", "dateAdded", context))
    segments = _members(context)
    names = [segment["name"] for segment, _ in segments] or ["All contacts"]
    links = [f"/s/contacts?search=segment:{segment['alias']}" for segment, _ in segments] or ["/s/contacts"]
    items = [_pie({segment["name"]: count, "All Contacts": total}) for segment, count in segments]
    charts = [item["chartData"] for item in items or [_pie({"All contacts": total})]]
    for chart in charts:
        chart["labels"] = [label.partition(";")[0] for label in chart["labels"]]
    options = {"options": {"xAxes": [{"display": True}], "yAxes": [{"display": True}]}}
    stages = Counter(row["stage"] for row in _within("contacts", "dateAdded", context) if row["stage"])
    stage_names = [(context.table("stages").get(id) or {"name": ""})["name"] for id in stages]
    bars = _bars("Contacts", stage_names if segments else [], [str(n) for n in stages.values()] if segments else [], 3)
    values: list[Any] = [str(count) for _, count in segments] or [total]
    body: dict[str, Any] = {"columnName": names, "value": values}
    body |= {"width": 100 // len(names), "link": links, "chartType": "pie", "chartHeight": 120, "chartItems": charts}
    return body | {"stages": [bars | options], "devices": [_bars("Device", [], [], 2) | options]}


_DWELL: Final = ("< 1m", "1 - 5m", "5 - 10m", "> 10m")
_REDIRECTS: Final = ("url", "unique.hit.count", "total.hit.count", "email.id", "email.name")
WIDGETS: Final[dict[str, Widget]] = {
    "unique.vs.repetitive.downloads": lambda _: _pie({"Unique": 0, "Repetitive": 0}),
    "popular.assets": _empty(_TITLE, "mautic.dashboard.label.downloads"),
    "created.assets": _created("assets", "title"),
    "emails.best.hours": lambda _: {
        "chartType": "bar",
        "chartHeight": _HEIGHT,
        "chartData": _bars("Hourly percentage from 0 reads", [], [], 0),
    },
    "sent.email.to.contacts": _emails_to_contacts,
    "most.hit.email.redirects": _empty(*(f"mautic.dashboard.label.{head}" for head in _REDIRECTS)),
    "ignored.vs.read.emails": _read_emails,
    "upcoming.emails": lambda _: {"upcomingEmails": []},
    "most.sent.emails": _sent_emails,
    "most.read.emails": _empty(_TITLE, "mautic.email.label.reads"),
    "created.emails": _created("emails", "name"),
    "device.granularity.email": lambda _: _pie({_NO_DATA: 0}),
    "top.submission.referrers": _empty("mautic.form.result.thead.referrer", "mautic.form.graph.line.submissions"),
    "top.submitters": _empty("mautic.form.lead", "mautic.form.graph.line.submissions"),
    "created.forms": _created("forms", "name"),
    "anonymous.vs.identified.leads": _identified,
    "lead.lifetime": _lifetime,
    "map.of.leads": lambda _: {"height": _HEIGHT, "data": []},
    "top.lists": _top_segments,
    "segments.build.time": _built_segments,
    "top.creators": _top_users("createdBy"),
    "top.owners": _top_users("owner"),
    "created.leads": _created_contacts,
    "unique.vs.returning.leads": _visitors,
    "dwell.times": lambda _: _pie(dict.fromkeys(_DWELL, 0)),
    "popular.pages": _empty(_TITLE, "mautic.dashboard.label.hits"),
    "created.pages": _created("pages", "title"),
    "device.granularity": _devices,
}
"""Makers of data by type of widget."""
