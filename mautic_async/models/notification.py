"""Push notifications."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Ref, Scheduled, ToServer
from mautic_async.models.category import Category, as_category
from mautic_async.models.utm import UtmParameters


@define(kw_only=True)
class Notification(Scheduled):
    """A push notification for browsers or phones.

    Attributes:
        name: Required to create.
        description: For people. Write only.
        heading: Required to create.
        message: The text. Required to create.
        url: Where a click leads.
        button: Its label.
        language: Code.
        category: Of bundle ``notification``.
        utm_tags: On the link.
        read_count: Times read. Read only.
        sent_count: Times sent. Read only.

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
