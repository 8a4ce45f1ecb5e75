"""Whether and how often a contact may be written to."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from mautic_async.models._base import UNSET, Entity, FromServer, Maybe, Nested


@define(kw_only=True)
class DoNotContact(Entity):
    """A channel on which a contact must not be contacted.

    Attributes:
        channel: ``email``, ``sms``, ``notification``; unknown ones are accepted.
        reason: 1 unsubscribed, 2 bounced, 3 by hand. Written as 0 it removes the entry.
        comments: For people.
        channel_id: Of the e-mail or message that led to it.
        date_added: Only in answers to adding and removing. Read only.

    Mautic: REST API, Contacts.
    """

    channel: Maybe[str] = UNSET
    reason: Maybe[int] = UNSET
    comments: Maybe[str] = UNSET
    channel_id: Maybe[int] = UNSET
    date_added: FromServer[datetime] = None


@define(kw_only=True)
class FrequencyRule(Nested):
    """How often a contact may be contacted on a channel. Mautic 5.1 answers 500 to any attempt to write one.

    Attributes:
        channel: ``email``, ``sms``, ...
        frequency_number: Messages per `frequency_time`.
        frequency_time: ``DAY``, ``WEEK`` or ``MONTH``.
        preferred_channel: The contact likes this one best.
        pause_from_date: Nothing from then,
        pause_to_date: until then.

    Mautic: REST API, Contacts.
    """

    channel: Maybe[str] = field(default=UNSET, metadata={"json_write": ""})
    frequency_number: Maybe[int] = field(default=UNSET, metadata={"json_write": "frequency_number"})
    frequency_time: Maybe[str] = field(default=UNSET, metadata={"json_write": "frequency_time"})
    preferred_channel: Maybe[bool] = field(default=UNSET, metadata={"json_write": "preferred_channel"})
    pause_from_date: Maybe[datetime] = field(default=UNSET, metadata={"json_write": "pause_from_date"})
    pause_to_date: Maybe[datetime] = field(default=UNSET, metadata={"json_write": "pause_to_date"})
