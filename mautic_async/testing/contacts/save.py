"""Saving a contact, step by step as Mautic does: core columns, custom columns, the link to its company."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing.contacts import companies, update
from mautic_async.testing.resources._base import log

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row

_IDENTIFY: Final = (
    "firstname lastname company email facebook foursquare instagram linkedin skype twitter".split()  # noqa: SIM905 - names
)
_CORE: Final = frozenset(
    "title firstname lastname company position email phone mobile"  # noqa: SIM905 - names
    " address1 address2 city state zipcode timezone country last_active".split()
)
"""Fields that the first of a save's two statements writes; the second one writes all others."""


def commit(draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
    """Store the draft.

    Returns:
        The contact as this request's answer shows it.
    """
    marks: Row = {name: draft.pop(name) for name in ("_blank", "_set", "_tags", "_company") if name in draft}
    update.extras(draft, marks, params, ask)
    if draft["dateIdentified"] is None and any(draft["fields"].get(alias) for alias in _IDENTIFY):
        draft["dateIdentified"] = ask.now
    now, actor = ask.now, ask.actor
    changes = _changes(draft, row)
    if row is None:
        draft["dateAdded"], draft["createdBy"], draft["createdByUser"] = now, actor.id, actor.name
        draft["id"] = None
        saved = ask.table("contacts").save(draft)
        if changes:
            log(ask, ("lead", "lead"), saved["id"], "create", changes)
        _history(saved, ask)
    else:
        if any(draft[name] != row.get(name) for name in draft):
            draft["dateModified"] = now
        draft["modifiedBy"], draft["modifiedByUser"] = actor.id, actor.name
        row.update(draft)
        saved = row
        log(ask, ("lead", "lead"), row["id"], "update", changes)
        if row["id"] in ask.table("contacts").rows:
            ask.table("contacts").save(row)
    if "_company" in marks:
        name, company = marks["_company"]
        if name and (company is None or company not in ask.table("companies").rows):
            marks["_company"] = (name, companies.make(name, ask)["id"])
    return saved | marks


def core_only(draft: Row, row: Row | None) -> Row:
    """Return the draft with the core columns only: the custom fields are those of *row*."""
    held = {} if row is None else row["fields"]
    fields = {alias: value for alias, value in draft["fields"].items() if alias in _CORE}
    return draft | {"fields": fields | {alias: value for alias, value in held.items() if alias not in _CORE}}


def complete(saved: Row, draft: Row, ask: Ask) -> None:
    """Write the custom columns of a contact that was stored with its core columns only.

    Args:
        saved: The contact as `commit` returned it; gets the values, too.
        draft: The draft that `core_only` was given.
        ask: The request.
    """
    row = ask.table("contacts").get(saved["id"])
    if row is None:
        return
    wanted, there = draft["fields"], saved["fields"]
    changed = {alias for alias in wanted.keys() | there.keys() if wanted.get(alias) != there.get(alias)} - _CORE
    kept = {alias: value for alias, value in row["fields"].items() if alias not in changed}
    row["fields"] = saved["fields"] = kept | {alias: wanted[alias] for alias in changed & wanted.keys()}
    ask.table("contacts").save(row)


def changes_company(saved: Row) -> bool:
    """Return True if the save gave the contact another company name, or blanked it."""
    return "_company" in saved


def link(saved: Row, ask: Ask) -> None:
    """Link a stored contact to the company whose name was written into it, or unlink it if the name was blanked.

    Args:
        saved: The contact as `commit` returned it; gets what the link changes.
        ask: The request.
    """
    name, company = saved["_company"]
    if name:
        companies.make_primary(saved["id"], company, ask)
    else:
        companies.forget_primary(saved["id"], ask)
    row = ask.table("contacts").get(saved["id"])
    if row is not None:
        saved |= {name: row[name] for name in ("fields", "dateModified", "modifiedBy", "modifiedByUser")}


def _changes(draft: Row, row: Row | None) -> dict[str, Any]:
    """What the audit log says: old and new of each field, and of what else differs."""
    before: Row = {"fields": {}} if row is None else row
    old, new = before["fields"], draft["fields"]
    changes: dict[str, Any] = {a: [old.get(a), new.get(a)] for a in old.keys() | new.keys() if old.get(a) != new.get(a)}
    for name in ("owner", "stage", "points", "tags", "dnc", "dateIdentified"):
        if draft[name] != before.get(name) and (row is not None or draft[name]):
            changes[name] = [before.get(name), draft[name]]
    return {"fields": changes} if changes else {}


def _history(saved: Row, ask: Ask) -> None:
    """A contact that is made with a name leaves a line in its timeline; an anonymous one does not."""
    if saved["dateIdentified"] is not None:
        log(ask, ("lead", "lead"), saved["id"], "identified", {})
        line = {"event": "lead.source.identified", "contact": saved["id"], "time": ask.now, "by": ask.actor.name}
        ask.table("events").save({"id": None} | line)
