"""How the events of a campaign hang together."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define

from mautic_async.models._base import UNSET, Maybe, Nested


@define(kw_only=True)
class CanvasNode(Nested):
    """Where the builder shows an event or a source.

    Attributes:
        id: Of the event, as text; ``lists`` or ``forms`` for the sources; `CampaignEvent.key` for a new event.
        position_x: Pixels from the left.
        position_y: Pixels from the top.

    Mautic: REST API, Campaigns.
    """

    id: Maybe[str] = UNSET
    position_x: Maybe[float] = UNSET
    position_y: Maybe[float] = UNSET


@define(kw_only=True)
class CanvasConnection(Nested):
    """What comes after what.

    Attributes:
        source_id: Of a node.
        target_id: Of the node after it.
        anchors: ``{"source": "leadsource", "target": "top"}``; the source of a decision is ``yes`` or ``no``.

    Mautic: REST API, Campaigns.
    """

    source_id: Maybe[str] = UNSET
    target_id: Maybe[str] = UNSET
    anchors: Maybe[Mapping[str, str]] = UNSET


@define(kw_only=True)
class Canvas(Nested):
    """How the events of a campaign hang together. The server takes their parents from here, and stores none without it.

    Attributes:
        nodes: Each event, and each kind of source.
        connections: What comes after what.

    Mautic: REST API, Campaigns.
    """

    nodes: Maybe[list[CanvasNode]] = UNSET
    connections: Maybe[list[CanvasConnection]] = UNSET
