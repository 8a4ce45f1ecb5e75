"""The events of a campaign: bound by temporary ids, ordered by the connections of the canvas, shown as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.resources import _parts

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
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
_DERIVED: Final = frozenset(("id", "order", "parent", "decisionPath"))
_SOURCES: Final = frozenset(("lists", "forms"))


def bind(held: list[Row], params: dict[str, Any], ask: Ask, *, replace: bool) -> tuple[list[Row], dict[str, int]]:
    """The events after an edit, and the ids that temporary ones became.

    Args:
        held: As stored.
        params: ``events``, and the canvas whose connections make the tree.
        ask: The request.
        replace: Whether events that are not sent go.
    """
    events = {str(one["id"]): dict(one) for one in held}
    sent: dict[str, Row] = {}
    ids: dict[str, int] = {}
    for one in php.values(params["events"]):
        if not isinstance(one, dict):
            continue
        key = php.text(one.get("id"))
        event = events.get(key)
        if event is None:
            event = dict(_EVENT) | {"id": _parts.number(ask, "campaign_events")}
            ids[key] = event["id"]
        event |= {name: one[name] for name in _EVENT if name in one and name not in _DERIVED}
        event["triggerInterval"] = php.integer(event["triggerInterval"])
        if "channelId" in one:
            event["channelId"] = php.integer(one["channelId"])
        sent[str(event["id"])] = event
    kept = sent if replace else events | sent
    _connect(kept, params["canvasSettings"], ids)
    return sorted(kept.values(), key=lambda one: one["id"]), ids


def _connect(events: dict[str, Row], settings: Any, ids: dict[str, int]) -> None:
    parents: dict[str, tuple[str, Any]] = {}
    for one in php.values(settings.get("connections") if isinstance(settings, dict) else None):
        source, target = _real(one.get("sourceId"), ids), _real(one.get("targetId"), ids)
        if source not in _SOURCES and source in events:
            parents[target] = (source, _anchor(one.get("anchors")))
    for key, event in events.items():
        source, anchor = parents.get(key, ("", None))
        event["parent"] = events[source]["id"] if source else None
        event["decisionPath"] = anchor if anchor in ("yes", "no") else None
    for event in events.values():
        event["order"] = _depth(event, events)


def _anchor(anchors: Any) -> Any:
    if isinstance(anchors, dict):
        return anchors.get("source")
    return anchors[0].get("endpoint") if anchors and isinstance(anchors[0], dict) else None


def _depth(event: Row, events: dict[str, Row]) -> int:
    depth, seen = 1, {event["id"]}
    while event["parent"] is not None and event["parent"] not in seen:
        seen.add(event["parent"])
        event = events[str(event["parent"])]
        depth += 1
    return depth


def _real(id: Any, ids: dict[str, int]) -> str:
    return str(ids.get(php.text(id), php.text(id)))


def canvas(settings: Any, ids: dict[str, int]) -> Any:
    """``canvasSettings`` with the real ids in the place of temporary ones."""
    if not isinstance(settings, dict):
        return {"nodes": [], "connections": []}
    made = dict(settings)
    nodes = (one for one in php.values(settings.get("nodes")) if isinstance(one, dict))
    made["nodes"] = [one | {"id": _real(one.get("id"), ids)} for one in nodes]
    joints = (one for one in php.values(settings.get("connections")) if isinstance(one, dict))
    made["connections"] = [
        one | {"sourceId": _real(one.get("sourceId"), ids), "targetId": _real(one.get("targetId"), ids)}
        for one in joints
    ]
    return made


def show_events(events: list[Row]) -> list[dict[str, Any]]:
    """All events of a campaign, each with its parent and its children."""
    return [show_event(one, events) for one in events]


def show_event(event: Row, events: list[Row]) -> dict[str, Any]:
    """One event, with its parent and its children; the way back is left out."""
    above = next((one for one in events if one["id"] == event["parent"]), None)
    below = [one for one in events if one["parent"] == event["id"]]
    shown = dict(event)
    shown["parent"] = None if above is None else above | {"parent": None}
    inside = [{name: value for name, value in one.items() if name != "parent"} for one in below]
    shown["children"] = [one | {"children": []} for one in inside]
    return shown
