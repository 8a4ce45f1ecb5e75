"""What hangs on a contact and has routes of its own: notes and devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Crash, Refused, missing
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import ID, KEEP, Prop, choice, mapping, moment, plain, rich

if TYPE_CHECKING:
    from mautic_async.testing.query import Test
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row


class _OfContact(Noun):
    """A noun whose create must name a contact."""

    permission = "lead:leads"
    needed: ClassVar[str]
    """Message when none is named."""

    def own(self, row: Row, ask: Ask) -> bool:
        """As its contact is."""
        contact = ask.table("contacts").get(row["lead"])
        return contact is not None and contact["owner"] is not None and contact["owner"] == ask.actor.id

    def fresh(self, ask: Ask) -> Row:
        """With the time of its being made."""
        return super().fresh(ask) | {"dateAdded": ask.now}

    def _publish(self, draft: Row, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> None:
        """Always published: the form does not ask."""

    def bind(self, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> Row:
        """The form, then the contact; in a batch a contact that is missing breaks the server."""
        draft = super().bind(row, params, method, ask)
        given = params.get("lead") or params.get("contact")
        if given:
            contact = ask.table("contacts").get(php.integer(given))
            if contact is None:
                raise Crash if _parts.batch(ask) else missing("Contact not found.")
            draft["lead"] = contact["id"]
        elif row is None:
            raise Crash if _parts.batch(ask) else Refused(400, self.needed)
        return draft

    def commit(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """The contact's fields are shown only where this request loaded it."""
        saved = super().commit(draft, row, params, ask)
        return saved | {"_loaded": True} if params.get("lead") or params.get("contact") else saved


def _when(value: Any, ask: Ask) -> Any:
    seconds = php.strtotime(value, ask.now)
    return None if seconds is None or seconds < 0 else seconds - seconds % 60


class Notes(_OfContact):
    """Notes on contacts."""

    path = "notes"
    one, many = "note", "notes"
    block = False
    needed = "lead ID is mandatory"
    searched = ("text",)
    commands = ("type",)
    audit = ("lead", "note")
    props = (
        ID,
        Prop("text", rich, required="Note text cannot be empty"),
        Prop("type", choice("general", "email", "call", "meeting"), default="general"),
        Prop("dateTime", _when, moment, blank=KEEP),
        Prop("lead", writable=False),
    )

    def show(self, row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False) -> Any:
        """With its contact; ``minimal`` nothing is left."""
        from mautic_async.testing.contacts import serialize as show

        if minimal:
            return {}
        shown = super().show(row, ask, fresh=fresh)
        contact = ask.table("contacts").get(row["lead"])
        shown["lead"] = None
        if contact is not None:
            fields = _fields(contact, ask) if row.get("_loaded") else []
            shown["lead"] = show.nested(contact, ask) | {"fields": fields}
        return shown

    def commanded(self, term: Term, ask: Ask) -> Test | None:
        """By type, whole."""
        del ask
        return lambda row: row["type"] == term.value


def _fields(contact: Row, ask: Ask) -> dict[str, Any]:
    """The contact's fields, whose numbers are all fractions here."""
    from mautic_async.testing.contacts import serialize as show

    fields: dict[str, Any] = show.nested(contact, ask)["fields"]
    for group in fields.values():
        for definition in php.values(group):
            if definition["type"] == "number" and isinstance(definition["value"], int):
                definition["value"] = definition["normalizedValue"] = float(definition["value"])
    return fields


_ON_TOP: Final = [
    "title", "firstname", "lastname", "company", "position", "email", "phone", "mobile", "address1", "address2",
    "city", "state", "zipcode", "timezone", "country",
]  # fmt: skip
_DEVICE: Final = [
    "device", "deviceBrand", "deviceModel", "deviceOsName", "deviceOsShortName", "deviceOsVersion",
    "deviceOsPlatform",
]  # fmt: skip


class Devices(_OfContact):
    """Devices of contacts; a search finds all of them."""

    path = "devices"
    one, many = "device", "devices"
    block = kept_block = False
    needed = "contact ID is mandatory"
    props = (
        ID,
        Prop("lead", writable=False),
        Prop("clientInfo", mapping, default=list, writable=False),
        *(Prop(name, plain) for name in _DEVICE),
    )

    def show(self, row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False) -> Any:
        """With its contact, whole."""
        shown = super().show(row, ask, minimal=minimal, fresh=fresh)
        contact = ask.table("contacts").get(row["lead"])
        shown["lead"] = None if contact is None else _whole(contact, ask, loaded=bool(row.get("_loaded")))
        return shown


def _whole(contact: Row, ask: Ask, *, loaded: bool) -> dict[str, Any]:
    from mautic_async.testing.contacts import serialize as show

    shown = show.contact(contact, ask)
    made = {name: contact[name] for name in ("createdByUser", "modifiedByUser", "id", "points")}
    made |= {"color": None} | {name: contact["fields"].get(name) for name in _ON_TOP}
    made["fields"] = _fields(contact, ask) if loaded else []
    for name in ("lastActive", "owner", "ipAddresses", "tags", "utmtags", "stage", "dateIdentified"):
        made[name] = shown[name]
    for name in ("preferredProfileImage", "doNotContact", "frequencyRules"):
        made[name] = shown[name]
    return made
