"""The events of a campaign: bound by temporary ids, ordered by the connections of the canvas, shown as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.resources import _parts

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

_EVENT: Final[dict[str, Any]] = {
    "id": None,
    "name": None,
    "description": None,
    "type": None,
    "eventType": None,
    "channel": None,
    "channelId": None,
    "order": 0,
    "properties": [],
    "triggerDate": None,
    "triggerInterval": 0,
    "triggerIntervalUnit": None,
    "triggerHour": None,
    "triggerRestrictedStartHour": None,
    "triggerRestrictedStopHour": None,
    "triggerRestrictedDaysOfWeek": [],
    "triggerMode": None,
    "decisionPath": None,
    "parent": None,
}
_DERIVED_PROPERTIES: Final = frozenset(("id", "order", "parent", "decisionPath"))
_SOURCES: Final = frozenset(("lists", "forms"))


def apply_events(
    current: list[Row], params: dict[str, Any], context: RequestContext, *, replace: bool
) -> tuple[list[Row], dict[str, int]]:
    """The events after an edit, and the ids that temporary ones became.

    Args:
        current: As stored.
        params: ``events``, and the canvas whose connections make the tree.
        context: The request.
        replace: Whether events that are not sent go.
    """
    events = {str(event_row["id"]): dict(event_row) for event_row in current}
    sent: dict[str, Row] = {}
    ids: dict[str, int] = {}
    for event_row in php.array_values(params["events"]):
        if not isinstance(event_row, dict):
            continue
        key = php.to_string(event_row.get("id"))
        event = events.get(key)
        if event is None:
            event = dict(_EVENT) | {"id": _parts.next_number(context, "campaign_events")}
            ids[key] = event["id"]
        event |= {name: event_row[name] for name in _EVENT if name in event_row and name not in _DERIVED_PROPERTIES}
        event["triggerInterval"] = php.to_int(event["triggerInterval"])
        if "channelId" in event_row:
            event["channelId"] = php.to_int(event_row["channelId"])
        sent[str(event["id"])] = event
    kept_events = sent if replace else events | sent
    _connect(kept_events, params["canvasSettings"], ids)
    return sorted(kept_events.values(), key=lambda event_row: event_row["id"]), ids


def _connect(events: dict[str, Row], settings: Any, ids: dict[str, int]) -> None:
    parents: dict[str, tuple[str, Any]] = {}
    for one in php.array_values(settings.get("connections") if isinstance(settings, dict) else None):
        source, target = _real_id(one.get("sourceId"), ids), _real_id(one.get("targetId"), ids)
        if source not in _SOURCES and source in events:
            parents[target] = (source, _parent_anchor(one.get("anchors")))
    for key, event in events.items():
        source, anchor = parents.get(key, ("", None))
        event["parent"] = events[source]["id"] if source else None
        event["decisionPath"] = anchor if anchor in ("yes", "no") else None
    for event in events.values():
        event["order"] = _depth(event, events)


def _parent_anchor(anchors: Any) -> Any:
    if isinstance(anchors, dict):
        return anchors.get("source")
    return anchors[0].get("endpoint") if anchors and isinstance(anchors[0], dict) else None


def _depth(event: Row, events: dict[str, Row]) -> int:
    depth, visited = 1, {event["id"]}
    while event["parent"] is not None and event["parent"] not in visited:
        visited.add(event["parent"])
        event = events[str(event["parent"])]
        depth += 1
    return depth


def _real_id(id: Any, ids: dict[str, int]) -> str:
    return str(ids.get(php.to_string(id), php.to_string(id)))


def canvas_settings(settings: Any, ids: dict[str, int]) -> Any:
    """``canvasSettings`` with the real ids in the place of temporary ones."""
    if not isinstance(settings, dict):
        return {"nodes": [], "connections": []}
    settings_out = dict(settings)
    nodes = (node for node in php.array_values(settings.get("nodes")) if isinstance(node, dict))
    settings_out["nodes"] = [node | {"id": _real_id(node.get("id"), ids)} for node in nodes]
    connections = (node for node in php.array_values(settings.get("connections")) if isinstance(node, dict))
    settings_out["connections"] = [
        node | {"sourceId": _real_id(node.get("sourceId"), ids), "targetId": _real_id(node.get("targetId"), ids)}
        for node in connections
    ]
    return settings_out


def serialize_events(events: list[Row]) -> list[dict[str, Any]]:
    """All events of a campaign, each with its parent and its children."""
    return [serialize_event(event, events) for event in events]


def serialize_event(event: Row, events: list[Row]) -> dict[str, Any]:
    """One event, with its parent and its children; the way back is left out."""
    above = next((one for one in events if one["id"] == event["parent"]), None)
    below = [one for one in events if one["parent"] == event["id"]]
    entity = dict(event)
    entity["parent"] = None if above is None else above | {"parent": None}
    inside = [{name: value for name, value in one.items() if name != "parent"} for one in below]
    entity["children"] = [one | {"children": []} for one in inside]
    return entity
