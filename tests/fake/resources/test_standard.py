"""The ten routes of every noun: what they have in common, and where each noun is its own."""

from __future__ import annotations

from typing import Any

import pytest

from mautic_async.testing import FakeMautic
from tests.fake.resources.bodies import SAMPLES, Sample, bodies, create, create_prerequisites
from tests.support.raw_client import RawClient

every = pytest.mark.parametrize("sample", SAMPLES, ids=str)
BLOCK = {"isPublished", "dateAdded", "dateModified", "createdBy", "createdByUser", "modifiedBy", "modifiedByUser"}
WITHOUT_BLOCK = ("categories", "devices", "notes", "reports")


@pytest.fixture
async def server(api: RawClient) -> RawClient:
    await create_prerequisites(api)
    return api


def values(shown: Any) -> list[Any]:
    return list(shown.values()) if isinstance(shown, dict) else shown


@every
async def test_list_without_entities_is_an_empty_list_for_every_noun(api: RawClient, sample: Sample) -> None:
    got = (await api.get(sample.path, search="ids:999")).json
    assert got == {"total": 0, sample.plural: []}


@every
async def test_list_container_is_a_map_by_id_or_a_list(server: RawClient, sample: Sample) -> None:
    one = await create(server, sample)
    got = (await server.get(sample.path, search=f"ids:{one['id']}")).json
    assert isinstance(got["total"], int)
    assert (
        list(got[sample.plural]) == [str(one["id"])]
        if sample.list_is_map
        else [got[sample.plural][0].get("id")] == [one["id"]]
    )
    past = (await server.get(sample.path, start=1000)).json
    assert (past["total"] > 0, past[sample.plural]) == (True, [])


@every
async def test_create_returns_a_location_that_get_answers(server: RawClient, sample: Sample) -> None:
    got = await server.post(f"{sample.path}/new", sample.body | {"id": 77, "no_such_field": 1})
    one = got.json[sample.singular]
    assert (got.status, got.headers["Location"]) == (201, f"/api/{sample.path}/{one['id']}")
    assert (one["id"] != 77, "no_such_field" in one) == (True, False)
    assert (set(one) >= BLOCK) is (sample.path not in WITHOUT_BLOCK)
    again = (await server.get(f"{sample.path}/{one['id']}")).json
    if sample.path == "reports":
        assert set(again) == {
            "totalResults",
            "data",
            "dataColumns",
            "limit",
            "page",
            "debug",
            "aggregatorColumns",
            "report",
        }
    elif sample.path in ("notes", "devices"):
        assert (one["lead"]["fields"] != [], again[sample.singular]["lead"]["fields"]) == (True, [])
    else:
        assert again[sample.singular] == one


@every
async def test_put_without_a_required_column_is_a_500_and_with_it_succeeds(server: RawClient, sample: Sample) -> None:
    one = await create(server, sample)
    path = f"{sample.path}/{one['id']}/edit"
    body = dict(sample.body)
    if sample.path == "campaigns":
        body["events"] = one["events"]
    status = (await server.put(path, body)).status
    if sample.path == "dynamiccontents":
        assert status == 400
    else:
        assert status == (500 if sample.required_on_put else 200)
    got = await server.put(path, body | sample.required_on_put)
    assert (got.status, got.json[sample.singular]["id"]) == (200, one["id"])


@every
async def test_put_to_a_missing_id_creates_under_another_id_and_patch_is_404(server: RawClient, sample: Sample) -> None:
    got = await server.put(f"{sample.path}/9999/edit", sample.body)
    assert (got.status, got.json[sample.singular]["id"] != 9999) == (201, True)
    assert (await server.patch(f"{sample.path}/9999/edit", sample.edit)).error["message"] == "Item was not found."


@every
async def test_put_unpublishes_unless_published_is_sent(server: RawClient, sample: Sample) -> None:
    if sample.path in (*WITHOUT_BLOCK, "tweets"):
        return
    one = await create(server, sample)
    path = f"{sample.path}/{one['id']}/edit"
    body = sample.body | sample.required_on_put | ({"events": one["events"]} if sample.path == "campaigns" else {})
    assert (await server.put(path, body)).json[sample.singular]["isPublished"] is False
    assert (await server.patch(path, {"isPublished": "yes"})).json[sample.singular]["isPublished"] is True
    assert (await server.put(path, body | {"isPublished": True})).json[sample.singular]["isPublished"] is True


@every
async def test_patch_changes_named_fields_and_records_the_user(server: RawClient, sample: Sample) -> None:
    one = await create(server, sample)
    got = (await server.patch(f"{sample.path}/{one['id']}/edit", sample.edit)).json[sample.singular]
    ((name, value),) = sample.edit.items()
    assert got[name] == value
    if set(got) >= BLOCK:
        assert (got["dateModified"] is None, got["modifiedByUser"]) == (False, "lab-cc [1]")
    ignored = {"dateModified", "modifiedByUser", "revision", "lead", "cachedHtml", "cache", name}
    assert {key: got[key] for key in got if key not in ignored} == {key: one[key] for key in got if key not in ignored}


@every
async def test_delete_shows_the_entity_without_id_and_a_second_one_is_404(server: RawClient, sample: Sample) -> None:
    one = await create(server, sample)
    got = await server.delete(f"{sample.path}/{one['id']}/delete")
    assert (got.status, got.json[sample.singular]["id"]) == (200, None)
    assert (await server.delete(f"{sample.path}/{one['id']}/delete")).status == 404
    assert (await server.get(f"{sample.path}/{one['id']}")).status == 404


@every
async def test_batch_create_is_201_and_keyed_by_index(server: RawClient, sample: Sample) -> None:
    first, second = bodies(sample, 2)
    got = await server.post(f"{sample.path}/batch/new", [first, second])
    assert (got.status, got.json["statusCodes"], len(got.json[sample.plural])) == (201, [201, 201], 2)
    assert ("errors" in got.json, isinstance(got.json[sample.plural], list)) == (False, True)
    keyed = await server.post(f"{sample.path}/batch/new", {"b": bodies(sample, 9)[8]})
    assert (keyed.json["statusCodes"], list(keyed.json[sample.plural])) == ({"b": 201}, ["b"])


@every
async def test_batch_create_reports_a_bad_row_at_its_index_or_breaks_the_rest(
    server: RawClient, sample: Sample
) -> None:
    first, second = bodies(sample, 2)
    got = await server.post(f"{sample.path}/batch/new", [first, {}, second])
    if sample.path in ("devices", "users"):
        assert got.status == 500
        assert (await server.get(sample.path, search="ids:1,2,3")).json["total"] >= 1
        return
    assert (got.status, got.json["statusCodes"]) == (201, [201, 400, 201])
    assert (list(got.json[sample.plural]), list(got.json["errors"])) == (["0", "2"], ["1"])
    assert {"code", "message", "details", "type"} == set(got.json["errors"]["1"])


@every
async def test_batch_edit_reports_404_for_missing_ids(server: RawClient, sample: Sample) -> None:
    one = await create(server, sample)
    rows = [{"id": one["id"], **sample.edit}, {"id": 9999, **sample.edit}]
    got = (await server.patch(f"{sample.path}/batch/edit", rows)).json
    assert (got["statusCodes"], len(got[sample.plural])) == ([200, 404], 1)
    assert got["errors"] == {"1": {"message": "Item was not found.", "code": 404, "type": "api"}}
    put = (await server.put(f"{sample.path}/batch/edit", [{"id": 9998, **bodies(sample, 2)[1]}])).json
    assert (put["statusCodes"], put[sample.plural][0]["id"] != 9998) == ([201], True)


@every
async def test_batch_delete_keeps_ids_and_does_not_report_missing_ones(server: RawClient, sample: Sample) -> None:
    one = await create(server, sample)
    assert (await server.json("DELETE", f"{sample.path}/batch/delete", [one["id"]])).json == {sample.plural: []}
    got = await server.delete(f"{sample.path}/batch/delete?ids={one['id']},9999")
    assert (got.status, [each.get("id") for each in got.json[sample.plural]]) == (200, [one["id"]])
    assert (set(got.json), (await server.get(f"{sample.path}/{one['id']}")).status) == ({sample.plural}, 404)


@every
async def test_list_hides_unpublished_entities_unless_where_is_sent(server: RawClient, sample: Sample) -> None:
    one = await create(server, sample, isPublished=False)
    listed = await server.get(sample.path, published=1)
    if sample.path == "devices":
        assert listed.status == 500
        return
    hidden = sample.path not in ("notes", "tweets")  # their forms do not ask
    ids = [each.get("id") for each in values(listed.json[sample.plural])]
    assert (one["id"] not in ids) is hidden
    where = f"where[0][col]=id&where[0][expr]=eq&where[0][val]={one['id']}"
    assert (await server.get(f"{sample.path}?published=1&{where}")).json["total"] == 1
    assert (await server.get(f"{sample.path}?publishedOnly=1&search=ids:{one['id']}")).json["total"] == 1


@every
async def test_list_minimal_keeps_only_the_list_group(server: RawClient, sample: Sample) -> None:
    one = await create(server, sample)
    got = (await server.get(sample.path, minimal=1, search=f"ids:{one['id']}")).json[sample.plural]
    left = set(values(got)[0])
    full = set(values((await server.get(sample.path, search=f"ids:{one['id']}")).json[sample.plural])[0])
    if sample.minimal == "-":
        assert left == set()
    elif sample.minimal:
        assert left - BLOCK - {"id"} - {"category"} == set(sample.minimal.split()) - {"category"}
        assert left <= full
    else:
        assert left == full


@every
async def test_list_select_drops_nulls_and_shows_defaults_for_the_rest(server: RawClient, sample: Sample) -> None:
    one = await create(server, sample)
    path = f"{sample.path}?select[]=id&select[]=name&search=ids:{one['id']}"
    got = values((await server.get(path)).json[sample.plural])[0]
    assert (got["id"], None in got.values(), "dateAdded" in got) == (one["id"], False, False)
    assert got.get("name", one.get("name")) == one.get("name")


@every
@pytest.mark.parametrize("bad", ["limit=-1", "limit=x", "start=-1", "orderBy=no_such_column", "orderBy=name_x"])
async def test_list_with_a_bad_parameter_is_a_bare_500(server: RawClient, sample: Sample, bad: str) -> None:
    got = await server.get(f"{sample.path}?{bad}")
    assert (got.status, got.error["type"], "Mautic-Version" in got.headers) == (500, None, False)


@every
async def test_list_sorts_and_pages_by_id(server: RawClient, sample: Sample) -> None:
    ids = [
        each["id"] for each in (await server.post(f"{sample.path}/batch/new", bodies(sample, 3))).json[sample.plural]
    ]
    for query, wanted in (
        ("orderBy=id&orderByDir=desc&limit=2", ids[:0:-1]),
        ("order[0][col]=id&order[0][dir]=DESC&start=1&limit=1", [ids[1]]),
        (f"orderBy=id&where[0][col]=id&where[0][expr]=in&where[0][val]={ids[0]},{ids[2]}", [ids[0], ids[2]]),
    ):
        got = (await server.get(f"{sample.path}?{query}")).json
        assert [each["id"] for each in values(got[sample.plural])] == wanted
    assert len(values((await server.get(sample.path, limit=0, start=2)).json[sample.plural])) >= 3


@every
async def test_router_never_answers_405(server: RawClient, sample: Sample) -> None:
    got = await server.put(f"{sample.path}/new", sample.body)
    assert (got.status, got.error) == (
        404,
        {"message": f"Requested URL not found: /api/{sample.path}/new", "code": 404, "type": None},
    )


@every
async def test_role_without_permission_gets_403_on_every_route(server: RawClient, sample: Sample) -> None:
    one = await create(server, sample)
    fake: FakeMautic = server.fake
    other = RawClient(fake)
    other.headers["authorization"] = "Basic " + "bGltaXRlZDpsaW1pdGVk"
    if sample.permission == "lead:leads":  # the one thing this role has: to see its own
        assert (await other.get(sample.path)).json["total"] == 0
    else:
        assert (await other.get(sample.path)).status == 403
    for method, path in (
        ("GET", f"{sample.path}/{one['id']}"),
        ("POST", f"{sample.path}/new"),
        ("POST", f"{sample.path}/batch/new"),
        ("PATCH", f"{sample.path}/{one['id']}/edit"),
        ("DELETE", f"{sample.path}/{one['id']}/delete"),
    ):
        got = await other.json(method, path, [sample.body] if "batch" in path else sample.body)
        assert (method, path, got.status, got.error.get("details")) == (method, path, 403, [])
    listed = (await other.delete(f"{sample.path}/batch/delete?ids={one['id']}")).json[sample.plural]
    assert [each["id"] for each in listed] == [one["id"]]
    assert (await server.get(f"{sample.path}/{one['id']}")).status == 200
    assert (await other.patch(f"{sample.path}/batch/edit", [{"id": one["id"]}])).json["statusCodes"] == [403]


@every
async def test_role_with_own_permissions_sees_and_edits_only_its_own_entities(
    server: RawClient, sample: Sample
) -> None:
    if sample.path in ("categories", "users", "roles", "points/groups", "notes", "devices", "campaigns"):
        return  # no own and other there, or asked of the contact
    await create(server, sample)
    rights = {sample.permission: ["viewown", "create", "editown", "publishown"]}
    server.fake.store["roles"].rows[2]["rawPermissions"] = rights
    other = RawClient(server.fake)
    other.headers["authorization"] = "Basic " + "bGltaXRlZDpsaW1pdGVk"
    mine = (await other.post(f"{sample.path}/new", sample.body)).json[sample.singular]
    listed = values((await other.get(sample.path, orderBy="id")).json[sample.plural])
    assert [each["id"] for each in listed] == [mine["id"]]
    assert (await other.patch(f"{sample.path}/{mine['id']}/edit", sample.edit)).status == 200
    assert (await other.delete(f"{sample.path}/{mine['id']}/delete")).status == 403
    every_one = f"{sample.path}?where[0][col]=id&where[0][expr]=gt&where[0][val]=0"
    assert (await other.get(every_one)).json["total"] >= 2


@every
async def test_create_with_a_name_too_long_for_its_column_is_a_500(server: RawClient, sample: Sample) -> None:
    key = next((name for name in ("name", "title") if name in sample.body), None)
    if key is None:
        return
    assert (await server.post(f"{sample.path}/new", sample.body | {key: "x" * 191})).status == 201
    assert (await server.post(f"{sample.path}/new", sample.body | {key: "x" * 192})).status == 500
    assert (await server.post(f"{sample.path}/new", sample.body | {key: "x\0"})).status == 500
