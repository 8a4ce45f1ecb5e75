"""Groups of points, counted apart from a contact's main points."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import UNSET, FromServer, Maybe, Nested, Published, Unset, as_entity


@define(kw_only=True)
class PointGroup(Published):
    """Group of points, counted apart from a contact's main points.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic.

    Mautic: REST API, Point groups.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET


def as_point_group(value: PointGroup | int | Unset | None) -> PointGroup | Unset | None:
    """Return the group itself for an id."""
    return as_entity(PointGroup, value)


@define(kw_only=True)
class GroupScore(Nested):
    """Score of a contact in a group. Read only.

    Attributes:
        score: Points.
        group: Group of the points.

    Mautic: REST API, Point groups (contact scores).
    """

    score: FromServer[int] = None
    group: FromServer[PointGroup] = None
