"""Which contacts belong to which companies; a contact's ``company`` is the name of its primary one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import php
from mautic_async.testing.resources._base import BLOCK

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row, Table

TABLE = "company_contacts"


def _links(ask: Ask) -> Table:
    return ask.table(TABLE)


def of(contact: int, ask: Ask) -> list[Row]:
    """The memberships of a contact, the primary one first."""
    return sorted(_links(ask).find("contact", contact), key=lambda link: not link["primary"])


def join(contact: int, company: int, ask: Ask) -> None:
    """Add a contact to a company; the newest becomes the primary one."""
    held = _links(ask).find("contact", contact)
    if any(link["company"] == company for link in held):
        return
    for link in held:
        link["primary"] = False
        _links(ask).save(link)
    _links(ask).save({"id": None, "contact": contact, "company": company, "primary": True, "date": ask.now})
    _tell(contact, ask)


def make_primary(contact: int, company: int, ask: Ask) -> None:
    """Add a contact to a company, if it is not in it yet, and make this company its primary one.

    The contact's text ``company`` becomes the company's own name.
    """
    join(contact, company, ask)
    for link in _links(ask).find("contact", contact):
        link["primary"] = link["company"] == company
        _links(ask).save(link)
    _tell(contact, ask)


def forget_primary(contact: int, ask: Ask) -> None:
    """Take a contact out of its primary company; none of the others becomes the primary one."""
    for link in _links(ask).find("contact", contact):
        if link["primary"]:
            _links(ask).remove(link["id"])


def leave(contact: int, company: int, ask: Ask) -> None:
    """Take a contact out of a company; the newest of the others becomes the primary one."""
    held = _links(ask).find("contact", contact)
    gone = [link for link in held if link["company"] == company]
    for link in gone:
        _links(ask).remove(link["id"])
    rest = [link for link in held if link["company"] != company]
    if gone and rest and not any(link["primary"] for link in rest):
        rest[-1]["primary"] = True
        _links(ask).save(rest[-1])
    if gone:
        _tell(contact, ask)


def replace(contact: int, ids: Any, ask: Ask) -> None:
    """Let a contact belong to exactly these companies; unknown ones are skipped."""
    wanted = [id for one in php.values(ids) if (id := php.integer(one)) in ask.table("companies").rows]
    for link in _links(ask).find("contact", contact):
        _links(ask).remove(link["id"])
    for place, id in enumerate(dict.fromkeys(wanted)):
        link = {"id": None, "contact": contact, "company": id, "primary": place == 0, "date": ask.now}
        _links(ask).save(link)
    _tell(contact, ask)


def _tell(contact: int, ask: Ask) -> None:
    row = ask.table("contacts").get(contact)
    if row is None:
        return
    first = next(iter(of(contact, ask)), None)
    company = ask.table("companies").get(first["company"]) if first else None
    name = company["fields"].get("companyname") if company else None
    if row["fields"].get("company") == name:
        return
    row["fields"] = {alias: value for alias, value in row["fields"].items() if alias != "company"}
    if name:
        row["fields"]["company"] = name
    row["dateModified"] = ask.now
    row["modifiedBy"], row["modifiedByUser"] = ask.actor.id, ask.actor.name
    ask.table("contacts").save(row)


def renamed(company: Row, ask: Ask) -> None:
    """A company was stored: the contacts whose primary one it is show its name."""
    for link in _links(ask).find("company", company["id"]):
        if link["primary"]:
            _tell(link["contact"], ask)


def dissolve(company: int, ask: Ask) -> None:
    """A company is gone: so are its memberships."""
    for link in _links(ask).find("company", company):
        leave(link["contact"], company, ask)


def blank() -> Row:
    """A company before its first save."""
    return {
        "id": None,
        "isPublished": True,
        "dateAdded": None,
        "dateModified": None,
        **dict.fromkeys(BLOCK[3:]),
        "score": 0,
        "owner": None,
        "fields": {},
    }


def make(name: str, ask: Ask) -> Row:
    """A new company of this name."""
    row = blank() | {"dateAdded": ask.now, "createdBy": ask.actor.id, "createdByUser": ask.actor.name}
    return ask.table("companies").save(row | {"fields": {"companyname": name}})


def forget(contact: int, ask: Ask) -> None:
    """A contact is gone: so are its memberships."""
    for link in _links(ask).find("contact", contact):
        _links(ask).remove(link["id"])
