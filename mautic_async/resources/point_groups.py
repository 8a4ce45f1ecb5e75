"""Point groups."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import PointGroup
from mautic_async.resources._base import Endpoint, Resource


class PointGroups(Resource[PointGroup]):
    """Groups of points that are counted separately. Mautic: REST API, Point groups."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "points/groups", one="pointGroup", many="pointGroups", model=PointGroup
    )
