"""Roles and users."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.fake.resources.bodies import PASSWORD, PERSON
from tests.support.raw_client import RawClient


def basic(api: RawClient, name: str, password: str) -> RawClient:
    other = RawClient(api.fake)
    other.headers["authorization"] = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
    return other


async def user(api: RawClient, **more: Any) -> dict[str, Any]:
    got = await api.post("users/new", PERSON | {"plainPassword": PASSWORD} | more)
    assert got.status == 201, got.body
    shown: dict[str, Any] = got.json["user"]
    return shown


async def test_role_in_use_cannot_be_deleted_alone_or_in_a_batch(api: RawClient) -> None:
    got = await api.delete("roles/1/delete")
    assert (got.status, got.error["message"][:45], got.error["type"]) == (
        428,
        "Looks like I encountered an error (error #428",
        None,
    )
    assert (await api.delete("roles/batch/delete?ids=1")).status == 428
    assert (await api.get("roles/1")).json["role"]["rawPermissions"] is None


async def test_role_keeps_its_permissions_unless_new_ones_are_sent(api: RawClient) -> None:
    await api.post("roles/new", {"name": "R", "rawPermissions": {"lead:leads": ["viewown"]}})
    got = (await api.put("roles/3/edit", {"name": "S", "isAdmin": False})).json["role"]
    assert (got["name"], got["rawPermissions"]) == ("S", {"lead:leads": ["viewown"]})
    got = (await api.patch("roles/3/edit", {"rawPermissions": {"lead:leads": ["full"]}})).json["role"]
    assert got["rawPermissions"] == {"lead:leads": ["full"]}
    assert (await api.post("roles/new", {"name": "T"})).json["role"]["rawPermissions"] == []
    assert (await api.get("roles?search=is:admin")).json["total"] == 1


@pytest.mark.parametrize("password", [None, "word", {"password": "Long-strong-1!"}, {"password": "a", "confirm": "b"}])
async def test_user_create_without_repeated_password_is_a_500(api: RawClient, password: Any) -> None:
    assert (await api.post("users/new", PERSON | {"plainPassword": password})).status == 500


@pytest.mark.parametrize("word", ["abc", "password", "Password"])
async def test_user_create_refuses_a_weak_password(api: RawClient, word: str) -> None:
    got = await api.post("users/new", PERSON | {"plainPassword": {"password": word, "confirm": word}})
    assert (got.status, list(got.error["details"])) == (400, ["password"])


async def test_user_name_and_email_are_unique(api: RawClient) -> None:
    await user(api)
    got = await api.post("users/new", PERSON | {"plainPassword": PASSWORD})
    taken = "{} is already in use. Please choose another."
    assert got.error["details"] == {"username": [taken.format("Username")], "email": [taken.format("Email")]}
    got = await api.post("users/new", {"plainPassword": PASSWORD})
    assert list(got.error["details"]) == ["username", "firstName", "lastName", "email", "role"]
    got = await api.post("users/new", PERSON | {"username": "v", "email": "x", "plainPassword": PASSWORD})
    assert list(got.error["details"]) == ["email"]


async def test_user_password_signs_in_is_never_shown_and_never_changes(api: RawClient) -> None:
    one = await user(api)
    assert not {"password", "plainPassword"} & set(one)
    await api.patch(
        f"users/{one['id']}/edit", {"plainPassword": {"password": "Other-strong-2!", "confirm": "Other-strong-2!"}}
    )
    me = (await basic(api, "u", "Long-strong-1!").get("users/self")).json
    assert (me["id"], me["email"], me["role"]["name"], "position" in me) == (
        one["id"],
        "u@example.org",
        "Administrator",
        False,
    )
    assert (await basic(api, "u", "Other-strong-2!").get("users/self")).status == 401


async def test_user_patch_ignores_the_name_put_the_role_too_and_batch_neither(api: RawClient) -> None:
    one = await user(api)
    path = f"users/{one['id']}/edit"
    assert (await api.patch(path, {"username": "w", "position": "P"})).json["user"]["username"] == "u"
    got = (await api.put(path, PERSON | {"username": "w", "role": 2})).json["user"]
    assert (got["username"], got["role"]["id"], got["position"]) == ("u", 1, None)
    got = (await api.patch("users/batch/edit", [{"id": one["id"], "username": "w", "role": 2}])).json["users"][0]
    assert (got["username"], got["role"]["id"]) == ("w", 2)


async def test_user_time_zone_and_locale_are_choices(api: RawClient) -> None:
    one = await user(api, timezone="Europe/Berlin", locale="en_US")
    assert (one["timezone"], one["locale"]) == ("Europe/Berlin", "en_US")
    for field in ({"timezone": "Mars/Base"}, {"locale": "klingon"}, {"role": 99}):
        got = await api.patch(f"users/{one['id']}/edit", field)
        assert (got.status, got.error["details"]) == (400, {next(iter(field)): ["This value is not valid."]})


async def test_user_can_delete_itself(api: RawClient) -> None:
    got = await basic(api, "admin", "mautic").delete("users/1/delete")
    assert (got.status, got.json["user"]["id"], got.json["user"]["username"]) == (200, None, "admin")
    assert (await basic(api, "admin", "mautic").get("users/self")).status == 401


async def test_user_self_of_a_client_has_no_id(api: RawClient) -> None:
    me = (await api.get("users/self")).json
    assert (me["username"], me["firstName"], me["lastName"], "id" in me) == ("lab-cc [1]", "lab-cc", "[1]", False)
    limited = (await basic(api, "limited", "limited").get("users/self")).json
    assert limited["role"]["rawPermissions"] == {"api:access": ["full"], "lead:leads": ["viewown"]}


async def test_user_permission_check_answers_by_role(api: RawClient) -> None:
    wanted = ["lead:leads:viewown", "lead:leads:viewother", "email:emails:create", "api:access:full"]
    got = (await api.post("users/2/permissioncheck", {"permissions": wanted})).json
    assert got == dict(zip(wanted, [True, False, False, True], strict=True))
    assert (await api.post("users/1/permissioncheck", {"permissions": "user:users:create"})).json == {
        "user:users:create": True
    }
    assert (await api.post("users/1/permissioncheck", {})).status == 400
    assert (await api.post("users/9/permissioncheck", {"permissions": wanted})).status == 404
    for wrong in ("lead:leads", "nosuch:thing:view"):
        bad = await api.post("users/2/permissioncheck", {"permissions": [wrong]})
        assert (bad.status, "details" in bad.error) == (403, False)


async def test_user_roles_are_listed_without_an_envelope(api: RawClient) -> None:
    await api.post("roles/new", {"name": "Analyst"})
    got = (await api.get("users/list/roles")).json
    assert [role["name"] for role in got] == ["Administrator", "Analyst", "Limited"]
    assert (await api.get("users/list/roles", filter="an")).json == [{"id": 3, "name": "Analyst"}]
    assert len((await api.get("users/list/roles", limit=1)).json) == 1
    assert (await basic(api, "limited", "limited").get("users/list/roles")).status == 403


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("is:admin", ["admin"]),
        ("role:limited", ["limited"]),
        ("name:lim", ["limited"]),
        ("username:admin", ["admin"]),
        ("email:limited", ["limited"]),
        ("administrator", ["admin"]),
        ("!is:admin", ["limited"]),
    ],
)
async def test_user_search_matches_name_role_and_state(api: RawClient, search: str, names: list[str]) -> None:
    got = (await api.get("users", search=search)).json["users"]
    assert [one["username"] for one in got] == names


async def test_user_without_publish_permission_creates_unpublished_entities(api: RawClient) -> None:
    api.fake.store["roles"].rows[2]["rawPermissions"] = {"email:emails": ["create", "viewown", "editown"]}
    other = basic(api, "limited", "limited")
    one = (await other.post("emails/new", {"name": "E", "subject": "s", "isPublished": True})).json["email"]
    assert (one["isPublished"], one["createdBy"], one["createdByUser"]) == (False, 2, "Lim Ited")
    await other.patch(f"emails/{one['id']}/edit", {"isPublished": True, "name": "F"})
    assert (await api.get("emails/1")).json["email"]["isPublished"] is False
