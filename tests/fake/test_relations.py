"""What hangs on a contact: do not contact, UTM tags, points, memberships, timeline, types of fields."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.raw_client import RawClient


async def test_do_not_contact_is_added_once_changed_and_removed(api: RawClient) -> None:
    id = await api.contact(email="d@example.com")
    got = await api.post(f"contacts/{id}/dnc/email/add", {"reason": 3, "comments": "asked", "channelId": 7})
    entry = got.json["contact"]["doNotContact"][0]
    assert (entry["reason"], entry["comments"], entry["channel"], entry["channelId"]) == (3, "asked", "email", 7)
    assert "all" not in got.json["contact"]["fields"]
    assert got.json["contact"]["email"] == "d@example.com"
    await api.post(f"contacts/{id}/dnc/pigeon/add")
    shown = (await api.get(f"contacts/{id}")).json["contact"]["doNotContact"]
    assert [one["channel"] for one in shown] == ["email", "pigeon"]
    assert [(await api.post(f"contacts/{id}/dnc/email/remove")).json["recordFound"] for _ in range(2)] == [True, False]
    for bad in (0, "x"):
        assert (await api.post(f"contacts/{id}/dnc/email/add", {"reason": bad})).status == 400
    assert (await api.post("contacts/99999/dnc/email/add")).status == 404


async def test_do_not_contact_in_a_body_adds_and_reason_0_removes(api: RawClient) -> None:
    id = await api.contact(email="d@example.com", doNotContact=[{"channel": "email", "reason": 1}])
    await api.patch(f"contacts/{id}/edit", {"doNotContact": []})
    assert len((await api.get(f"contacts/{id}")).json["contact"]["doNotContact"]) == 1
    await api.patch(f"contacts/{id}/edit", {"doNotContact": [{"channel": "email", "reason": 2, "comments": "b"}]})
    assert (await api.get(f"contacts/{id}")).json["contact"]["doNotContact"][0]["reason"] == 2
    await api.patch(f"contacts/{id}/edit", {"doNotContact": [{"channel": "email", "reason": 0}]})
    assert (await api.get(f"contacts/{id}")).json["contact"]["doNotContact"] == []


async def test_utm_tags_are_added_and_removed(api: RawClient) -> None:
    id = await api.contact(email="u@example.com")
    sent = {"utm_campaign": "spring", "query": "a=1", "user_agent": "UA", "lastActive": "2026-05-06 07:08:09"}
    got = (await api.post(f"contacts/{id}/utm/add", sent)).json["contact"]
    assert got["utmtags"][0]["query"] == {"a": "1"}
    assert got["lastActive"] == "2026-05-06T07:08:09+00:00"
    assert (await api.field_values(id))["last_active"] == "2026-05-06 07:08:09"
    removed = await api.post(f"contacts/{id}/utm/{got['utmtags'][0]['id']}/remove")
    assert removed.json["recordFound"] is True
    gone = await api.post(f"contacts/{id}/utm/99/remove")
    assert (gone.status, gone.error["message"]) == (400, "This is a bad request.")
    assert (await api.post(f"contacts/{id}/utm/add", {"lastActive": "garbage"})).status == 500


@pytest.mark.parametrize(
    ("calls", "points"),
    [
        (["plus/10", "minus/3"], 17),
        (["times/3"], 30),
        (["divide/4"], 3),
        (["plus/0", "divide/0"], 10),
        (["minus/12"], -2),
        (["plus/1.5"], 11),
    ],
)
async def test_points_change_by_operators(api: RawClient, calls: list[str], points: int) -> None:
    id = await api.contact(email="p@example.com", points=10)
    for call in calls:
        assert (await api.post(f"contacts/{id}/points/{call}")).json == {"success": 1}
    assert (await api.field_values(id))["points"] == points


async def test_points_refuse_other_operators_texts_and_missing_contacts(api: RawClient) -> None:
    id = await api.contact(email="p@example.com")
    assert (await api.post(f"contacts/{id}/points/set/3")).error["message"] == "Invalid operator"
    assert (await api.post(f"contacts/{id}/points/plus/abc")).status == 500
    assert (await api.post("contacts/99999/points/plus/3")).error["message"] == "Contact not found."


async def test_point_group_scores_change_by_operators(api: RawClient) -> None:
    id = await api.contact(email="g@example.com")
    group = (await api.post("points/groups/new", {"name": "PG"})).json["pointGroup"]["id"]
    base = f"contacts/{id}/points/groups"
    assert (await api.get(f"{base}/{group}")).json == []
    assert (await api.post(f"{base}/{group}/plus/7")).json["groupScore"]["score"] == 7
    assert (await api.post(f"{base}/{group}/set/-2")).json["groupScore"]["score"] == -2
    assert (await api.get(base)).json == {
        "total": 1,
        "groupScores": [{"score": -2, "group": {"id": group, "name": "PG"}}],
    }
    assert (await api.get(f"{base}/{group}")).json["groupScore"]["score"] == -2
    assert (await api.post(f"{base}/{group}/power/2")).status == 400
    assert (await api.post(f"{base}/{group}/plus/x")).status == 500
    assert (await api.get(f"{base}/99999")).error["message"] == "The specified point group was not found."


async def test_contact_companies_are_listed_with_their_link(api: RawClient) -> None:
    id = await api.contact(email="c@example.com", company="Newco")
    acme = (await api.post("companies/new", {"companyname": "Acme"})).json["company"]["id"]
    assert (await api.post(f"companies/{acme}/contact/{id}/add")).json == {"success": 1}
    assert (await api.post(f"companies/{acme}/contact/{id}/add")).json == {"success": 1}
    rows = (await api.get(f"contacts/{id}/companies")).json
    assert (rows["total"], [(row["companyname"], row["is_primary"]) for row in rows["companies"]]) == (
        2,
        [("Acme", "1"), ("Newco", "0")],
    )
    assert (await api.field_values(id))["company"] == "Acme"
    await api.patch(f"companies/{acme}/edit", {"companyname": "Acme 2"})
    assert (await api.field_values(id))["company"] == "Acme 2"
    await api.post(f"companies/{acme}/contact/{id}/remove")
    assert (await api.field_values(id))["company"] == "Newco"
    await api.patch(f"contacts/{id}/edit", {"companies": [acme, 999]})
    assert (await api.get(f"contacts/{id}/companies")).json["total"] == 1
    await api.delete(f"companies/{acme}/delete")
    assert (await api.field_values(id))["company"] is None
    assert (await api.post(f"companies/{acme}/contact/{id}/add")).status == 404
    assert (await api.post("companies/1/contact/99999/add")).error["message"] == "Contact not found."


async def test_contact_segments_are_listed(api: RawClient) -> None:
    id = await api.contact(email="s@example.com")
    segment = (await api.post("segments/new", {"name": "Members"})).json["list"]["id"]
    for _ in range(2):
        assert (await api.post(f"segments/{segment}/contact/{id}/add")).json == {"success": 1}
    listed = (await api.get(f"contacts/{id}/segments")).json
    assert listed["lists"][str(segment)]["manuallyAdded"] is True
    assert (await api.get("contacts", search="segment:members")).json["total"] == "1"
    many = (await api.post(f"segments/{segment}/contacts/add", {"ids": [id, 99999]})).json
    assert many["details"] == {str(id): {"success": True}, "99999": {"success": False}}
    assert (await api.post(f"segments/{segment}/contacts/add", {"ids": []})).json["details"] == []
    assert (await api.post(f"segments/{segment}/contacts/add", {})).status == 400
    await api.post(f"segments/{segment}/contact/{id}/remove")
    assert (await api.get(f"contacts/{id}/segments")).json == {"total": 0, "lists": []}
    assert (await api.post(f"segments/{segment}/contact/99999/add")).error["message"] == "Contact not found."
    await api.patch(f"segments/{segment}/edit", {"isPublished": False})
    assert (await api.post(f"segments/{segment}/contact/{id}/add")).status == 403
    assert (await api.delete(f"segments/{segment}/delete")).status == 200


async def test_segment_used_by_another_cannot_be_unpublished(api: RawClient) -> None:
    first = (await api.post("segments/new", {"name": "A"})).json["list"]
    built: dict[str, Any] = {"glue": "and", "object": "lead", "field": "leadlist", "type": "leadlist", "operator": "in"}
    await api.post("segments/new", {"name": "B", "filters": [built | {"filter": [first["id"]]}]})
    got = await api.patch(f"segments/{first['id']}/edit", {"isPublished": False})
    assert (got.status, list(got.error["details"])) == (422, ["leadlist"])
    assert (await api.post("segments/new", {"name": "A"})).json["list"]["alias"] == "a1"


async def test_contact_stages_are_added_and_removed(api: RawClient) -> None:
    id = await api.contact(email="s@example.com")
    stage = (await api.post("stages/new", {"name": "S", "weight": 2})).json["stage"]["id"]
    await api.post(f"stages/{stage}/contact/{id}/add")
    assert (await api.get(f"contacts/{id}")).json["contact"]["stage"]["weight"] == 2
    for _ in range(2):
        assert (await api.post(f"stages/{stage}/contact/{id}/remove")).json == {"success": 1}
    assert (await api.patch(f"contacts/{id}/edit", {"stage": stage})).json["contact"]["stage"]["id"] == stage
    assert (await api.patch(f"contacts/{id}/edit", {"stage": None})).json["contact"]["stage"] is None
    assert (await api.patch(f"contacts/{id}/edit", {"stage": 99})).status == 400
    assert (await api.post("stages/99999/contact/1/add")).status == 404


async def test_contact_notes_and_devices_have_no_envelope(api: RawClient) -> None:
    id = await api.contact(email="n@example.com")
    await api.post("notes/new", {"lead": id, "text": "one", "type": "general"})
    await api.post("notes/new", {"lead": id, "text": "two", "type": "general"})
    found = (await api.get(f"contacts/{id}/notes")).json
    assert (found["total"], [note["lead"] for note in found["notes"]]) == (2, [{}, {}])
    ordered = (await api.get(f"contacts/{id}/notes", orderBy="n.id", limit=1)).json["notes"]
    assert [note["text"] for note in ordered] == ["one"]
    assert (await api.get(f"contacts/{id}/notes", orderBy="id")).status == 500
    await api.post("devices/new", {"lead": id, "device": "desktop"})
    assert (await api.get(f"contacts/{id}/devices")).json["devices"][0]["device"] == "desktop"
    await api.delete(f"contacts/{id}/delete")
    assert (await api.get("notes")).json["total"] == 0


async def test_contact_activity_has_pages_filters_and_an_order(api: RawClient) -> None:
    items = {"data": [{"alias": "products", "data": [{"name": "Boots"}]}]}
    for name in "abc":
        await api.contact(email=f"{name}@example.com", customObjects=items)
    one = (await api.get("contacts/1/activity")).json
    assert sorted(event["event"] for event in one["events"]) == ["customitem.linked", "lead.source.identified"]
    assert (one["total"], one["maxPages"], one["order"]) == (2, 1.0, ["timestamp", "DESC"])
    linked = (await api.get("contacts/1/activity?filters[includeEvents][]=customitem.linked&order[1]=ASC")).json
    assert [event["event"] for event in linked["events"]] == ["customitem.linked"]
    every = (await api.get("contacts/activity", limit=2)).json
    assert len(every["events"]) == 4
    assert every["total"] == 6
    assert len((await api.get("contacts/activity", limit=0)).json["events"]) == 6
    assert (await api.get("contacts/99999/activity")).status == 404


async def test_contact_choice_lists_are_returned(api: RawClient) -> None:
    assert [one["firstName"] for one in (await api.get("contacts/list/owners")).json] == ["Admin", "Lim"]
    assert (await api.get("contacts/list/owners", filter="lim")).json == [
        {"id": 2, "firstName": "Lim", "lastName": "Ited"}
    ]
    fields = (await api.get("contacts/list/fields")).json
    assert (len(fields), fields["37"]["object"]) == (43, "company")
    await api.post("segments/new", {"name": "Members"})
    assert (await api.get("contacts/list/segments")).json == {"1": {"id": 1, "name": "Members", "alias": "members"}}


@pytest.mark.parametrize(
    ("type", "properties", "sent", "stored"),
    [
        ("text", {}, "<b>x</b> &amp; y", "x & y"),
        ("textarea", {}, "l1\nl2", "l1\nl2"),
        ("html", {}, "<b>x</b>", "<b>x</b>"),
        ("url", {}, "example.org/x", "http://example.org/x"),
        ("number", {"scale": 2}, "1.256", 1.26),
        ("number", {}, 12.5, 12),
        ("boolean", {"yes": "Y", "no": "N"}, "yes", 1),
        ("select", {"list": [{"label": "A", "value": "a"}]}, "a", "a"),
        ("time", {}, "7:08", "07:08:00"),
        ("country", {}, "Germany", "Germany"),
        ("timezone", {}, "Europe/Prague", "Europe/Prague"),
        ("locale", {}, "en_US", "en_US"),
        ("date", {}, "06.05.2026", "2026-05-06"),
    ],
)
async def test_field_of_each_type_stores_valid_values(
    api: RawClient, type: str, properties: dict[str, Any], sent: Any, stored: Any
) -> None:
    api.fake.add_field("F", "f", type, properties=properties)
    id = await api.contact(email="f@example.com", f=sent)
    assert (await api.field_values(id))["f"] == stored


@pytest.mark.parametrize(
    ("type", "sent"),
    [
        ("text", ["list"]),
        ("html", {"a": 1}),
        ("text", "x" * 192),
        ("select", "nothing"),
        ("country", "Nowhereland"),
        ("timezone", "Mars/Base"),
        ("locale", "de_XX"),
        ("number", "many"),
        ("email", "bad"),
    ],
)
async def test_field_of_each_type_refuses_invalid_values(api: RawClient, type: str, sent: Any) -> None:
    api.fake.add_field("F", "f", type)
    got = await api.post("contacts/new", {"email": "f@example.com", "f": sent})
    assert (got.status, list(got.error["details"])) == (400, ["f"])


async def test_field_default_fills_unsent_values_of_a_create(api: RawClient) -> None:
    api.fake.add_field("F", "f", "text", defaultValue="given")
    id = await api.contact(email="f@example.com")
    assert (await api.field_values(id))["f"] == "given"
    assert (await api.field_values(await api.contact(email="g@example.com", f="own")))["f"] == "own"


async def test_field_create_reorder_and_delete_change_stored_values(api: RawClient) -> None:
    made = (await api.post("fields/contact/new", {"label": "My Field", "type": "text"})).json["field"]
    assert (made["alias"], made["order"]) == ("my_field", 1)
    assert (await api.post("fields/contact/new", {"label": "My Field"})).json["field"]["alias"] == "my_field1"
    id = await api.contact(email="f@example.com", my_field="x")
    other = (await api.post("fields/contact/new", {"label": "Z", "order": 2})).json["field"]
    assert other["order"] > 1
    assert (await api.post("fields/contact/new", {"label": "Z2", "order": 999})).status == 400
    assert (await api.post("fields/contact/new", {"label": "Sel", "type": "select"})).status == 400
    assert (await api.post("fields/contact/new", {"label": "P", "properties": "text"})).status == 400
    await api.delete(f"fields/contact/{made['id']}/delete")
    assert "my_field" not in (await api.field_values(id))
    assert (await api.delete("fields/contact/6/delete")).status == 500
    assert (await api.get("fields/nosuch")).json == {"total": 0, "fields": []}
    unique = await api.patch(f"fields/contact/{other['id']}/edit", {"isUniqueIdentifer": True, "defaultValue": 5})
    assert unique.json["field"]["isUniqueIdentifier"] is True
    await api.contact(z="same")
    assert await api.contact(z="SAME") == id + 1


async def test_contact_owners_ips_and_pictures_are_returned(api: RawClient) -> None:
    id = await api.contact(email="o@example.com", owner=1, ipAddress="192.0.2.7", preferred_profile_image="gravatar")
    got = (await api.patch(f"contacts/{id}/edit", {"ipAddress": "192.0.2.7", "owner": "1"})).json["contact"]
    assert [one["ipAddress"] for one in got["ipAddresses"]] == ["192.0.2.7"]
    assert got["owner"]["username"] == "admin"
    assert got["preferredProfileImage"] == "gravatar"
    assert (await api.get("contacts", search="ip:192.0.2.7")).json["total"] == "1"
    assert (await api.get("contacts", search="owner:admin")).json["total"] == "1"
    assert (await api.post("contacts/new", {"email": "o@example.com", "owner": 0})).status == 400
    assert (await api.post("contacts/new", {"email": "o@example.com", "tags": [{"tag": "x"}]})).status == 500
    assert (await api.post("contacts/new", {"email": "o@example.com", "frequencyRules": {"email": {}}})).status == 500


async def test_company_refuses_bad_values_and_keeps_scores(api: RawClient) -> None:
    got = await api.post("companies/new", {"companyname": "A", "companyemail": "bad", "owner": 99})
    assert (got.status, sorted(got.error["details"])) == (400, ["companyemail", "owner"])
    made = await api.post("companies/new", {"companyname": "A", "score": 5, "owner": 1})
    assert made.json["company"]["score"] == 5
    assert (await api.get("companies?where[0][col]=score&where[0][expr]=eq&where[0][val]=5")).json["total"] == "1"
    assert (await api.get("companies", orderBy="dateAdded")).status == 200
    assert (await api.get("companies", orderBy="date_modified,companyname")).status == 200
