"""Campaigns and the contacts in them; their events are in `campaign_event`."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Nested, Ref, Scheduled
from mautic_async.models.campaign_event import CampaignEvent, EventCampaign
from mautic_async.models.canvas import Canvas
from mautic_async.models.category import Category, as_category
from mautic_async.models.form import Form, as_forms
from mautic_async.models.project import Project, as_projects
from mautic_async.models.segment import Segment, as_segments


@define(kw_only=True)
class Campaign(Scheduled):
    """Events that contacts pass through.

    Attributes:
        name: Required to create.
        description: For people.
        category: Of bundle ``campaign``.
        allow_restart: A contact may pass through again.
        segments: Whose contacts enter. These or `forms` are required by POST and PUT; PATCH adds.
        forms: Whose submitters enter.
        events: Required by POST and PUT; PUT deletes those not listed.
        canvas_settings: How the events hang together. Required with `events`.
        deleted: When it was put in the bin. Read only.
        projects: Mautic 7 or newer.

    Mautic: REST API, Campaigns.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    allow_restart: Maybe[bool] = UNSET
    segments: Maybe[list[Segment]] = field(
        default=UNSET, converter=as_segments, metadata={"json": "lists", "form": "id-object"}
    )
    forms: Maybe[list[Form]] = field(default=UNSET, converter=as_forms, metadata={"form": "id-object"})
    events: Maybe[list[CampaignEvent]] = UNSET
    canvas_settings: Maybe[Canvas] = UNSET
    deleted: FromServer[datetime] = None
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)


@define(kw_only=True)
class CampaignMembership(Nested):
    """One time that a contact was in a campaign. Read only.

    Attributes:
        date_added: When the contact entered.
        manually_added: By hand.
        manually_removed: By hand.
        rotation: 1 for the first time.
        date_last_exited: When the contact left.

    Mautic: REST API, Campaigns (events of a contact).
    """

    date_added: FromServer[datetime] = None
    manually_added: FromServer[bool] = None
    manually_removed: FromServer[bool] = None
    rotation: FromServer[int] = None
    date_last_exited: FromServer[datetime] = None


@define(kw_only=True)
class CampaignContact(Nested):
    """A contact in a campaign. Read only.

    Attributes:
        campaign_id: Of the campaign.
        contact_id: Of the contact.
        date_added: When the contact entered.
        manually_added: By hand.
        manually_removed: By hand.
        rotation: 1 for the first time.
        date_last_exited: When the contact left.

    Mautic: REST API, Campaigns (list contacts).
    """

    campaign_id: FromServer[int] = field(default=None, metadata={"json": "campaign_id"})
    contact_id: FromServer[int] = field(default=None, metadata={"json": "lead_id"})
    date_added: FromServer[datetime] = field(default=None, metadata={"json": "date_added"})
    manually_added: FromServer[bool] = field(default=None, metadata={"json": "manually_added"})
    manually_removed: FromServer[bool] = field(default=None, metadata={"json": "manually_removed"})
    rotation: FromServer[int] = None
    date_last_exited: FromServer[datetime] = field(default=None, metadata={"json": "date_last_exited"})


@define(kw_only=True)
class ContactCampaignEvents(Nested):
    """The events of a campaign for one contact. Read only.

    Attributes:
        events: Each with what became of it in `contact_log`.
        campaign: In short.
        membership: Each time that the contact was in it.
        total: Events.

    Mautic: REST API, Campaigns (events of a contact).
    """

    events: FromServer[list[CampaignEvent]] = None
    campaign: FromServer[EventCampaign] = None
    membership: FromServer[list[CampaignMembership]] = None
    total: FromServer[int] = None
