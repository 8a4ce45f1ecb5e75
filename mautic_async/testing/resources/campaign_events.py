"""The events of campaigns by themselves, and what became of them for a contact."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.replies import ControllerError, Reply, UnhandledError, not_found
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._events import serialize_event
from mautic_async.testing.resources._properties import Property, serialize_category
from mautic_async.testing.resources._standard import query_page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_NOT_IN_CAMPAIGN: Final = "The contact {} is not in the campaign {}."
_ALREADY_EXECUTED: Final = "The event {} in the campaign {} has already been executed at {} for the contact {}."
_UNPLANNED: Final = (
    "The event {} in the campaign {} must be scheduled or marked as complete as the contact {} does not have a log"
    " entry yet."
)
_DECISION: Final = "A decision type event cannot be scheduled. Event: {}, campaign: {}, contact: {}."
_INCOMPLETE: Final = "contactId and/or eventId are misssing from this item's parameters."
_SCHEDULE: Final = ("publishUp", "publishDown")
_LOG: Final = ("ipAddress", "dateTriggered", "isScheduled", "triggerDate", "metadata", "nonActionPathTaken")
_NAMES: Final = [
    "id",
    "name",
    "description",
    "type",
    "eventType",
    "channel",
    "channelId",
    "order",
    "properties",
    "triggerDate",
    "triggerInterval",
    "triggerIntervalUnit",
    "triggerHour",
    "triggerMode",
    "decisionPath",
    "parent",
]


class _Events(FakeResource):
    """The events of campaigns, which are only read, through `query_page`."""

    path: ClassVar[str] = "campaigns/events"
    singular: ClassVar[str] = "event"
    plural: ClassVar[str] = "events"
    permission = "campaign:campaigns"
    has_publish_block = shows_publish_block = published_filters = False
    searched_columns: ClassVar[tuple[str, ...]] = ("name", "description")
    search_commands: ClassVar[tuple[str, ...]] = ()
    properties: ClassVar[tuple[Property, ...]] = tuple(Property(name) for name in _NAMES)

    def rows(self, context: RequestContext) -> Iterable[Row]:
        """Return the events of all campaigns."""
        all_rows = [event | {"_campaign": row["id"]} for row in context.table("campaigns") for event in row["events"]]
        return sorted(all_rows, key=lambda one: int(one["id"]))

    def get(self, id: int, context: RequestContext) -> Row | None:
        """Return the event of this id, or None."""
        return next((event for event in self.rows(context) if event["id"] == id), None)

    def is_owned_by(self, row: Row, context: RequestContext) -> bool:
        """Return True if the campaign of the event is the user's own."""
        campaign = context.table("campaigns").get(row["_campaign"]) or {"createdBy": None}
        return super().is_owned_by(campaign, context)

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the event with its campaign."""
        del minimal, just_created
        campaign = context.table("campaigns").get(row["_campaign"]) or {}
        event = {name: value for name, value in row.items() if name != "_campaign"}
        shown = serialize_event(event, campaign["events"], depth=1)
        return shown | {"campaign": _campaign_summary(campaign, context)}


_EVENTS: Final = _Events()
_EVENTS.declare(is_7=False)


def _campaign_summary(campaign: Row, context: RequestContext) -> dict[str, Any]:
    entity = {
        "id": campaign["id"],
        "name": campaign["name"],
        "category": serialize_category(campaign["category"], context),
    }
    return entity | {"description": campaign["description"]}


def routes(table: Router) -> None:
    """Add them."""
    table.add("GET", "/api/campaigns/events", all_events)
    table.add("GET", "/api/campaigns/events/{id}", single_event)
    table.add("GET", "/api/campaigns/events/contact/{contactId}", contact_events)
    table.add("GET", "/api/campaigns/{campaignId}/events/contact/{contactId}", member_events)
    table.add("PUT", "/api/campaigns/events/{eventId}/contact/{contactId}/edit", edit)
    table.add("PUT", "/api/campaigns/events/batch/edit", batch_edit)


async def all_events(context: RequestContext) -> Any:
    """Answer with all events of all campaigns."""
    total, rows = query_page(_EVENTS, context)
    return Reply({"total": total, "events": [_EVENTS.serialize(row, context) for row in rows]})


async def single_event(context: RequestContext) -> Any:
    """Answer with one event."""
    row = _EVENTS.get(context.path["id"], context)
    if row is None:
        raise not_found()
    context.require(_EVENTS.permission, "view", own=_EVENTS.is_owned_by(row, context))
    return Reply({"event": _EVENTS.serialize(row, context)})


def _contact(context: RequestContext, id: Any, verb: str) -> Row:
    contact = context.table("contacts").get(id)
    if contact is None:
        raise not_found("Contact not found.")
    context.require("lead:leads", verb, own=contact["owner"] is not None and contact["owner"] == context.user.id)
    return contact


async def contact_events(context: RequestContext) -> Any:
    """Answer with the events of a contact: 5.1.1 finds none, whatever the log has."""
    _contact(context, context.path["contactId"], "view")
    return Reply({"total": 0, "events": []})


async def member_events(context: RequestContext) -> Any:
    """Answer with the events of a campaign for one of its members; the log is empty here, too."""
    contact = _contact(context, context.path["contactId"], "view")
    campaign = context.table("campaigns").get(context.path["campaignId"])
    if campaign is None:
        raise not_found()
    links = list(context.table("campaign_contacts").where(campaign=campaign["id"], contact=contact["id"]))
    if not links:
        raise ControllerError(409, _NOT_IN_CAMPAIGN.format("%contact%", "%campaign%"))
    events = [_with_log(event, []) for event in campaign["events"]]
    membership = [
        {
            "dateAdded": php.iso_datetime(link["date"]),
            "manuallyRemoved": link["removed"],
            "manuallyAdded": link["added"],
            "rotation": link["rotation"],
            "dateLastExited": None if link["left"] is None else php.iso_datetime(link["left"]),
        }
        for link in links
    ]
    entities = {
        "total": len(events),
        "events": events,
        "campaign": _campaign_summary(campaign, context),
        "membership": membership,
    }
    return Reply(entities)


def _with_log(event: Row, logs: list[Row]) -> dict[str, Any]:
    entity = {name: value for name, value in event.items() if name not in ("_campaign", "properties")}
    entity["parent"] = None if event["parent"] is None else {"id": event["parent"]}
    return entity | {"contactLog": [_serialize_log(log) for log in logs]}


def _serialize_log(log: Row) -> dict[str, Any]:
    entity = {name: log[name] for name in _LOG}
    for name in ("dateTriggered", "triggerDate"):
        entity[name] = None if log[name] is None else php.iso_datetime(log[name])
    entity["ipAddress"] = None if log["ipAddress"] is None else {"ipAddress": log["ipAddress"]}
    return entity | {"channel": log["channel"], "channelId": log["channelId"], "rotation": log["rotation"]}


async def edit(context: RequestContext) -> Any:
    """Write a contact's log entry of an event."""
    contact = _contact(context, context.path["contactId"], "edit")
    event = _EVENTS.get(context.path["eventId"], context)
    if event is None:
        raise not_found()
    context.require(_EVENTS.permission, "edit", own=_EVENTS.is_owned_by(event, context))
    await context.charge_row()
    log, created = _update(event, contact, context.body if isinstance(context.body, dict) else {}, context)
    campaign = context.table("campaigns").get(event["_campaign"]) or {}
    entity = _with_log(event, [])
    del entity["contactLog"]
    entity |= {"campaign": _campaign_of_event(event, campaign, context), "contactLog": [_serialize_log(log)]}
    return Reply({"event": entity}, 201 if created else 200)


def _campaign_of_event(event: Row, campaign: Row, context: RequestContext) -> dict[str, Any]:
    """Return a campaign inside one of its events, with its other events."""
    others = [_with_log(one, []) for one in campaign["events"] if one["id"] != event["id"]]
    for other in others:
        del other["parent"]
    dates = {name: None if campaign[name] is None else php.iso_datetime(campaign[name]) for name in _SCHEDULE}
    entity = _campaign_summary(campaign, context) | {"allowRestart": campaign["allowRestart"]} | dates
    return entity | {"events": others, "deleted": None}


async def batch_edit(context: RequestContext) -> Any:
    """Several log entries; events come by their id, refusals by their place."""
    events: dict[str, Any] = {}
    errors: dict[Any, Any] = {}
    sent = php.from_json_array(context.body or {})
    if len(sent) > context.state.settings.batch_limit:
        raise ControllerError(500, f"A max of {context.state.settings.batch_limit} entities are supported at a time.")
    for key, item in sent.items():
        params = item if isinstance(item, dict) else {}
        event = _EVENTS.get(php.to_int(params.get("eventId")), context)
        contact = context.table("contacts").get(php.to_int(params.get("contactId")))
        if event is not None:
            events.setdefault(str(event["id"]), (event, []))
        if event is None or contact is None:
            errors[key] = not_found(_INCOMPLETE).to_row_error()
            continue
        try:
            await context.charge_row()
            log, _ = _update(event, contact, params, context)
            events[str(event["id"])][1].append(log)
        except ControllerError as why:
            errors[key] = why.to_row_error()
    body: dict[str, Any] = {"events": {id: _with_log(event, logs) for id, (event, logs) in events.items()} or []}
    if errors:
        body["errors"] = php.to_json_array(errors)
    return Reply(body)


def _update(event: Row, contact: Row, params: dict[str, Any], context: RequestContext) -> tuple[Row, bool]:
    links = list(context.table("campaign_contacts").where(campaign=event["_campaign"], contact=contact["id"]))
    if not links or any(link["removed"] for link in links):
        raise ControllerError(409, _NOT_IN_CAMPAIGN.format(contact["id"], event["_campaign"]))
    logs = context.table("campaign_log")
    log = next(logs.where(event=event["id"], contact=contact["id"]), None)
    ids = (event["id"], event["_campaign"], contact["id"])
    if log is not None and log["dateTriggered"] is not None:
        when = php.iso_datetime(log["dateTriggered"])
        raise ControllerError(409, _ALREADY_EXECUTED.format(*ids[:2], when, ids[2]))
    if log is None and params.get("triggerDate") is None and params.get("dateTriggered") is None:
        raise ControllerError(409, _UNPLANNED.format(*ids))
    if "triggerDate" in params and event["eventType"] == "decision":
        raise ControllerError(409, _DECISION.format(*ids))
    new = {"id": None, "event": event["id"], "contact": contact["id"], "campaign": event["_campaign"], "rotation": 1}
    new |= dict.fromkeys(("ipAddress", "dateTriggered", "triggerDate", "channel", "channelId"))
    draft = (new | {"nonActionPathTaken": False, "metadata": []}) if log is None else dict(log)
    for name, value in params.items():
        _set(draft, name, value, context)
    draft["isScheduled"] = True  # the server reschedules what it stores, triggered or not
    if draft["triggerDate"] is None:
        draft["triggerDate"] = context.now
    return logs.save(draft), log is None


def _set(log: Row, name: str, value: Any, context: RequestContext) -> None:
    if name in ("dateTriggered", "triggerDate"):
        log[name] = php.strtotime(value, context.now)
        if log[name] is None:
            raise UnhandledError
    elif name == "metadata":
        log["metadata"] = _merge_metadata(log["metadata"], value)
    elif name == "nonActionPathTaken":
        log[name] = php.is_truthy(value)
    elif name == "channelId":  # the server writes it into the channel
        log["channel"] = str(php.to_int(value))
    elif name in ("channel", "ipAddress"):
        log[name] = php.strip_text(php.to_string(value))


def _merge_metadata(current: Any, value: Any) -> Any:
    if isinstance(value, str):
        try:
            decoded = json.loads(value)
        except ValueError:
            decoded = None
        value = decoded if isinstance(decoded, (dict, list)) and decoded else [value]
    sent = php.from_json_array(value) if isinstance(value, (dict, list)) else {0: value}
    pairs = php.from_json_array(current) | {name: _as_text(one) for name, one in sent.items()}
    return php.to_json_array(pairs)


def _as_text(value: Any) -> Any:
    """Return a cleaned value: scalars become texts, as in all metadata."""
    return value if isinstance(value, (dict, list)) else php.strip_text(php.to_string(value))
