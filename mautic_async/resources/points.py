"""Point actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve

from mautic_async.models import UNSET, Point
from mautic_async.protocol import Effect
from mautic_async.resources import _responses
from mautic_async.resources._base import Endpoint, Resource

if TYPE_CHECKING:
    from mautic_async.bulk import Outcome


class Points(Resource[Point]):
    """Actions that give contacts points. Mautic: REST API, Points."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "points", one="point", many="points", model=Point, replace_requires=("repeatable",)
    )

    async def action_types(self) -> Mapping[str, str]:
        """Return the labels of action types, by type.

        Mautic: REST API, Points, Get action types (GET /points/actions/types).
        """
        call = self._build_call("GET", Effect.READ, "actions", "types")
        return _responses.expect_mapping(call, await self._send_for_body(call), "pointActionTypes")

    async def create(self, entity: Point) -> Point:
        """Store a new point action, with a second request for its `properties`, which Mautic drops at creation.

        Raises:
            ConfigurationError: It names nothing; nothing was sent.
            Rejected: Mautic refused a value. If it is one of the `properties`, the action is stored without them.
            ValueNotKept: It is stored without the values that the error names.
            OutcomeUnknown: It may have been stored; look before sending it again.

        Mautic: REST API, Points, Create (POST /points/new) and Edit (PATCH /points/ID/edit).
        """
        # In two requests, since Mautic drops the properties of a POST without a word.
        stored = await super().create(_without_properties(entity))
        if not entity.properties:
            return stored
        return await self.edit(stored.id, Point(properties=entity.properties))

    async def create_many(self, entities: Iterable[Point]) -> list[Outcome[Point]]:
        """Store new point actions as `create` does, up to 200 a request.

        Returns:
            One outcome for each, in order. An action that is stored without its `properties` is ``partial``.

        Mautic: REST API, Batch (POST /points/batch/new and PATCH /points/batch/edit).
        """
        rows = list(entities)
        outcomes = await super().create_many(map(_without_properties, rows))
        # Only actions that were stored whole so far get the second request.
        left = [at for at, outcome in enumerate(outcomes) if rows[at].properties and outcome.status == "created"]
        edits = [Point(id=outcomes[at].id, properties=rows[at].properties) for at in left]
        for at, edited in zip(left, await self.edit_many(edits) if edits else (), strict=True):
            changes = {"entity": edited.entity} if edited.ok else {"status": "partial", "problems": edited.problems}
            outcomes[at] = evolve(outcomes[at], **changes)
        return outcomes


def _without_properties(point: Point) -> Point:
    return evolve(point, properties=UNSET)
