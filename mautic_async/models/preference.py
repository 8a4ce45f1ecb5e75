"""Contact preferences: do-not-contact entries and frequency rules."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from mautic_async.models._base import UNSET, Entity, FromServer, Maybe, Nested


@define(kw_only=True)
class DoNotContact(Entity):
    """Channel on which a contact must not be contacted.

    Attributes:
        channel: ``email``, ``sms``, ``notification``; unknown ones are accepted.
        reason: 1 unsubscribed, 2 bounced, 3 manual. Writing 0 removes the entry; Mautic stores any other number.
        comments: Comment of the user.
        channel_id: Id of the e-mail or message that led to it.
        date_added: Time of the entry, only in answers to ``add_dnc`` and ``remove_dnc``. Read only.

    Mautic: REST API, Contacts.
    """

    channel: Maybe[str] = UNSET
    reason: Maybe[int] = UNSET
    comments: Maybe[str] = UNSET
    channel_id: Maybe[int] = UNSET
    date_added: FromServer[datetime] = None


@define(kw_only=True)
class FrequencyRule(Nested):
    """Limit of messages to a contact on a channel. Mautic 5.1 and 7.0 answer 500 to any attempt to write one.

    Attributes:
        channel: ``email``, ``sms``, ...
        frequency_number: Messages per `frequency_time`.
        frequency_time: ``DAY``, ``WEEK`` or ``MONTH``.
        preferred_channel: Channel that the contact prefers.
        pause_from_date: Start of a pause in which nothing is sent.
        pause_to_date: End of the pause.

    Mautic: REST API, Contacts.
    """

    channel: Maybe[str] = field(default=UNSET, metadata={"json_write": ""})
    frequency_number: Maybe[int] = field(default=UNSET, metadata={"json_write": "frequency_number"})
    frequency_time: Maybe[str] = field(default=UNSET, metadata={"json_write": "frequency_time"})
    preferred_channel: Maybe[bool] = field(default=UNSET, metadata={"json_write": "preferred_channel"})
    pause_from_date: Maybe[datetime] = field(default=UNSET, metadata={"json_write": "pause_from_date"})
    pause_to_date: Maybe[datetime] = field(default=UNSET, metadata={"json_write": "pause_to_date"})
