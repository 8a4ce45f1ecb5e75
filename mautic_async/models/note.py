"""Notes on contacts."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from mautic_async.models._base import UNSET, Entity, Maybe, Ref
from mautic_async.models.contact import Contact, as_contact


@define(kw_only=True)
class Note(Entity):
    """Something that a user wrote down about a contact.

    Attributes:
        contact: Required to create.
        text: HTML.
        type: ``general``, ``email``, ``call`` or ``meeting``.
        date_time: When it was; seconds are not kept.

    Mautic: REST API, Notes.
    """

    contact: Maybe[Ref[Contact]] = field(default=UNSET, converter=as_contact, metadata={"json": "lead"})
    text: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    date_time: Maybe[datetime] = UNSET
