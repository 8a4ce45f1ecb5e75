"""Point triggers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from attrs import evolve

from mautic_async import protocol
from mautic_async.errors import ConfigurationError
from mautic_async.models import Trigger
from mautic_async.protocol import Effect
from mautic_async.resources import _responses
from mautic_async.resources._base import Endpoint, Resource


class PointTriggers(Resource[Trigger]):
    """What happens to contacts with so many points. Mautic: REST API, Point triggers."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("points/triggers", one="trigger", many="triggers", model=Trigger)

    async def event_types(self) -> Mapping[str, str]:
        """Names for people, by type of event.

        Mautic: REST API, Point triggers, Get event types (GET /points/triggers/events/types).
        """
        call = self._build_call("GET", Effect.READ, "events", "types")
        return _responses.expect_mapping(call, await self._send_for_body(call), "eventTypes")

    async def delete_events(self, id: int, event_ids: Iterable[int]) -> Trigger:
        """Delete events of a trigger, and look whether they are gone.

        Mautic 5.1 says that they are and keeps them; then the trigger is replaced by itself without them.

        Returns:
            The trigger as it is stored.

        Raises:
            NotFound: Nothing has this id.
            UnexpectedResponse: They are still there.

        Mautic: REST API, Point triggers, Delete events (DELETE /points/triggers/ID/events/delete).
        """
        ids = {protocol.validate_id(event) for event in event_ids}
        if not ids:
            raise ConfigurationError("point_triggers: no events to delete are named")
        call = self._build_call(
            "DELETE",
            Effect.IDEMPOTENT,
            protocol.validate_id(id),
            "events",
            "delete",
            query=protocol.encode_query({"events": sorted(ids)}),
        )
        await self._send(call)
        trigger = await self.get(id)
        if not _has_any_event(trigger, ids):
            return trigger
        events = [event for event in trigger.events or () if event.id not in ids]
        await self._send(
            self._build_call(
                "PUT",
                Effect.IDEMPOTENT,
                protocol.validate_id(id),
                "edit",
                body=self._replace_body(evolve(trigger, events=events)),
            )
        )
        trigger = await self.get(id)
        if _has_any_event(trigger, ids):
            raise _responses.unexpected_response(call, "that says the events are gone, and they are still there")
        return trigger


def _has_any_event(trigger: Trigger, ids: set[int]) -> bool:
    return any(event.id in ids for event in trigger.events or ())
