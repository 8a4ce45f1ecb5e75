"""Memberships of contacts in companies; a contact's ``company`` is the name of its primary one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import php
from mautic_async.testing.resources._base import PUBLISH_BLOCK

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row, Table

TABLE = "company_contacts"


def _links(context: RequestContext) -> Table:
    return context.table(TABLE)


def memberships(contact: int, context: RequestContext) -> list[Row]:
    """Return the memberships of a contact, the primary one first."""
    return sorted(_links(context).find("contact", contact), key=lambda link: not link["primary"])


def add_membership(contact: int, company: int, context: RequestContext) -> None:
    """Add a contact to a company; the newest becomes the primary one."""
    existing = _links(context).find("contact", contact)
    if any(link["company"] == company for link in existing):
        return
    for link in existing:
        link["primary"] = False
        _links(context).save(link)
    _links(context).save({"id": None, "contact": contact, "company": company, "primary": True, "date": context.now})
    _copy_to_contact(contact, context)


def make_primary(contact: int, company: int, context: RequestContext) -> None:
    """Add a contact to a company, if it is not in it yet, and make this company its primary one.

    The contact's text ``company`` becomes the company's own name.
    """
    add_membership(contact, company, context)
    for link in _links(context).find("contact", contact):
        link["primary"] = link["company"] == company
        _links(context).save(link)
    _copy_to_contact(contact, context)


def forget_primary(contact: int, context: RequestContext) -> None:
    """Take a contact out of its primary company; none of the others becomes the primary one."""
    for link in _links(context).find("contact", contact):
        if link["primary"]:
            _links(context).remove(link["id"])


def remove_membership(contact: int, company: int, context: RequestContext) -> None:
    """Take a contact out of a company; the newest of the others becomes the primary one."""
    existing = _links(context).find("contact", contact)
    removed = [link for link in existing if link["company"] == company]
    for link in removed:
        _links(context).remove(link["id"])
    remaining = [link for link in existing if link["company"] != company]
    if removed and remaining and not any(link["primary"] for link in remaining):
        remaining[-1]["primary"] = True
        _links(context).save(remaining[-1])
    if removed:
        _copy_to_contact(contact, context)


def replace(contact: int, ids: Any, context: RequestContext) -> None:
    """Let a contact belong to exactly these companies; unknown ones are skipped."""
    company_ids = [
        id for company in php.array_values(ids) if (id := php.to_int(company)) in context.table("companies").rows
    ]
    for link in _links(context).find("contact", contact):
        _links(context).remove(link["id"])
    for position, id in enumerate(dict.fromkeys(company_ids)):
        link = {"id": None, "contact": contact, "company": id, "primary": position == 0, "date": context.now}
        _links(context).save(link)
    _copy_to_contact(contact, context)


def _copy_to_contact(contact: int, context: RequestContext) -> None:
    row = context.table("contacts").get(contact)
    if row is None:
        return
    first = next(iter(memberships(contact, context)), None)
    company = context.table("companies").get(first["company"]) if first else None
    name = company["fields"].get("companyname") if company else None
    if row["fields"].get("company") == name:
        return
    row["fields"] = {alias: value for alias, value in row["fields"].items() if alias != "company"}
    if name:
        row["fields"]["company"] = name
    row["dateModified"] = context.now  # by nobody, as the server says
    context.table("contacts").save(row)


def renamed(company: Row, context: RequestContext) -> None:
    """Copy the name of a stored company to the contacts whose primary company it is."""
    for link in _links(context).find("company", company["id"]):
        if link["primary"]:
            _copy_to_contact(link["contact"], context)


def remove_company(company: int, context: RequestContext) -> None:
    """Delete the memberships of a deleted company."""
    for link in _links(context).find("company", company):
        remove_membership(link["contact"], company, context)


def new_row() -> Row:
    """Return a company before its first save."""
    return {
        "id": None,
        "isPublished": True,
        "dateAdded": None,
        "dateModified": None,
        **dict.fromkeys(PUBLISH_BLOCK[3:]),
        "score": 0,
        "owner": None,
        "fields": {},
    }


def create(name: str, context: RequestContext) -> Row:
    """Store a new company of this name, and return it."""
    row = new_row() | {"dateAdded": context.now, "createdBy": context.user.id, "createdByUser": context.user.name}
    return context.table("companies").save(row | {"fields": {"companyname": name}})


def delete_memberships(contact: int, context: RequestContext) -> None:
    """Delete the memberships of a deleted contact."""
    for link in _links(context).find("contact", contact):
        _links(context).remove(link["id"])
