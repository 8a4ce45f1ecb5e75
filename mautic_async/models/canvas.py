"""The canvas of a campaign: which event follows which."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define

from mautic_async.models._base import UNSET, Maybe, Nested


@define(kw_only=True)
class CanvasNode(Nested):
    """Event or source of contacts on the canvas.

    Attributes:
        id: Id of the event, as text; ``lists`` or ``forms`` for a source; `CampaignEvent.key` for a new event.
        position_x: Pixels from the left.
        position_y: Pixels from the top.

    Mautic: REST API, Campaigns.
    """

    id: Maybe[str] = UNSET
    position_x: Maybe[float] = UNSET
    position_y: Maybe[float] = UNSET


@define(kw_only=True)
class CanvasConnection(Nested):
    """Connection from a node to the next one.

    Attributes:
        source_id: Id of a node.
        target_id: Id of the next node.
        anchors: ``{"source": "leadsource", "target": "top"}``; the source of a decision is ``yes`` or ``no``.

    Mautic: REST API, Campaigns.
    """

    source_id: Maybe[str] = UNSET
    target_id: Maybe[str] = UNSET
    anchors: Maybe[Mapping[str, str]] = UNSET


@define(kw_only=True)
class Canvas(Nested):
    """Order of the events of a campaign. Mautic derives their parents from it, and drops events that it lacks.

    Attributes:
        nodes: Events and sources.
        connections: Links between them.

    Mautic: REST API, Campaigns.
    """

    nodes: Maybe[list[CanvasNode]] = UNSET
    connections: Maybe[list[CanvasConnection]] = UNSET
