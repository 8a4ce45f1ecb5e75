"""Push notifications."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Ref, Scheduled, ToServer
from mautic_async.models.category import Category, as_category
from mautic_async.models.utm import UtmParameters


@define(kw_only=True)
class Notification(Scheduled):
    """Push notification for browsers or phones.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic. Write only.
        heading: Required to create.
        message: Text. Required to create.
        url: URL that a click opens.
        button: Label of the button.
        language: Language code, such as ``en``; cannot be cleared.
        category: Category of bundle ``global``.
        utm_tags: UTM parameters added to its links.
        read_count: Number of times read. Read only.
        sent_count: Number of times sent. Read only.

    Mautic: REST API, Notifications.
    """

    name: Maybe[str] = UNSET
    description: ToServer[str] = UNSET
    heading: Maybe[str] = UNSET
    message: Maybe[str] = UNSET
    url: Maybe[str] = UNSET
    button: Maybe[str] = UNSET
    language: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    utm_tags: Maybe[UtmParameters] = UNSET
    read_count: FromServer[int] = None
    sent_count: FromServer[int] = None
