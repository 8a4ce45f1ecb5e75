from __future__ import annotations

from typing import Any

from mautic_async import models as m
from tests.support.canned_client import run_with_answers


def test_point_types_are_names_by_key() -> None:
    async def use(mautic: Any) -> Any:
        return (
            await mautic.points.action_types(),
            await mautic.point_triggers.event_types(),
            await mautic.webhooks.triggers(),
            await mautic.data.types(),
        )

    (actions, events, triggers, widgets), _ = run_with_answers(
        {
            "GET points/actions/types": {"pointActionTypes": {"page.hit": "Visits"}},
            "GET points/triggers/events/types": {"eventTypes": {"email.send": "Send"}},
            "GET hooks/triggers": {"triggers": {"mautic.x": {"label": "X", "description": "D"}}},
            "GET data": {"success": 1, "types": []},
        },
        use,
    )
    assert (actions, events, widgets) == ({"page.hit": "Visits"}, {"email.send": "Send"}, {})
    assert triggers == {"mautic.x": m.WebhookTrigger(label="X", description="D")}


def test_points_create_sends_properties_by_a_second_request() -> None:
    properties = {"page_url": "https://example.com"}
    stored, server = run_with_answers(
        {
            "POST points/new": {"point": {"id": 3, "name": "P", "properties": []}},
            "PATCH points/3/edit": {"point": {"id": 3, "name": "P", "properties": properties}},
        },
        lambda mautic: mautic.points.create(m.Point(name="P", type="url.hit", delta=1, properties=properties)),
    )
    assert stored.properties == properties
    assert "properties" not in server.requests[0].body
    assert server.last.body == {"properties": properties}


def test_points_create_many_sends_properties_by_a_second_batch() -> None:
    rows = [m.Point(name="A", properties={"a": 1}), m.Point(name="B"), m.Point(name="C", properties={"c": 1})]
    created = [{"id": 3, "name": "A"}, {"id": 4, "name": "B"}, {"id": 5, "name": "C"}]
    outcomes, server = run_with_answers(
        {
            "POST points/batch/new": {"points": created, "statusCodes": [201, 201, 201]},
            "PATCH points/batch/edit": {
                "points": [{"id": 3, "properties": {"a": "1"}}, {"id": 5, "properties": []}],
                "statusCodes": [200, 200],
            },
        },
        lambda mautic: mautic.points.create_many(rows),
    )
    assert [outcome.status for outcome in outcomes] == ["created", "created", "partial"]
    assert [row["id"] for row in server.last.body] == [3, 5]
