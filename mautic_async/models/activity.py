"""The activity timeline of contacts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define

from mautic_async.models._base import JSON, FromServer, Nested


@define(kw_only=True)
class ActivityLabel(Nested):
    """Label of an event, with a link. Read only.

    Attributes:
        label: Text shown to users.
        href: URL, usually a page of Mautic's user interface.
        is_external: The link leads out of Mautic.

    Mautic: REST API, Contacts (activity).
    """

    label: FromServer[str] = None
    href: FromServer[str] = None
    is_external: FromServer[bool] = None


@define(kw_only=True)
class ActivityEvent(Nested):
    """Event in the timeline of a contact. Read only.

    Attributes:
        event: ``email.sent``, ``page.hit``, ``form.submitted``, ``lead.identified`` and others: see `Timeline.types`.
        event_id: Id of the event; not guaranteed to be unique.
        event_label: Text shown to users.
        event_type: Display name of `event`.
        timestamp: Time of the event.
        contact_id: Id of the contact.
        details: Data of the event; its keys depend on `event`.

    Mautic: REST API, Contacts (activity).
    """

    event: FromServer[str] = None
    event_id: FromServer[str] = None
    event_label: FromServer[ActivityLabel | str] = None
    event_type: FromServer[str] = None
    timestamp: FromServer[datetime] = None
    contact_id: FromServer[int] = None
    details: FromServer[Mapping[str, JSON]] = None


@define(kw_only=True)
class TimelineFilters(Nested):
    """Filters of a timeline request. Read only.

    Attributes:
        search: Search text.
        include_events: Kinds of event that were asked for; empty for all.
        exclude_events: Kinds of event that were left out.
        date_from: Start of the period, if one was asked for.
        date_to: End of the period, if one was asked for.

    Mautic: REST API, Contacts (activity).
    """

    search: FromServer[str] = None
    include_events: FromServer[list[str]] = None
    exclude_events: FromServer[list[str]] = None
    date_from: FromServer[datetime] = None
    date_to: FromServer[datetime] = None


@define(kw_only=True)
class Timeline(Nested):
    """Page of a timeline. Read only.

    Attributes:
        events: Events on this page.
        filters: Filters of the request.
        order: Column and direction.
        types: Display names of all kinds of event on this server, by `ActivityEvent.event`.
        total: Number of events on all pages.
        page: Number of this page, from 1.
        limit: Events per page. In the timeline of all contacts the limit applies to each kind of event, and pages
            overlap.
        max_pages: Number of pages.

    Mautic: REST API, Contacts (activity).
    """

    events: FromServer[list[ActivityEvent]] = None
    filters: FromServer[TimelineFilters] = None
    order: FromServer[list[str]] = None
    types: FromServer[Mapping[str, str]] = None
    total: FromServer[int] = None
    page: FromServer[int] = None
    limit: FromServer[int] = None
    max_pages: FromServer[int] = None
