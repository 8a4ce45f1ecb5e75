"""The activity of contacts: entries of several logs, in the order in which Mautic asks its bundles for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mautic_async.testing import ips, php
from mautic_async.testing.contacts.event_log import TABLE
from mautic_async.testing.replies import Reply, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

TYPES: Final = {
    "asset.download": "Asset downloaded",
    "campaign.event": "Campaign action triggered",
    "campaign.event.scheduled": "Campaign event scheduled",
    "campaign_membership": "Campaign membership change",
    "lead.source.created": "Contact created by source",
    "lead.source.identified": "Contact identified by source",
    "customitem.linked": "Custom Item Linked",
    "customitem.unlinked": "Custom Item Unlinked",
    "lead.donotcontact": "Do not contact",
    "dynamic.content.sent": "Dynamic Content Triggered",
    "email.failed": "Email failed",
    "email.read": "Email read",
    "email.replied": "Email replied",
    "email.sent": "Email sent",
    "sms.failed": "Failed",
    "focus.on_click": "Focus click",
    "focus.on_view": "Focus view",
    "form.submitted": "Form submitted",
    "lead.imported": "Imported",
    "integration_sync_issues": "Integration sync notice",
    "message.queue": "Message Queue",
    "page.hit": "Page hit",
    "point.gained": "Point gained",
    "segment_membership": "Segment membership change",
    "sms.sent": "Sent",
    "stage.changed": "Stage changed",
    "sms_reply": "Text message received",
    "lead.utmtagsadded": "UTM tags recorded",
    "page.videohit": "Video view event",
}


Source: TypeAlias = "Callable[[RequestContext], Iterator[dict[str, Any]]]"


def _entry(  # noqa: PLR0917 - the columns of an entry
    event: str, row: Row, contact: Any, time: int, label: Any, details: dict[str, Any]
) -> dict[str, Any]:
    return {
        "event": event,
        "eventId": f"{event}{row['id']}",
        "eventLabel": label,
        "eventType": TYPES[event],
        "timestamp": php.iso_datetime(time),
        "contactId": str(contact),
        "details": details,
    }


def _log_entry(row: Row, event: str, label: str) -> dict[str, Any]:
    """Return an entry of the contacts' event log, whose keys come in an order of their own."""
    details = {_camel(name): value for name, value in row["properties"].items()}
    entry = _entry(event, row, row["contact"], row["date"], label, details)
    return {"event": event, "eventId": entry["eventId"], "eventType": TYPES[event], "eventLabel": label} | entry


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _origins(context: RequestContext, *, identified: bool) -> Iterator[dict[str, Any]]:
    event, action = ("lead.source.identified", "identified") if identified else ("lead.source.created", "created")
    for row in context.table(TABLE).where(action=f"{action}_contact"):
        name = row["properties"].get("object_description")
        label = name or f"an unknown source ({row['bundle']}/{row['object']})"
        yield _log_entry(row, event, f"Contact was {action} by {label}")


def _memberships(context: RequestContext, kind: str) -> Iterator[dict[str, Any]]:
    for row in context.table(TABLE).where(object=kind):
        verb = "added to" if row["action"] == "added" else "removed from"
        name = row["properties"]["object_description"]
        yield _log_entry(row, f"{kind}_membership", f"Contact {verb} {kind}, {name}")


def _items(context: RequestContext) -> Iterator[dict[str, Any]]:
    for row in context.table("item_events"):
        details = {"objectId": str(row["item"]), "action": "link"}
        yield _entry("customitem.linked", row, row["contact"], row["time"], row["label"], details)


_REASONS: Final = {
    1: "Contact unsubscribed from this channel.",
    2: "Communication bounced for this channel.",
    3: "Contact was manually set as do not contact for this channel.",
}


def _do_not_contact(context: RequestContext) -> Iterator[dict[str, Any]]:
    for contact in context.table("contacts"):
        for row in contact["dnc"]:
            entry = {"id": str(row["id"]), "channel": row["channel"], "date_added": php.iso_datetime(row["dateAdded"])}
            entry |= {"reason": _REASONS.get(row["reason"], ""), "comments": row["comments"]}
            if row["channelId"] is not None:
                entry["channel_id"] = str(row["channelId"])
            channel = row["channel"][:1].upper() + row["channel"][1:]
            yield _entry("lead.donotcontact", row, contact["id"], row["dateAdded"], channel, {"dnc": entry})


def _utm_tags(context: RequestContext) -> Iterator[dict[str, Any]]:
    for contact in context.table("contacts"):
        for row in contact["utm"]:
            campaign = row.get("utmCampaign")
            label = f"UTM Campaign: {campaign}" if campaign else TYPES["lead.utmtagsadded"]
            tags = {"id": str(row["id"]), "date_added": php.iso_datetime(row["date"])}
            tags |= {f"utm_{name}": row[f"utm{name.title()}"] for name in _UTM if row.get(f"utm{name.title()}")}
            yield _entry("lead.utmtagsadded", row, contact["id"], row["date"], label, {"utmtags": tags})


_UTM: Final = ("campaign", "content", "medium", "source", "term")


def _points(context: RequestContext) -> Iterator[dict[str, Any]]:
    for row in context.table("point_log"):
        event, delta = row.get("event") or ("add (+)" if row["delta"] >= 0 else "subtract (-)"), str(abs(row["delta"]))
        log = {"eventName": event, "actionName": row.get("action") or "API", "dateAdded": php.iso_datetime(row["date"])}
        log |= {"type": row.get("type", "API"), "delta": delta, "id": str(row["id"]), "lead_id": str(row["contact"])}
        yield _entry("point.gained", row, row["contact"], row["date"], f"{event} / {delta}", {"log": log})


_FAILED: Final = (
    ' <i data-toggle="tooltip" title="This event encountered an error during the last attempt to process."'
    ' class="ri-alert-line text-danger"></i>'
)


def _campaign_events(context: RequestContext, *, scheduled: bool) -> Iterator[dict[str, Any]]:
    for row in context.table("campaign_log"):
        campaign = context.table("campaigns").get(row["campaign"])
        event = next((one for one in campaign["events"] if one["id"] == row["event"]), None) if campaign else None
        if campaign is None or event is None or row["isScheduled"] is not scheduled:
            continue
        time = row["dateTriggered"] or row["triggerDate"]
        link = context.state.absolute_url(f"/s/campaigns/view/{campaign['id']}")
        log = {"log_id": str(row["id"]), "event_id": str(row["event"]), "campaign_id": str(row["campaign"])}
        if row["dateTriggered"] is not None:
            log["dateTriggered"] = php.iso_datetime(row["dateTriggered"])
        log |= {"event_name": event["name"], "campaign_name": campaign["name"], "metadata": row["metadata"]}
        log |= {
            "type": event["type"],
            "isScheduled": str(int(scheduled)),
            "triggerDate": php.iso_datetime(row["triggerDate"]),
        }
        log |= {"channel": row["channel"]} if row["channel"] is not None else {}
        log |= {"lead_id": str(row["contact"])}
        label = {"label": f"{event['name']} / {campaign['name']}{'' if scheduled else _FAILED}", "href": link}
        if not scheduled:
            log["fail_reason"] = f"Contact removed from campaign on {php.long_date(row['failed'])}"
        kind = "campaign.event.scheduled" if scheduled else "campaign.event"
        yield _entry(kind, row, row["contact"], time, label, {"log": log})


def _page_hits(context: RequestContext) -> Iterator[dict[str, Any]]:
    for row in context.table("page_hits"):
        device = context.table("devices").get(row["device"]) or {}
        hit = {"hitId": str(row["id"]), "userAgent": row["userAgent"], "dateHit": php.iso_datetime(row["date"])}
        hit |= {"url": row["url"], "query": row["query"], "clientInfo": php.serialized(device.get("clientInfo"))}
        hit |= {name: device.get(name) or "" for name in ("device", "deviceBrand", "deviceModel")}
        label = {"label": row["url"], "href": row["url"] or context.state.url, "isExternal": True}
        entry = _entry("page.hit", row, row["contact"], row["date"], label, {"hit": hit})
        yield entry | {"eventId": str(row["id"])}


def _emails_sent(context: RequestContext) -> Iterator[dict[str, Any]]:
    for row in context.table("email_stats"):
        email = context.table("emails").get(row["email"])
        if email is None or row["contact"] is None:
            continue
        label = {
            "label": email["name"],
            "href": context.state.absolute_url(f"/email/view/{row['hash']}"),
            "isExternal": True,
        }
        stat: dict[str, Any] = {
            "email_id": str(row["email"]),
            "id": str(row["id"]),
            "dateSent": php.iso_datetime(row["date"]),
        }
        stat |= {"subject": email["subject"], "email_name": email["name"], "isRead": "0", "isFailed": "0"}
        stat |= {"viewedInBrowser": "0", "retryCount": "0", "list_id": None, "idHash": row["hash"], "openDetails": []}
        stat |= {"storedSubject": email["subject"], "timeToRead": False}
        stat = {name: value for name, value in stat.items() if value is not None}
        details = {"stat": stat, "type": "sent"}
        yield _entry("email.sent", row, row["contact"], row["date"], label, details)


def _submissions(context: RequestContext) -> Iterator[dict[str, Any]]:
    for row in context.table("submissions"):
        form = context.table("forms").get(row["form"])
        if form is None:
            continue
        shown = {name: form[name] for name in ("id", "name", "alias")}
        submission = {"id": row["id"], "ipAddress": {"ipAddress": ips.LOCALHOST}, "form": shown}
        submission |= {"trackingId": row.get("tracking"), "dateSubmitted": php.iso_datetime(row["date"])}
        submission |= {"referer": row.get("referer", ""), "results": {"form_id": str(form["id"])} | row["results"]}
        label = {"label": form["name"], "href": context.state.absolute_url(f"/s/forms/view/{form['id']}")}
        details = {"submission": submission, "form": shown, "page": {}}
        yield _entry("form.submitted", row, row["lead"], row["date"], label, details)


def _stages(context: RequestContext) -> Iterator[dict[str, Any]]:
    for row in context.table("stage_log"):
        log = {"id": str(row["id"]), "reference": str(row["stage"]), "eventName": row["name"]}
        log |= {"actionName": "Manually Added", "dateAdded": php.iso_datetime(row["date"])}
        link = context.state.absolute_url(f"/s/stages/edit/{row['stage']}")
        label = {"label": row["name"], "href": link, "isExternal": False}
        details = {"log": log | {"lead_id": str(row["contact"])}}
        yield _entry("stage.changed", row, row["contact"], row["date"], label, details)


SOURCES: Final[dict[str, Source]] = {
    "campaign.event": lambda context: _campaign_events(context, scheduled=False),
    "campaign.event.scheduled": lambda context: _campaign_events(context, scheduled=True),
    "email.sent": _emails_sent,
    "form.submitted": _submissions,
    "lead.utmtagsadded": _utm_tags,
    "lead.donotcontact": _do_not_contact,
    "campaign_membership": lambda context: _memberships(context, "campaign"),
    "segment_membership": lambda context: _memberships(context, "segment"),
    "lead.source.created": lambda context: _origins(context, identified=False),
    "lead.source.identified": lambda context: _origins(context, identified=True),
    "page.hit": _page_hits,
    "point.gained": _points,
    "stage.changed": _stages,
    "customitem.linked": _items,
}
"""Makers of entries by type, in the order in which Mautic asks for them; types without one have no entries."""


# --- answers ------------------------------------------------------------------------------------------------------


def routes(table: Router) -> None:
    """Add the routes."""
    table.add("GET", "/api/contacts/activity", all_events)
    table.add("GET", "/api/contacts/{id}/activity", contact_events)


async def all_events(context: RequestContext) -> Any:
    """Answer with the activity of all contacts."""
    return _answer(None, context)


async def contact_events(context: RequestContext) -> Any:
    """Answer with the activity of one contact."""
    contact = context.table("contacts").get(context.path["id"])
    if contact is None:
        raise not_found()
    return _answer(contact["id"], context)


def _filters(context: RequestContext) -> dict[str, Any]:
    sent = context.query.get("filters")
    values = dict(sent) if isinstance(sent, dict) else {}
    filters = {"search": values.pop("search", "")} | {
        name: values.pop(name) for name in ("dateFrom", "dateTo") if values.get(name)
    }
    return filters | {name: values.pop(name, None) or [] for name in ("includeEvents", "excludeEvents")} | values


def _answer(contact: int | None, context: RequestContext) -> Reply:
    """Answer with a page: ``limit`` entries of each type, sorted only by what the server knows to sort by."""
    filters = _filters(context)
    order = php.array_values(context.query.get("order")) or ["timestamp", "DESC"]
    page, limit = php.to_int(context.query.get("page", 1)) or 1, php.to_int(context.query.get("limit", 25))
    included, excluded = php.array_values(filters["includeEvents"]), php.array_values(filters["excludeEvents"])
    descending = php.to_string(order[-1]).upper() == "DESC"
    entries: list[dict[str, Any]] = []
    counts = []
    for event, source in SOURCES.items():
        if event in excluded or (included and event not in included):
            continue
        found = [entry for entry in source(context) if _matches(entry, contact, filters, context)]
        counts.append(len(found))
        if descending:
            found.reverse()
        start = (page - 1) * limit
        page_of_type = found[start : start + limit] if limit else found
        entries += reversed(page_of_type) if descending else page_of_type
    if order[0] in ("timestamp", "eventLabel"):
        entries.sort(key=lambda entry: php.to_string(entry[order[0]]))
    if descending:
        entries.reverse()
    body = {"events": entries, "filters": filters, "order": order, "types": TYPES, "total": sum(counts), "page": page}
    largest = max(counts, default=0)
    pages = float(math.ceil(largest / limit)) if largest and limit else 1
    return Reply(body | {"limit": limit, "maxPages": pages})


def _matches(entry: dict[str, Any], contact: int | None, filters: dict[str, Any], context: RequestContext) -> bool:
    if contact is not None and entry["contactId"] != str(contact):
        return False
    since, until = (php.strtotime(filters.get(name), context.now) for name in ("dateFrom", "dateTo"))
    time = php.strtotime(entry["timestamp"], context.now) or 0
    if (since is not None and time < since) or (until is not None and time > until):
        return False
    return not filters["search"] or filters["search"].lower() in php.to_string(entry["eventLabel"]).lower()
