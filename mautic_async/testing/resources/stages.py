"""Stages, and the contacts in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mautic_async.testing.contacts.save import mark_changed
from mautic_async.testing.replies import Reply, not_found
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource, write_audit_log
from mautic_async.testing.resources._properties import ID, Property, category, html, integer, schedule

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row


def _weight(value: Any, context: RequestContext) -> Any:
    return integer(value, context) or 0


class Stages(FakeResource):
    """Stages of a contact's life."""

    path: ClassVar[str] = "stages"
    singular: ClassVar[str] = "stage"
    plural: ClassVar[str] = "stages"
    permission = "stage:stages"
    audit_name: ClassVar[tuple[str, str]] = ("stage", "stage")
    searched_columns: ClassVar[tuple[str, ...]] = ("name", "description")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required="A name is required."),
        category(),
        Property("weight", _weight, default=0, value_on_put=0),
        Property("description", html),
        *schedule(),
        _parts.projects(),
    )

    def extra_routes(self, routes: Router) -> None:
        """Membership of contacts."""
        routes.add("POST", "/api/stages/{id}/contact/{contactId}/add", self.add_contact)
        routes.add("POST", "/api/stages/{id}/contact/{contactId}/remove", self.remove_contact)

    async def add_contact(self, context: RequestContext) -> Any:
        """Put a contact into the stage."""
        stage, contact = self._both(context)
        if contact["stage"] != stage["id"]:
            self._move(contact, stage["id"], context)
        return Reply({"success": 1})

    async def remove_contact(self, context: RequestContext) -> Any:
        """Take a contact out of the stage."""
        stage, contact = self._both(context)
        if contact["stage"] == stage["id"]:
            self._move(contact, None, context)
        return Reply({"success": 1})

    def _move(self, contact: Row, stage: int | None, context: RequestContext) -> None:
        changes = {"stage": [contact["stage"], stage]}
        name = f"{stage}: {(context.table('stages').get(stage) or {}).get('name')}"
        contact["stage"] = stage
        mark_changed(contact, context)
        if stage is not None:
            context.table("stage_log").save(
                {"id": None, "contact": contact["id"], "stage": stage, "name": name, "date": context.now}
            )
        write_audit_log(context, ("lead", "lead"), contact["id"], "update", changes)

    def _both(self, context: RequestContext) -> tuple[Row, Row]:
        stage = self.get(context.path["id"], context)
        if stage is None:
            raise not_found()
        contact = context.table("contacts").get(context.path["contactId"])
        if contact is None:
            raise not_found("Contact not found.")
        return stage, contact
