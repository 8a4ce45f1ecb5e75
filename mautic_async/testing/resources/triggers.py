"""Point triggers and their events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Crash, Refused, Said, missing
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import Noun, log
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    Prop,
    category,
    plain,
    rich,
    schedule,
    switch,
    whole,
)
from mautic_async.testing.resources._standard import without_nulls

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row

EVENTS: Final = {
    "campaign.changecampaign": "Modify contact's campaigns",
    "lead.changelists": "Modify contact's segments",
    "lead.changetags": "Modify contact's tags",
    "plugin.leadpush": "Push contact to integration",
    "email.send": "Send an email",
    "email.send_to_user": "Send an email to user",
}
_EVENT: Final = ("id", "name", "description", "type", "order", "properties")


class Triggers(Noun):
    """Point triggers.

    Events live in the row. Neither a PUT that does not list an event nor the call that deletes events removes it from
    the database: both answers lie.
    """

    path = "points/triggers"
    one, many = "trigger", "triggers"
    permission = "point:triggers"
    searched = ("name", "description")
    born = ("dateModified", "modifiedByUser")
    audit = ("point", "trigger")
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        category(),
        Prop("description", rich),
        *schedule(),
        Prop("points", whole, default=0, blank=NOT_NULL, minimal=False),
        Prop("color", plain, default="a0acb8", blank=NOT_NULL, minimal=False),
        Prop("events", default=list, writable=False, minimal=False),
        Prop("triggerExistingLeads", switch, default=False, blank=NOT_NULL, minimal=False),
        Prop("group", _parts.reference("points/groups"), hidden=True),
    )

    def fresh(self, ask: Ask) -> Row:
        """Without events."""
        return super().fresh(ask) | {"events": []}

    def commit(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """With the events sent: those without an id are new, and none is taken away."""
        sent = [one for one in php.values(params.get("events")) if isinstance(one, dict)]
        refusal = _wrong(sent)
        events = [dict(one) for one in draft["events"]]
        if refusal is None:
            for place, one in enumerate(sent, 1):
                _put(events, one, place, ask)
        elif row is not None and not _parts.batch(ask):
            raise refusal
        draft["events"] = events
        saved = super().commit(draft, row, params, ask)
        if refusal is not None and not _parts.batch(ask):
            raise refusal
        if row is not None and ask.request.method == "PUT":
            listed = {php.integer(one["id"]) for one in sent if one.get("id")}
            return saved | {"events": [one for one in events if one["id"] in listed]}
        return saved

    def gone(self, row: Row) -> Row:
        """Its events have no ids any more either."""
        return row | {"id": None, "events": [one | {"id": None} for one in row["events"]]}

    def special(self, routes: Routes) -> None:
        """Types of events, and the deletion that does nothing."""
        routes.add("GET", "/api/points/triggers/events/types", self.types)
        routes.add("DELETE", "/api/points/triggers/{triggerId}/events/delete", self.delete_events)

    async def types(self, ask: Ask) -> Any:
        """Labels by type."""
        ask.need(self.permission, "view")
        return Said({"eventTypes": EVENTS})

    async def delete_events(self, ask: Ask) -> Any:
        """Shows the trigger without these events, and keeps them."""
        ask.need(self.permission, "edit")
        row = self.get(ask.path["triggerId"], ask)
        if row is None:
            raise missing()
        ids = ask.param("events")
        if not isinstance(ids, (list, dict)):
            raise Refused(400, "The events attribute must be array.")
        gone = {php.integer(id) for id in php.values(ids)}
        kept = [one for one in row["events"] if one["id"] not in gone]
        return Said({"trigger": without_nulls(self.show(row | {"events": kept}, ask))})


def _wrong(sent: list[Row]) -> Refused | None:
    for one in sent:
        if not one.get("id") and not php.text(one.get("name")).strip():
            return Refused(400, f"Trigger events: name: {_parts.NAME}")
    return None


def _put(events: list[Row], sent: Row, place: int, ask: Ask) -> None:
    held = next((one for one in events if one["id"] == php.integer(sent.get("id"))), None)
    if held is None:
        if sent.get("id") or not sent.get("type"):
            raise Crash
        held = {"id": _parts.number(ask, "trigger_events"), "name": None, "description": None, "type": None}
        held |= {"order": 0, "properties": []}
        events.append(held)
    held |= {name: sent[name] for name in _EVENT if name in sent and name not in ("id", "order")}
    held["name"], held["order"] = php.clean(held["name"]), place


def fire(contact: Row, ask: Ask) -> None:
    """Let a change of points set off the events of the published triggers the contact has reached, each only once."""
    fired = contact.get("triggered", [])
    held = list(contact["tags"])
    for row in sorted(ask.table("points/triggers"), key=lambda one: int(one["points"])):
        if not row["isPublished"] or row["points"] > contact["points"]:
            continue
        for event in row["events"]:
            if event["id"] in fired:
                continue
            fired = contact["triggered"] = [*fired, event["id"]]
            if event["type"] == "lead.changetags":
                _tag(contact, event["properties"], ask)
    ask.table("contacts").save(contact)
    names = {row["id"]: row["tag"] for row in ask.table("tags")}
    added = [names[id] for id in contact["tags"] if id not in held]
    removed = [names[id] for id in held if id not in contact["tags"] and id in names]
    changes = {key: value for key, value in (("added", added), ("removed", removed)) if value}
    log(ask, ("lead", "lead"), contact["id"], "update", {"tags": changes} if changes else {})


def _tag(contact: Row, properties: Any, ask: Ask) -> None:
    told = properties if isinstance(properties, dict) else {}
    tags = ask.table("tags")
    for name in php.values(told.get("add_tags")):
        found = next(iter(tags.find("name", php.collate(php.text(name)))), None)
        found = found or tags.save({"id": None, "tag": php.clean(php.text(name)), "description": None})
        if found["id"] not in contact["tags"]:
            contact["tags"] = [*contact["tags"], found["id"]]
    for name in php.values(told.get("remove_tags")):
        gone = {one["id"] for one in tags.find("name", php.collate(php.text(name)))}
        contact["tags"] = [id for id in contact["tags"] if id not in gone]
