"""What contacts did, and what was done to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, FromServer, Nested


@define(kw_only=True)
class ActivityLabel(Nested):
    """What an event is called, with a link. Read only.

    Attributes:
        label: For people.
        href: Into Mautic's own pages.
        is_external: Or elsewhere.

    Mautic: REST API, Contacts (activity).
    """

    label: FromServer[str] = None
    href: FromServer[str] = None
    is_external: FromServer[bool] = None


@define(kw_only=True)
class ActivityEvent(Nested):
    """Something that happened. Read only.

    Attributes:
        event: ``email.sent``, ``page.hit``, ``form.submitted``, ``lead.identified`` and others: see `Timeline.types`.
        event_id: Unique most of the time.
        event_label: For people.
        event_type: Name of the event for people.
        timestamp: When.
        contact_id: To whom.
        details: By event.

    Mautic: REST API, Contacts (activity).
    """

    event: FromServer[str] = None
    event_id: FromServer[str] = None
    event_label: FromServer[ActivityLabel | str] = None
    event_type: FromServer[str] = None
    timestamp: FromServer[datetime] = None
    contact_id: FromServer[int] = None
    details: FromServer[Mapping[str, JSON]] = field(default=None, repr=False)


@define(kw_only=True)
class TimelineFilters(Nested):
    """What was asked for. Read only.

    Attributes:
        search: Words.
        include_events: Only these.
        exclude_events: Not these.

    Mautic: REST API, Contacts (activity).
    """

    search: FromServer[str] = None
    include_events: FromServer[list[str]] = None
    exclude_events: FromServer[list[str]] = None


@define(kw_only=True)
class Timeline(Nested):
    """A page of what happened. Read only.

    Attributes:
        events: On this page.
        filters: What was asked for.
        order: Column and direction.
        types: Names for people, by event: all that this server knows.
        total: Events, on all pages.
        page: From 1.
        limit: Events of a page. For all contacts together it counts by type of event, and pages overlap.
        max_pages: How many there are.

    Mautic: REST API, Contacts (activity).
    """

    events: FromServer[list[ActivityEvent]] = None
    filters: FromServer[TimelineFilters] = None
    order: FromServer[list[str]] = None
    types: FromServer[Mapping[str, str]] = field(default=None, repr=False)
    total: FromServer[int] = None
    page: FromServer[int] = None
    limit: FromServer[int] = None
    max_pages: FromServer[int] = None
