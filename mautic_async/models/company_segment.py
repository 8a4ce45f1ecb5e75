"""Segments of companies."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import UNSET, Maybe, Published, Ref
from mautic_async.models.category import Category, as_category
from mautic_async.models.segment import SegmentFilter


@define(kw_only=True)
class CompanySegment(Published):
    """List of companies, filled by filters or by hand. Mautic 8 or newer, or a plugin; not tried on a live server.

    Attributes:
        name: Required to create.
        public_name: Name shown outside Mautic; `name` if not given.
        alias: Unique; derived from the name if not given.
        description: Text for users of Mautic.
        category: Category of bundle ``segment``.
        filters: Conditions on its companies; their `object` is ``company``.

    Mautic: REST API, Company segments.
    """

    name: Maybe[str] = UNSET
    public_name: Maybe[str] = UNSET
    alias: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    filters: Maybe[list[SegmentFilter]] = field(default=UNSET, metadata={"form": "segment-filters"})
