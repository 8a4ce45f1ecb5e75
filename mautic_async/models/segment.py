"""Segments of contacts. Mautic's JSON calls them lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Maybe, Nested, Published, Ref, Unset, as_entities
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects


@define(kw_only=True)
class SegmentFilter(Nested):
    """Condition of a segment or of dynamic content.

    Attributes:
        glue: ``and`` or ``or``, between this condition and the one before.
        object: ``lead`` for contacts, ``company``, ``behaviors``, or a plugin's word.
        field: Alias of a field, or name of a behaviour.
        type: Type of that field, as in `Field`.
        operator: ``= != gt gte lt lte empty !empty like !like between !between in !in regexp !regexp date startsWith
            endsWith contains``.
        properties: ``{"filter": value}``; the value is a list for ``in``. Type ``lookup_id`` has ``display``, too.
        filter: Value, another place for that in `properties`. Requests hold it where Mautic takes it: segments in
            `properties`, dynamic content here.
        display: Text shown for the value.

    Mautic: REST API, Segments.
    """

    glue: Maybe[str] = UNSET
    object: Maybe[str] = UNSET
    field: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    operator: Maybe[str] = UNSET
    properties: Maybe[Mapping[str, JSON]] = UNSET
    filter: Maybe[JSON] = UNSET
    display: Maybe[JSON] = UNSET


@define(kw_only=True)
class Segment(Published):
    """List of contacts, filled by filters or by hand.

    Attributes:
        name: Required to create.
        public_name: Name shown to contacts; `name` if not given.
        alias: Unique; derived from the name if not given.
        description: Text for users of Mautic.
        category: Category of bundle ``segment``.
        filters: Conditions on its contacts. A job of the server applies them. PUT without them empties the segment.
        is_global: Visible to other users.
        is_preference_center: Shown in the preference center, where contacts can leave it.
        projects: Projects that it belongs to. Mautic 7 or newer.

    Mautic: REST API, Segments.
    """

    name: Maybe[str] = UNSET
    public_name: Maybe[str] = UNSET
    alias: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    filters: Maybe[list[SegmentFilter]] = field(default=UNSET, metadata={"form": "segment-filters"})
    is_global: Maybe[bool] = UNSET
    is_preference_center: Maybe[bool] = UNSET
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)


def as_segments(values: Iterable[Segment | int] | Unset | None) -> list[Segment] | Unset | None:
    """Return the segments themselves for ids."""
    return as_entities(Segment, values)
