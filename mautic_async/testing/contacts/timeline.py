"""The activity of contacts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Said, missing

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
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


def routes(table: Routes) -> None:
    """Add them."""
    table.add("GET", "/api/contacts/activity", every)
    table.add("GET", "/api/contacts/{id}/activity", one)


async def every(ask: Ask) -> Any:
    """What all contacts did; ``limit`` counts for each type of event."""
    return _answer(list(ask.table("events")), ask, per_type=True)


async def one(ask: Ask) -> Any:
    """What one contact did."""
    contact = ask.table("contacts").get(ask.path["id"])
    if contact is None:
        raise missing()
    return _answer([row for row in ask.table("events") if row["contact"] == contact["id"]], ask, per_type=False)


def _answer(rows: list[Row], ask: Ask, *, per_type: bool) -> Said:
    sent = ask.query.get("filters")
    filters: dict[str, Any] = dict(sent) if isinstance(sent, dict) else {}
    for name, empty in (("search", ""), ("includeEvents", []), ("excludeEvents", [])):
        filters.setdefault(name, empty)
    order = php.values(ask.query.get("order")) or ["timestamp", "DESC"]
    included, excluded = php.values(filters["includeEvents"]), php.values(filters["excludeEvents"])
    kept = [row for row in rows if (not included or row["event"] in included) and row["event"] not in excluded]
    down = php.text(order[-1]).upper() != "ASC"
    kept.sort(key=lambda row: (row["time"], row["id"]), reverse=down)
    page, limit = php.integer(ask.query.get("page", 1)) or 1, php.integer(ask.query.get("limit", 25))
    body = {
        "events": [_event(row) for row in _page(kept, page, limit, per_type=per_type)],
        "filters": filters,
        "order": order,
        "types": TYPES,
        "total": len(kept),
        "page": page,
        "limit": limit,
        "maxPages": float(math.ceil(len(kept) / limit)) if kept and limit else 1,
    }
    return Said(body)


def _page(rows: list[Row], page: int, limit: int, *, per_type: bool) -> list[Row]:
    if not limit:
        return rows
    start = (page - 1) * limit
    if not per_type:
        return rows[start : start + limit]
    counted: dict[str, int] = {}
    shown = []
    for row in rows:
        place = counted.get(row["event"], 0)
        counted[row["event"]] = place + 1
        if start <= place < start + limit:
            shown.append(row)
    return shown


_LABELS: Final = {
    "lead.source.identified": "Contact was identified by {}",
    "lead.source.created": "Contact was created by {}",
}


def _event(row: Row) -> dict[str, Any]:
    shown = {
        "event": row["event"],
        "eventId": f"{row['event']}{row['id']}",
        "eventType": TYPES.get(row["event"], row["event"]),
        "eventLabel": _LABELS.get(row["event"], TYPES.get(row["event"], "")).format(row.get("by", "")),
        "timestamp": php.iso(row["time"]),
        "contactId": str(row["contact"]),
        "details": row.get("details") or {"objectDescription": row.get("by", "")},
    }
    if "label" in row:
        shown["eventLabel"] = row["label"]
    return shown
