"""Forms: fields, actions, what is submitted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.raw_client import RawClient

TWO = [{"label": "Email", "type": "email", "alias": "email"}, {"label": "Name", "type": "text", "alias": "name"}]
ACTION = {"name": "Points", "type": "lead.pointschange", "properties": {"operator": "plus", "points": 3}}


async def form(api: RawClient, **more: Any) -> dict[str, Any]:
    got = await api.post("forms/new", {"name": "F", "fields": TWO, "actions": [ACTION]} | more)
    assert got.status == 201, got.body
    shown: dict[str, Any] = got.json["form"]
    return shown


async def test_form_alias_is_ten_letters_of_the_name_and_never_changes(api: RawClient) -> None:
    one = await form(api, name="Señor Größe & Söhne")
    assert one["alias"] == "senor_groe"
    changed = await api.put(f"forms/{one['id']}/edit", {"name": "Other", "fields": one["fields"]})
    assert (changed.json["form"]["name"], changed.json["form"]["alias"]) == ("Other", "senor_groe")


async def test_form_fields_and_actions_have_ids_and_an_order(api: RawClient) -> None:
    one = await form(api)
    assert [(field["id"], field["order"], field["alias"]) for field in one["fields"]] == [
        (1, 1, "email"),
        (2, 2, "name"),
    ]
    assert (one["actions"][0]["id"], one["actions"][0]["properties"]["points"]) == (1, 3)
    assert (one["fields"][0]["showLabel"], one["fields"][0]["saveResult"], one["fields"][0]["isRequired"]) == (
        True,
        True,
        False,
    )


async def test_form_patch_without_post_action_resets_it(api: RawClient) -> None:
    one = await form(api, postAction="message", postActionProperty="Thanks")
    got = (await api.patch(f"forms/{one['id']}/edit", {"name": "G"})).json["form"]
    assert (got["postAction"], got["postActionProperty"]) == ("return", "Thanks")
    assert len(got["fields"]) == 2


@pytest.mark.parametrize(
    ("action", "message"), [("message", "Fill in a message to display."), ("redirect", "Fill in a valid URL.")]
)
async def test_form_post_action_may_require_a_property(api: RawClient, action: str, message: str) -> None:
    got = await api.post("forms/new", {"name": "F", "postAction": action})
    assert (got.status, got.error["details"]) == (400, {"postActionProperty": [message]})


async def test_form_put_keeps_fields_listed_by_id_and_drops_the_rest(api: RawClient) -> None:
    one = await form(api)
    kept = one["fields"][1] | {"label": "Full name"}
    got = (await api.put(f"forms/{one['id']}/edit", {"name": "F", "fields": [kept]})).json["form"]
    assert [(field["id"], field["label"], field["alias"]) for field in got["fields"]] == [(2, "Full name", "name")]
    assert (got["actions"], got["inKioskMode"]) == ([], None)


async def test_form_field_with_a_taken_alias_gets_another_one(api: RawClient) -> None:
    one = await form(api)
    got = (await api.patch(f"forms/{one['id']}/edit", {"fields": [TWO[0]]})).json["form"]
    aliases = [field["alias"] for field in got["fields"]]
    assert (aliases[:2], len(set(aliases)), len(aliases[2])) == (["email", "name"], 3, 5)


async def test_form_patch_adds_fields_without_id_and_changes_those_with_id(api: RawClient) -> None:
    one = await form(api)
    sent = [{"id": one["fields"][0]["id"], "isRequired": True}, {"label": "City", "type": "text", "alias": "city"}]
    got = (await api.patch(f"forms/{one['id']}/edit", {"fields": sent})).json["form"]
    assert [(field["alias"], field["isRequired"]) for field in got["fields"]] == [
        ("email", True),
        ("name", False),
        ("city", False),
    ]


async def test_form_edit_with_an_unknown_field_id_is_refused_whole(api: RawClient) -> None:
    one = await form(api)
    got = await api.patch(f"forms/{one['id']}/edit", {"name": "G", "fields": [{"id": 999, "label": "x"}]})
    assert got.status == 404
    assert (await api.get(f"forms/{one['id']}")).json["form"]["name"] == "F"


async def test_form_field_requires_a_label(api: RawClient) -> None:
    got = await api.post("forms/new", {"name": "F", "fields": [{"type": "text", "alias": "x"}]})
    assert (got.status, got.error["message"], got.error["details"]) == (400, "label: Label is required.", [])


async def test_form_mapped_field_shows_the_old_key_too(api: RawClient) -> None:
    one = await form(api, fields=[TWO[0] | {"mappedObject": "contact", "mappedField": "email"}])
    assert one["fields"][0]["leadField"] == "email"
    company = await form(api, fields=[TWO[0] | {"mappedObject": "company", "mappedField": "companyemail"}])
    assert company["fields"][0]["leadField"] is None


@pytest.mark.parametrize("way", ["query", "body"])
@pytest.mark.parametrize("what", ["fields", "actions"])
async def test_form_fields_and_actions_are_deleted_by_query_or_body(api: RawClient, way: str, what: str) -> None:
    one = await form(api)
    path = f"forms/{one['id']}/{what}/delete"
    if way == "query":
        got = await api.delete(f"{path}?{what}[]=1&{what}[]=999")
    else:
        got = await api.json("DELETE", path, {what: [1, 999]})
    shown = got.json["form"]
    assert (got.status, "description" in shown, 1 in [each["id"] for each in shown[what]]) == (200, False, False)
    assert 1 not in [each["id"] for each in (await api.get(f"forms/{one['id']}")).json["form"][what]]
    assert (await api.delete(f"{path}?{what}=1")).error["message"] == f"The {what} attribute must be array."
    assert (await api.delete(f"forms/999/{what}/delete?{what}[]=1")).status == 404


async def test_form_delete_response_shows_no_ids(api: RawClient) -> None:
    one = await form(api)
    gone = (await api.delete(f"forms/{one['id']}/delete")).json["form"]
    assert [each["id"] for each in (gone, *gone["fields"], *gone["actions"])] == [None] * 4


async def test_form_submissions_are_a_map_when_empty_and_a_list_otherwise(api: RawClient) -> None:
    one, contact = await form(api), await api.contact(email="ada@example.com", firstname="Ada")
    assert (await api.get("forms/1/submissions")).json == {"total": "0", "submissions": {}}
    row = {
        "id": None,
        "form": one["id"],
        "lead": contact,
        "date": 1_700_000_000,
        "results": {"email": "ada@example.com"},
    }
    api.fake.store["submissions"].save(row)
    got = (await api.get("forms/1/submissions", orderBy="s.date_submitted")).json
    assert (got["total"], got["submissions"][0]["results"]) == ("1", {"email": "ada@example.com"})
    assert (got["submissions"][0]["lead"]["firstname"], got["submissions"][0]["form"]["id"]) == ("Ada", one["id"])
    assert (await api.get(f"forms/1/submissions/contact/{contact}")).json["total"] == "1"
    assert (await api.get("forms/1/submissions?where[0][col]=r.email&where[0][expr]=eq&where[0][val]=x")).json[
        "total"
    ] == "0"
    assert (await api.get("forms/1/submissions/1")).json["submission"]["id"] == 1
    assert (await api.get("forms?search=has:results")).json["total"] == 1
    for path in ("forms/1/submissions/9", "forms/9/submissions", "forms/1/submissions/contact/9"):
        assert (await api.get(path)).status == 404
    assert (await api.get("forms/1/submissions?orderBy=s.nope")).status == 500


async def test_form_batch_does_not_report_a_bad_field(api: RawClient) -> None:
    got = await api.post("forms/batch/new", [{"name": "F", "fields": [{"type": "text"}]}])
    assert (got.json["statusCodes"], got.json["forms"][0]["fields"]) == ([201], [])


async def test_form_submissions_are_searched_by_time(api: RawClient) -> None:
    await form(api, publishDown="2001-01-01 00:00")
    await form(api, publishUp="2999-01-01 00:00")
    for search, id in (("is:expired", 1), ("is:pending", 2)):
        assert [one["id"] for one in (await api.get("forms", search=search)).json["forms"]] == [id]
    assert (await api.get("forms?search=is:uncategorized")).json["total"] == 2


async def test_form_edit_accepts_the_old_mapping_key_and_changes_actions_by_id(api: RawClient) -> None:
    one = await form(api, fields=[TWO[0] | {"leadField": "email"}])
    assert (one["fields"][0]["mappedObject"], one["fields"][0]["mappedField"]) == ("contact", "email")
    got = (await api.patch("forms/1/edit", {"actions": [{"id": 1, "name": "Other"}]})).json["form"]["actions"]
    assert [(action["id"], action["name"], action["type"]) for action in got] == [(1, "Other", "lead.pointschange")]
    assert (await api.patch("forms/1/edit", {"actions": [{"id": 9, "name": "x"}]})).status == 500
    assert (await api.post("forms/new", {"name": "F", "fields": [{"label": "x"}]})).status == 400
    text = {"label": "<b>Hello</b>", "type": "freetext", "alias": "hello"}
    assert "mauticform-freetext" in (await form(api, fields=[text]))["cachedHtml"]


async def test_form_delete_removes_its_submissions(api: RawClient) -> None:
    await form(api)
    api.fake.store["submissions"].save({"id": None, "form": 1, "lead": 1, "date": 1, "results": {}})
    await api.delete("forms/1/delete")
    assert (await api.get("stats/form_submissions")).json["total"] == "0"
