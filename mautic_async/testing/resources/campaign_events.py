"""The events of campaigns by themselves, and what became of them for a contact."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Crash, Refused, Said, missing
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._events import show_event
from mautic_async.testing.resources._properties import Prop, show_category
from mautic_async.testing.resources._standard import select

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row

_OUT: Final = "The contact {} is not in the campaign {}."
_DONE: Final = "This event has already been executed."
_UNPLANNED: Final = "This event must be scheduled or marked as complete as this contact does not have a log entry yet."
_DECISION: Final = "A decision type event cannot be scheduled."
_INCOMPLETE: Final = "contactId and/or eventId are misssing from this item's parameters."
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


class _Events(Noun):
    """Only read, and only through `select`."""

    path = "campaigns/events"
    one, many = "event", "events"
    permission = "campaign:campaigns"
    kept_block = block = published_filters = False
    searched = ("name", "description")
    commands = ()
    props = tuple(Prop(name) for name in _NAMES)

    def rows(self, ask: Ask) -> Iterable[Row]:
        """Of all campaigns."""
        every = [event | {"_campaign": row["id"]} for row in ask.table("campaigns") for event in row["events"]]
        return sorted(every, key=lambda one: int(one["id"]))

    def get(self, id: int, ask: Ask) -> Row | None:
        """By id."""
        return next((one for one in self.rows(ask) if one["id"] == id), None)

    def own(self, row: Row, ask: Ask) -> bool:
        """As its campaign is."""
        campaign = ask.table("campaigns").get(row["_campaign"]) or {"createdBy": None}
        return super().own(campaign, ask)

    def show(self, row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False) -> Any:
        """With its campaign."""
        del minimal, fresh
        campaign = ask.table("campaigns").get(row["_campaign"]) or {}
        shown = show_event({name: value for name, value in row.items() if name != "_campaign"}, campaign["events"])
        return shown | {"campaign": _basic(campaign, ask)}


_EVENTS: Final = _Events()


def _basic(campaign: Row, ask: Ask) -> dict[str, Any]:
    shown = {"id": campaign["id"], "name": campaign["name"], "category": show_category(campaign["category"], ask)}
    return shown | {"description": campaign["description"]}


def routes(table: Routes) -> None:
    """Add them."""
    table.add("GET", "/api/campaigns/events", every)
    table.add("GET", "/api/campaigns/events/{id}", one)
    table.add("GET", "/api/campaigns/events/contact/{contactId}", of_contact)
    table.add("GET", "/api/campaigns/{campaignId}/events/contact/{contactId}", of_member)
    table.add("PUT", "/api/campaigns/events/{eventId}/contact/{contactId}/edit", edit)
    table.add("PUT", "/api/campaigns/events/batch/edit", batch_edit)


async def every(ask: Ask) -> Any:
    """All events of all campaigns."""
    total, rows = select(_EVENTS, ask)
    return Said({"total": total, "events": [_EVENTS.show(row, ask) for row in rows]})


async def one(ask: Ask) -> Any:
    """One event."""
    row = _EVENTS.get(ask.path["id"], ask)
    if row is None:
        raise missing()
    ask.need(_EVENTS.permission, "view", own=_EVENTS.own(row, ask))
    return Said({"event": _EVENTS.show(row, ask)})


def _contact(ask: Ask, id: Any, verb: str) -> Row:
    contact = ask.table("contacts").get(id)
    if contact is None:
        raise missing("Contact not found.")
    ask.need("lead:leads", verb, own=contact["owner"] is not None and contact["owner"] == ask.actor.id)
    return contact


async def of_contact(ask: Ask) -> Any:
    """What happened to a contact: 5.1.1 finds nothing, whatever the log has."""
    _contact(ask, ask.path["contactId"], "view")
    return Said({"total": 0, "events": []})


async def of_member(ask: Ask) -> Any:
    """The events of a campaign for one of its members; the log stays empty here, too."""
    contact = _contact(ask, ask.path["contactId"], "view")
    campaign = ask.table("campaigns").get(ask.path["campaignId"])
    if campaign is None:
        raise missing()
    links = list(ask.table("campaign_contacts").where(campaign=campaign["id"], contact=contact["id"]))
    if not links:
        raise Refused(409, _OUT.format("%contact%", "%campaign%"))
    events = [_with_log(event, []) for event in campaign["events"]]
    for event in events:
        del event["properties"]
    membership = [
        {
            "dateAdded": php.iso(link["date"]),
            "manuallyRemoved": link["removed"],
            "manuallyAdded": link["added"],
            "rotation": link["rotation"],
            "dateLastExited": None if link["left"] is None else php.iso(link["left"]),
        }
        for link in links
    ]
    shown = {"total": len(events), "events": events, "campaign": _basic(campaign, ask), "membership": membership}
    return Said(shown)


def _with_log(event: Row, logs: list[Row]) -> dict[str, Any]:
    shown = {name: value for name, value in event.items() if name != "_campaign"}
    shown["parent"] = None if event["parent"] is None else {"id": event["parent"]}
    return shown | {"contactLog": [_show_log(log) for log in logs]}


def _show_log(log: Row) -> dict[str, Any]:
    shown = {name: log[name] for name in _LOG}
    for name in ("dateTriggered", "triggerDate"):
        shown[name] = None if log[name] is None else php.iso(log[name])
    shown["ipAddress"] = None if log["ipAddress"] is None else {"ipAddress": log["ipAddress"]}
    return shown | {"channel": log["channel"], "channelId": log["channelId"], "rotation": log["rotation"]}


async def edit(ask: Ask) -> Any:
    """Write a contact's log entry of an event."""
    contact = _contact(ask, ask.path["contactId"], "edit")
    event = _EVENTS.get(ask.path["eventId"], ask)
    if event is None:
        raise missing()
    ask.need(_EVENTS.permission, "edit", own=_EVENTS.own(event, ask))
    await ask.row()
    log, created = _update(event, contact, ask.body if isinstance(ask.body, dict) else {}, ask)
    campaign = ask.table("campaigns").get(event["_campaign"]) or {}
    shown = _with_log(event, [log]) | {"campaign": _basic(campaign, ask) | {"deleted": None}}
    return Said({"event": shown}, 201 if created else 200)


async def batch_edit(ask: Ask) -> Any:
    """Several log entries; events come by their id, refusals by their place."""
    events: dict[str, Any] = {}
    errors: dict[Any, Any] = {}
    sent = php.entries(ask.body or {})
    if len(sent) > ask.fake.batch_limit:
        raise Refused(500, f"A max of {ask.fake.batch_limit} entities are supported at a time.")
    for key, item in sent.items():
        told = item if isinstance(item, dict) else {}
        event = _EVENTS.get(php.integer(told.get("eventId")), ask)
        contact = ask.table("contacts").get(php.integer(told.get("contactId")))
        if event is not None:
            events.setdefault(str(event["id"]), (event, []))
        if event is None or contact is None:
            errors[key] = missing(_INCOMPLETE).row()
            continue
        try:
            await ask.row()
            log, _ = _update(event, contact, told, ask)
            events[str(event["id"])][1].append(log)
        except Refused as why:
            errors[key] = why.row()
    body: dict[str, Any] = {"events": {id: _with_log(event, logs) for id, (event, logs) in events.items()} or []}
    if errors:
        body["errors"] = php.array(errors)
    return Said(body)


def _update(event: Row, contact: Row, params: dict[str, Any], ask: Ask) -> tuple[Row, bool]:
    links = list(ask.table("campaign_contacts").where(campaign=event["_campaign"], contact=contact["id"]))
    if not links or any(link["removed"] for link in links):
        raise Refused(409, _OUT.format(contact["id"], event["_campaign"]))
    logs = ask.table("campaign_log")
    log = next(logs.where(event=event["id"], contact=contact["id"]), None)
    if log is not None and log["dateTriggered"] is not None:
        raise Refused(409, _DONE)
    if log is None and params.get("triggerDate") is None and params.get("dateTriggered") is None:
        raise Refused(409, _UNPLANNED)
    if "triggerDate" in params and event["eventType"] == "decision":
        raise Refused(409, _DECISION)
    new = {"id": None, "event": event["id"], "contact": contact["id"], "campaign": event["_campaign"], "rotation": 1}
    new |= dict.fromkeys(("ipAddress", "dateTriggered", "triggerDate", "nonActionPathTaken", "channel", "channelId"))
    draft = (new | {"isScheduled": False, "metadata": []}) if log is None else dict(log)
    for name, value in params.items():
        _set(draft, name, value, ask)
    draft["isScheduled"] = draft["dateTriggered"] is None
    if draft["isScheduled"] and draft["triggerDate"] is None:
        draft["triggerDate"] = ask.now
    return logs.save(draft), log is None


def _set(log: Row, name: str, value: Any, ask: Ask) -> None:
    if name in ("dateTriggered", "triggerDate"):
        log[name] = php.strtotime(value, ask.now)
        if log[name] is None:
            raise Crash
    elif name == "metadata":
        log["metadata"] = _merged(log["metadata"], value)
    elif name == "nonActionPathTaken":
        log[name] = php.truthy(value)
    elif name == "channelId":  # the server writes it into the channel
        log["channel"] = str(php.integer(value))
    elif name in ("channel", "ipAddress"):
        log[name] = php.clean(php.text(value))


def _merged(held: Any, value: Any) -> Any:
    if isinstance(value, str):
        try:
            decoded = json.loads(value)
        except ValueError:
            decoded = None
        value = decoded if isinstance(decoded, (dict, list)) and decoded else [value]
    pairs = php.entries(held) | (php.entries(value) if isinstance(value, (dict, list)) else {0: value})
    return php.array(pairs)
