"""Campaigns and their contacts; `campaign_event` has their events."""

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
    """Sequence of events that contacts pass through.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic.
        category: Category of bundle ``campaign``.
        allow_restart: Contacts may pass through more than once.
        segments: Segments whose contacts enter. POST and PUT require segments or `forms`; PATCH only adds.
        forms: Forms whose submitters enter.
        events: Required by POST and PUT; PUT deletes those not listed.
        canvas_settings: Order of the events. Required with `events`.
        deleted: Time of deletion, for campaigns that are kept until their contacts are processed. Read only.
        projects: Projects that it belongs to. Mautic 7 or newer.

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
    """Stay of a contact in a campaign. Read only.

    Attributes:
        date_added: Time at which the contact entered.
        manually_added: Added by a user or by the API.
        manually_removed: Removed by a user or by the API.
        rotation: Number of the stay, from 1.
        date_last_exited: Time at which the contact left.

    Mautic: REST API, Campaigns (events of a contact).
    """

    date_added: FromServer[datetime] = None
    manually_added: FromServer[bool] = None
    manually_removed: FromServer[bool] = None
    rotation: FromServer[int] = None
    date_last_exited: FromServer[datetime] = None


@define(kw_only=True)
class CampaignContact(Nested):
    """Contact in a campaign. Read only.

    Attributes:
        campaign_id: Id of the campaign.
        contact_id: Id of the contact.
        date_added: Time at which the contact entered.
        manually_added: Added by a user or by the API.
        manually_removed: Removed by a user or by the API.
        rotation: Number of the stay, from 1.
        date_last_exited: Time at which the contact left.

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
    """Events of a campaign for one contact. Read only.

    Attributes:
        events: Events with their logs for the contact in `contact_log`.
        campaign: Name and category of the campaign.
        membership: Stays of the contact in the campaign.
        total: Number of events.

    Mautic: REST API, Campaigns (events of a contact).
    """

    events: FromServer[list[CampaignEvent]] = None
    campaign: FromServer[EventCampaign] = None
    membership: FromServer[list[CampaignMembership]] = None
    total: FromServer[int] = None
