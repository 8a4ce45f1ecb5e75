"""E-mails, pages and dynamic content: revisions, families, sending, text messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fake.resources.bodies import EN, MAIL, create_prerequisites
from tests.support.raw_client import RawClient


@pytest.fixture
async def server(api: RawClient) -> RawClient:
    await create_prerequisites(api)
    return api


async def email(api: RawClient, **more: Any) -> dict[str, Any]:
    got = await api.post("emails/new", MAIL | more)
    assert got.status == 201, got.body
    shown: dict[str, Any] = got.json["email"]
    return shown


async def segment_email(api: RawClient, **more: Any) -> dict[str, Any]:
    for contact in (1, await api.contact(email="grace@example.com"), await api.contact(firstname="Nomail")):
        await api.json("POST", f"segments/1/contact/{contact}/add")
    return await email(api, emailType="list", lists=[1], **more)


async def test_email_save_increments_revision_and_create_sets_date_modified(server: RawClient) -> None:
    one = await email(server)
    assert (one["revision"], one["dateModified"] is not None, one["modifiedByUser"]) == (1, True, None)
    for revision in (2, 3):
        assert (await server.patch("emails/1/edit", {"subject": "x"})).json["email"]["revision"] == revision


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([], "Either no list was selected or you do not have access to one of the lists that was selected."),
        ([{"id": 1}], "This value is not valid."),
        ([99], "This value is not valid."),
    ],
)
async def test_email_create_of_segment_type_requires_segment_ids(server: RawClient, lists: Any, message: str) -> None:
    got = await server.post("emails/new", MAIL | {"emailType": "list", "lists": lists})
    assert (got.status, got.error["details"]) == (400, {"lists": [message]})


async def test_email_create_refuses_an_unpublished_segment(server: RawClient) -> None:
    await server.patch("segments/1/edit", {"isPublished": False})
    assert (await server.post("emails/new", MAIL | {"emailType": "list", "lists": [1]})).status == 400


async def test_email_lists_are_sent_as_ids_and_returned_as_objects(server: RawClient) -> None:
    one = await email(server, emailType="list", lists=[1])
    assert (one["lists"][0]["id"], one["lists"][0]["name"]) == (1, "S")
    assert (await server.put("emails/1/edit", one)).status == 400
    assert (await server.put("emails/1/edit", one | {"lists": [1]})).json["email"]["lists"][0]["id"] == 1


@pytest.mark.parametrize("field", ["fromAddress", "replyToAddress", "bccAddress"])
async def test_email_addresses_are_validated(server: RawClient, field: str) -> None:
    got = await server.post("emails/new", MAIL | {field: "nope"})
    assert (got.status, got.error["details"]) == (400, {field: ["A valid email is required."]})
    assert (await email(server, **{field: "{contactfield=email}"}))[field] == "{contactfield=email}"


async def test_email_utm_tags_are_always_four_and_patch_changes_the_named_ones(server: RawClient) -> None:
    one = await email(server, utmTags={"utmSource": "a", "utmMedium": "b", "other": 1})
    assert one["utmTags"] == {"utmSource": "a", "utmMedium": "b", "utmCampaign": None, "utmContent": None}
    got = (await server.patch("emails/1/edit", {"utmTags": {"utmMedium": "c"}})).json["email"]["utmTags"]
    assert (got["utmSource"], got["utmMedium"]) == ("a", "c")
    got = (await server.put("emails/1/edit", MAIL | EN | {"utmTags": {"utmMedium": "d"}})).json["email"]["utmTags"]
    assert (got["utmSource"], got["utmMedium"]) == (None, "d")


async def test_email_dynamic_content_and_headers_keep_their_shape(server: RawClient) -> None:
    slots = [
        {
            "tokenName": "T",
            "content": "c",
            "filters": [{"content": "v", "filters": [{"field": "city", "operator": "="}]}],
        }
    ]
    one = await email(server, dynamicContent=slots, headers={"list": [{"label": "X-A", "value": "b"}]})
    assert one["dynamicContent"][0]["filters"][0]["filters"][0]["glue"] is None
    assert one["headers"] == {"X-A": "b"}
    assert (await server.patch("emails/1/edit", {"dynamicContent": []})).json["email"]["dynamicContent"][0][
        "tokenName"
    ] == "Dynamic Content 1"


async def test_email_variants_are_hidden_in_lists_and_shown_with_their_parent(server: RawClient) -> None:
    await email(server)
    child = await email(server, variantParent=1)
    other = await email(server, translationParent=1, language="de")
    assert (child["variantParent"]["id"], other["translationParent"]["id"]) == (1, 1)
    parent = (await server.get("emails/1")).json["email"]
    assert [one["id"] for one in parent["variantChildren"]] == [2]
    assert ("variantParent" in parent["variantChildren"][0], "dateAdded" in parent["variantChildren"][0]) == (
        False,
        False,
    )
    assert list((await server.get("emails")).json["emails"]) == ["1", "3"]
    assert (await server.get("emails?where[0][col]=id&where[0][expr]=gt&where[0][val]=0")).json["total"] == 3
    assert (await server.get("emails?search=lang:de")).json["total"] == 1


async def test_email_delete_removes_its_translations(server: RawClient) -> None:
    await email(server)
    await email(server)
    gone = (await server.delete("emails/1/delete")).json["email"]
    assert ([one["id"] for one in gone["translationChildren"]], gone["variantChildren"]) == ([2], [])


async def test_email_send_serves_each_segment_member_once(server: RawClient) -> None:
    await segment_email(server)
    done = {"success": 1, "sentCount": 2, "failedRecipients": 0}
    assert (await server.post("emails/1/send")).json == done
    assert (await server.post("emails/1/send")).json == done | {"sentCount": 0}
    assert (await server.get("emails/1")).json["email"]["sentCount"] == 2
    rows = (await server.get("stats/email_stats")).json
    assert (rows["total"], rows["stats"][0]["email_address"], rows["stats"][0]["is_read"]) == (
        "2",
        "ada@example.com",
        "0",
    )


async def test_email_send_skips_unsubscribed_segment_members(server: RawClient) -> None:
    await segment_email(server)
    await server.post("contacts/1/dnc/email/add", {})
    assert (await server.post("emails/1/send", {"limit": 5})).json["sentCount"] == 1


async def test_email_send_refuses_unsendable_emails(server: RawClient) -> None:
    await email(server)
    assert (await server.post("emails/1/send")).json["sentCount"] == 0  # a template has no segments
    assert (await server.post("emails/1/send", {"lists": [1]})).status == 500
    await server.patch("emails/1/edit", {"isPublished": False})
    assert (await server.post("emails/1/send")).status == 404
    assert (await server.post("emails/9/send")).status == 404


async def test_email_send_to_contact_ignores_do_not_contact_and_fails_with_200(server: RawClient) -> None:
    await email(server)
    nobody = await server.contact(firstname="Nomail")
    await server.post("contacts/1/dnc/email/add", {})
    assert (await server.post("emails/1/contact/1/send", {"tokens": {"x": "y"}})).json == {"success": True}
    failed = await server.post(f"emails/1/contact/{nobody}/send")
    assert (failed.status, failed.json["success"]) == (200, False)
    assert (await server.post("emails/1/contact/99/send")).error["message"] == "Contact not found."
    assert (await server.post("emails/99/contact/1/send")).error["message"] == "Item was not found."


async def test_email_reply_is_found_by_its_tracking_hash(server: RawClient) -> None:
    await email(server)
    await server.post("emails/1/contact/1/send")
    hash = (await server.get("stats/email_stats")).json["stats"][0]["tracking_hash"]
    got = await server.post(f"emails/reply/{hash}")
    assert (got.status, got.json) == (201, {"success": True})
    assert (await server.get("stats/email_stat_replies")).json["total"] == "1"
    wrong = await server.post("emails/reply/nosuch")
    assert (wrong.status, wrong.error["message"]) == (404, "Email Stat with tracking hash nosuch was not found")


async def test_page_aliases_are_numbered_and_a_redirect_gets_a_protocol(server: RawClient) -> None:
    for alias in ("about-us", "about-us1", "about-us2"):
        assert (await server.post("pages/new", {"title": "About us"})).json["page"]["alias"] == alias
    page = (await server.post("pages/new", {"title": "P", "redirectType": "301", "redirectUrl": "no url"})).json["page"]
    assert (page["redirectType"], page["redirectUrl"]) == ("301", "http://nourl")
    await server.post("pages/new", {"title": "T", "translationParent": 1, "language": "de"})
    assert (await server.get("pages")).json["total"] == 4
    assert (await server.get("pages?search=is:prefcenter")).json["total"] == 0


async def test_dynamic_content_outside_campaigns_requires_slot_and_filters(server: RawClient) -> None:
    got = await server.post("dynamiccontents/new", {"name": "D", "isCampaignBased": False})
    assert set(got.error["details"]) == {"slotName", "filters"}
    body = {
        "name": "D",
        "isCampaignBased": False,
        "slotName": "s",
        "filters": [{"field": "city"}],
        "content": "<b>x</b>",
    }
    one = (await server.post("dynamiccontents/new", body)).json["dynamicContent"]
    assert (one["slotName"], one["content"]) == ("s", "x")
    based = (await server.patch("dynamiccontents/1/edit", {"isCampaignBased": True})).json["dynamicContent"]
    assert based["slotName"] == ""


async def test_sms_send_by_get_answers_json_inside_a_text(server: RawClient) -> None:
    await server.post("smses/new", {"name": "S", "message": "m"})
    got = await server.get("smses/1/contact/1/send")
    assert (got.status, "Mautic-Version" in got.headers) == (200, False)
    assert json.loads(got.json) == {"error": {"message": "SMS transport is disabled.", "code": 417}}
    assert (await server.get("smses/1/contact/9/send")).status == 403
    assert (await server.get("smses/9/contact/1/send")).status == 404
    assert (await server.post("smses/new", {"name": "S", "smsType": "list"})).status == 400


async def test_tweet_has_280_characters_and_is_always_published(server: RawClient) -> None:
    assert (await server.post("tweets/new", {"name": "T", "text": "x" * 281})).status == 400
    one = (await server.post("tweets/new", {"name": "T", "text": "x" * 280, "isPublished": False})).json["tweet"]
    assert (one["isPublished"], one["language"]) == (True, "en")
