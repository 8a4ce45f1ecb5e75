"""Segments, which the payloads call lists, and the contacts in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mautic_async.testing import php
from mautic_async.testing.replies import Refused, Said, denied, invalid, missing
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import ID, Prop, category, mapping, rich, switch

if TYPE_CHECKING:
    from mautic_async.testing.query import Test
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row


def _filters(value: Any, *, replacing: bool) -> Any:
    """Filters as the form hands them on: a PUT adds the old spelling of their value."""
    made = []
    for one in php.values(value):
        if not isinstance(one, dict):
            raise invalid({"filters": "This value is not valid."})
        found = {key: item for key, item in one.items() if key not in ("filter", "display")}
        properties = found.get("properties")
        properties = dict(properties) if isinstance(properties, dict) else {}
        for key in ("filter", "display"):
            if key in one and key not in properties:
                properties[key] = one[key]
        found["properties"] = properties
        if replacing:
            found = {"object": found.pop("object", "lead"), **found}
            found |= {"filter": properties.get("filter"), "display": properties.get("display")}
        made.append(found)
    return made


class Segments(Noun):
    """Segments."""

    path = "segments"
    one, many = "list", "lists"
    permission = "lead:lists"
    audit = ("lead", "segment")
    mapped = True
    order = ("name",)
    searched = ("name", "alias")
    commands = ("is", "category", "name")
    props = (
        ID,
        Prop("name", required="A name is required."),
        Prop("publicName"),
        Prop("alias"),
        Prop("description", rich),
        category(),
        Prop("filters", mapping, default=list, blank=[], minimal=False),
        Prop("isGlobal", switch, default=True, blank=False, minimal=False),
        Prop("isPreferenceCenter", switch, default=False, blank=False, minimal=False),
    )

    def bind(self, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> Row:
        """The form has its own idea of filters."""
        if "filters" in params:
            replacing = method == "PUT" and row is not None
            params = params | {"filters": _filters(params["filters"], replacing=replacing)}
        return super().bind(row, params, method, ask)

    def commanded(self, term: Term, ask: Ask) -> Test | None:
        """``is:global`` besides the rest."""
        if (term.command, term.value) == ("is", "global"):
            return lambda row: bool(row["isGlobal"])
        return super().commanded(term, ask)

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """Names by default; and no unpublishing of what another segment is built on."""
        if problems or not draft["name"]:
            return
        draft["publicName"] = draft["publicName"] or draft["name"]
        wanted = php.clean(php.text(params.get("alias"))) or draft["alias"] or draft["name"]
        draft["alias"] = self._alias(wanted, row, ask)
        if row is not None and row["isPublished"] and not draft["isPublished"]:
            users = [one["name"] for one in self.table(ask) if _built_on(one, row["id"])]
            if users:
                text = (
                    f"This segment is used in {', '.join(users)}, please go back and check segments before unpublishing"
                )
                raise invalid({"leadlist": text}, 422, draft)

    def _alias(self, wanted: str, row: Row | None, ask: Ask) -> str:
        base = re.sub(r"[^a-z0-9_]+", "-", php.collate(wanted)).strip("-")
        taken = {one["alias"] for one in self.table(ask) if row is None or one["id"] != row["id"]}
        made, number = base, 1
        while made in taken:
            made, number = f"{base}{number}", number + 1
        return made

    def delete(self, row: Row, ask: Ask) -> None:
        """Remove it and its memberships; filters that name it are left hanging."""
        for link in list(ask.table("segment_contacts").where(segment=row["id"])):
            ask.table("segment_contacts").remove(link["id"])
        super().delete(row, ask)

    # --- contacts in it --------------------------------------------------------------------------------------------

    def special(self, routes: Routes) -> None:
        """Membership of contacts."""
        routes.add("POST", "/api/segments/{id}/contact/{leadId}/add", self.join)
        routes.add("POST", "/api/segments/{id}/contact/{leadId}/remove", self.leave)
        routes.add("POST", "/api/segments/{id}/contacts/add", self.join_many)

    def _segment(self, ask: Ask) -> Row:
        segment = self.get(ask.path["id"], ask)
        if segment is None:
            raise missing()
        if not segment["isPublished"]:
            raise denied()
        return segment

    def _contact(self, ask: Ask) -> Row:
        contact = ask.table("contacts").get(ask.path["leadId"])
        if contact is None:
            raise missing("Contact not found.")
        owner = contact["owner"] or contact["createdBy"]
        ask.need("lead:leads", "edit", own=ask.actor.id is not None and owner == ask.actor.id)
        return contact

    async def join(self, ask: Ask) -> Any:
        """Add a contact by hand."""
        segment, contact = self._segment(ask), self._contact(ask)
        await ask.row()
        member(segment["id"], contact["id"], ask, removed=False)
        return Said({"success": 1})

    async def leave(self, ask: Ask) -> Any:
        """Take a contact out by hand: filters will not bring it back."""
        segment, contact = self._segment(ask), self._contact(ask)
        await ask.row()
        member(segment["id"], contact["id"], ask, removed=True)
        return Said({"success": 1})

    async def join_many(self, ask: Ask) -> Any:
        """Add several; says of each whether there is such a contact."""
        segment = self._segment(ask)
        ids = ask.body.get("ids") if isinstance(ask.body, dict) else None
        if ids is None:
            raise Refused(400, "mautic.core.error.badrequest")
        details = {}
        for raw in php.values(ids):
            id = php.integer(raw)
            known = ask.table("contacts").get(id) is not None
            if known:
                await ask.row()
                member(segment["id"], id, ask, removed=False)
            details[str(id)] = {"success": known}
        return Said({"success": 1, "details": details or []})


def _built_on(segment: Row, id: int) -> bool:
    for one in segment["filters"]:
        if one.get("type") == "leadlist":
            values = php.values((one.get("properties") or {}).get("filter"))
            if id in [php.integer(value) for value in values]:
                return True
    return False


def member(segment: int, contact: int, ask: Ask, *, removed: bool) -> None:
    """Record a membership made or ended by hand."""
    table = ask.table("segment_contacts")
    link = next(table.where(segment=segment, contact=contact), None)
    if link is None:
        if removed:
            return
        link = {"id": None, "segment": segment, "contact": contact, "date": ask.now}
    table.save(link | {"removed": removed, "added": not removed})
