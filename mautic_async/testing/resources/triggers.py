"""Point triggers and their events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.replies import ControllerError, Reply, UnhandledError, not_found
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource, write_audit_log
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    Property,
    boolean,
    category,
    html,
    integer,
    plain_text,
    schedule,
)
from mautic_async.testing.resources._standard import without_nulls

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

EVENTS: Final = {
    "campaign.changecampaign": "Modify contact's campaigns",
    "lead.changelists": "Modify contact's segments",
    "lead.changetags": "Modify contact's tags",
    "plugin.leadpush": "Push contact to integration",
    "email.send": "Send an email",
    "email.send_to_user": "Send an email to user",
}
_COLOR: Final = "a0acb8"
_EVENT: Final = ("id", "name", "description", "type", "order", "properties")


def _color(value: Any, context: RequestContext) -> Any:
    return plain_text(value, context) or _COLOR


class Triggers(FakeResource):
    """Point triggers.

    Events live in the row. Neither a PUT that does not list an event nor the call that deletes events removes it from
    the database: both answers lie.
    """

    path: ClassVar[str] = "points/triggers"
    singular: ClassVar[str] = "trigger"
    plural: ClassVar[str] = "triggers"
    permission = "point:triggers"
    searched_columns: ClassVar[tuple[str, ...]] = ("name", "description")
    set_on_create: ClassVar[tuple[str, ...]] = ("dateModified", "modifiedByUser")
    audit_name: ClassVar[tuple[str, str]] = ("point", "trigger")
    audits_creation_as = "update"
    audits_every_edit = True
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        category(),
        Property("description", html),
        *schedule(),
        Property("points", integer, default=0, value_on_put=NOT_NULL, minimal=False),
        Property("color", _color, default=_COLOR, value_on_put=_COLOR, minimal=False),
        Property("events", default=list, writable=False, minimal=False),
        Property("triggerExistingLeads", boolean, default=False, value_on_put=NOT_NULL, minimal=False),
        _parts.projects(),
        Property("group", _parts.id_of("points/groups"), hidden=True),
    )

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the trigger; a deletion loads its events in their order."""
        if row["id"] is None:
            row = row | {"events": sorted(row["events"], key=lambda event: int(event["order"]))}
        return super().serialize(row, context, minimal=minimal, just_created=just_created)

    def new_row(self, context: RequestContext) -> Row:
        """Return a trigger without events."""
        return super().new_row(context) | {"events": []}

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Store the trigger with the events sent: those without an id are new, and none is removed."""
        events_sent = [event for event in php.array_values(params.get("events")) if isinstance(event, dict)]
        refusal = _problem(events_sent)
        events = [dict(event) for event in draft["events"]]
        if refusal is None:
            for place, event in enumerate(events_sent, 1):
                _put_event(events, event, place, context)
        elif row is not None and not _parts.is_batch(context):
            raise refusal
        draft["events"] = events
        saved = super().save(draft, row, params, context)
        if refusal is not None and not _parts.is_batch(context):
            raise refusal
        if row is not None and context.request.method == "PUT":
            event_ids = {php.to_int(event["id"]) for event in events_sent if event.get("id")}
            return saved | {"events": [event for event in events if event["id"] in event_ids]}
        return saved

    def deleted_view(self, row: Row) -> Row:
        """Return the trigger with neither its id nor those of its events."""
        return row | {"id": None, "events": [one | {"id": None} for one in row["events"]]}

    def extra_routes(self, routes: Router) -> None:
        """Add the routes of the types of events, and of the deletion that does nothing."""
        routes.add("GET", "/api/points/triggers/events/types", self.types)
        routes.add("DELETE", "/api/points/triggers/{triggerId}/events/delete", self.delete_events)

    async def types(self, context: RequestContext) -> Any:
        """Answer with labels by type."""
        context.require(self.permission, "view")
        return Reply({"eventTypes": EVENTS})

    async def delete_events(self, context: RequestContext) -> Any:
        """Answer with the trigger without these events, and keep them."""
        context.require(self.permission, "edit")
        row = self.get(context.path["triggerId"], context)
        if row is None:
            raise not_found()
        ids = context.param("events")
        if not isinstance(ids, (list, dict)):
            raise ControllerError(400, "The events attribute must be array.")
        removed = {php.to_int(id) for id in php.array_values(ids)}
        remaining = [event for event in row["events"] if event["id"] not in removed]
        return Reply({"trigger": without_nulls(self.serialize(row | {"events": remaining}, context))})


def _problem(sent: list[Row]) -> ControllerError | None:
    for one in sent:
        if not one.get("id") and not php.to_string(one.get("name")).strip():
            return ControllerError(400, f"Trigger events: name: {_parts.NAME}")
    return None


def _put_event(events: list[Row], sent: Row, place: int, context: RequestContext) -> None:
    existing = next((event for event in events if event["id"] == php.to_int(sent.get("id"))), None)
    if existing is None:
        if sent.get("id") or not sent.get("type"):
            raise UnhandledError
        existing = {
            "id": _parts.next_number(context, "trigger_events"),
            "name": None,
            "description": None,
            "type": None,
        }
        existing |= {"order": 0, "properties": []}
        events.append(existing)
    existing |= {name: sent[name] for name in _EVENT if name in sent and name not in ("id", "order")}
    existing["name"], existing["order"] = php.strip_text(existing["name"]), place


def fire_triggers(contact: Row, context: RequestContext) -> None:
    """Let a change of points set off the events of the published triggers the contact has reached, each only once."""
    fired_events = contact.get("triggered", [])
    fired_before = list(contact["tags"])
    for row in sorted(context.table("points/triggers"), key=lambda one: int(one["points"])):
        if not row["isPublished"] or row["points"] > contact["points"]:
            continue
        for event in row["events"]:
            if event["id"] in fired_events:
                continue
            fired_events = contact["triggered"] = [*fired_events, event["id"]]
            if event["type"] == "lead.changetags":
                _change_tags(contact, event["properties"], context)
    context.table("contacts").save(contact)
    names = {row["id"]: row["tag"] for row in context.table("tags")}
    added = [names[id] for id in contact["tags"] if id not in fired_before]
    removed = [names[id] for id in fired_before if id not in contact["tags"] and id in names]
    changes = {key: value for key, value in (("added", added), ("removed", removed)) if value}
    write_audit_log(context, ("lead", "lead"), contact["id"], "update", {"tags": changes} if changes else {})


def _change_tags(contact: Row, properties: Any, context: RequestContext) -> None:
    names_sent = properties if isinstance(properties, dict) else {}
    tags = context.table("tags")
    for name in php.array_values(names_sent.get("add_tags")):
        tag_row = next(iter(tags.find("name", php.collate(php.to_string(name)))), None)
        tag_row = tag_row or tags.save({"id": None, "tag": php.strip_text(php.to_string(name)), "description": None})
        if tag_row["id"] not in contact["tags"]:
            contact["tags"] = [*contact["tags"], tag_row["id"]]
    for name in php.array_values(names_sent.get("remove_tags")):
        removed = {tag["id"] for tag in tags.find("name", php.collate(php.to_string(name)))}
        contact["tags"] = [id for id in contact["tags"] if id not in removed]
