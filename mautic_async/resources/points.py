"""What gives contacts points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mautic_async.models import Point
from mautic_async.protocol import Effect
from mautic_async.resources import _responses
from mautic_async.resources._base import Endpoint, Resource


class Points(Resource[Point]):
    """Actions that give contacts points. Mautic: REST API, Points."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "points", one="point", many="points", model=Point, replace_requires=("repeatable",)
    )

    async def action_types(self) -> Mapping[str, str]:
        """Names for people, by type of action.

        Mautic: REST API, Points, Get action types (GET /points/actions/types).
        """
        call = self._build_call("GET", Effect.READ, "actions", "types")
        return _responses.expect_mapping(call, await self._send_for_body(call), "pointActionTypes")
