"""The nested parts of the nouns: which parts exist, what an empty one is, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.raw_client import RawClient

EXTRA = "This form should not contain extra fields."
ACTION: dict[str, Any] = {"name": "A", "type": "lead.changepoints", "eventType": "action", "order": 1, "parent": None}
BRANCH: dict[str, Any] = {
    "id": "new1",
    "triggerMode": "immediate",
    "children": [],
    "decisionPath": None,
    "properties": {"points": 3},
}
CANVAS = {
    "nodes": [
        {"id": "new1", "positionX": "10", "positionY": "20"},
        {"id": "lists", "positionX": "10", "positionY": "5"},
    ],
    "connections": [
        {"sourceId": "lists", "targetId": "new1", "anchors": {"source": "leadsource", "target": "top"}},
    ],
}


async def new(api: RawClient, path: str, one: str, body: dict[str, Any]) -> dict[str, Any]:
    got = await api.post(f"{path}/new", body)
    assert got.status == 201, got.body
    shown: dict[str, Any] = got.json[one]
    return shown


async def campaign(api: RawClient, **more: Any) -> dict[str, Any]:
    segment = await new(api, "segments", "list", {"name": "S"})
    body = {"name": "C", "events": [ACTION | BRANCH], "lists": [{"id": segment["id"]}], "forms": []}
    return await new(api, "campaigns", "campaign", body | {"canvasSettings": CANVAS} | more)


async def test_focus_shows_every_property_however_few_are_sent(api: RawClient) -> None:
    body = {"name": "F", "type": "notice", "style": "bar", "properties": {"colors": {"primary": "112233"}}}
    shown = (await new(api, "focus", "focus", body))["properties"]
    assert shown["colors"] == {"primary": "112233", "text": None, "button": None, "button_text": None}
    assert set(shown["bar"]) == {"allow_hide", "push_page", "sticky", "size", "placement"}
    assert shown["content"]["headline"] is None


@pytest.mark.parametrize("sent", [{"nonsense": 1}, {"colors": {"nonsense": 1}}])
async def test_focus_refuses_a_property_that_does_not_exist(api: RawClient, sent: dict[str, Any]) -> None:
    got = await api.post("focus/new", {"name": "F", "type": "notice", "style": "bar", "properties": sent})
    assert (got.status, EXTRA in got.error["message"]) == (400, True)


async def test_form_action_has_the_properties_of_its_type(api: RawClient) -> None:
    field = {"label": "E", "type": "email", "alias": "e"}
    action = {"name": "P", "type": "lead.pointschange", "properties": {"operator": "plus", "points": "3"}}
    shown = await new(api, "forms", "form", {"name": "F", "fields": [field], "actions": [action]})
    (kept,) = shown["actions"]
    assert kept["properties"]["operator"] == "plus"
    assert int(kept["properties"]["points"]) == 3
    bad = action | {"properties": {"nonsense": 1}}
    assert (await api.post("forms/new", {"name": "G", "fields": [field], "actions": [bad]})).status in (400, 422, 500)


async def test_message_takes_an_email_channel_alone(api: RawClient) -> None:
    got = await api.post("messages/new", {"name": "M", "channels": {"sms": {"channel": "sms", "channelId": 1}}})
    assert (got.status, got.error["message"]) == (400, f"sms: {EXTRA}")
    shown = await new(api, "messages", "message", {"name": "M", "channels": {"email": {"channel": "email"}}})
    assert [one["channel"] for one in shown["channels"]] == ["email"]


async def test_segment_refuses_a_filter_of_a_field_that_does_not_exist(api: RawClient) -> None:
    one = {"glue": "and", "field": "nope", "object": "lead", "type": "text", "operator": "="}
    got = await api.post("segments/new", {"name": "S", "filters": [one | {"properties": {"filter": "x"}}]})
    assert got.status == 400
    known = one | {"field": "city", "properties": {"filter": "x"}}
    assert (await api.post("segments/new", {"name": "S", "filters": [known]})).status == 201


async def test_segment_filter_has_both_spellings_after_an_edit(api: RawClient) -> None:
    one = {"glue": "and", "field": "city", "object": "lead", "type": "text", "operator": "="}
    segment = await new(api, "segments", "list", {"name": "S", "filters": [one | {"properties": {"filter": "x"}}]})
    other = one | {"properties": {"filter": "y"}}
    got = await api.patch(f"segments/{segment['id']}/edit", {"filters": [other]})
    assert got.status == 200, got.body
    (kept,) = (await api.get(f"segments/{segment['id']}")).json["list"]["filters"]
    assert kept["properties"]["filter"] == "y"
    assert "filter" in kept
    assert "display" in kept


async def test_campaign_needs_an_event_and_a_source(api: RawClient) -> None:
    got = await api.post("campaigns/new", {"name": "C"})
    assert (got.status, got.error["message"][:30]) == (400, "At least one event is required")
    got = await api.post("campaigns/new", {"name": "C", "events": [ACTION | BRANCH], "canvasSettings": CANVAS})
    assert (got.status, got.error["message"][:39]) == (400, "At least one contact source is required")


async def test_campaign_event_gets_an_id_in_the_canvas_too(api: RawClient) -> None:
    shown = await campaign(api)
    (event,) = shown["events"]
    assert isinstance(event["id"], int)
    assert [node["id"] for node in shown["canvasSettings"]["nodes"]] == [str(event["id"]), "lists"]
    assert shown["canvasSettings"]["connections"][0]["targetId"] == str(event["id"])


async def test_campaign_log_of_a_contact_is_written_and_read(api: RawClient) -> None:
    shown = await campaign(api)
    event, contact = shown["events"][0]["id"], await api.contact(email="a@example.com")
    path = f"campaigns/{shown['id']}/contact/{contact}"
    body = {"dateTriggered": "2026-11-20 10:00:00"}
    outside = await api.put(f"campaigns/events/{event}/contact/{contact}/edit", body)
    assert "is not in the campaign" in outside.body.decode()
    assert (await api.post(f"{path}/add")).json == {"success": 1}
    written = await api.put(f"campaigns/events/{event}/contact/{contact}/edit", body)
    assert written.status == 201, written.body
    again = await api.put(f"campaigns/events/{event}/contact/{contact}/edit", body)
    assert "already been executed" in again.body.decode()


@pytest.mark.parametrize("change", [{"add": "dnc/email/add"}, {"add": "points/plus/5"}])
async def test_contact_actions_leave_a_date_of_change(api: RawClient, change: dict[str, str]) -> None:
    id = await api.contact(email="a@example.com")
    assert (await api.post(f"contacts/{id}/{change['add']}")).status == 200
    assert (await api.get(f"contacts/{id}")).json["contact"]["dateModified"] is not None


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("no url", "http://no url"),
        ("ftp://x", "ftp://x"),
        ("mailto:a@b", "http://mailto:a@b"),
        ("//x.test", "//x.test"),
    ],
)
async def test_contact_takes_any_text_as_a_url(api: RawClient, sent: str, kept: str) -> None:
    contact = await new(api, "contacts", "contact", {"website": sent})
    assert contact["fields"]["all"]["website"] == kept


async def test_contact_list_ignores_published_beside_a_search(api: RawClient) -> None:
    await api.contact(email="a@example.com")
    assert (await api.get("contacts", search="a@example.com", published=1)).json["total"] == "1"


@pytest.mark.parametrize("empty", [None, ""])
async def test_trigger_color_and_stage_weight_have_defaults(api: RawClient, empty: str | None) -> None:
    trigger = await new(api, "points/triggers", "trigger", {"name": "T", "color": "112233"})
    changed = await api.patch(f"points/triggers/{trigger['id']}/edit", {"color": empty})
    assert changed.json["trigger"]["color"] == "a0acb8"
    stage = await new(api, "stages", "stage", {"name": "S", "weight": 3})
    changed = await api.patch(f"stages/{stage['id']}/edit", {"weight": empty})
    assert changed.json["stage"]["weight"] == 0
    assert (await api.put(f"stages/{stage['id']}/edit", {"name": "T"})).json["stage"]["isPublished"] is False
