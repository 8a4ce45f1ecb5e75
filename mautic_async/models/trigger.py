"""What happens at some number of points."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, Maybe, Ref, Scheduled
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects


@define(kw_only=True)
class TriggerEvent(Entity):
    """What happens when a trigger's points are reached.

    Attributes:
        id: 0 for a new one.
        name: Required.
        description: For people.
        type: ``campaign.changecampaign lead.changelists lead.changetags plugin.leadpush email.send
            email.send_to_user``. Required.
        order: Position.
        properties: By type.

    Mautic: REST API, Point triggers.
    """

    id: int = field(default=0, metadata={"sent": True})
    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    order: Maybe[int] = UNSET
    properties: Maybe[Mapping[str, JSON]] = UNSET


@define(kw_only=True)
class Trigger(Scheduled):
    """Something that happens to contacts with so many points.

    Attributes:
        name: Required to create.
        description: For people.
        points: So many.
        color: Six hexadecimal digits, without ``#``, for contacts that reached it.
        trigger_existing_contacts: Also for those who have them already.
        events: What happens. PUT removes those not listed.
        category: Of bundle ``point``.
        projects: Mautic 7 or newer.

    Mautic: REST API, Point triggers.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    points: Maybe[int] = UNSET
    color: Maybe[str] = UNSET
    trigger_existing_contacts: Maybe[bool] = field(default=UNSET, metadata={"json": "triggerExistingLeads"})
    events: Maybe[list[TriggerEvent]] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)
