"""Notes on contacts."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from mautic_async.models._base import UNSET, Entity, Maybe, Ref
from mautic_async.models.contact import Contact, as_contact


@define(kw_only=True)
class Note(Entity):
    """Note of a user about a contact.

    Attributes:
        contact: Contact of the note. Required to create.
        text: HTML.
        type: ``general``, ``email``, ``call`` or ``meeting``.
        date_time: Time that the note is about; Mautic drops the seconds.

    Mautic: REST API, Notes.
    """

    contact: Maybe[Ref[Contact]] = field(default=UNSET, converter=as_contact, metadata={"json": "lead"})
    text: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    date_time: Maybe[datetime] = UNSET
