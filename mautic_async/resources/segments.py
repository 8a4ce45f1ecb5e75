"""Segments."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Segment
from mautic_async.resources._base import Endpoint, Membership, Resource


class Segments(Resource[Segment], Membership[Segment]):
    """Segments, which payloads still call lists. Mautic: REST API, Segments."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("segments", one="list", many="lists", model=Segment)
