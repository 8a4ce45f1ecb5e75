"""Notes and devices: parts of a contact with routes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.replies import ControllerError, UnhandledError, not_found
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import (
    ID,
    KEEP,
    Property,
    html,
    iso_text,
    list_or_map,
    one_of,
    plain_text,
)

if TYPE_CHECKING:
    from mautic_async.testing.query import Predicate
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row


class _OfContact(FakeResource):
    """A noun whose create must name a contact."""

    permission = "lead:leads"
    missing_contact_message: ClassVar[str]
    """Message when none is named."""

    def is_owned_by(self, row: Row, context: RequestContext) -> bool:
        """Return True if the contact of the note is the user's own."""
        contact = context.table("contacts").get(row["lead"])
        return contact is not None and contact["owner"] is not None and contact["owner"] == context.user.id

    def new_row(self, context: RequestContext) -> Row:
        """Return a new note with the present time."""
        return super().new_row(context) | {"dateAdded": context.now}

    def _apply_published(
        self, draft: Row, row: Row | None, params: dict[str, Any], method: str, context: RequestContext
    ) -> None:
        """Leave the note published: the form has no such switch."""

    def validate(self, row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> Row:
        """Run the form, then look the contact up; in a batch a missing contact breaks the server."""
        draft = super().validate(row, params, method, context)
        contact_id = params.get("lead") or params.get("contact")
        if contact_id:
            contact = context.table("contacts").get(php.to_int(contact_id))
            if contact is None:
                raise UnhandledError if _parts.is_batch(context) else not_found("Contact not found.")
            draft["lead"] = contact["id"]
        elif row is None:
            raise UnhandledError if _parts.is_batch(context) else ControllerError(400, self.missing_contact_message)
        return draft

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Store the note; the contact's fields are shown only if this request loaded it."""
        saved = super().save(draft, row, params, context)
        return saved | {"_loaded": True} if params.get("lead") or params.get("contact") else saved


def _parse_time(value: Any, context: RequestContext) -> Any:
    seconds = php.strtotime(value, context.now)
    return None if seconds is None or seconds < 0 else seconds - seconds % 60


class Notes(_OfContact):
    """Notes on contacts."""

    path: ClassVar[str] = "notes"
    singular: ClassVar[str] = "note"
    plural: ClassVar[str] = "notes"
    shows_publish_block = False
    missing_contact_message = "lead ID is mandatory"
    searched_columns: ClassVar[tuple[str, ...]] = ("text",)
    search_commands: ClassVar[tuple[str, ...]] = ("type",)
    audit_name: ClassVar[tuple[str, str]] = ("lead", "note")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("text", html, required="Note text cannot be empty"),
        Property("type", one_of("general", "email", "call", "meeting"), default="general"),
        Property("dateTime", _parse_time, iso_text, value_on_put=KEEP),
        Property("lead", writable=False),
    )

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the note with its contact; with ``minimal`` nothing is left."""
        from mautic_async.testing.contacts import serialize as show

        if minimal:
            return {}
        entity = super().serialize(row, context, just_created=just_created)
        contact = context.table("contacts").get(row["lead"])
        entity["lead"] = None
        if contact is not None:
            fields = _fields(contact, context) if row.get("_loaded") else []
            entity["lead"] = show.nested_view(contact, context) | {"fields": fields}
        return entity

    def search_command(self, term: Term, context: RequestContext) -> Predicate | None:
        """Return the test of a search by the exact type."""
        del context
        return lambda row: row["type"] == term.value


def _fields(contact: Row, context: RequestContext) -> dict[str, Any]:
    """Return the contact's fields, whose numbers are all fractions here."""
    from mautic_async.testing.contacts import serialize as show

    fields: dict[str, Any] = show.nested_view(contact, context)["fields"]
    for group in fields.values():
        for definition in php.array_values(group):
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

    path: ClassVar[str] = "devices"
    singular: ClassVar[str] = "device"
    plural: ClassVar[str] = "devices"
    shows_publish_block = has_publish_block = False
    missing_contact_message = "contact ID is mandatory"
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("lead", writable=False),
        Property("clientInfo", list_or_map, default=list, writable=False),
        *(Property(name, plain_text) for name in _DEVICE),
    )

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the device with its whole contact."""
        entity = super().serialize(row, context, minimal=minimal, just_created=just_created)
        contact = context.table("contacts").get(row["lead"])
        entity["lead"] = None if contact is None else _full_contact(contact, context, loaded=bool(row.get("_loaded")))
        return entity


def _full_contact(contact: Row, context: RequestContext, *, loaded: bool) -> dict[str, Any]:
    from mautic_async.testing.contacts import serialize as show

    entity = show.contact(contact, context)
    contact_row = {name: contact[name] for name in ("createdByUser", "modifiedByUser", "id", "points")}
    contact_row |= {"color": None} | {name: contact["fields"].get(name) for name in _ON_TOP}
    contact_row["fields"] = _fields(contact, context) if loaded else []
    for name in ("lastActive", "owner", "ipAddresses", "tags", "utmtags", "stage", "dateIdentified"):
        contact_row[name] = entity[name]
    for name in ("preferredProfileImage", "doNotContact", "frequencyRules"):
        contact_row[name] = entity[name]
    return contact_row
