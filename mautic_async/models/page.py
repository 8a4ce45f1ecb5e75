"""Landing pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, FromServer, Maybe, Ref, Scheduled, ToServer, Unset, as_entity
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects


def as_page(value: Page | int | Unset | None) -> Page | Unset | None:
    """Take an id for the page itself."""
    return as_entity(Page, value)


@define(kw_only=True)
class Page(Scheduled):
    """A landing page.

    Attributes:
        title: Required to create.
        alias: Last part of its URL; made from the title if not given.
        category: Of bundle ``page``.
        language: Code.
        hits: Visits. Read only.
        unique_hits: Visitors. Read only.
        variant_hits: Visits since the A/B test began. Read only.
        revision: Read only.
        meta_description: For search engines.
        redirect_type: ``301`` or ``302``: visitors of an unpublished page go elsewhere.
        redirect_url: Where to; required with `redirect_type`.
        is_preference_center: Contacts choose there what they get.
        no_index: Search engines shall not list it.
        variant_settings: Of an A/B test: weight in percent and what wins.
        variant_start_date: Of the A/B test. Read only.
        variant_parent: The page that this one is a variant of.
        variant_children: Its variants. Read only.
        translation_parent: The page that this one translates.
        translation_children: Its translations. Read only.
        template: Name of a theme.
        custom_html: The page itself.
        head_script: HTML for its head. Write only.
        footer_script: HTML for its end. Write only.
        projects: Mautic 7 or newer.

    Mautic: REST API, Pages.
    """

    title: Maybe[str] = UNSET
    alias: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    language: Maybe[str] = UNSET
    hits: FromServer[int] = None
    unique_hits: FromServer[int] = None
    variant_hits: FromServer[int] = None
    revision: FromServer[int] = None
    meta_description: Maybe[str] = UNSET
    redirect_type: Maybe[str] = UNSET
    redirect_url: Maybe[str] = UNSET
    is_preference_center: Maybe[bool] = UNSET
    no_index: Maybe[bool] = UNSET
    variant_settings: Maybe[Mapping[str, JSON]] = UNSET
    variant_start_date: FromServer[datetime] = None
    variant_parent: Maybe[Ref[Page]] = field(default=UNSET, converter=as_page)
    variant_children: FromServer[list[Page]] = None
    translation_parent: Maybe[Ref[Page]] = field(default=UNSET, converter=as_page)
    translation_children: FromServer[list[Page]] = None
    template: Maybe[str] = UNSET
    custom_html: Maybe[str] = field(default=UNSET, repr=False)
    head_script: ToServer[str] = UNSET
    footer_script: ToServer[str] = UNSET
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)
