"""Rows of the statistics tables, and widgets of the dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

from attrs import define, field

from mautic_async.models._base import JSON, Entity, FromServer, Nested

StatRow: TypeAlias = Mapping[str, str]
"""Row of a table, by column. Values are texts, times are UTC without an offset, empty columns are left out."""


@define(kw_only=True)
class StatTables(Nested):
    """Tables of statistics. Read only.

    Attributes:
        available_tables: Names of the tables.
        table_columns: Names of the columns, by table.

    Mautic: REST API, Stats.
    """

    available_tables: FromServer[list[str]] = None
    table_columns: FromServer[Mapping[str, list[str]]] = None


@define(kw_only=True)
class Widget(Nested):
    """Content of a dashboard widget. Read only.

    Attributes:
        content: Data of a chart, or values by label; depends on the type of the widget.
        cached: Taken from the server's cache.
        execution_time: Seconds that the server took.

    Mautic: REST API, Data - dashboard widgets.
    """

    content: FromServer[Mapping[str, JSON]] = field(default=None, metadata={"json": "data"})
    cached: FromServer[bool] = None
    execution_time: FromServer[float] = field(default=None, metadata={"json": "execution_time"})


@define(kw_only=True)
class EmailStatistic(Entity):
    """One e-mail to one contact: when it was sent, and what became of it. Read only.

    Attributes:
        email_id: Id of the e-mail.
        contact_id: Id of the contact; None once the contact was deleted.
        segment_id: Id of the segment that the e-mail was sent to, if it was sent to one.
        email_address: Address that it was sent to.
        date_sent: Time of sending.
        is_read: Whether it was opened.
        is_failed: Whether it could not be delivered.
        date_read: Time of the first opening.
        last_opened: Time of the last opening.
        open_count: How often it was opened.
        viewed_in_browser: Whether it was opened as a web page.
        source: What sent it, such as ``campaign.event``.
        source_id: Id of that.
        tracking_hash: Name of the message in `emails.reply`.

    Mautic: REST API, Stats, table ``email_stats``.
    """

    email_id: FromServer[int] = None
    contact_id: FromServer[int] = None
    segment_id: FromServer[int] = None
    email_address: FromServer[str] = field(default=None, repr=False)
    date_sent: FromServer[datetime] = None
    is_read: FromServer[bool] = None
    is_failed: FromServer[bool] = None
    date_read: FromServer[datetime] = None
    last_opened: FromServer[datetime] = None
    open_count: FromServer[int] = None
    viewed_in_browser: FromServer[bool] = None
    source: FromServer[str] = None
    source_id: FromServer[int] = None
    tracking_hash: FromServer[str] = field(default=None, repr=False)


@define(kw_only=True)
class DoNotContactEntry(Entity):
    """A channel on which one contact must not be contacted. Read only.

    Attributes:
        contact_id: Id of the contact.
        channel: ``email``, ``sms``, ...
        reason: 1 unsubscribed, 2 bounced, 3 by hand.
        comments: For people.
        channel_id: Id of the e-mail or message that led to it.
        date_added: Time of the entry, or of the last change of its reason.

    Mautic: REST API, Stats, table ``lead_donotcontact``.
    """

    contact_id: FromServer[int] = None
    channel: FromServer[str] = None
    reason: FromServer[int] = None
    comments: FromServer[str] = None
    channel_id: FromServer[int] = None
    date_added: FromServer[datetime] = None
