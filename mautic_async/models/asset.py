"""Assets: files for visitors to download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Ref, Scheduled, ToServer, Unset, as_entities
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects

if TYPE_CHECKING:
    from collections.abc import Iterable


@define(kw_only=True)
class Asset(Scheduled):
    """File that visitors can download.

    Attributes:
        title: Required to create.
        alias: Derived from the title if not given.
        description: Text for users of Mautic.
        category: Category of bundle ``asset``.
        language: Language code, such as ``en``. Required by PUT.
        storage_location: ``local`` or ``remote``. Required to create.
        file: Name of a file uploaded to ``media``, or a URL. Required to create and by PUT. Write only.
        disallow: Ask search engines not to list it.
        download_count: Number of downloads. Read only.
        unique_download_count: Number of visitors who downloaded it. Read only.
        revision: Number of changes so far. Read only.
        extension: Extension of the file's name. Read only.
        mime: Media type. Read only.
        size: Bytes. Read only.
        download_url: Absolute URL. Read only.
        projects: Projects that it belongs to. Mautic 7 or newer.

    Mautic: REST API, Assets.
    """

    title: Maybe[str] = UNSET
    alias: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    language: Maybe[str] = UNSET
    storage_location: Maybe[str] = UNSET
    file: ToServer[str] = UNSET
    disallow: Maybe[bool] = UNSET
    download_count: FromServer[int] = None
    unique_download_count: FromServer[int] = None
    revision: FromServer[int] = None
    extension: FromServer[str] = None
    mime: FromServer[str] = None
    size: FromServer[int] = None
    download_url: FromServer[str] = None
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)


def as_assets(values: Iterable[Asset | int] | Unset | None) -> list[Asset] | Unset | None:
    """Return the assets themselves for ids."""
    return as_entities(Asset, values)
