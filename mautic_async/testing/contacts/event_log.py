"""The event log of contacts: who made a contact known, and what it was added to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

TABLE = "lead_event_log"


def write(context: RequestContext, contact: int, bundle: str, object: str, action: str, **more: Any) -> None:
    """Add a line to the log.

    Args:
        context: The request.
        contact: Id of the contact.
        bundle: Part of Mautic that the line comes from.
        object: Kind of thing that caused the line.
        action: What happened to the contact.
        more: ``objectId``, ``properties``, and the columns of the user.
    """
    line = {"id": None, "contact": contact, "bundle": bundle, "object": object, "action": action, "date": context.now}
    context.table(TABLE).save(line | {"objectId": None, "user": None, "userName": None, "properties": {}} | more)


def write_origin(row: Row, context: RequestContext) -> None:
    """Note who made the contact, or who made it known; a contact with neither name nor address stays anonymous."""
    kind = "api-batch" if "/batch/" in context.request.path else "api-single"
    action = "created_contact" if row["dateIdentified"] is None else "identified_contact"
    write(context, row["id"], "lead", kind, action, properties={"object_description": context.user.name})


def write_membership(context: RequestContext, contact: int, kind: str, row: Row, *, removed: bool) -> None:
    """Note that a contact was added to a campaign or a segment, or removed from it."""
    properties: dict[str, Any] = {"object_description": row["name"]}
    if kind == "campaign":
        properties = {"campaign_id": row["id"], "campaign_name": row["name"]} | properties
    user = {"user": context.user.id or 0, "userName": (context.user.row or {}).get("username") or context.user.name}
    more = {"objectId": row["id"], "properties": properties} | user
    bundle = "campaign" if kind == "campaign" else "lead"
    write(context, contact, bundle, kind, "removed" if removed else "added", **more)
