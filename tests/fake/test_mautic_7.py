"""Where a `FakeMautic` of version 7.0 answers unlike one of version 5.1."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest

from mautic_async.testing import FakeMautic
from tests.support.raw_client import RawClient


@pytest.fixture
async def api7() -> AsyncIterator[RawClient]:
    async with FakeMautic(version="7.0", v2=True) as fake:
        yield await RawClient(fake).login()


def basic(api: RawClient, password: str = "mautic") -> RawClient:
    other = RawClient(api.fake)
    other.headers["authorization"] = "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()
    return other


@pytest.mark.parametrize("version", ["5.1", "7.0"])
async def test_version_is_told_in_the_header(version: str) -> None:
    async with FakeMautic(version=version) as fake:  # type: ignore[arg-type]
        got = await (await RawClient(fake).login()).get("contacts")
    assert got.headers["Mautic-Version"].startswith(version)


async def test_mautic_7_refuses_wrong_basic_credentials_with_an_empty_body(api7: RawClient) -> None:
    got = await basic(api7, "wrong").get("contacts")
    assert (got.status, got.body) == (401, b"")
    assert got.headers["WWW-Authenticate"].startswith("Basic")


async def test_mautic_7_dates_the_change_of_a_new_stage(api7: RawClient) -> None:
    stage = (await api7.post("stages/new", {"name": "S"})).json["stage"]
    assert stage["dateModified"] == stage["dateAdded"]
    assert stage["projects"] == []


async def test_mautic_7_batch_with_one_missing_id_fails_as_a_whole(api: RawClient, api7: RawClient) -> None:
    for client, status in ((api, 200), (api7, 500)):
        id = (await client.post("stages/new", {"name": "S"})).json["stage"]["id"]
        rows = [{"id": id, "name": "T"}, {"id": 99999, "name": "U"}]
        assert (await client.patch("stages/batch/edit", rows)).status == status
        assert (await client.delete(f"stages/batch/delete?ids={id},99999")).status == status


async def test_mautic_7_v2_takes_basic_credentials_alone(api7: RawClient) -> None:
    got = await api7.get("v2/tags")
    assert (got.status, got.json) == (401, {"message": "Invalid credentials."})
    assert (await basic(api7).get("v2/tags")).status == 200


async def test_mautic_7_project_is_written_through_v2_and_shown_on_a_noun(api7: RawClient) -> None:
    made = await basic(api7).post("v2/projects", {"name": "P"}, accept="application/json")
    assert (made.status, made.json["name"], made.headers["Content-Type"]) == (
        201,
        "P",
        "application/json; charset=utf-8",
    )
    linked = await basic(api7).get("v2/projects")
    assert linked.headers["Content-Type"] == "application/ld+json; charset=utf-8"
    assert (linked.json["totalItems"], linked.json["member"][0]["@id"]) == (1, "/api/v2/projects/1")
    stage = (await api7.post("stages/new", {"name": "S", "projects": [made.json["id"]]})).json["stage"]
    assert [one["name"] for one in stage["projects"]] == ["P"]


async def test_mautic_7_project_needs_a_name(api7: RawClient) -> None:
    assert (await basic(api7).post("v2/projects", {"description": "D"})).status == 422


async def test_mautic_7_campaign_is_exported_and_imported(api7: RawClient) -> None:
    segment = (await api7.post("segments/new", {"name": "S"})).json["list"]["id"]
    event = {"id": "new1", "name": "A", "type": "lead.changepoints", "eventType": "action", "order": 1}
    event |= {"properties": {"points": 3}, "triggerMode": "immediate", "children": [], "parent": None}
    nodes = [{"id": id, "positionX": "1", "positionY": "1"} for id in ("new1", "lists")]
    link = {"sourceId": "lists", "targetId": "new1", "anchors": {"source": "leadsource", "target": "top"}}
    body = {"name": "C", "events": [event], "lists": [{"id": segment}], "forms": []}
    made = await api7.post("campaigns/new", body | {"canvasSettings": {"nodes": nodes, "connections": [link]}})
    assert made.status == 201, made.body
    id = made.json["campaign"]["id"]
    exported = await api7.get(f"campaigns/export/{id}")
    assert exported.status == 200
    assert (await api7.delete(f"campaigns/{id}/delete")).status == 200
    imported = await api7.post("campaigns/import", exported.json)
    assert imported.status in (200, 201), imported.body
    assert [one["name"] for one in (await api7.get("campaigns")).json["campaigns"].values()] == ["C"]
