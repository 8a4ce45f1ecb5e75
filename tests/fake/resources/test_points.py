"""Points, triggers, groups, messages, hooks, focus items, categories, notes and devices: what is special about each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake.resources.bodies import EVENT, FOCUS, LOOK, TRIGGER, create_prerequisites
from tests.support.raw_client import RawClient


@pytest.fixture
async def server(api: RawClient) -> RawClient:
    await create_prerequisites(api)
    return api


async def test_point_types_are_labels_by_key(api: RawClient) -> None:
    assert (await api.get("points/actions/types")).json["pointActionTypes"]["page.hit"] == "Visits a landing page"
    assert "lead.changetags" in (await api.get("points/triggers/events/types")).json["eventTypes"]
    assert set((await api.get("hooks/triggers")).json["triggers"]["mautic.sms_on_send"]) == {"label", "description"}


@pytest.mark.parametrize("delta", [2**31, "many", [1]])
async def test_point_delta_is_a_32_bit_number(api: RawClient, delta: Any) -> None:
    assert (await api.post("points/new", {"name": "P", "type": "page.hit", "delta": delta})).status == 400


async def test_trigger_event_delete_answers_200_and_deletes_no_event(api: RawClient) -> None:
    await api.post("points/triggers/new", TRIGGER)
    for got in (
        await api.delete("points/triggers/1/events/delete?events[]=1"),
        await api.json("DELETE", "points/triggers/1/events/delete", {"events": [1]}),
    ):
        assert (got.status, got.json["trigger"]["events"]) == (200, [])
    assert len((await api.get("points/triggers/1")).json["trigger"]["events"]) == 1
    assert (await api.delete("points/triggers/1/events/delete?events=1")).error[
        "message"
    ] == "The events attribute must be array."
    assert (await api.delete("points/triggers/9/events/delete?events[]=1")).status == 404


async def test_trigger_put_shows_events_listed_by_id_and_stores_all(api: RawClient) -> None:
    await api.post("points/triggers/new", TRIGGER)
    shown = (await api.put("points/triggers/1/edit", TRIGGER)).json["trigger"]["events"]
    assert shown == []
    stored = (await api.get("points/triggers/1")).json["trigger"]["events"]
    assert [event["id"] for event in stored] == [1, 2]
    kept = (await api.put("points/triggers/1/edit", TRIGGER | {"events": [stored[1]]})).json["trigger"]["events"]
    assert [event["id"] for event in kept] == [2]


async def test_trigger_create_with_a_bad_event_is_refused_but_stored(api: RawClient) -> None:
    got = await api.post("points/triggers/new", TRIGGER | {"events": [{"type": "lead.changetags"}]})
    assert (got.status, got.error["message"]) == (400, "Trigger events: name: A name is required.")
    assert (await api.get("points/triggers/1")).json["trigger"]["events"] == []
    await api.patch("points/triggers/1/edit", {"events": [EVENT]})
    assert len((await api.get("points/triggers/1")).json["trigger"]["events"]) == 1


async def test_trigger_fires_once_when_points_suffice(server: RawClient) -> None:
    await server.post("points/triggers/new", TRIGGER)
    await server.json("POST", "contacts/1/points/plus/4")
    assert (await server.get("contacts/1")).json["contact"]["tags"] == []
    await server.json("POST", "contacts/1/points/plus/1")
    assert [tag["tag"] for tag in (await server.get("contacts/1")).json["contact"]["tags"]] == ["a"]
    await server.patch("contacts/1/edit", {"tags": ["-a"]})
    await server.json("POST", "contacts/1/points/plus/1")
    assert (await server.get("contacts/1")).json["contact"]["tags"] == []


async def test_point_group_delete_removes_its_scores(server: RawClient) -> None:
    await server.post("points/groups/new", {"name": "G"})
    await server.json("POST", "contacts/1/points/groups/1/plus/7")
    log = (await server.get("stats/lead_points_change_log")).json
    assert (log["total"], log["stats"][0]["delta"], log["stats"][0]["group_id"]) == ("1", "7", "1")
    await server.delete("points/groups/1/delete")
    assert (await server.get("contacts/1/points/groups")).json == {"total": 0, "groupScores": []}


async def test_message_names_its_channels_and_is_hidden_without_any(server: RawClient) -> None:
    await server.post("emails/new", {"name": "E", "subject": "s"})
    body = {"name": "M", "channels": {"email": {"channelId": 1, "isEnabled": True}}}
    one = (await server.post("messages/new", body)).json["message"]
    assert one["channels"] == [{"id": 1, "channel": "email", "channelId": 1, "channelName": "E", "isEnabled": True}]
    await server.post("messages/new", {"name": "Bare"})
    assert ((await server.get("messages")).json["total"], (await server.get("messages/2")).status) == (1, 200)


async def test_message_channels_bind_by_name_and_a_list_breaks_an_edit(server: RawClient) -> None:
    listed = [{"channel": "email", "channelId": 1, "isEnabled": True}]
    one = (await server.post("messages/new", {"name": "M", "channels": listed})).json["message"]
    for method in (server.patch, server.put):
        assert (await method("messages/1/edit", {"name": "N", "channels": listed})).status == 500
        got = await method("messages/1/edit", {"name": "N", "channels": one["channels"]})
        assert (got.status, got.error["details"]) == (400, [["This form should not contain extra fields."]])
    null = {"email": {"channel": "email", "channelId": None, "isEnabled": True}}
    assert (await server.post("messages/new", {"name": "M", "channels": null})).status == 400
    sms = {"sms": {"channel": "sms", "channelId": 5, "isEnabled": True}}
    got = await server.put("messages/1/edit", {"name": "N", "channels": sms})
    assert (got.status, got.error["details"]) == (400, {"sms": ["This form should not contain extra fields."]})
    got = (await server.put("messages/1/edit", {"name": "N"})).json["message"]["channels"]
    assert [(one["channelId"], one["isEnabled"]) for one in got] == [(None, False)]


async def test_webhook_secret_is_kept_by_patch_and_regenerated_by_put(api: RawClient) -> None:
    body = {"name": "H", "webhookUrl": "https://e.com/x", "triggers": ["a.b"]}
    one = (await api.post("hooks/new", body)).json["hook"]
    patched = (await api.patch("hooks/1/edit", {"triggers": ["c.d"]})).json["hook"]
    assert (patched["secret"], patched["triggers"]) == (one["secret"], ["a.b", "c.d"])
    put = (await api.put("hooks/1/edit", body)).json["hook"]
    assert (put["secret"] != one["secret"], put["triggers"], len(put["secret"])) == (True, ["a.b"], 64)
    assert (await api.put("hooks/1/edit", body | {"secret": "mine"})).json["hook"]["secret"] == "mine"
    got = await api.post("hooks/new", {"name": "H", "webhookUrl": "nope"})
    assert got.error["details"] == {"webhookUrl": ["A valid URL is required."]}
    assert (await api.post("hooks/new", body | {"eventsOrderbyDir": "UP"})).status == 400


async def test_focus_reads_html_mode_and_only_its_own_fonts(api: RawClient) -> None:
    one = (await api.post("focus/new", FOCUS | {"htmlMode": "html", "html": "<b>x</b>"})).json["focus"]
    assert (one["htmlMode"], one["html"], "html_mode" in one) == (None, "<b>x</b>", False)
    assert (await api.patch("focus/1/edit", {"html_mode": "editor"})).json["focus"]["htmlMode"] == "editor"
    bad = LOOK | {"content": {"font": "Comic Sans"}}
    assert (await api.post("focus/new", FOCUS | {"properties": bad})).status == 400
    assert one["properties"]["stop_after_close"] is None
    script = (await api.json("POST", "focus/1/js")).json["js"]
    assert "MauticFocus1" in script
    assert (await api.json("POST", "focus/9/js")).status == 500
    assert (await api.get("focus/1/js")).status == 404


async def test_category_alias_is_unique_in_its_bundle_and_missing_fields_are_named(api: RawClient) -> None:
    aliases = [
        (await api.post("categories/new", {"title": "My Kat", "bundle": bundle})).json["category"]["alias"]
        for bundle in ("asset", "asset", "email")
    ]
    assert aliases == ["my-kat", "my-kat1", "my-kat"]
    got = await api.post("categories/new", {})
    assert got.error["message"] == "bundle: A value is required., title: A title is required."
    renamed = (await api.put("categories/1/edit", {"title": "Other", "bundle": "asset"})).json["category"]
    assert renamed["alias"] == "other"


async def test_category_is_sent_as_an_id_and_cleared_with_null(api: RawClient) -> None:
    for title in ("K", "L"):
        await api.post("categories/new", {"title": title, "bundle": "point"})
    one = (await api.post("points/new", {"name": "P", "type": "page.hit", "category": 2})).json["point"]
    assert (one["category"]["id"], one["category"]["bundle"]) == (2, "point")
    assert (await api.get("points?search=category:l")).json["total"] == 1
    assert (await api.patch("points/1/edit", one)).json["point"]["category"]["id"] == 1  # an object is cast to 1
    for empty in (None, "", 0):
        assert (await api.patch("points/1/edit", {"category": 2})).json["point"]["category"]["id"] == 2
        assert (await api.patch("points/1/edit", {"category": empty})).json["point"]["category"] is None
    wrong = await api.patch("points/1/edit", {"category": 9})
    assert (wrong.status, wrong.error["message"]) == (500, "Category 9 does not exist")
    await api.patch("points/1/edit", {"category": 2})
    await api.delete("categories/2/delete")
    assert (await api.get("points/1")).json["point"]["category"] is None


async def test_note_create_requires_an_existing_contact(server: RawClient) -> None:
    got = await server.post("notes/new", {"text": "t"})
    assert (got.status, got.error["message"], got.error["details"]) == (400, "lead ID is mandatory", [])
    assert (await server.post("notes/new", {"lead": 9, "text": "t"})).error["message"] == "Contact not found."
    assert (await server.post("notes/batch/new", [{"lead": 1, "text": "t"}, {"text": "t"}])).status == 500
    assert (await server.get("notes")).json["total"] == 1
    assert (await server.post("notes/new", {"lead": 1, "text": "t", "type": "gossip"})).status == 400
    assert (await server.post("notes/new", {"lead": 1, "text": "t", "type": "call"})).status == 201
    assert (await server.get("notes?search=type:call")).json["total"] == 1


async def test_note_date_loses_seconds_and_ignores_invalid_text(server: RawClient) -> None:
    body = {"lead": 1, "text": "t", "dateTime": "2026-05-06T07:08:09+02:00"}
    one = (await server.post("notes/new", body)).json["note"]
    assert one["dateTime"] == "2026-05-06T05:08:00+00:00"
    assert (await server.post("notes/new", body | {"dateTime": "garbage"})).json["note"]["dateTime"] is None
    assert (await server.patch("notes/1/edit", {"dateTime": "0000-00-00"})).status == 200


async def test_device_create_takes_the_contact_by_either_key_and_list_ignores_search(server: RawClient) -> None:
    assert (await server.post("devices/new", {"device": "desktop"})).error["message"] == "contact ID is mandatory"
    one = (await server.post("devices/new", {"contact": 1, "device": "desktop", "deviceBrand": ""})).json["device"]
    assert (one["lead"]["email"], one["deviceBrand"], one["clientInfo"]) == ("ada@example.com", None, [])
    assert (await server.get("devices?search=zzz")).json["total"] == 1


async def test_trigger_event_removes_tags_and_is_changed_by_id(server: RawClient) -> None:
    await server.patch("contacts/1/edit", {"tags": ["old", "kept"]})
    event = EVENT | {"properties": {"add_tags": [], "remove_tags": ["old"]}}
    await server.post("points/triggers/new", TRIGGER | {"events": [event]})
    await server.patch(
        "points/triggers/1/edit", {"events": [{"id": 1, "name": "Renamed", "properties": event["properties"]}]}
    )
    assert (await server.get("points/triggers/1")).json["trigger"]["events"][0]["name"] == "Renamed"
    assert (await server.patch("points/triggers/1/edit", {"events": [{"id": 9, "name": "x"}]})).status == 500
    assert (await server.patch("points/triggers/1/edit", {"events": [{"type": "lead.changetags"}]})).status == 400
    await server.json("POST", "contacts/1/points/plus/9")
    assert [tag["tag"] for tag in (await server.get("contacts/1")).json["contact"]["tags"]] == ["kept"]
    gone = (await server.delete("points/triggers/1/delete")).json["trigger"]
    assert [gone["id"], gone["events"][0]["id"]] == [None, None]
