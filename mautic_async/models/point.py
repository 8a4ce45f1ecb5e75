"""Point actions, which give contacts points."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Maybe, Ref, Scheduled, ToServer
from mautic_async.models.category import Category, as_category
from mautic_async.models.point_group import PointGroup, as_point_group
from mautic_async.models.project import Project, as_projects


@define(kw_only=True)
class Point(Scheduled):
    """Action of contacts that gives them points.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic.
        type: ``page.hit url.hit email.open email.send form.submit asset.download``; Mautic 7 also ``api.call``.
            Required to create.
        delta: Points to add, or to subtract if negative. Required to create.
        properties: Settings, whose keys depend on `type`.
        repeatable: Count every occurrence, not only the first.
        category: Category of bundle ``point``.
        group: Group to which the points are added. Write only.
        projects: Projects that it belongs to. Mautic 7 or newer.

    Mautic: REST API, Points.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    delta: Maybe[int] = UNSET
    properties: Maybe[Mapping[str, JSON]] = UNSET
    repeatable: Maybe[bool] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    group: ToServer[Ref[PointGroup]] = field(default=UNSET, converter=as_point_group)
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)
