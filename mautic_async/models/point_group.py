"""Points that are counted by themselves."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import UNSET, FromServer, Maybe, Nested, Published, Unset, as_entity


@define(kw_only=True)
class PointGroup(Published):
    """Points that are counted by themselves.

    Attributes:
        name: Required to create.
        description: For people.

    Mautic: REST API, Point groups.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET


def as_point_group(value: PointGroup | int | Unset | None) -> PointGroup | Unset | None:
    """Take an id for the group itself."""
    return as_entity(PointGroup, value)


@define(kw_only=True)
class GroupScore(Nested):
    """A contact's points in a group. Read only.

    Attributes:
        score: Points.
        group: Of points.

    Mautic: REST API, Point groups (contact scores).
    """

    score: FromServer[int] = None
    group: FromServer[PointGroup] = None
