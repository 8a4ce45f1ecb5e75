"""Campaigns: events, sources, members, and copies of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Crash, Refused, Said, missing
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._events import bind, canvas, show_events
from mautic_async.testing.resources._properties import ID, Prop, category, rich, schedule, switch
from mautic_async.testing.resources.stats import listing

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row

_NO_EVENT: Final = "At least one event is required. Use the Launch Campaign Builder button to add one."
_NO_SOURCE: Final = "At least one contact source is required. Use the Launch Campaign Builder button to add one."


class Campaigns(Noun):
    """Campaigns. Their events are stored only together with ``canvasSettings``."""

    path = "campaigns"
    one, many = "campaign", "campaigns"
    permission = "campaign:campaigns"
    mapped = True
    order = ("name",)
    searched = ("name", "description")
    born = ("modifiedByUser",)
    audit = ("campaign", "campaign")
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        category(),
        Prop("description", rich),
        Prop("allowRestart", switch, default=False, blank=False, minimal=False),
        *schedule(),
        Prop("events", show=lambda events, _: show_events(events), default=list, writable=False, minimal=False),
        Prop("forms", show=_parts.show_forms, default=list, writable=False, minimal=False),
        Prop("lists", show=_parts.show_segments, default=list, writable=False, minimal=False),
        Prop("canvasSettings", default=list, writable=False, minimal=False),
    )

    def fresh(self, ask: Ask) -> Row:
        """Without events and sources."""
        return super().fresh(ask) | {"events": [], "forms": [], "lists": [], "canvasSettings": []}

    def commit(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """With sources, events and canvas; in a batch what is wrong with them goes unheard, and they are not stored."""
        refusal = _wrong(params, ask)
        if refusal is not None:
            if not _parts.batch(ask):
                raise refusal
            return super().commit(draft, row, params, ask)
        replace = ask.request.method == "PUT"
        for name, table in (("lists", "segments"), ("forms", "forms")):
            sent = [id for one in php.values(params.get(name)) if (id := _id(one))]
            if any(ask.table(table).get(id) is None for id in sent):
                raise Crash
            draft[name] = list(dict.fromkeys(([] if replace else draft[name]) + sent))
        if "canvasSettings" in params:
            ids: dict[str, int] = {}
            if php.values(params.get("events")):
                draft["events"], ids = bind(draft["events"], params, ask, replace=replace)
            draft["canvasSettings"] = canvas(params["canvasSettings"], ids)
        return super().commit(draft, row, params, ask)

    def gone(self, row: Row) -> Row:
        """Nothing hangs on it any more."""
        return row | {"id": None, "events": [], "forms": [], "lists": []}

    def delete(self, row: Row, ask: Ask) -> None:
        """With its members."""
        super().delete(row, ask)
        links = ask.table("campaign_contacts")
        for id in [one["id"] for one in links.where(campaign=row["id"])]:
            links.remove(id)

    # --- routes ----------------------------------------------------------------------------------------------------

    def special(self, routes: Routes) -> None:
        """Members, and copies."""
        routes.add("GET", "/api/campaigns/{id}/contacts", self.contacts)
        routes.add("POST", "/api/campaigns/{id}/contact/{leadId}/add", self.join)
        routes.add("POST", "/api/campaigns/{id}/contact/{leadId}/remove", self.leave)
        routes.add("POST", "/api/campaigns/clone/{campaignId}", self.clone)

    async def contacts(self, ask: Ask) -> Any:
        """Members, as rows of the database."""
        row = self.get(ask.path["id"], ask)
        if row is None:
            raise missing()
        ask.need(self.permission, "view", own=self.own(row, ask))
        members = [link for link in ask.table("campaign_contacts").where(campaign=row["id"]) if not link["removed"]]
        return listing("campaign_leads", "contacts", ask, only={link["id"] for link in members})

    def _both(self, ask: Ask) -> tuple[Row, Row]:
        row = self.get(ask.path["id"], ask)
        if row is None:
            raise missing()
        contact = ask.table("contacts").get(ask.path["leadId"])
        if contact is None:
            raise missing()
        ask.need("lead:leads", "edit", own=contact["owner"] is not None and contact["owner"] == ask.actor.id)
        return row, contact

    async def join(self, ask: Ask) -> Any:
        """Add a contact by hand."""
        row, contact = self._both(ask)
        await ask.row()
        links = ask.table("campaign_contacts")
        held = next(links.where(campaign=row["id"], contact=contact["id"]), None)
        if held is None:
            new = {"id": None, "campaign": row["id"], "contact": contact["id"], "rotation": 1, "left": None}
            links.save(new | {"date": ask.now, "added": True, "removed": False})
        elif held["removed"]:
            again = held["rotation"] + 1 if row["allowRestart"] else held["rotation"]
            links.save(held | {"removed": False, "added": True, "rotation": again, "date": ask.now})
        return Said({"success": 1})

    async def leave(self, ask: Ask) -> Any:
        """Remove a contact by hand."""
        row, contact = self._both(ask)
        await ask.row()
        links = ask.table("campaign_contacts")
        for held in list(links.where(campaign=row["id"], contact=contact["id"])):
            if not held["removed"]:
                links.save(held | {"removed": True, "added": False, "left": ask.now})
        return Said({"success": 1})

    async def clone(self, ask: Ask) -> Any:
        """A copy without events and sources, unpublished; said with a redirect's status."""
        row = self.get(ask.path["campaignId"], ask)
        if row is None:
            raise missing()
        ask.need(self.permission, "create")
        await ask.row()
        block = {name: row[name] for name in ("modifiedBy",)} | {"dateModified": ask.now, "isPublished": False}
        copy = self.gone(row) | block | {"modifiedByUser": ask.actor.name, "dateAdded": ask.now}
        copy |= {"createdBy": ask.actor.id, "createdByUser": ask.actor.name}
        saved = self.table(ask).save(copy)
        return Said({"campaign": self.show(saved, ask)}, 302, location=f"/api/campaigns/{saved['id']}")


def _id(one: Any) -> int:
    return php.integer(one.get("id") if isinstance(one, dict) else None)


def _wrong(params: dict[str, Any], ask: Ask) -> Refused | None:
    method = ask.request.method
    if method not in ("POST", "PUT"):
        return None
    events = params.get("events")
    if not php.values(events):
        return Refused(400, _NO_EVENT)
    if not php.values(params.get("lists")) and not php.values(params.get("forms")):
        return Refused(400, _NO_SOURCE)
    if method == "PUT":
        for name in ("events", "lists", "forms"):
            for key, one in php.entries(params.get(name) or {}).items():
                if not isinstance(one, dict) or one.get("id") is None:
                    return Refused(400, f'$campaign[{name}][{key}]["id"] is missing')
    return None
