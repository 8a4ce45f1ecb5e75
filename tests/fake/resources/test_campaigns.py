"""Campaigns: events and their tree, sources, members, logs, copies."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake.resources.bodies import CAMPAIGN, create_prerequisites
from tests.support.raw_client import RawClient

DECISION = {
    "name": "Opens?",
    "type": "email.open",
    "eventType": "decision",
    "properties": [],
    "triggerMode": "immediate",
}


def step(id: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "name": id,
        "type": "lead.changepoints",
        "eventType": "action",
        "properties": {"points": 1},
    } | more


def joint(source: str, target: str, anchor: str) -> dict[str, Any]:
    return {"sourceId": source, "targetId": target, "anchors": {"source": anchor, "target": "top"}}


@pytest.fixture
async def server(api: RawClient) -> RawClient:
    await create_prerequisites(api)
    return api


async def campaign(api: RawClient, **more: Any) -> dict[str, Any]:
    got = await api.post("campaigns/new", CAMPAIGN | more)
    assert got.status == 201, got.body
    shown: dict[str, Any] = got.json["campaign"]
    return shown


async def test_campaign_create_replaces_temporary_ids_on_the_canvas_too(server: RawClient) -> None:
    one = await campaign(server)
    assert (one["events"][0]["id"], one["lists"][0]["id"], one["modifiedByUser"]) == (1, 1, "lab-cc [1]")
    assert [node["id"] for node in one["canvasSettings"]["nodes"]] == ["1", "lists"]
    assert one["canvasSettings"]["connections"][0]["targetId"] == "1"


async def test_campaign_connections_make_a_tree_with_order_and_path(server: RawClient) -> None:
    canvas = {
        "nodes": [{"id": id, "positionX": 1, "positionY": 1} for id in ("new_a", "new_b", "new_c", "lists")],
        "connections": [
            joint("lists", "new_a", "leadsource"),
            joint("new_a", "new_b", "yes"),
            joint("new_b", "new_c", "bottom"),
        ],
    }
    events = [step("new_a") | DECISION, step("new_b"), step("new_c")]
    new = await campaign(server, events=events, canvasSettings=canvas)
    assert [event["children"] for event in new["events"]] == [[], [], []]  # a new campaign does not know them yet
    one = (await server.get(f"campaigns/{new['id']}")).json["campaign"]
    assert [(event["order"], event["decisionPath"]) for event in one["events"]] == [(1, None), (2, "yes"), (3, None)]
    assert [event["parent"] and event["parent"]["id"] for event in one["events"]] == [None, 1, 2]
    assert [[child["id"] for child in event["children"]] for event in one["events"]] == [[2], [3], []]


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("events", "At least one event is required. Use the Launch Campaign Builder button to add one."),
        ("lists", "At least one contact source is required. Use the Launch Campaign Builder button to add one."),
    ],
)
async def test_campaign_create_requires_events_and_sources(server: RawClient, gone: str, message: str) -> None:
    got = await server.post("campaigns/new", CAMPAIGN | {gone: []})
    assert (got.status, got.error["message"], got.error["details"]) == (400, message, [])


async def test_campaign_create_without_canvas_settings_stores_no_event(server: RawClient) -> None:
    body = {key: value for key, value in CAMPAIGN.items() if key != "canvasSettings"}
    assert (await server.post("campaigns/new", body)).json["campaign"]["events"] == []


async def test_campaign_batch_create_accepts_a_campaign_without_events(server: RawClient) -> None:
    got = await server.post("campaigns/batch/new", [{"name": "C"}, CAMPAIGN])
    assert (got.json["statusCodes"], [len(one["events"]) for one in got.json["campaigns"]]) == ([201, 201], [0, 1])


async def test_campaign_put_requires_ids_and_drops_unlisted_events(server: RawClient) -> None:
    one = await campaign(server)
    path = f"campaigns/{one['id']}/edit"
    got = await server.put(path, CAMPAIGN | {"events": [{"name": "x"}]})
    assert (got.status, got.error["message"]) == (400, '$campaign[events][0]["id"] is missing')
    got = await server.put(path, CAMPAIGN | {"events": [step("new_9")]})
    assert [event["id"] for event in got.json["campaign"]["events"]] == [2]
    kept = (await server.put(path, one | {"events": got.json["campaign"]["events"]})).json["campaign"]
    assert [(event["id"], event["channelId"]) for event in kept["events"]] == [(2, 0)]


async def test_campaign_patch_adds_sources_and_changes_scalars_only(server: RawClient) -> None:
    one = await campaign(server)
    await server.post("segments/new", {"name": "T"})
    got = (await server.patch(f"campaigns/{one['id']}/edit", {"lists": [{"id": 2}], "description": "d"})).json[
        "campaign"
    ]
    assert ([each["id"] for each in got["lists"]], got["description"], len(got["events"])) == ([1, 2], "d", 1)


async def test_campaign_clone_is_a_302_with_an_empty_unpublished_copy(server: RawClient) -> None:
    await campaign(server)
    got = await server.json("POST", "campaigns/clone/1")
    copy = got.json["campaign"]
    assert (got.status, got.headers["Location"], copy["id"], copy["isPublished"]) == (302, "/api/campaigns/2", 2, False)
    assert (copy["events"], copy["lists"], copy["name"]) == ([], [], "C")
    assert (await server.json("POST", "campaigns/clone/9")).status == 404
    assert (await server.get("campaigns/events")).json["total"] == 1


async def test_campaign_contacts_are_rows_of_texts(server: RawClient) -> None:
    await campaign(server)
    for _ in range(2):
        assert (await server.json("POST", "campaigns/1/contact/1/add")).json == {"success": 1}
    got = (await server.get("campaigns/1/contacts")).json
    (row,) = got["contacts"]
    assert (got["total"], row["lead_id"], row["manually_added"], row["rotation"]) == ("1", "1", "1", "1")
    where = "where[0][col]=lead_id&where[0][expr]=eq&where[0][val]="
    assert (await server.get(f"campaigns/1/contacts?{where}9")).json == {"total": "0", "contacts": []}
    assert (await server.get("campaigns/1/contacts?order[0][col]=date_added&start=1")).json["contacts"] == []
    wrong = await server.get("campaigns/1/contacts?where[0][col]=nope&where[0][expr]=eq&where[0][val]=1")
    assert (wrong.status, wrong.error["code"]) == (200, 1054)
    await server.json("POST", "campaigns/1/contact/1/remove")
    assert (await server.get("campaigns/1/contacts")).json["total"] == "0"
    for path in ("campaigns/9/contact/1/add", "campaigns/1/contact/9/add", "campaigns/9/contact/1/remove"):
        assert (await server.json("POST", path)).error["message"] == "Item was not found."
    assert (await server.get("campaigns/9/contacts")).status == 404


async def test_campaign_events_are_readable_by_themselves(server: RawClient) -> None:
    await campaign(server)
    got = (await server.get("campaigns/events", orderBy="id")).json
    assert (got["total"], got["events"][0]["campaign"]["name"]) == (1, "C")
    assert (await server.get("campaigns/events/1")).json["event"]["id"] == 1
    assert (await server.get("campaigns/events/9")).status == 404
    assert (await server.get("campaigns/events?orderBy=nope")).status == 500
    assert (await server.get("campaigns/events/contact/1")).json == {"total": 0, "events": []}


async def test_campaign_event_log_is_written_once_and_executed_once(server: RawClient) -> None:
    await campaign(server)
    path = "campaigns/events/1/contact/1/edit"
    assert (await server.put(path, {"triggerDate": "2030-01-01"})).status == 409
    await server.json("POST", "campaigns/1/contact/1/add")
    assert (await server.put(path, {"metadata": {"a": 1}})).status == 409
    got = await server.put(path, {"triggerDate": "2030-01-01 10:00", "metadata": {"a": 1}, "channelId": 7})
    (log,) = got.json["event"]["contactLog"]
    assert (got.status, log["triggerDate"], log["isScheduled"]) == (201, "2030-01-01T10:00:00+00:00", True)
    assert (log["channel"], log["metadata"], log["rotation"]) == ("7", {"a": "1"}, 1)
    again = await server.put(path, {"dateTriggered": "2030-01-02", "metadata": '{"b": 2}'})
    (log,) = again.json["event"]["contactLog"]
    assert (again.status, log["metadata"], log["isScheduled"]) == (200, {"a": "1", "b": "2"}, True)
    executed = "The event 1 in the campaign 1 has already been executed at 2030-01-02T00:00:00+00:00 for the contact 1."
    assert (await server.put(path, {"triggerDate": "2030-01-01"})).error["message"] == executed
    assert (await server.put("campaigns/events/9/contact/1/edit", {})).status == 404
    assert (await server.put("campaigns/events/1/contact/9/edit", {})).error["message"] == "Contact not found."
    assert (await server.get("campaigns/1/events/contact/1")).json["events"][0]["contactLog"] == []


async def test_campaign_decision_event_cannot_be_scheduled(server: RawClient) -> None:
    await campaign(server, events=[step("new_1") | DECISION])
    await server.json("POST", "campaigns/1/contact/1/add")
    got = await server.put("campaigns/events/1/contact/1/edit", {"triggerDate": "2030-01-01"})
    assert (got.status, got.error["message"]) == (
        409,
        "A decision type event cannot be scheduled. Event: 1, campaign: 1, contact: 1.",
    )


async def test_campaign_contact_events_include_the_membership(server: RawClient) -> None:
    await campaign(server)
    out = await server.get("campaigns/1/events/contact/1")
    assert (out.status, out.error["message"]) == (409, "The contact %contact% is not in the campaign %campaign%.")
    await server.json("POST", "campaigns/1/contact/1/add")
    got = (await server.get("campaigns/1/events/contact/1")).json
    assert (got["total"], got["membership"][0]["manuallyAdded"], got["campaign"]["id"]) == (1, True, 1)
    assert ("properties" in got["events"][0], "children" in got["events"][0]) == (False, False)
    assert (await server.get("campaigns/9/events/contact/1")).status == 404


async def test_campaign_log_batch_is_keyed_by_event_and_errors_by_index(server: RawClient) -> None:
    await campaign(server)
    await server.json("POST", "campaigns/1/contact/1/add")
    rows = [
        {"eventId": 1, "contactId": 1, "triggerDate": "2030-01-01"},
        {"eventId": 1, "contactId": 99, "triggerDate": "2030-01-01"},
    ]
    got = (await server.put("campaigns/events/batch/edit", rows)).json
    assert (list(got["events"]), len(got["events"]["1"]["contactLog"])) == (["1"], 1)
    assert (got["errors"]["1"]["code"], got["errors"]["1"]["details"], got["errors"]["1"]["type"]) == (404, [], None)
    table = (await server.get("stats/campaign_lead_event_log")).json
    assert (table["total"], table["stats"][0]["is_scheduled"]) == ("1", "1")


async def test_campaign_delete_removes_events_and_members(server: RawClient) -> None:
    await campaign(server)
    await server.json("POST", "campaigns/1/contact/1/add")
    gone = (await server.delete("campaigns/1/delete")).json["campaign"]
    assert (gone["id"], gone["events"], gone["lists"]) == (None, [], [])
    assert (await server.get("contacts/1/campaigns")).json == {"total": 0, "campaigns": []}


async def test_campaign_contact_can_be_added_again_after_removal(server: RawClient) -> None:
    await campaign(server, allowRestart=True)
    for verb in ("add", "remove", "add"):
        await server.json("POST", f"campaigns/1/contact/1/{verb}")
    (row,) = (await server.get("campaigns/1/contacts")).json["contacts"]
    assert (row["rotation"], row["manually_removed"], "date_last_exited" in row) == ("2", "0", True)
    await server.json("POST", "campaigns/1/contact/1/remove")
    assert (await server.put("campaigns/events/1/contact/1/edit", {"triggerDate": "now"})).status == 409


async def test_campaign_log_accepts_ip_address_channel_and_metadata(server: RawClient) -> None:
    await campaign(server)
    await server.json("POST", "campaigns/1/contact/1/add")
    body = {
        "triggerDate": "2030-01-01",
        "ipAddress": "192.0.2.7",
        "channel": "email",
        "metadata": "text",
        "nonActionPathTaken": 1,
    }
    (log,) = (await server.put("campaigns/events/1/contact/1/edit", body)).json["event"]["contactLog"]
    assert (log["ipAddress"], log["channel"], log["metadata"]) == ({"ipAddress": "192.0.2.7"}, "email", ["text"])
    assert log["nonActionPathTaken"] is True
    assert (await server.put("campaigns/events/1/contact/1/edit", {"triggerDate": "garbage"})).status == 500
    rows = [{"eventId": 1, "contactId": 1, "dateTriggered": "2030-01-02"}] * 2
    got = (await server.put("campaigns/events/batch/edit", rows)).json
    assert (list(got["errors"]), got["errors"]["1"]["code"]) == (["1"], 409)


async def test_campaign_create_refuses_missing_sources(server: RawClient) -> None:
    assert (await server.post("campaigns/new", CAMPAIGN | {"lists": [{"id": 99}]})).status == 500
    await server.post("forms/new", {"name": "F"})
    one = await campaign(server, lists=[], forms=[{"id": 1}])
    assert one["forms"] == [
        {
            "createdByUser": "lab-cc [1]",
            "modifiedByUser": "lab-cc [1]",
            "id": 1,
            "name": "F",
            "alias": "f",
            "category": None,
        }
    ]
