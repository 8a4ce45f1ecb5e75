"""Export and import of campaigns, which Mautic 7 has: rows of the database, matched by ``uuid``."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Reply, UnhandledError
from mautic_async.testing.resources import _parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

_DONE: Final = "Import successful: Imported campaigns are switched off by default."
_NO_CONTENT: Final = "No JSON content found and exactly one ZIP file must be uploaded."
_NO_ARCHIVE: Final = "Unsupported file type. Only ZIP archives are supported."
_EVENT: Final = {
    "id": "id",
    "name": "name",
    "description": "description",
    "type": "type",
    "event_type": "eventType",
    "event_order": "order",
    "properties": "properties",
    "trigger_interval": "triggerInterval",
    "trigger_interval_unit": "triggerIntervalUnit",
    "trigger_mode": "triggerMode",
    "trigger_date": "triggerDate",
    "trigger_hour": "triggerHour",
    "triggerRestrictedStartHour": "triggerRestrictedStartHour",
    "triggerRestrictedStopHour": "triggerRestrictedStopHour",
    "triggerRestrictedDaysOfWeek": "triggerRestrictedDaysOfWeek",
    "decisionPath": "decisionPath",
    "channel": "channel",
}
"""Column of an event in the export: its property."""
_SEGMENT: Final = ("name", "description", "alias", "filters")
_EMAIL: Final = {"name": "name", "subject": "subject", "custom_html": "customHtml", "email_type": "emailType"}


def _identify(row: Row, context: RequestContext) -> str:
    """Return the uuid of a row, which gets one if it has none."""
    if not row.get("uuid"):
        row["uuid"] = str(uuid.UUID(int=context.state.rng.getrandbits(128), version=4))
    return str(row["uuid"])


def export(campaign: Row, context: RequestContext) -> list[dict[str, Any]]:
    """Return a campaign with what it depends on, as the export lists it."""
    head = {name: campaign[name] for name in ("id", "name", "description")}
    head |= {"is_published": campaign["isPublished"], "canvas_settings": campaign["canvasSettings"]}
    emails = {event["channelId"] for event in campaign["events"] if event["channel"] == "email"}
    found = [row for id in sorted(emails) if (row := context.table("emails").get(id)) is not None]
    lists = [row for id in campaign["lists"] if (row := context.table("segments").get(id)) is not None]
    body: dict[str, Any] = {"campaign": [head | {"uuid": _identify(campaign, context)}]}
    body["campaign_event"] = [_event(event, campaign, context) for event in campaign["events"]]
    if found:
        body["email"] = [
            {"id": row["id"]} | {name: row[key] for name, key in _EMAIL.items()} | {"uuid": _identify(row, context)}
            for row in found
        ]
    body["lists"] = [
        {"id": row["id"]} | {name: row[name] for name in _SEGMENT} | {"uuid": _identify(row, context)} for row in lists
    ]
    events = [
        {"campaign": campaign["id"], "campaign_event": event["id"]}
        | ({"email": event["channelId"]} if event["channel"] == "email" else {})
        for event in campaign["events"]
    ]
    segments = [{"campaign": campaign["id"], "lists": row["id"]} for row in lists]
    return [body | {"dependencies": [{"campaign_event": events, "lists": segments}]}]


def _event(event: Row, campaign: Row, context: RequestContext) -> dict[str, Any]:
    row = {name: event[key] for name, key in _EVENT.items()}
    channel_id = None if event["channelId"] is None else str(event["channelId"])
    row |= {"campaign_id": campaign["id"], "channel_id": channel_id, "parent_id": event["parent"]}
    return row | {"uuid": _identify(event, context)}


def refuse(message: str) -> Reply:
    """Return the answer to an import that cannot be read, in a shape of its own."""
    return Reply({"error": message}, 400, has_version_header=False)


def read(context: RequestContext) -> list[Row] | Reply:
    """Return the rows that were sent, as JSON or in a ZIP file, or the answer that refuses them."""
    body = context.body
    if context.files:
        _, name, content = context.files[0]
        if not name.lower().endswith(".zip"):
            return refuse(_NO_ARCHIVE)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            body = json.loads(archive.read(next(one for one in archive.namelist() if one.endswith(".json"))))
    is_list = isinstance(body, list) and body and all(isinstance(one, dict) and "campaign" in one for one in body)
    return body if is_list else refuse(_NO_CONTENT)


def store(part: Row, new_campaign: Callable[[], Row], context: RequestContext) -> None:
    """Store one exported campaign, unpublished: over the campaign of the same uuid, or as a new one.

    Raises:
        UnhandledError: The events or the segments are missing; the campaign is stored by then.
    """
    for sent in php.array_values(part["campaign"]):
        campaigns = context.table("campaigns")
        campaign = next((row for row in campaigns if row.get("uuid") == sent["uuid"]), None) or new_campaign()
        campaign |= {"name": sent["name"], "description": sent.get("description"), "uuid": sent["uuid"]}
        campaign |= {"isPublished": False, "canvasSettings": sent.get("canvas_settings") or []}
        campaigns.save(campaign)
        if "campaign_event" not in part or "lists" not in part:
            raise UnhandledError
        campaign["lists"] = [_segment(row, context) for row in part["lists"]]
        campaign["events"] = _events(part["campaign_event"], campaign["events"], context)
        campaigns.save(campaign)


def _segment(sent: Row, context: RequestContext) -> int:
    segments = context.table("segments")
    row = next((one for one in segments if one.get("uuid") == sent["uuid"]), None)
    if row is None:
        alias = _parts.unique_alias(sent["alias"], None, segments)
        block: Row = {
            "isPublished": True,
            "dateAdded": context.now,
            "dateModified": context.now,
            "createdBy": context.user.id,
        }
        block |= {
            "createdByUser": context.user.name,
            "modifiedBy": context.user.id,
            "modifiedByUser": context.user.name,
        }
        row = block | {"id": None, "publicName": sent["name"], "category": None, "isGlobal": True}
        row |= {"isPreferenceCenter": False, "projects": [], "uuid": sent["uuid"]}
        row |= {name: sent.get(name) for name in _SEGMENT} | {"alias": alias}
        row = segments.save(row)
    id: int = row["id"]
    return id


def _events(sent: list[Row], current: list[Row], context: RequestContext) -> list[Row]:
    by_uuid = {event.get("uuid"): event for event in current}
    ids: dict[Any, int] = {}
    events = []
    for row in sent:
        event: Row = {key: row.get(name) for name, key in _EVENT.items()}
        event["id"] = (by_uuid.get(row["uuid"]) or {}).get("id") or _parts.next_number(context, "campaign_events")
        event |= {"uuid": row["uuid"], "channelId": row.get("channel_id") and php.to_int(row["channel_id"])}
        ids[row["id"]] = event["id"]
        events.append(event)
    for row, event in zip(sent, events, strict=True):
        event["parent"] = ids.get(row.get("parent_id"))
    return events


def done() -> Reply:
    """Return the answer to an import; it tells no id."""
    return Reply([_DONE], 201)
