"""Focus items: bars and boxes on web pages (a plugin)."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, FromServer, Maybe, Ref, Scheduled
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects
from mautic_async.models.utm import UtmParameters


@define(kw_only=True)
class Focus(Scheduled):
    """Bar, box or page shown over a website.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic.
        type: ``form``, ``notice`` or ``link``. Required to create.
        style: ``bar``, ``modal``, ``notification`` or ``page``. Required to create.
        website: URL of the website that shows it.
        properties: Settings: ``bar``, ``modal``, ``colors``, ``content``, ``when``, ``frequency`` and others.
        utm_tags: UTM parameters added to its links.
        form: Id of the form of type ``form``.
        html_mode: ``basic``, ``editor`` or ``html``.
        html: HTML of mode ``html``.
        editor: HTML of mode ``editor``.
        cache: JavaScript that visitors get. Read only.
        category: Category of bundle ``plugin:focus``.
        projects: Projects that it belongs to. Mautic 7 or newer.

    Mautic: REST API, Focus items.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    style: Maybe[str] = UNSET
    website: Maybe[str] = UNSET
    properties: Maybe[Mapping[str, JSON]] = UNSET
    utm_tags: Maybe[UtmParameters] = UNSET
    form: Maybe[int] = UNSET
    html_mode: Maybe[str] = field(default=UNSET, metadata={"json_write": "html_mode"})
    html: Maybe[str] = UNSET
    editor: Maybe[str] = UNSET
    cache: FromServer[str] = None
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)
