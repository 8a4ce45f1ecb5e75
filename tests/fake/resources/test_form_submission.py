"""``POST /form/submit``: the submission, its contact, and where the browser is sent."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from tests.support.raw_client import RawClient, RawResponse

FIELDS = [
    {"label": "Email", "type": "email", "alias": "email", "isRequired": True}
    | {"mappedObject": "contact", "mappedField": "email"},
    {"label": "First", "type": "text", "alias": "first", "mappedObject": "contact", "mappedField": "firstname"},
    {"label": "Company", "type": "text", "alias": "co", "mappedObject": "contact", "mappedField": "company"},
    {"label": "Number", "type": "number", "alias": "num"},
    {"label": "Secret", "type": "text", "alias": "secret", "saveResult": False},
]


async def make_form(api: RawClient, **more: Any) -> int:
    got = await api.post("forms/new", {"name": "Sign up", "fields": FIELDS} | more)
    assert got.status == 201, got.body
    id: int = got.json["form"]["id"]
    return id


async def submit(api: RawClient, form: int, query: str = "", cookie: str = "", **values: str) -> RawResponse:
    browser = RawClient(api.fake, {"cookie": cookie} if cookie else {})
    fields = {f"mauticform[{name}]": value for name, value in ({"formId": str(form)} | values).items()}
    return await browser.form("form/submit" + query, **fields)


def cookies(api: RawClient, contact: int) -> str:
    (device,) = api.fake.store["devices"].where(lead=contact)
    return f"mautic_device_id={device['trackingId']}"


async def submissions(api: RawClient, form: int) -> list[tuple[int, dict[str, str]]]:
    rows = (await api.get(f"forms/{form}/submissions")).json["submissions"]
    return [(row["lead"]["id"], row["results"]) for row in rows or []]


async def test_submission_stores_the_results_and_creates_the_contact_with_its_company(api: RawClient) -> None:
    form = await make_form(api)
    got = await submit(
        api, form, email="ada@x.test", first="Ada & <b>x</b>", co="Engines", num="3.7", secret="s", z="1"
    )
    assert (got.status, got.headers["Location"]) == (302, "/form/message")
    results = {"email": "ada@x.test", "first": "Ada &#38; &#60;b&#62;x&#60;/b&#62;", "co": "Engines", "num": "3.7"}
    assert await submissions(api, form) == [(1, results)]
    (contact,) = api.fake.contacts
    fields = contact["fields"]
    assert (fields["email"], fields["firstname"], fields["company"]) == ("ada@x.test", "Ada & x", "Engines")
    shown = (await api.get("contacts/1")).json["contact"]
    assert (shown["createdBy"], shown["dateIdentified"] is not None) == (None, True)
    events = (await api.get("contacts/1/activity")).json["events"]
    assert [one["event"] for one in events] == ["lead.source.identified", "form.submitted"]


async def test_submission_of_a_known_address_from_a_new_browser_gives_the_contact_a_new_id(api: RawClient) -> None:
    form = await make_form(api)
    await api.contact(email="ada@x.test", firstname="Ada", city="Rome", points=5, tags=["old"])
    await submit(api, form, email="ADA@x.test", first="Eve")
    (contact,) = api.fake.contacts
    assert (contact["id"], contact["points"], contact["tags"]) == (2, 5, ["old"])
    assert (contact["fields"]["firstname"], contact["fields"]["city"]) == ("Eve", "Rome")


async def test_submission_from_a_tracked_browser_updates_its_contact(api: RawClient) -> None:
    form = await make_form(api)
    await submit(api, form, email="ada@x.test")
    known = cookies(api, 1)
    await submit(api, form, cookie=known, email="ada@x.test", first="Ada")
    await submit(api, form, cookie=known, email="bob@x.test", first="Bob")
    names = {one["id"]: one["fields"].get("firstname") for one in api.fake.contacts}
    assert names == {1: "Ada", 2: "Bob"}
    assert [contact for contact, _ in await submissions(api, form)] == [1, 1, 2]


async def test_submission_in_kiosk_mode_makes_a_contact_beside_that_of_the_browser(api: RawClient) -> None:
    form = await make_form(api, inKioskMode=True)
    await submit(api, form, email="ada@x.test")
    await submit(api, form, cookie=cookies(api, 1), email="ada@x.test", first="Ada")
    assert [one["fields"] for one in api.fake.contacts] == [{}, {"email": "ada@x.test", "firstname": "Ada"}]


@pytest.mark.parametrize(
    ("settings", "back", "location"),
    [
        ({"postAction": "redirect", "postActionProperty": "https://x.test/?e={contactfield=email}"}, "",
         "https://x.test/?e=ada@x.test"),
        ({}, "https://x.test/p?mauticError=1&x=2", "https://x.test/p?x=2"),
        ({}, "", "/form/message"),
    ],
)  # fmt: skip
async def test_submission_redirects_as_the_form_says(
    api: RawClient, settings: dict[str, Any], back: str, location: str
) -> None:
    form = await make_form(api, **settings)
    got = await submit(api, form, email="ada@x.test", **{"return": back})
    assert (got.status, got.headers["Location"]) == (302, location)


async def test_submission_message_is_shown_to_the_browser_that_submitted(api: RawClient) -> None:
    form = await make_form(api, postAction="message", postActionProperty="Thanks {contactfield=firstname|you}")
    got = await submit(api, form, email="ada@x.test", first="Ada")
    cookie = got.headers["Set-Cookie"].partition(";")[0]
    assert b"Thanks Ada" in (await RawClient(api.fake, {"cookie": cookie}).send("GET", "form/message")).body
    assert b"Thanks" not in (await RawClient(api.fake).send("GET", "form/message")).body


async def test_submission_by_script_is_answered_in_json(api: RawClient) -> None:
    form = await make_form(api, postAction="message", postActionProperty="Thanks {formfield=first}")
    got = await submit(api, form, "?ajax=true", email="ada@x.test", first="Ada", num="abc", formName="f")
    results = {"email": "ada@x.test", "first": "Ada", "co": "", "num": 0}
    assert got.json == {"success": 1, "results": results, "successMessage": "Thanks Ada", "formName": "f"}
    refused = await submit(api, form, "?ajax=true", email="nope")
    assert refused.json == {"success": 0, "validationErrors": {"email": ["The email is invalid."]}}
    framed = await submit(api, form, email="ada@x.test", messenger="1")
    assert json.dumps(json.dumps({"success": 1}))[2:12] in framed.body.decode()


async def test_submission_without_a_required_value_stores_nothing_but_an_anonymous_contact(api: RawClient) -> None:
    form = await make_form(api)
    got = await submit(api, form, first="Ada", **{"return": "https://x.test/"})
    error = "https://x.test/?mauticError=Errors:<br /><ol><li>'Email' is required.</li></ol>#sign_up"
    assert (got.status, unquote(got.headers["Location"])) == (302, error)
    assert (await submissions(api, form), [one["fields"] for one in api.fake.contacts]) == ([], [{}])


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"isPublished": False}, "This form is no longer available."),
        ({"publishUp": "2099-01-02 03:04"}, "This form start accepting submissions on January 2, 2099 3:04 am UTC."),
        (
            {"publishDown": "2020-01-02 03:04"},
            "This form stopped accepting submissions on January 2, 2020 3:04 am UTC.",
        ),
    ],
)
async def test_form_that_is_not_published_takes_no_submission(
    api: RawClient, settings: dict[str, Any], error: str
) -> None:
    form = await make_form(api, **settings)
    got = await submit(api, form, "?ajax=1", email="ada@x.test")
    assert (got.json, api.fake.contacts) == ({"success": 0, "errorMessage": error}, [])


async def test_form_submit_takes_nothing_but_a_post_with_a_form(api: RawClient) -> None:
    assert (await RawClient(api.fake).send("GET", "form/submit")).status == 403
    assert (await submit(api, 99, "?ajax=1")).json["errorMessage"] == "This form is no longer available."
    assert (await RawClient(api.fake).form("form/submit", x="1")).headers["Location"] == "/form/message"
