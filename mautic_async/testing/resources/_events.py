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
CHANNELS: Final = {
    "email.send": ("email", "email"),
    "email.send.to.user": ("email", "email"),
    "page.pagehit": ("page", "pages"),
    "page.devicehit": ("page", "pages"),
    "message.send": ("channel.message", "marketingMessage"),
    "dwc.push_content": ("dynamicContent", "dwc_slot_name"),
    "dwc.decision": ("dynamicContent", "dynamicContent"),
    "asset.download": ("asset", "assets"),
    "twitter.tweet": ("social.tweet", "channelId"),
    "notification.send_notification": ("notification", "notification"),
    "notification.send_mobile_notification": ("mobile_notification", "mobile_notification"),
}
"""Channel of each type of event, and the property that holds the id of what is sent on it."""
_DERIVED_PROPERTIES: Final = frozenset(("id", "order", "parent", "decisionPath"))
_SOURCES: Final = frozenset(("lists", "forms"))


def apply_events(
    current: list[Row], params: dict[str, Any], context: RequestContext, *, replace: bool
) -> tuple[list[Row], dict[str, int]]:
    """Return the events after an edit, and the ids that temporary ones became.

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
        _set_channel(event)
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


def _set_channel(event: Row) -> None:
    if event["type"] not in CHANNELS:
        return
    event["channel"], field = CHANNELS[event["type"]]
    properties = event["properties"]
    if properties:
        value = properties.get(field) if isinstance(properties, dict) else None
        ids = php.array_values(value)
        event["channelId"] = php.to_int(ids[0]) if len(ids) == 1 and php.is_numeric(ids[0]) else 0


def serialize_events(events: list[Row], *, just_created: bool = False) -> list[dict[str, Any]]:
    """Return all events of a campaign, each with its parent and its children.

    Args:
        events: Rows of the events.
        just_created: Leave out the children, which a new campaign does not know yet.
    """
    return [serialize_event(event, events, depth=2, just_created=just_created) for event in events]


def serialize_event(
    event: Row, events: list[Row], *, depth: int, trail: tuple[int, ...] = (), just_created: bool = False
) -> dict[str, Any]:
    """Return one event with its relatives.

    Args:
        event: Row of the event.
        events: Rows of all events of its campaign.
        depth: How many steps to go to parents and children.
        trail: Ids of the events around this one, which are left out.
        just_created: Leave out the children.
    """
    entity = {name: value for name, value in event.items() if name != "parent"}
    if not depth:
        return entity
    trail = (*trail, event["id"])
    above = next((one for one in events if one["id"] == event["parent"]), None)
    if above is None or above["id"] not in trail:
        entity["parent"] = above and serialize_event(
            above, events, depth=depth - 1, trail=trail, just_created=just_created
        )
    below = [one for one in events if one["parent"] == event["id"] and one["id"] not in trail]
    entity["children"] = [
        serialize_event(child, events, depth=depth - 1, trail=trail) for child in below if not just_created
    ]
    return entity
