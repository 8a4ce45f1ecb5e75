"""Stages, and the contacts in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing.replies import Said, missing
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import ID, NOT_NULL, Prop, category, rich, schedule, whole

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row


class Stages(Noun):
    """Stages of a contact's life."""

    path = "stages"
    one, many = "stage", "stages"
    permission = "stage:stages"
    audit = ("stage", "stage")
    searched = ("name", "description")
    props = (
        ID,
        Prop("name", required="A name is required."),
        category(),
        Prop("weight", whole, default=0, blank=NOT_NULL),
        Prop("description", rich),
        *schedule(),
    )

    def special(self, routes: Routes) -> None:
        """Membership of contacts."""
        routes.add("POST", "/api/stages/{id}/contact/{contactId}/add", self.join)
        routes.add("POST", "/api/stages/{id}/contact/{contactId}/remove", self.leave)

    async def join(self, ask: Ask) -> Any:
        """Put a contact into the stage."""
        stage, contact = self._both(ask)
        if contact["stage"] != stage["id"]:
            contact["stage"] = stage["id"]
            ask.table("contacts").save(contact)
        return Said({"success": 1})

    async def leave(self, ask: Ask) -> Any:
        """Take a contact out of the stage."""
        stage, contact = self._both(ask)
        if contact["stage"] == stage["id"]:
            contact["stage"] = None
            ask.table("contacts").save(contact)
        return Said({"success": 1})

    def _both(self, ask: Ask) -> tuple[Row, Row]:
        stage = self.get(ask.path["id"], ask)
        if stage is None:
            raise missing()
        contact = ask.table("contacts").get(ask.path["contactId"])
        if contact is None:
            raise missing("Contact not found.")
        return stage, contact
