"""Which contacts belong to which companies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import php
from mautic_async.testing.nouns._base import BLOCK

if TYPE_CHECKING:
    from mautic_async.testing.ask import Ask
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


def leave(contact: int, company: int, ask: Ask) -> None:
    """Take a contact out of a company."""
    for link in _links(ask).find("contact", contact):
        if link["company"] == company:
            _links(ask).remove(link["id"])


def replace(contact: int, ids: Any, ask: Ask) -> None:
    """Let a contact belong to exactly these companies; unknown ones are skipped."""
    wanted = [id for one in php.values(ids) if (id := php.integer(one)) in ask.table("companies").rows]
    for link in _links(ask).find("contact", contact):
        _links(ask).remove(link["id"])
    for place, id in enumerate(dict.fromkeys(wanted)):
        link = {"id": None, "contact": contact, "company": id, "primary": place == 0, "date": ask.now}
        _links(ask).save(link)


def join_by_name(contact: int, name: str, ask: Ask) -> None:
    """Add a contact to the company of this name, made if there is none."""
    found = ask.table("companies").find("name", php.collate(name))
    company = found[0] if found else make(name, ask)
    join(contact, company["id"], ask)


def make(name: str, ask: Ask) -> Row:
    """A new company of this name."""
    row = {
        "id": None,
        "isPublished": True,
        "dateAdded": ask.now,
        "dateModified": None,
        **dict.fromkeys(BLOCK[3:]),
        "createdBy": ask.actor.id,
        "createdByUser": ask.actor.name,
        "score": 0,
        "owner": None,
        "fields": {"companyname": name},
    }
    return ask.table("companies").save(row)


def forget(contact: int, ask: Ask) -> None:
    """A contact is gone: so are its memberships."""
    for link in _links(ask).find("contact", contact):
        _links(ask).remove(link["id"])
