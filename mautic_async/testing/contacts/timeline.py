"""The activity of contacts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Reply, not_found

if TYPE_CHECKING:
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


def routes(table: Router) -> None:
    """Add them."""
    table.add("GET", "/api/contacts/activity", all_events)
    table.add("GET", "/api/contacts/{id}/activity", contact_events)


async def all_events(context: RequestContext) -> Any:
    """What all contacts did; ``limit`` counts for each type of event."""
    return _answer(list(context.table("events")), context, per_type=True)


async def contact_events(context: RequestContext) -> Any:
    """What one contact did."""
    contact = context.table("contacts").get(context.path["id"])
    if contact is None:
        raise not_found()
    return _answer([row for row in context.table("events") if row["contact"] == contact["id"]], context, per_type=False)


def _answer(rows: list[Row], context: RequestContext, *, per_type: bool) -> Reply:
    query_filters = context.query.get("filters")
    filters: dict[str, Any] = dict(query_filters) if isinstance(query_filters, dict) else {}
    for name, empty in (("search", ""), ("includeEvents", []), ("excludeEvents", [])):
        filters.setdefault(name, empty)
    order = php.array_values(context.query.get("order")) or ["timestamp", "DESC"]
    included, excluded = php.array_values(filters["includeEvents"]), php.array_values(filters["excludeEvents"])
    matching = [row for row in rows if (not included or row["event"] in included) and row["event"] not in excluded]
    descending = php.to_string(order[-1]).upper() != "ASC"
    matching.sort(key=lambda row: (row["time"], row["id"]), reverse=descending)
    page, limit = php.to_int(context.query.get("page", 1)) or 1, php.to_int(context.query.get("limit", 25))
    body = {
        "events": [_event(row) for row in _page(matching, page, limit, per_type=per_type)],
        "filters": filters,
        "order": order,
        "types": TYPES,
        "total": len(matching),
        "page": page,
        "limit": limit,
        "maxPages": float(math.ceil(len(matching) / limit)) if matching and limit else 1,
    }
    return Reply(body)


def _page(rows: list[Row], page: int, limit: int, *, per_type: bool) -> list[Row]:
    if not limit:
        return rows
    start = (page - 1) * limit
    if not per_type:
        return rows[start : start + limit]
    counts: dict[str, int] = {}
    entries = []
    for row in rows:
        position = counts.get(row["event"], 0)
        counts[row["event"]] = position + 1
        if start <= position < start + limit:
            entries.append(row)
    return entries


_LABELS: Final = {
    "lead.source.identified": "Contact was identified by {}",
    "lead.source.created": "Contact was created by {}",
}


def _event(row: Row) -> dict[str, Any]:
    entry = {
        "event": row["event"],
        "eventId": f"{row['event']}{row['id']}",
        "eventType": TYPES.get(row["event"], row["event"]),
        "eventLabel": _LABELS.get(row["event"], TYPES.get(row["event"], "")).format(row.get("by", "")),
        "timestamp": php.iso_datetime(row["time"]),
        "contactId": str(row["contact"]),
        "details": row.get("details") or {"objectDescription": row.get("by", "")},
    }
    if "label" in row:
        entry["eventLabel"] = row["label"]
    return entry
