"""Segments, which the payloads call lists, and the contacts in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from mautic_async.testing import php
from mautic_async.testing.contacts import event_log
from mautic_async.testing.replies import ControllerError, Reply, forbidden, form_errors, not_found
from mautic_async.testing.resources import _parts, _segment_filters
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import ID, Property, boolean, category, html, list_or_map

if TYPE_CHECKING:
    from mautic_async.testing.query import Predicate
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row


class Segments(FakeResource):
    """Segments."""

    path: ClassVar[str] = "segments"
    singular: ClassVar[str] = "list"
    plural: ClassVar[str] = "lists"
    permission = "lead:lists"
    audit_name: ClassVar[tuple[str, str]] = ("lead", "segment")
    list_is_map = True
    default_order: ClassVar[tuple[str, ...]] = ("name",)
    searched_columns: ClassVar[tuple[str, ...]] = ("name", "alias")
    search_commands: ClassVar[tuple[str, ...]] = ("is", "category", "name")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required="A name is required."),
        Property("publicName"),
        Property("alias"),
        Property("description", html),
        category(),
        Property("filters", list_or_map, default=list, value_on_put=[], minimal=False),
        Property("isGlobal", boolean, default=True, value_on_put=False, minimal=False),
        Property("isPreferenceCenter", boolean, default=False, value_on_put=False, minimal=False),
        _parts.projects(),
    )

    def validate(self, row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> Row:
        """Bind the filters by a form of their own, then the rest."""
        if "filters" in params:
            stored = [] if row is None else row["filters"]
            params = params | {"filters": _segment_filters.bind(params["filters"], stored, context)}
        return super().validate(row, params, method, context)

    def search_command(self, term: Term, context: RequestContext) -> Predicate | None:
        """``is:global`` besides the rest."""
        if (term.command, term.value) == ("is", "global"):
            return lambda row: bool(row["isGlobal"])
        return super().search_command(term, context)

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Fill in default names, and refuse to unpublish a segment that another one is built on."""
        if problems or not draft["name"]:
            return
        draft["publicName"] = draft["publicName"] or draft["name"]
        requested = php.strip_text(php.to_string(params.get("alias"))) or draft["alias"] or draft["name"]
        draft["alias"] = self._alias(requested, row, context)
        if row is not None and row["isPublished"] and not draft["isPublished"]:
            users = [segment["name"] for segment in self.table(context) if _is_used_by(segment, row["id"])]
            if users:
                text = (
                    f"This segment is used in {', '.join(users)}, please go back and check segments before unpublishing"
                )
                raise form_errors({"leadlist": text}, 422, draft)

    def _alias(self, requested: str, row: Row | None, context: RequestContext) -> str:
        base = re.sub(r"[^a-z0-9_]+", "-", php.collate(requested)).strip("-")
        used = {one["alias"] for one in self.table(context) if row is None or one["id"] != row["id"]}
        candidate, number = base, 1
        while candidate in used:
            candidate, number = f"{base}{number}", number + 1
        return candidate

    def delete(self, row: Row, context: RequestContext) -> None:
        """Remove it and its memberships; filters that name it are left hanging."""
        for link in list(context.table("segment_contacts").where(segment=row["id"])):
            context.table("segment_contacts").remove(link["id"])
        super().delete(row, context)

    # --- contacts in it --------------------------------------------------------------------------------------------

    def extra_routes(self, routes: Router) -> None:
        """Membership of contacts."""
        routes.add("POST", "/api/segments/{id}/contact/{leadId}/add", self.add_contact)
        routes.add("POST", "/api/segments/{id}/contact/{leadId}/remove", self.remove_contact)
        routes.add("POST", "/api/segments/{id}/contacts/add", self.add_contacts)

    def _segment(self, context: RequestContext) -> Row:
        segment = self.get(context.path["id"], context)
        if segment is None:
            raise not_found()
        if not segment["isPublished"]:
            raise forbidden()
        return segment

    def _contact(self, context: RequestContext) -> Row:
        contact = context.table("contacts").get(context.path["leadId"])
        if contact is None:
            raise not_found("Contact not found.")
        owner = contact["owner"] or contact["createdBy"]
        context.require("lead:leads", "edit", own=context.user.id is not None and owner == context.user.id)
        return contact

    async def add_contact(self, context: RequestContext) -> Any:
        """Add a contact by hand."""
        segment, contact = self._segment(context), self._contact(context)
        await context.charge_row()
        set_membership(segment["id"], contact["id"], context, removed=False)
        return Reply({"success": 1})

    async def remove_contact(self, context: RequestContext) -> Any:
        """Take a contact out by hand: filters will not bring it back."""
        segment, contact = self._segment(context), self._contact(context)
        await context.charge_row()
        set_membership(segment["id"], contact["id"], context, removed=True)
        return Reply({"success": 1})

    async def add_contacts(self, context: RequestContext) -> Any:
        """Add several; says of each whether there is such a contact."""
        segment = self._segment(context)
        ids = context.body.get("ids") if isinstance(context.body, dict) else None
        if ids is None:
            raise ControllerError(400, "mautic.core.error.badrequest")
        details = {}
        for raw in php.array_values(ids):
            id = php.to_int(raw)
            exists = context.table("contacts").get(id) is not None
            if exists:
                await context.charge_row()
                set_membership(segment["id"], id, context, removed=False)
            details[str(id)] = {"success": exists}
        return Reply({"success": 1, "details": details or []})


def _is_used_by(segment: Row, id: int) -> bool:
    for other in segment["filters"]:
        if other.get("type") == "leadlist":
            values = php.array_values((other.get("properties") or {}).get("filter"))
            if id in [php.to_int(value) for value in values]:
                return True
    return False


def set_membership(segment: int, contact: int, context: RequestContext, *, removed: bool) -> None:
    """Record a membership made or ended by hand."""
    table = context.table("segment_contacts")
    link = next(table.where(segment=segment, contact=contact), None)
    row = context.table("segments").get(segment)
    if row is not None and (link is None or link["removed"] is not removed) and not (link is None and removed):
        event_log.write_membership(context, contact, "segment", row, removed=removed)
    if link is None:
        if removed:
            return
        link = {"id": None, "segment": segment, "contact": contact, "date": context.now}
    table.save(link | {"removed": removed, "added": not removed})
