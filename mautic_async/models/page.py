"""Landing pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, FromServer, Maybe, Ref, Scheduled, ToServer, Unset, as_entity
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects


def as_page(value: Page | int | Unset | None) -> Page | Unset | None:
    """Return the page itself for an id."""
    return as_entity(Page, value)


@define(kw_only=True)
class Page(Scheduled):
    """Landing page.

    Attributes:
        title: Required to create.
        alias: Last part of its URL; derived from the title if not given.
        category: Category of bundle ``page``.
        language: Language code, such as ``en``; cannot be cleared.
        hits: Number of visits. Read only.
        unique_hits: Number of visitors. Read only.
        variant_hits: Number of visits since the start of the A/B test. Read only.
        revision: Number of changes so far. Read only.
        meta_description: Description for search engines.
        redirect_type: ``301`` or ``302``: status with which an unpublished page redirects its visitors.
        redirect_url: Target of the redirect; required with `redirect_type`.
        is_preference_center: Page on which contacts choose what they get.
        no_index: Ask search engines not to list it.
        variant_settings: A/B test: ``weight`` in percent and ``winnerCriteria``.
        variant_start_date: Start of the A/B test. Read only.
        variant_parent: The page that this one is a variant of.
        variant_children: Its variants. Read only.
        translation_parent: The page that this one translates.
        translation_children: Its translations. Read only.
        template: `Theme.key` of a theme.
        custom_html: HTML of the page.
        head_script: HTML added to the head; Mautic strips ``<script>``. Write only.
        footer_script: HTML added before the end of the body; Mautic strips ``<script>``. Write only.
        projects: Projects that it belongs to. Mautic 7 or newer.

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
    custom_html: Maybe[str] = UNSET
    head_script: ToServer[str] = UNSET
    footer_script: ToServer[str] = UNSET
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)
