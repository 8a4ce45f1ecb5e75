"""The steps of saving a row in the simulator, and what stands after a break at each of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mautic_async.testing import FakeMautic
from tests.fake.test_faults import in_time
from tests.support.raw_client import RawClient

ITEMS = {"data": [{"alias": "products", "data": [{"name": "B"}]}]}


def people(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"email": f"p{n}@example.com", "firstname": f"n{n}", "attribution": 5} | more for n in range(count)]


async def companies(api: RawClient, contact: int) -> list[tuple[str, str]]:
    rows = (await api.get(f"contacts/{contact}/companies")).json["companies"]
    return [(row["companyname"], row["is_primary"]) for row in rows]


async def linked(api: RawClient) -> list[int]:
    """Ids of contacts that belong to a company, by the one call that shows the links of many contacts."""
    rows = (await api.get("stats/companies_leads", limit=1000)).json["stats"]
    return sorted(int(row["lead_id"]) for row in rows)


# --- company and link -------------------------------------------------------------------------------------------------


async def test_contact_company_name_links_when_changed_and_not_when_unchanged(api: RawClient) -> None:
    id = await api.contact(email="a@example.com", company="Acme")
    assert await companies(api, id) == [("Acme", "1")]
    company = (await api.get("companies")).json["companies"]["1"]["id"]
    api.fake.store["company_contacts"].remove(1)
    for send in (
        api.post("contacts/new", {"email": "a@example.com", "company": "Acme"}),
        api.patch(f"contacts/{id}/edit", {"company": "Acme"}),
    ):
        assert (await send).status == 200
        assert await companies(api, id) == []
    got = await api.patch(f"contacts/{id}/edit", {"company": "acme"})
    assert got.json["contact"]["fields"]["all"]["company"] == "Acme"
    assert await companies(api, id) == [("Acme", "1")]
    assert (await api.get("companies")).json["total"] == "1"
    assert company == 1


async def test_contact_company_name_makes_an_existing_company_primary(api: RawClient) -> None:
    id = await api.contact(email="a@example.com", company="Acme")
    await api.patch(f"contacts/{id}/edit", {"company": "Beta"})
    assert await companies(api, id) == [("Beta", "1"), ("Acme", "0")]
    await api.patch(f"contacts/{id}/edit", {"company": "Acme"})
    assert await companies(api, id) == [("Acme", "1"), ("Beta", "0")]


async def test_contact_company_name_blank_removes_the_primary_link(api: RawClient) -> None:
    id = await api.contact(email="a@example.com", company="Acme")
    await api.patch(f"contacts/{id}/edit", {"company": None})
    assert await companies(api, id) == [("Acme", "1")]
    await api.patch(f"contacts/{id}/edit", {"company": "", "overwriteWithBlank": True})
    assert await companies(api, id) == []


async def test_contact_company_link_lost_is_restored_by_adding_once_or_twice(api: RawClient) -> None:
    api.fake.fail(500, work="half", at="link")
    assert (await api.post("contacts/new", {"email": "a@example.com", "company": "Acme"})).status == 500
    (contact,) = api.fake.contacts
    assert (contact["fields"]["company"], await companies(api, contact["id"])) == ("Acme", [])
    for _ in range(2):
        assert (await api.post(f"companies/1/contact/{contact['id']}/add")).json == {"success": 1}
        assert await companies(api, contact["id"]) == [("Acme", "1")]
    (contact,) = api.fake.contacts
    assert (contact["fields"]["company"], contact["dateModified"]) == ("Acme", None)


async def test_list_finds_contacts_by_id_and_email_and_companies_by_name(api: RawClient) -> None:
    ids = [await api.contact(email=f"{n}@example.com", company="Acme, Inc") for n in range(3)]
    await api.patch(f"contacts/{ids[1]}/edit", {"city": "Rome"})

    async def look(path: str, column: str, value: str) -> Any:
        where = {"where[0][col]": column, "where[0][expr]": "in", "where[0][val]": value}
        return (await api.get(path, orderBy="id", limit=9, **where)).json[path]

    by_id = await look("contacts", "id", f"{ids[0]},{ids[1]}")
    assert [one["dateModified"] is not None for one in by_id.values()] == [False, True]
    assert list(await look("contacts", "email", "2@EXAMPLE.com,0@example.com")) == [str(ids[0]), str(ids[2])]
    assert list(await look("companies", "companyname", '"acme, inc"')) == ["1"]
    assert (await api.get("contacts", search="company:acme")).json["total"] == "3"
    assert await linked(api) == ids


# --- half a row -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "stored", "attribution", "linked_to", "items"),
    [
        ("start", 2, None, 0, 2),
        ("check", 2, None, 0, 2),
        ("columns", 3, None, 0, 2),
        ("link", 3, 5, 0, 2),
        ("items", 3, 5, 1, 2),
        ("item link", 3, 5, 1, 3),
    ],
)
@pytest.mark.parametrize("what", [500, 502, "reset"])
async def test_worker_that_dies_within_a_row_leaves_its_writes(  # noqa: PLR0917 - its cases
    api: RawClient, what: int | str, at: Any, stored: int, attribution: int | None, linked_to: int, items: int
) -> None:
    api.fake.fail(what, work="half", row=2, at=at)
    rows = people(5, company="Acme", customObjects=ITEMS)
    if what == "reset":
        with pytest.raises(ConnectionResetError):
            await api.post("contacts/batch/new", rows)
    else:
        assert (await api.post("contacts/batch/new", rows)).status == what
    assert len(api.fake.contacts) == stored
    assert await linked(api) == list(range(1, 3 + linked_to))
    assert len(api.fake.custom_items) == items
    assert sum(bool(item["contacts"]) for item in api.fake.custom_items) == 2
    if stored == 3:
        fields = api.fake.contacts[2]["fields"]
        assert (fields["firstname"], fields["company"], fields.get("attribution")) == ("n2", "Acme", attribution)


async def test_break_at_a_step_takes_the_first_row_that_passes_or_the_end(api: RawClient) -> None:
    api.fake.fail(500, work="half", row=0, at="link", times=2)
    rows = people(4)
    rows[2]["company"] = "Acme"
    assert (await api.post("contacts/batch/new", rows)).status == 500
    assert [contact["fields"].get("company") for contact in api.fake.contacts] == [None, None, "Acme"]
    assert (await api.post("contacts/batch/new", people(4))).status == 500
    assert len(api.fake.contacts) == 4


# --- MySQL errors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1062, 1205, 1213, 2006, 2013])
@pytest.mark.parametrize(("at", "stored"), [("check", 2), ("items", 3)])
async def test_plugin_query_that_fails_is_the_error_of_its_row(
    api: RawClient, number: int, at: Any, stored: int
) -> None:
    api.fake.fail(number, row=1, at=at)
    got = await api.post("contacts/batch/new", people(3, customObjects=ITEMS))
    assert (got.status, got.json["statusCodes"]) == (201, [201, number, 201])
    error = got.json["errors"]["1"]
    assert (error["code"], error["details"], error["type"]) == (number, [], None)
    assert str(number) in error["message"]
    assert error["message"].startswith("An exception occurred while executing a query: SQLSTATE[")
    assert sorted(got.json["contacts"]) == ["0", "2"]
    assert len(api.fake.contacts) == stored
    assert len(api.fake.custom_items) == 2


async def test_rows_after_a_lost_database_fail_alike_until_it_is_back(api: RawClient) -> None:
    api.fake.fail(2006, row=1, at="items", rows=3)
    got = await api.post("contacts/batch/new", people(6, customObjects=ITEMS))
    assert got.json["statusCodes"] == [201, 2006, 2006, 2006, 201, 201]
    assert [contact["fields"]["firstname"] for contact in api.fake.contacts] == ["n0", "n1", "n4", "n5"]
    assert len(api.fake.custom_items) == 3


@pytest.mark.parametrize(
    ("number", "at", "attribution"), [(1054, "columns", None), (1205, "link", 5), (2013, "link", 5)]
)
async def test_save_query_that_fails_is_a_bare_500_of_the_request(
    api: RawClient, number: int, at: Any, attribution: int | None
) -> None:
    api.fake.fail(number, row=1, at=at)
    got = await api.post("contacts/batch/new", people(3, company="Acme"))
    assert (got.status, got.error["type"], "details" in got.error) == (500, None, False)
    assert [contact["fields"].get("attribution") for contact in api.fake.contacts] == [5, attribution]
    assert await linked(api) == [1]
    again = await api.post("contacts/batch/new", people(3, company="Acme"))
    assert again.json["statusCodes"] == [200, 200, 201]
    assert await linked(api) == [1, 3], "the text has not changed, so nothing links the second contact"


async def test_failing_query_waits_for_a_write_of_the_api(api: RawClient) -> None:
    fault = api.fake.fail(1205, at="link")
    await api.login()
    await api.get("contacts")
    assert fault.hits == 0
    assert (await api.post("contacts/new", {"email": "a@example.com", "company": "Acme"})).status == 500
    assert fault.hits == 1


async def test_plugin_error_in_a_single_call_is_a_bare_500(api: RawClient) -> None:
    api.fake.fail(1205, at="items")
    got = await api.post("contacts/new", people(1, customObjects=ITEMS)[0])
    assert (got.status, "details" in got.error) == (500, False)
    assert len(api.fake.contacts) == 1


# --- ALTER TABLE ------------------------------------------------------------------------------------------------------


def test_stall_delays_rows_of_contacts_only() -> None:
    async def told(api: RawClient, fake: FakeMautic) -> None:
        loop = asyncio.get_running_loop()
        fake.stall(30)
        assert (await api.post("companies/batch/new", [{"companyname": "Acme"}])).status == 201
        assert (await api.get("contacts")).status == 200
        assert loop.time() < 1
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(api.post("contacts/new", row)) for row in people(3, company="Acme")]
        assert {task.result().status for task in tasks} == {201}
        assert 30 <= loop.time() < 31
        shown = [task.result().json["contact"]["fields"]["all"] for task in tasks]
        assert {(int(one["attribution"]), one["company"]) for one in shown} == {(5, "Acme")}
        assert [contact["fields"]["attribution"] for contact in fake.contacts] == [5, 5, 5]
        assert len(await linked(api)) == 3

    in_time(told)


def test_stall_beyond_the_lock_timeout_leaves_half_a_contact_and_a_bare_500() -> None:
    async def told(api: RawClient, fake: FakeMautic) -> None:
        loop = asyncio.get_running_loop()
        fake.stall(60, what=1054)
        got = await api.post("contacts/batch/new", people(3, company="Acme"))
        assert (got.status, "details" in got.error) == (500, False)
        assert 50 <= loop.time() < 52
        (contact,) = fake.contacts
        assert (contact["fields"]["company"], contact["fields"].get("attribution")) == ("Acme", None)
        assert await linked(api) == []

    in_time(told)


def test_stall_in_the_plugin_fails_row_after_row_for_100_seconds() -> None:
    async def told(api: RawClient, fake: FakeMautic) -> None:
        loop = asyncio.get_running_loop()
        fake.stall(101, at="items")
        got = await api.post("contacts/batch/new", people(4, customObjects=ITEMS))
        assert got.json["statusCodes"] == [1205, 1205, 201, 201]
        assert 100 <= loop.time() < 104
        assert (len(fake.contacts), len(fake.custom_items)) == (4, 2)

    in_time(told)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "settings", "why"),
    [
        (1205, {}, "say by at="),
        (1206, {}, "no HTTP status, nor one of the MySQL errors 1054"),
        (500, {"at": "link"}, "they need work='half'"),
        (500, {"work": "half", "at": "middle"}, "unknown step 'middle'"),
        (500, {"work": "running"}, "unknown work 'running'"),
        (503, {"by": "mautic"}, "the only such answer"),
    ],
)
def test_fault_settings_without_effect_are_refused(what: int, settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        FakeMautic().fail(what, **settings)


def test_stall_by_an_unknown_error_is_refused() -> None:
    with pytest.raises(ValueError, match="no MySQL error 7"):
        FakeMautic().stall(1, what=7)
