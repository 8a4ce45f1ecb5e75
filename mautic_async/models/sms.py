"""Text messages."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Nested, Ref, Scheduled, ToServer
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects
from mautic_async.models.segment import Segment, as_segments


@define(kw_only=True)
class Sms(Scheduled):
    """Text message.

    Attributes:
        name: Required to create.
        message: Text. Required to create.
        description: Text for users of Mautic. Write only.
        sms_type: ``template`` or ``list``. Write only.
        segments: Segments that a ``list`` goes to; required for it. Write only.
        language: Language code, such as ``en``; cannot be cleared.
        category: Category of bundle ``global``.
        sent_count: Number of times sent. Read only.
        projects: Projects that it belongs to. Mautic 7 or newer.

    Mautic: REST API, Text messages.
    """

    name: Maybe[str] = UNSET
    message: Maybe[str] = UNSET
    description: ToServer[str] = UNSET
    sms_type: ToServer[str] = UNSET
    segments: ToServer[list[Ref[Segment]]] = field(default=UNSET, converter=as_segments, metadata={"json": "lists"})
    language: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    sent_count: FromServer[int] = None
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)


@define(kw_only=True)
class SmsReceipt(Nested):
    """Result of sending a text message to a contact. Read only.

    Attributes:
        sent: Handed over to the provider.
        type: Type of the message.
        status: Key of the status text, such as ``mautic.sms.timeline.status.delivered``.
        id: Id of the text message.
        name: Name of the text message.
        content: Text as sent to the contact.
        stat_id: Id of the row in ``sms_message_stats``.

    Mautic: REST API, Text messages (send).
    """

    sent: FromServer[bool] = None
    type: FromServer[str] = None
    status: FromServer[str] = None
    id: FromServer[int] = None
    name: FromServer[str] = None
    content: FromServer[str] = None
    stat_id: FromServer[int] = None
