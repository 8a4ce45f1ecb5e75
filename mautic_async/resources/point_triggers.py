"""Point triggers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

from mautic_async import protocol
from mautic_async.errors import AuthenticationError, ConfigurationError, NotFound, Problem
from mautic_async.models import Trigger
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _responses
from mautic_async.resources._base import Endpoint, Resource

_NO_DELETION: Final = (
    "point_triggers.delete_events: this Mautic has no way to delete events that this client may use: those of the API"
    " v1 answer with a success and delete nothing, and /api/v2 ({reason}) takes Basic authentication only, from Mautic"
    " 7 on. Create another trigger without these events, and delete this one"
)


class PointTriggers(Resource[Trigger]):
    """Events for contacts that reach a number of points. Mautic: REST API, Point triggers."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        *("points/triggers", "trigger", "triggers", Trigger), replace_requires=("points", "triggerExistingLeads")
    )

    async def event_types(self) -> Mapping[str, str]:
        """Return the labels of event types, by type.

        Mautic: REST API, Point triggers, Get event types (GET /points/triggers/events/types).
        """
        call = self._build_call("GET", Effect.READ, "events", "types")
        return _responses.expect_mapping(call, await self._send_for_body(call), "eventTypes")

    async def replace(self, id: int, entity: Trigger) -> Trigger:
        """Replace a trigger: what *entity* does not name goes back to its default. Its events stay.

        Events with an id are changed, events without one are added, and none is ever removed. The answer of Mautic
        shows only some of them, so the trigger is read afterwards.

        Raises:
            ConfigurationError: It lacks ``points`` or ``trigger_existing_contacts``, without which Mautic answers with
                a bare 500, part of the events stored. Nothing was sent.
            Rejected: Mautic refused a value.
            ValueNotKept: It is stored without the values that the error names.
            OutcomeUnknown: It may have been done.

        Mautic: REST API, Point triggers, Edit (PUT /points/triggers/ID/edit).
        """
        body = self._replace_body(entity)
        call = self._build_call("PUT", Effect.NON_IDEMPOTENT, protocol.validate_id(id), "edit", body=body)
        answered = self._decode_one(await self._send(call))
        return self._require_kept(call, await self.get(answered.id))

    async def delete_events(self, id: int, event_ids: Iterable[int]) -> Trigger:
        """Delete events of a trigger, where Mautic can: from version 7 on, with Basic authentication.

        The route of the API v1 and a PUT without the events both answer with a success and delete nothing. So the
        events are deleted one by one through ``/api/v2``.

        Returns:
            The trigger as it is stored.

        Raises:
            ConfigurationError: No event is named, one is not of this trigger, or this Mautic cannot delete events for
                this client. Nothing was deleted.
            NotFound: Nothing has this id.

        Mautic: API v2, trigger_events (DELETE /v2/trigger_events/ID).
        """
        ids = {protocol.validate_id(event) for event in event_ids}
        if not ids:
            raise ConfigurationError("point_triggers: no events to delete are named")
        trigger = await self.get(id)
        foreign = ids - {event.id for event in trigger.events or ()}
        if foreign:
            raise ConfigurationError(f"point_triggers.delete_events: trigger {id} has no events {sorted(foreign)}")
        for event in sorted(ids):
            await self._delete_event(event)
        return await self.get(id)

    async def _delete_event(self, id: int) -> None:
        try:
            await self._send(Call("DELETE", f"v2/trigger_events/{id}", Effect.IDEMPOTENT, jsonld=True))
        except AuthenticationError as error:
            raise ConfigurationError(_NO_DELETION.format(reason="which refuses this client's token")) from error
        except NotFound as error:
            if not _responses.is_unknown_route(error):
                raise
            raise ConfigurationError(_NO_DELETION.format(reason="which this server does not have")) from error

    def _values_not_kept(self, body: Mapping[str, Any], stored: Trigger) -> Sequence[Problem]:
        """Leave the events out where the answer shows fewer than were sent, as the answer to a batch of PUTs does."""
        # Which events an incomplete answer shows is not defined, so it proves nothing about any.
        shown = len(stored.events or ())
        complete = shown >= len(body.get("events") or ())
        return super()._values_not_kept(
            body if complete else {key: value for key, value in body.items() if key != "events"}, stored
        )
