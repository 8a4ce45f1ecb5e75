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
    """Return the dynamic content itself for an id."""
    return as_entity(DynamicContent, value)


@define(kw_only=True)
class DynamicContent(Scheduled):
    """Part of a web page that differs from contact to contact.

    Answers of Mautic 7 lack `is_published`, and the dates and users of changes.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic. Write only.
        category: Category of bundle ``global``.
        type: ``html`` or ``text``. Mautic 7 or newer.
        content: Content; Mautic strips scripts and some HTML from it.
        is_campaign_based: Shown by campaigns; otherwise by `slot_name` and `filters`.
        slot_name: Name of the slot in the page.
        filters: Conditions on the contacts who see it.
        utm_tags: UTM parameters added to its links.
        language: Language code, such as ``en``. Write only.
        sent_count: Number of times that it was shown. Read only.
        variant_start_date: Start of the A/B test. Read only.
        variant_parent: The content that this one is a variant of. Mautic does not store it from the API.
        variant_children: Its variants. Read only.
        translation_parent: The content that this one translates. Write only.
        projects: Projects that it belongs to. Mautic 7 or newer.

    Mautic: REST API, Dynamic content.
    """

    name: Maybe[str] = UNSET
    description: ToServer[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    type: Maybe[str] = UNSET
    content: Maybe[str] = UNSET
    is_campaign_based: Maybe[bool] = UNSET
    slot_name: Maybe[str] = UNSET
    filters: Maybe[list[SegmentFilter]] = field(default=UNSET, metadata={"form": "content-filters"})
    utm_tags: Maybe[UtmParameters] = UNSET
    language: ToServer[str] = UNSET
    sent_count: FromServer[int] = None
    variant_start_date: FromServer[datetime] = None
    variant_parent: Maybe[Ref[DynamicContent]] = field(default=UNSET, converter=as_dynamic_content)
    variant_children: FromServer[list[DynamicContent]] = None
    translation_parent: ToServer[Ref[DynamicContent]] = field(default=UNSET, converter=as_dynamic_content)
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)
