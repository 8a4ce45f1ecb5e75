"""Stages."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Stage
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._membership import Membership


class Stages(Resource[Stage], Membership[Stage]):
    """Stages that contacts pass through, one at a time. Mautic: REST API, Stages."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("stages", one="stage", many="stages", model=Stage)
