"""Saving a contact, step by step as Mautic does: core columns, custom columns, the link to its company."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing.contacts import companies, event_log, update
from mautic_async.testing.resources._base import write_audit_log

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

_IDENTIFYING_FIELDS: Final = (
    "firstname lastname company email facebook foursquare instagram linkedin skype twitter".split()  # noqa: SIM905 - names
)
_CORE_FIELDS: Final = frozenset(
    "title firstname lastname company position email phone mobile"  # noqa: SIM905 - names
    " address1 address2 city state zipcode timezone country last_active".split()
)
"""Fields that the first of a save's two statements writes; the second one writes all others."""


def save(draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
    """Store the draft.

    Returns:
        The contact as this request's answer shows it.
    """
    sent_values: Row = {name: draft.pop(name) for name in list(draft) if name.startswith("_")}
    update.extras(draft, sent_values, params, context)
    if draft["dateIdentified"] is None and any(draft["fields"].get(alias) for alias in _IDENTIFYING_FIELDS):
        draft["dateIdentified"] = context.now
    now, user = context.now, context.user
    changes = _changes(draft, row)
    if row is None:
        draft["dateAdded"], draft["createdBy"], draft["createdByUser"] = now, user.id, user.name
        if context.is_7:
            draft["dateModified"], draft["modifiedBy"], draft["modifiedByUser"] = now, user.id, user.name
        draft["id"] = None
        saved = context.table("contacts").save(draft)
        if changes:
            write_audit_log(context, ("lead", "lead"), saved["id"], "create", changes)
        _history(saved, context)
    else:
        # Mautic sets `dateModified` for a real change only, but the user at every save.
        if any(draft[name] != row.get(name) for name in draft):
            draft["dateModified"] = now
        draft["modifiedBy"], draft["modifiedByUser"] = user.id, user.name
        row.update(draft)
        saved = row
        write_audit_log(context, ("lead", "lead"), row["id"], "update", changes)
        if row["id"] in context.table("contacts").rows:
            context.table("contacts").save(row)
    if "_company" in sent_values:
        name, company = sent_values["_company"]
        if name and (company is None or company not in context.table("companies").rows):
            sent_values["_company"] = (name, companies.create(name, context)["id"])
    return saved | sent_values


def mark_changed(row: Row, context: RequestContext) -> None:
    """Store a contact that a special route has changed, with the time and the user of the change."""
    row["dateModified"] = context.now
    row["modifiedBy"], row["modifiedByUser"] = context.user.id, context.user.name
    context.table("contacts").save(row)


def with_core_only(draft: Row, row: Row | None) -> Row:
    """Return the draft with the core columns only: the custom fields are those of *row*."""
    stored_values = {} if row is None else row["fields"]
    fields = {alias: value for alias, value in draft["fields"].items() if alias in _CORE_FIELDS}
    return draft | {
        "fields": fields | {alias: value for alias, value in stored_values.items() if alias not in _CORE_FIELDS}
    }


def complete(saved: Row, draft: Row, context: RequestContext) -> None:
    """Write the custom columns of a contact that was stored with its core columns only.

    Args:
        saved: The contact as `save` returned it; gets the values, too.
        draft: The draft that `with_core_only` was given.
        context: The request.
    """
    row = context.table("contacts").get(saved["id"])
    if row is None:
        return
    values, stored_values = draft["fields"], saved["fields"]
    changed = {
        alias for alias in values.keys() | stored_values.keys() if values.get(alias) != stored_values.get(alias)
    } - _CORE_FIELDS
    core_values = {alias: value for alias, value in row["fields"].items() if alias not in changed}
    row["fields"] = saved["fields"] = core_values | {alias: values[alias] for alias in changed & values.keys()}
    context.table("contacts").save(row)


def changes_company(saved: Row) -> bool:
    """Return True if the save gave the contact another company name, or blanked it."""
    return "_company" in saved


def link(saved: Row, context: RequestContext) -> None:
    """Link a stored contact to the company whose name was written into it, or unlink it if the name was blanked.

    Args:
        saved: The contact as `save` returned it; gets what the link changes.
        context: The request.
    """
    name, company = saved["_company"]
    if name:
        companies.make_primary(saved["id"], company, context)
    else:
        companies.forget_primary(saved["id"], context)
    row = context.table("contacts").get(saved["id"])
    if row is not None:
        saved |= {name: row[name] for name in ("fields", "dateModified", "modifiedBy", "modifiedByUser")}


def _changes(draft: Row, row: Row | None) -> dict[str, Any]:
    """Return the changes as the audit log shows them: old and new value by name."""
    before: Row = {"fields": {}} if row is None else row
    old, new = before["fields"], draft["fields"]
    changes: dict[str, Any] = {
        alias: [old.get(alias), new.get(alias)] for alias in old.keys() | new.keys() if old.get(alias) != new.get(alias)
    }
    for name in ("owner", "stage", "points", "tags", "dnc", "dateIdentified"):
        if draft[name] != before.get(name) and (row is not None or draft[name]):
            changes[name] = [before.get(name), draft[name]]
    return {"fields": changes} if changes else {}


def _history(saved: Row, context: RequestContext) -> None:
    """Note the origin of a contact that was created or has become known."""
    if saved["dateIdentified"] is not None:
        write_audit_log(context, ("lead", "lead"), saved["id"], "identified", {})
    event_log.write_origin(saved, context)
