"""Campaigns: events, sources, members, and copies of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.contacts import event_log
from mautic_async.testing.replies import ControllerError, Reply, UnhandledError, not_found
from mautic_async.testing.resources import _campaign_transfer, _parts
from mautic_async.testing.resources._base import FakeResource, stamp
from mautic_async.testing.resources._events import apply_events, canvas_settings, serialize_events
from mautic_async.testing.resources._properties import ID, Property, boolean, category, html, schedule
from mautic_async.testing.resources.stats import listing

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_NO_EVENT: Final = "At least one event is required. Use the Launch Campaign Builder button to add one."
_NO_SOURCE: Final = "At least one contact source is required. Use the Launch Campaign Builder button to add one."


class Campaigns(FakeResource):
    """Campaigns. Their events are stored only together with ``canvasSettings``."""

    path: ClassVar[str] = "campaigns"
    singular: ClassVar[str] = "campaign"
    plural: ClassVar[str] = "campaigns"
    permission = "campaign:campaigns"
    list_is_map = True
    default_order: ClassVar[tuple[str, ...]] = ("name",)
    searched_columns: ClassVar[tuple[str, ...]] = ("name", "description")
    set_on_create: ClassVar[tuple[str, ...]] = ("modifiedByUser",)
    audit_name: ClassVar[tuple[str, str]] = ("campaign", "campaign")
    transfers: ClassVar[bool] = False
    """Whether there is an export and an import."""
    in_7: ClassVar[dict[str, Any]] = FakeResource.in_7 | {"transfers": True}
    audits_every_edit = True
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        category(),
        Property("description", html),
        Property("allowRestart", boolean, default=False, value_on_put=False, minimal=False),
        *schedule(),
        Property("events", default=list, writable=False, minimal=False),
        Property("forms", serialize=_parts.serialize_forms, default=list, writable=False, minimal=False),
        Property("lists", serialize=_parts.serialize_segments, default=list, writable=False, minimal=False),
        Property("canvasSettings", default=list, writable=False, minimal=False),
        _parts.projects(),
    )

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the campaign with the tree of its events."""
        entity = super().serialize(row, context, minimal=minimal, just_created=just_created)
        if "events" in entity:
            entity["events"] = serialize_events(row["events"], just_created=just_created)
        return entity

    def new_row(self, context: RequestContext) -> Row:
        """Return a campaign without events and sources."""
        return super().new_row(context) | {"events": [], "forms": [], "lists": [], "canvasSettings": []}

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Store the campaign with sources, events and canvas; a batch leaves out those with errors."""
        refusal = _problems(params, context)
        if refusal is not None:
            if not _parts.is_batch(context):
                raise refusal
            return super().save(draft, row, params, context)
        replace = context.request.method == "PUT"
        for name, table in (("lists", "segments"), ("forms", "forms")):
            sources = [id for source in php.array_values(params.get(name)) if (id := _id(source))]
            if any(context.table(table).get(id) is None for id in sources):
                raise UnhandledError
            draft[name] = list(dict.fromkeys(([] if replace else draft[name]) + sources))
        is_changed = row is not None and any(php.array_values(params.get(name)) for name in ("lists", "forms"))
        if "canvasSettings" in params:
            ids: dict[str, int] = {}
            if php.array_values(params.get("events")):
                draft["events"], ids = apply_events(draft["events"], params, context, replace=replace)
            draft["canvasSettings"] = canvas_settings(params["canvasSettings"], ids)
        saved = super().save(draft, row, params, context)
        if is_changed:  # sources count as a change, whether they are new or not
            saved["dateModified"] = context.now
        saved = self.table(context).save(saved)
        events = php.array_values(params.get("events")) if "canvasSettings" in params else []
        if any(isinstance(event, dict) and event.get("triggerDate") for event in events):
            raise UnhandledError  # it is stored; then the text cannot be written as a date
        return saved

    def deleted_view(self, row: Row) -> Row:
        """Return the campaign without sources and events."""
        return row | {"id": None, "events": [], "forms": [], "lists": []}

    def delete(self, row: Row, context: RequestContext) -> None:
        """Delete the campaign with its members and their logs."""
        super().delete(row, context)
        for name in ("campaign_contacts", "campaign_log"):
            for id in [one["id"] for one in context.table(name).where(campaign=row["id"])]:
                context.table(name).remove(id)

    # --- routes ----------------------------------------------------------------------------------------------------

    def extra_routes(self, routes: Router) -> None:
        """Members, and copies."""
        routes.add("GET", "/api/campaigns/{id}/contacts", self.contacts)
        routes.add("POST", "/api/campaigns/{id}/contact/{leadId}/add", self.add_contact)
        routes.add("POST", "/api/campaigns/{id}/contact/{leadId}/remove", self.remove_contact)
        routes.add("POST", "/api/campaigns/clone/{campaignId}", self.clone)
        if self.transfers:
            routes.add("GET", "/api/campaigns/export/{campaignId}", self.export)
            routes.add("POST", "/api/campaigns/import", self.import_)

    async def contacts(self, context: RequestContext) -> Any:
        """Members, as rows of the database."""
        row = self.get(context.path["id"], context)
        if row is None:
            raise not_found()
        context.require(self.permission, "view", own=self.is_owned_by(row, context))
        members = [link for link in context.table("campaign_contacts").where(campaign=row["id"]) if not link["removed"]]
        return listing("campaign_leads", "contacts", context, only={link["id"] for link in members})

    def _both(self, context: RequestContext) -> tuple[Row, Row]:
        row = self.get(context.path["id"], context)
        if row is None:
            raise not_found()
        contact = context.table("contacts").get(context.path["leadId"])
        if contact is None:
            raise not_found()
        context.require("lead:leads", "edit", own=contact["owner"] is not None and contact["owner"] == context.user.id)
        return row, contact

    async def add_contact(self, context: RequestContext) -> Any:
        """Add a contact by hand."""
        row, contact = self._both(context)
        await context.charge_row()
        links = context.table("campaign_contacts")
        existing = next(links.where(campaign=row["id"], contact=contact["id"]), None)
        if existing is None or existing["removed"]:
            event_log.write_membership(context, contact["id"], "campaign", row, removed=False)
        if existing is None:
            new = {"id": None, "campaign": row["id"], "contact": contact["id"], "rotation": 1, "left": None}
            links.save(new | {"date": context.now, "added": True, "removed": False})
        elif existing["removed"]:
            again = existing["rotation"] + 1 if row["allowRestart"] else existing["rotation"]
            links.save(existing | {"removed": False, "added": True, "rotation": again, "date": context.now})
        return Reply({"success": 1})

    async def remove_contact(self, context: RequestContext) -> Any:
        """Remove a contact by hand."""
        row, contact = self._both(context)
        await context.charge_row()
        links = context.table("campaign_contacts")
        for existing in list(links.where(campaign=row["id"], contact=contact["id"])):
            if not existing["removed"]:
                links.save(existing | {"removed": True, "added": False, "left": context.now})
                event_log.write_membership(context, contact["id"], "campaign", row, removed=True)
                for log in list(context.table("campaign_log").where(campaign=row["id"], contact=contact["id"])):
                    context.table("campaign_log").save(log | {"isScheduled": False, "failed": context.now})
        return Reply({"success": 1})

    async def export(self, context: RequestContext) -> Any:
        """Answer with a campaign and what it depends on."""
        row = self.get(context.path["campaignId"], context)
        if row is None:
            raise not_found()
        context.require(self.permission, "view", own=self.is_owned_by(row, context))
        return Reply(_campaign_transfer.export(row, context))

    async def import_(self, context: RequestContext) -> Any:
        """Store exported campaigns."""
        context.require(self.permission, "create")
        parts = _campaign_transfer.read(context)
        if isinstance(parts, Reply):
            return parts
        for part in parts:
            await context.charge_row()
            _campaign_transfer.store(part, lambda: self._imported(context), context)
        return _campaign_transfer.done()

    def _imported(self, context: RequestContext) -> Row:
        row = self.new_row(context)
        stamp(row, None, context)
        return row | {"dateModified": context.now, "modifiedByUser": context.user.name}

    async def clone(self, context: RequestContext) -> Any:
        """Copy a campaign, unpublished and without events and sources; answer with the status of a redirect."""
        row = self.get(context.path["campaignId"], context)
        if row is None:
            raise not_found()
        context.require(self.permission, "create")
        await context.charge_row()
        block = {name: row[name] for name in ("modifiedBy",)} | {"dateModified": context.now, "isPublished": False}
        copy = self.deleted_view(row) | block | {"modifiedByUser": context.user.name, "dateAdded": context.now}
        copy |= {"createdBy": context.user.id, "createdByUser": context.user.name}
        saved = self.table(context).save(copy)
        return Reply({"campaign": self.serialize(saved, context)}, 302, location=f"/api/campaigns/{saved['id']}")


def _id(source: Any) -> int:
    return php.to_int(source.get("id") if isinstance(source, dict) else None)


def _problems(params: dict[str, Any], context: RequestContext) -> ControllerError | None:
    method = context.request.method
    if method not in ("POST", "PUT"):
        return None
    events = params.get("events")
    if not php.array_values(events):
        return ControllerError(400, _NO_EVENT)
    if not php.array_values(params.get("lists")) and not php.array_values(params.get("forms")):
        return ControllerError(400, _NO_SOURCE)
    if method == "PUT":
        for name in ("events", "lists", "forms"):
            for key, source in php.from_json_array(params.get(name) or {}).items():
                if not isinstance(source, dict) or source.get("id") is None:
                    return ControllerError(400, f'$campaign[{name}][{key}]["id"] is missing')
    return None
