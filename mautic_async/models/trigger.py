"""Point triggers, which act on contacts that reach a number of points."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, Maybe, Ref, Scheduled
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects


@define(kw_only=True)
class TriggerEvent(Entity):
    """Event of a point trigger.

    Attributes:
        id: 0 for a new one.
        name: Required.
        description: Text for users of Mautic.
        type: ``campaign.changecampaign lead.changelists lead.changetags plugin.leadpush email.send
            email.send_to_user``. Required.
        order: Position, from 1.
        properties: Settings, whose keys depend on `type`.

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
    """Point trigger: events for contacts that reach a number of points.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic.
        points: Number of points to reach.
        color: Color of contacts that reached it, six hexadecimal digits without ``#``.
        trigger_existing_contacts: Apply to contacts who have the points already.
        events: Events to execute.
        category: Category of bundle ``point``.
        projects: Projects that it belongs to. Mautic 7 or newer.

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
