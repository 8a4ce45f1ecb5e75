"""The ten standard routes of contacts, companies, segments, fields, stages and tags."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.raw_client import RawClient


@dataclass
class Told:
    """How to write one noun, and what is known of its answers.

    Attributes:
        path: Below ``/api/``.
        one: Key of one.
        many: Key of several.
        body: Smallest create.
        change: A PATCH.
        bad: A create that is refused, or None.
        status: Of the refusal.
        mapped: Whether a list is keyed by id.
        put: What a PUT on an existing one answers to *body*.
        unique: Property that must differ in each create.
        installed: How many there are in a new server.
    """

    path: str
    one: str
    many: str
    body: dict[str, Any]
    change: dict[str, Any]
    bad: dict[str, Any] | None = field(default_factory=dict)
    status: int = 400
    mapped: bool = True
    put: int = 200
    unique: str = ""
    installed: int = 0

    def create(self, number: int) -> dict[str, Any]:
        return self.body | ({self.unique: f"{self.body[self.unique]}{number}"} if self.unique else {})


ALL = [
    Told("contacts", "contact", "contacts", {"firstname": "A"}, {"city": "B"}, {"email": "bad"}),
    Told("companies", "company", "companies", {"companyname": "A"}, {"companycity": "B"}, unique="companyname"),
    Told("segments", "list", "lists", {"name": "S", "filters": []}, {"name": "B"}),
    Told("fields/contact", "field", "fields", {"label": "L", "type": "text"}, {"label": "B"}, put=500, installed=28),
    Told("fields/company", "field", "fields", {"label": "L", "type": "number"}, {"label": "B"}, put=500, installed=15),
    Told("stages", "stage", "stages", {"name": "A", "weight": 1}, {"name": "B"}, mapped=False),
    Told("tags", "tag", "tags", {"tag": "a"}, {"tag": "b"}, status=500, unique="tag"),
]
nouns = pytest.mark.parametrize("told", ALL, ids=[told.path for told in ALL])


async def create(api: RawClient, told: Told, number: int = 1) -> Any:
    body = told.create(number)
    if told.path.startswith("fields"):
        body |= {"alias": f"alias_{number}_{told.path[-3:]}"}
    got = await api.post(f"{told.path}/new", body)
    assert got.status == 201, got.body
    return got


@nouns
async def test_create_is_201_with_location_and_version(api: RawClient, told: Told) -> None:
    got = await create(api, told)
    shown = got.json[told.one]
    assert got.headers["Location"] == f"/api/{told.path}/{shown['id']}"
    assert got.headers["Mautic-Version"] == "5.1.1"
    assert (await api.get(f"{told.path}/{shown['id']}")).json[told.one]


@nouns
async def test_create_with_bad_values_is_refused(api: RawClient, told: Told) -> None:
    got = await api.post(f"{told.path}/new", told.bad)
    assert got.status == told.status
    assert ("details" in got.error) is (told.status == 400)


@nouns
async def test_list_has_container_and_total_of_its_noun(api: RawClient, told: Told) -> None:
    for number in (1, 2, 3):
        await create(api, told, number)
    whole = (await api.get(told.path, limit=100)).json
    assert isinstance(whole[told.many], dict if told.mapped else list)
    assert int(whole["total"]) == len(whole[told.many]) == 3 + told.installed
    text = told.path in ("contacts", "companies")
    assert isinstance(whole["total"], str if text else int)
    past = (await api.get(told.path, start=1000)).json
    assert past[told.many] == ({} if text else [])
    one = (await api.get(told.path, limit=1, orderBy="id", orderByDir="desc", minimal=1)).json
    assert len(one[told.many]) == 1
    assert (await api.get(told.path, orderBy="no_such_column")).status == 500
    ids = "ids:1"
    assert (await api.get(told.path, search=ids)).status == 200


@nouns
async def test_patch_changes_one_entity_and_requires_its_id(api: RawClient, told: Told) -> None:
    id = (await create(api, told)).json[told.one]["id"]
    got = await api.patch(f"{told.path}/{id}/edit", told.change)
    assert (got.status, got.json[told.one]["id"]) == (200, id)
    missing = await api.patch(f"{told.path}/99999/edit", told.change)
    assert (missing.status, missing.error) == (404, {"code": 404, "message": "Item was not found.", "details": []})
    assert (await api.get(f"{told.path}/99999")).status == 404
    assert (await api.put(f"{told.path}/new", told.body)).status == 404


async def status_without(api: RawClient, path: str, body: dict[str, Any], name: str) -> int:
    return (await api.put(path, {key: value for key, value in body.items() if key != name})).status


@nouns
async def test_put_replaces_or_creates_and_fails_where_a_column_would_be_null(api: RawClient, told: Told) -> None:
    id = (await create(api, told)).json[told.one]["id"]
    body = told.create(2)
    assert (await api.put(f"{told.path}/{id}/edit", body)).status == told.put
    if told.put == 500:
        flags = dict.fromkeys(("isRequired", "isListable", "isVisible", "isShortVisible"), False)
        needed = {"isIndex": False, "charLengthLimit": 64, **flags}
        assert (await api.put(f"{told.path}/{id}/edit", body | needed)).status == 200
        statuses = {name: await status_without(api, f"{told.path}/{id}/edit", body | needed, name) for name in needed}
        assert statuses == {**dict.fromkeys(needed, 500), "charLengthLimit": 400}
    fresh = told.create(3)
    made = await api.put(f"{told.path}/99998/edit", fresh)
    assert (made.status, made.json[told.one]["id"]) == (201, id + 1)


@nouns
async def test_delete_shows_the_deleted_entity_without_id(api: RawClient, told: Told) -> None:
    id = (await create(api, told)).json[told.one]["id"]
    got = await api.delete(f"{told.path}/{id}/delete")
    assert (got.status, got.json[told.one]["id"]) == (200, None)
    assert (await api.delete(f"{told.path}/{id}/delete")).status == 404


@nouns
async def test_batch_reports_row_by_row(api: RawClient, told: Told) -> None:
    first = (await create(api, told, 1)).json[told.one]["id"]
    second = (await create(api, told, 2)).json[told.one]["id"]
    rows = [{"id": second, **told.change}, {"id": 99999, **told.change}]
    got = (await api.patch(f"{told.path}/batch/edit", rows)).json
    assert got["statusCodes"] == [200, 404]
    assert got["errors"] == {"1": {"message": "Item was not found.", "code": 404, "type": "api"}}
    assert [one["id"] for one in got[told.many]] == [second]
    gone = (await api.delete(f"{told.path}/batch/delete?ids={first},{second},99999")).json
    assert [one["id"] for one in gone[told.many]] == [first, second]
    assert list(gone) == [told.many]
    assert (await api.delete(f"{told.path}/batch/delete?ids={first}")).json == {told.many: []}


@nouns
async def test_batch_create_is_201_and_over_the_limit_500(api: RawClient, told: Told) -> None:
    rows = [told.create(number) for number in (5, 6)]
    if told.path.startswith("fields"):
        rows = [row | {"alias": f"bat_{n}"} for n, row in enumerate(rows)]
    got = await api.post(f"{told.path}/batch/new", rows)
    assert (got.status, got.json["statusCodes"], len(got.json[told.many])) == (201, [201, 201], 2)
    api.fake.settings.batch_limit = 2
    over = await api.post(f"{told.path}/batch/new", rows + rows)
    assert (over.status, over.error) == (
        500,
        {"code": 500, "message": "A max of 2 entities are supported at a time.", "details": []},
    )


@nouns
async def test_list_refuses_a_limited_user_unless_own_entities_may_be_seen(api: RawClient, told: Told) -> None:
    user = RawClient(api.fake, {"authorization": "Basic " + base64.b64encode(b"limited:limited").decode()})
    got = await user.get(told.path)
    if told.path in ("contacts", "companies"):
        assert (got.status, int(got.json["total"])) == (200, 0)
    else:
        assert got.status == 403
    refused = 201 if told.path.startswith("fields") else 403  # Mautic lets any user create fields
    assert (await user.post(f"{told.path}/new", told.body)).status == refused
