"""Events of campaigns, and what became of them for a contact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, FromServer, Maybe, Nested, ToServer
from mautic_async.models.category import Category
from mautic_async.models.contact import Contact
from mautic_async.models.ip_address import IpAddress


@define(kw_only=True)
class EventCampaign(Entity):
    """The campaign that an event belongs to, in short. Read only.

    Attributes:
        name: Of the campaign.
        description: For people.
        category: Of bundle ``campaign``.

    Mautic: REST API, Campaigns.
    """

    name: FromServer[str] = None
    description: FromServer[str] = None
    category: FromServer[Category] = None


@define(kw_only=True)
class CampaignEventLog(Nested):
    """What became of an event for a contact.

    Attributes:
        event_id: Of the event, in a batch. Write only.
        contact_id: Of the contact, in a batch. Write only.
        date_triggered: When it happened.
        trigger_date: When it shall happen. One of these two is required where there is no log yet.
        is_scheduled: It has not happened yet. Read only.
        ip_address: Written as text.
        metadata: What the event left behind.
        non_action_path_taken: The contact did not do what a decision waited for.
        channel: ``email``, ``sms``, ...
        channel_id: Of the e-mail or message. The server writes it over `channel`: do not send both.
        rotation: 1 for the contact's first time in the campaign. Read only.
        event: Read only.
        contact: Read only.
        campaign: Read only.

    Mautic: REST API, Campaigns (event logs).
    """

    event_id: ToServer[int] = UNSET
    contact_id: ToServer[int] = UNSET
    date_triggered: Maybe[datetime] = UNSET
    trigger_date: Maybe[datetime] = UNSET
    is_scheduled: FromServer[bool] = None
    ip_address: Maybe[IpAddress | str] = field(default=UNSET, repr=False)
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
    """A step of a campaign.

    Attributes:
        id: 0 for a new one, which then needs a `key`.
        key: What the canvas calls a new event: ``new_1``. Write only.
        name: Required.
        description: For people.
        type: ``email.send``, ``lead.changepoints``, ``lead.changetags``, ``form.submit``,
            ``lead.field_value`` and others. Required.
        event_type: ``action``, ``decision`` or ``condition``. Required.
        channel: ``email``, ``sms``, ...
        channel_id: Of the e-mail or message.
        order: Position; the server works it out from the canvas.
        properties: By type.
        trigger_mode: ``immediate``, ``interval`` or ``date``.
        trigger_date: For ``date``.
        trigger_interval: For ``interval``: how many `trigger_interval_unit`.
        trigger_interval_unit: ``i`` minutes, ``h`` hours, ``d`` days, ``m`` months, ``y`` years.
        trigger_hour: Not before this time of day.
        trigger_restricted_start_hour: Only from this time of day,
        trigger_restricted_stop_hour: to this one.
        trigger_restricted_days_of_week: Only on these; 0 is Sunday.
        decision_path: ``yes`` or ``no`` after a decision; the server takes it from the canvas.
        anchor: Where it hangs on the one before. Write only.
        anchor_event_type: Type of the one before. Write only.
        parent: The one before. Read only: the canvas decides.
        children: Those after it. Read only.
        campaign: Read only.
        contact_log: What became of it for the contact asked for. Read only.

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
    trigger_hour: Maybe[str] = UNSET
    trigger_restricted_start_hour: Maybe[str] = UNSET
    trigger_restricted_stop_hour: Maybe[str] = UNSET
    trigger_restricted_days_of_week: Maybe[list[int]] = UNSET
    decision_path: Maybe[str] = UNSET
    anchor: ToServer[str] = UNSET
    anchor_event_type: ToServer[str] = UNSET
    parent: FromServer[CampaignEvent] = None
    children: FromServer[list[CampaignEvent]] = None
    campaign: FromServer[EventCampaign] = None
    contact_log: FromServer[list[CampaignEventLog]] = None
