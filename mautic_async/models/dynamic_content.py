"""Dynamic content of web pages."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Ref, Scheduled, ToServer, Unset, as_entity
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects
from mautic_async.models.segment import SegmentFilter
from mautic_async.models.utm import UtmParameters


def as_dynamic_content(value: DynamicContent | int | Unset | None) -> DynamicContent | Unset | None:
    """Take an id for the dynamic content itself."""
    return as_entity(DynamicContent, value)


@define(kw_only=True)
class DynamicContent(Scheduled):
    """A part of a web page that differs from contact to contact.

    Attributes:
        name: Required to create.
        description: For people. Write only.
        category: Of bundle ``dynamicContent``.
        content: HTML.
        is_campaign_based: A campaign decides who sees it; otherwise `slot_name` and `filters` do.
        slot_name: Name of the place on the page.
        filters: Which contacts see it.
        utm_tags: On links.
        language: Code. Write only.
        sent_count: Times shown. Read only.
        variant_start_date: Of the A/B test. Read only.
        variant_parent: The content that this one is a variant of.
        variant_children: Its variants. Read only.
        translation_parent: The content that this one translates. Write only.
        projects: Mautic 7 or newer.

    Mautic: REST API, Dynamic content.
    """

    name: Maybe[str] = UNSET
    description: ToServer[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    content: Maybe[str] = field(default=UNSET, repr=False)
    is_campaign_based: Maybe[bool] = UNSET
    slot_name: Maybe[str] = UNSET
    filters: Maybe[list[SegmentFilter]] = UNSET
    utm_tags: Maybe[UtmParameters] = UNSET
    language: ToServer[str] = UNSET
    sent_count: FromServer[int] = None
    variant_start_date: FromServer[datetime] = None
    variant_parent: Maybe[Ref[DynamicContent]] = field(default=UNSET, converter=as_dynamic_content)
    variant_children: FromServer[list[DynamicContent]] = None
    translation_parent: ToServer[Ref[DynamicContent]] = field(default=UNSET, converter=as_dynamic_content)
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)
