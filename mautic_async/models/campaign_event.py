"""Events of campaigns, and their logs for contacts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, FromServer, Maybe, Nested, ToServer, Unset
from mautic_async.models.category import Category
from mautic_async.models.contact import Contact
from mautic_async.models.ip_address import IpAddress


@define(kw_only=True)
class EventCampaign(Entity):
    """Summary of the campaign of an event. Read only.

    Attributes:
        name: Name of the campaign.
        description: Text for users of Mautic.
        category: Category of bundle ``campaign``.
        allow_restart: As in `Campaign`; like the next ones only in the answer of `campaign_events.edit_log`.
        publish_up: As in `Campaign`.
        publish_down: As in `Campaign`.
        events: Other events of the campaign.
        deleted: As in `Campaign`.

    Mautic: REST API, Campaigns.
    """

    name: FromServer[str] = None
    description: FromServer[str] = None
    category: FromServer[Category] = None
    allow_restart: FromServer[bool] = None
    publish_up: FromServer[datetime] = None
    publish_down: FromServer[datetime] = None
    events: FromServer[list[CampaignEvent]] = None
    deleted: FromServer[datetime] = None


def as_time_of_day(value: str | Unset | None) -> str | Unset | None:
    """Return ``HH:MM``, also of a time on some day, which is what answers hold."""
    return value[11:16] if isinstance(value, str) and value[10:11] == "T" else value


@define(kw_only=True)
class CampaignEventLog(Nested):
    """Log of an event for a contact.

    Attributes:
        event_id: Id of the event, for `edit_logs`. Write only.
        contact_id: Id of the contact, for `edit_logs`. Write only.
        date_triggered: Time at which the event was executed.
        trigger_date: Time for which the event is scheduled. One of these two is required if there is no log yet.
        is_scheduled: Not executed yet. Read only.
        ip_address: Address of the contact; sent as text.
        metadata: Data recorded by the event.
        non_action_path_taken: The contact took the "no" path of a decision.
        channel: ``email``, ``sms``, ...
        channel_id: Id of the e-mail or message. Read only in effect: Mautic writes a sent value into `channel`.
        rotation: Number of the contact's stay in the campaign, from 1. Read only.
        event: Event of the log. Read only.
        contact: Contact of the log. Read only.
        campaign: Campaign of the event. Read only.

    Mautic: REST API, Campaigns (event logs).
    """

    event_id: ToServer[int] = UNSET
    contact_id: ToServer[int] = UNSET
    date_triggered: Maybe[datetime] = UNSET
    trigger_date: Maybe[datetime] = UNSET
    is_scheduled: FromServer[bool] = None
    ip_address: Maybe[IpAddress | str] = UNSET
    metadata: Maybe[Mapping[str, JSON]] = UNSET
    non_action_path_taken: Maybe[bool] = UNSET
    channel: Maybe[str] = UNSET
    channel_id: Maybe[int] = UNSET
    rotation: FromServer[int] = None
    event: FromServer[CampaignEvent] = None
    contact: FromServer[Contact] = field(default=None, metadata={"json": "lead"})
    campaign: FromServer[EventCampaign] = None


@define(kw_only=True)
class CampaignEvent(Entity):
    """Step of a campaign.

    Attributes:
        id: 0 for a new event, which then needs a `key`.
        key: Name of a new event in the canvas, such as ``new_1``. Write only.
        name: Required.
        description: Text for users of Mautic.
        type: ``email.send``, ``lead.changepoints``, ``lead.changetags``, ``form.submit``,
            ``lead.field_value`` and others. Required.
        event_type: ``action``, ``decision`` or ``condition``. Required.
        channel: ``email``, ``sms``, ...
        channel_id: Id of the e-mail or message.
        order: Position, which the server computes from the canvas.
        properties: Settings, whose keys depend on `type`.
        trigger_mode: ``immediate``, ``interval`` or ``date``.
        trigger_date: Time of execution in mode ``date``. Mautic 5.1 answers 500 if a new event has one.
        trigger_interval: Delay in mode ``interval``, in units of `trigger_interval_unit`.
        trigger_interval_unit: ``i`` minutes, ``h`` hours, ``d`` days, ``m`` months, ``y`` years.
        trigger_hour: Time of day before which the event does not run, as ``HH:MM``.
        trigger_restricted_start_hour: Start of the time of day in which the event may run, as ``HH:MM``.
        trigger_restricted_stop_hour: End of that time of day, as ``HH:MM``.
        trigger_restricted_days_of_week: Days on which the event may run; 0 is Sunday.
        decision_path: ``yes`` or ``no`` after a decision; the server derives it from the canvas.
        anchor: Anchor of the event before, to which this one is connected. Write only.
        anchor_event_type: Type of the event before. Write only.
        parent: Event before. Read only: derived from the canvas.
        children: Events after it. Read only.
        campaign: Campaign of the event. Read only.
        contact_log: Logs for the contact that was asked for. Read only.

    Mautic: REST API, Campaigns.
    """

    id: int = field(default=0, metadata={"sent": True})
    key: ToServer[str] = field(default=UNSET, metadata={"json": "id"})
    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    event_type: Maybe[str] = UNSET
    channel: Maybe[str] = UNSET
    channel_id: Maybe[int] = UNSET
    order: Maybe[int] = UNSET
    properties: Maybe[Mapping[str, JSON]] = UNSET
    trigger_mode: Maybe[str] = UNSET
    trigger_date: Maybe[datetime] = UNSET
    trigger_interval: Maybe[int] = UNSET
    trigger_interval_unit: Maybe[str] = UNSET
    trigger_hour: Maybe[str] = field(default=UNSET, converter=as_time_of_day)
    trigger_restricted_start_hour: Maybe[str] = field(default=UNSET, converter=as_time_of_day)
    trigger_restricted_stop_hour: Maybe[str] = field(default=UNSET, converter=as_time_of_day)
    trigger_restricted_days_of_week: Maybe[list[int]] = UNSET
    decision_path: Maybe[str] = UNSET
    anchor: ToServer[str] = UNSET
    anchor_event_type: ToServer[str] = UNSET
    parent: FromServer[CampaignEvent] = None
    children: FromServer[list[CampaignEvent]] = None
    campaign: FromServer[EventCampaign] = None
    contact_log: FromServer[list[CampaignEventLog]] = None
