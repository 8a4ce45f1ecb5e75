"""Events of campaigns, and their logs for contacts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Unpack

from mautic_async import codec, protocol
from mautic_async.bulk import Outcome
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.models import UNSET, CampaignEvent, CampaignEventLog
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _pagination, _responses
from mautic_async.resources._base import Endpoint, ReadOnlyResource
from mautic_async.resources._batch import MAX_BATCH_ROWS
from mautic_async.resources._endpoint import Query, ResultPage


class CampaignEvents(ReadOnlyResource[CampaignEvent]):
    """Events of all campaigns, read only: writing a campaign writes its events. Mautic: REST API, Campaigns."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("campaigns/events", one="event", many="events", model=CampaignEvent)

    async def logs(self, contact_id: int, **query: Unpack[Query]) -> ResultPage[CampaignEventLog]:
        """Return a page of the logs of a contact in all campaigns; `Campaigns.contact_events` has those of one.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Campaigns, Event logs of a contact (GET /campaigns/events/contact/CONTACT_ID).
        """
        parameters = protocol.encode_query(_pagination.parameters(query))
        call = self._build_call("GET", Effect.READ, "contact", protocol.validate_id(contact_id), query=parameters)
        return await self._get_page(call, "events", CampaignEventLog, query.get("start", 0))

    async def edit_log(self, event_id: int, contact_id: int, log: CampaignEventLog) -> CampaignEvent:
        """Set the time at which an event was executed, or will be executed, for a contact.

        Args:
            event_id: Id of the event.
            contact_id: Id of the contact, who must be in the campaign.
            log: Values to set; `trigger_date` or `date_triggered` is required if there is no log yet.

        Returns:
            Event, with the log in `contact_log`.

        Raises:
            ConfigurationError: The log names nothing, or a `channel_id`, which Mautic would write into `channel`.
            NotFound: The event or the contact does not exist.
            Rejected: The contact is not in the campaign, or the event was executed already (409).

        Mautic: REST API, Campaigns, Edit an event log (PUT /campaigns/events/ID/contact/CONTACT_ID/edit).
        """
        call = self._build_call(
            "PUT",
            Effect.IDEMPOTENT,
            protocol.validate_id(event_id),
            "contact",
            protocol.validate_id(contact_id),
            "edit",
            body=_encode_log(log),
        )
        return self._decode_one(await self._send(call))

    async def edit_logs(self, logs: Iterable[CampaignEventLog]) -> list[Outcome[CampaignEvent]]:
        """Set the times of several logs, up to 200 per request; each log names its `event_id` and `contact_id`.

        Returns:
            One outcome for each log, in order; a refused one does not stop the others.

        Raises:
            ConfigurationError: A log does not name its event and contact.

        Mautic: REST API, Campaigns, Batch edit event logs (PUT /campaigns/events/batch/edit).
        """
        bodies = [_batch_log(index, log) for index, log in enumerate(logs)]
        outcomes: list[Outcome[CampaignEvent]] = []
        for offset in range(0, len(bodies), MAX_BATCH_ROWS):
            chunk = bodies[offset : offset + MAX_BATCH_ROWS]
            path = f"{self.endpoint.path}/batch/edit"
            call = Call("PUT", path, Effect.IDEMPOTENT, body=chunk, row_count=len(chunk), is_batch=True)
            answer = _responses.expect_mapping(call, await self._send_for_body(call))
            outcomes.extend(self._outcome(answer, offset, index, body) for index, body in enumerate(chunk))
        return outcomes

    def _outcome(self, answer: Any, offset: int, index: int, body: dict[str, Any]) -> Outcome[CampaignEvent]:
        """Return the outcome of one log: errors are keyed by position in the request, events by their id."""
        problems = protocol.php_array_to_dict(answer.get("errors"))
        if index in problems:
            return Outcome(offset + index, "rejected", body["eventId"], protocol.parse_row_problems(problems[index]))
        raw = protocol.php_array_to_dict(answer.get("events")).get(body["eventId"])
        if not isinstance(raw, dict):
            lacking = Problem("the answer names neither the event nor an error")
            return Outcome(offset + index, "unknown", body["eventId"], (lacking,))
        return Outcome(offset + index, "updated", body["eventId"], (), codec.decode(CampaignEvent, raw))


def _encode_log(log: CampaignEventLog) -> dict[str, Any]:
    body = codec.encode(log)
    if body.get("channelId") is not None:
        raise ConfigurationError("channel_id cannot be written: Mautic stores it as the channel; leave it out")
    if not body:
        raise ConfigurationError("the log names nothing; set trigger_date or date_triggered")
    return body


def _batch_log(index: int, log: CampaignEventLog) -> dict[str, Any]:
    if log.event_id in (UNSET, None) or log.contact_id in (UNSET, None):
        raise ConfigurationError(f"row {index}: a log needs its event_id and its contact_id")
    return _encode_log(log)
