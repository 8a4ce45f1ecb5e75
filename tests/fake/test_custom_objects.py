"""The Custom Objects plugin: see the facts about custom items in `docs/invariants.md`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mautic_async.testing import FakeMautic, Latency
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.raw_client import RawClient


def holding(alias: str, *items: Any) -> dict[str, Any]:
    return {"data": [{"alias": alias, "data": list(items)}]}


def shown(contact: Any) -> list[Any]:
    items: list[Any] = contact["customObjects"]["data"][0]["data"]
    return items


async def write(api: RawClient, email: str, alias: str, *items: Any) -> Any:
    return await api.post(
        "contacts/new?includeCustomObjects=1", {"email": email, "customObjects": holding(alias, *items)}
    )


async def test_custom_items_are_returned_only_when_requested(api: RawClient) -> None:
    await write(api, "a@example.com", "products", {"name": "Boots", "attributes": {"sku": "B-1", "in-stock": 3}})
    assert "customObjects" not in (await api.get("contacts/1")).json["contact"]
    assert "customObjects" not in (await api.get("contacts/1", includeCustomObjects="0")).json["contact"]
    item = shown((await api.get("contacts/1", includeCustomObjects="false")).json["contact"])[0]
    assert item["attributes"] == {"website": "", "in-stock": 3, "multi": [], "sku": "B-1", "color": ""}


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"data": [{"alias": "nosuch", "data": [{"name": "B"}]}]}, "Custom Object with alias = nosuch was not found"),
        ({"data": [{"id": 999, "data": [{"name": "B"}]}]}, "Custom Object with ID = 999 was not found"),
        (holding("products", {"name": "B", "attributes": {"nope": 1}}), "Custom field with alias nope was not found."),
        (holding("products", {"id": 99999, "name": "X"}), "Custom Item with ID = 99999 was not found"),
        ({"data": [{"data": [{"name": "B"}]}]}, None),
    ],
)
async def test_custom_items_refused_by_the_dry_run_store_no_contact(
    api: RawClient, payload: Any, message: str | None
) -> None:
    got = await api.post("contacts/new", {"email": "a@example.com", "customObjects": payload})
    assert got.status == 400
    assert message in (None, got.error["message"])
    assert not api.fake.contacts


@pytest.mark.parametrize("item", [{"attributes": {}}, {"name": "n" * 256}, {"name": "0"}])
async def test_custom_item_with_a_bad_name_or_date_is_a_bare_500_and_stores_no_item(api: RawClient, item: Any) -> None:
    got = await write(api, "a@example.com", "products", item)
    assert (got.status, "details" in got.error) == (500, False)
    assert not api.fake.contacts


@pytest.mark.parametrize(
    "attributes",
    [{"a-text": "t", "an-email": "nope"}, {"a-text": "t", "a-phone": "123"}, {}],
)
async def test_custom_item_with_a_bad_value_is_a_500_after_contact_and_item_are_stored(
    api: RawClient, attributes: Any
) -> None:
    first = {"name": "whole", "attributes": {"a-text": "t"}}
    got = await write(
        api, "a@example.com", "samples", first, {"name": "S", "attributes": attributes}, {"name": "never"}
    )
    assert (got.status, "details" in got.error) == (500, False)
    assert len(api.fake.contacts) == 1
    assert [(item["name"], item["contacts"]) for item in api.fake.custom_items] == [("whole", [1]), ("S", [])]


async def test_custom_item_with_a_bad_value_in_a_batch_is_a_row_of_code_0(api: RawClient) -> None:
    rows = [
        {
            "email": f"q{n}@example.com",
            "customObjects": holding("products", {"name": "N", "attributes": {"website": url}}),
        }
        for n, url in enumerate(["https://example.com", "not a url", "https://example.com"])
    ]
    got = (await api.post("contacts/batch/new", rows)).json
    assert got["statusCodes"] == [201, 0, 201]
    assert got["errors"]["1"]["code"] == 0
    assert got["errors"]["1"]["message"].startswith("'not a url' is not a valid URL address.")
    assert len(api.fake.contacts) == 3


async def test_custom_item_select_stores_unknown_options_and_multiselect_refuses_them(api: RawClient) -> None:
    got = await write(api, "a@example.com", "products", {"name": "X", "attributes": {"color": "purple"}})
    assert shown(got.json["contact"])[0]["attributes"]["color"] == "purple"
    got = await write(api, "b@example.com", "products", {"name": "X", "attributes": {"multi": ["green"]}})
    assert got.status == 500


async def test_custom_items_show_only_the_newest_ten(api: RawClient) -> None:
    await write(api, "a@example.com", "products", *({"name": f"P{n}"} for n in range(12)))
    group = (await api.get("contacts/1", includeCustomObjects=1)).json["contact"]["customObjects"]["data"][0]
    assert (len(group["data"]), group["meta"]["page"]["size"]) == (10, 10)
    assert len(api.fake.custom_items) == 12


async def test_custom_item_named_by_id_is_patched_and_linked_to_another_contact(api: RawClient) -> None:
    await write(api, "a@example.com", "products", {"name": "Boots", "attributes": {"sku": "B", "in-stock": 3}})
    got = await write(api, "b@example.com", "products", {"id": 1, "attributes": {"in-stock": 5}})
    assert (
        shown(got.json["contact"])[0]["attributes"] | {"sku": "B", "in-stock": 5}
        == shown(got.json["contact"])[0]["attributes"]
    )
    assert api.fake.custom_items[0]["contacts"] == [1, 2]


async def test_custom_items_empty_group_changes_no_link(api: RawClient) -> None:
    await write(api, "a@example.com", "products", {"name": "Boots"})
    await api.post("contacts/new", {"email": "a@example.com", "customObjects": {"data": []}})
    got = await api.post("contacts/new", {"email": "a@example.com", "customObjects": holding("products")})
    assert got.status == 200
    assert api.fake.custom_items[0]["contacts"] == [1]


async def test_custom_items_are_ignored_without_the_plugin() -> None:
    async with FakeMautic(custom_objects=False) as fake:
        api = await RawClient(fake).login()
        got = await write(api, "a@example.com", "products", {"name": "Boots"})
        assert (got.status, "customObjects" in got.json["contact"]) == (201, False)
        assert not fake.custom_items


async def test_contact_refused_row_keeps_its_replaced_companies(api: RawClient) -> None:
    company = (await api.post("companies/new", {"companyname": "Acme"})).json["company"]["id"]
    id = await api.contact(email="a@example.com")
    bad = {
        "email": "a@example.com",
        "companies": [company],
        "customObjects": {"data": [{"alias": "nosuch", "data": [{}]}]},
    }
    assert (await api.post("contacts/new", bad)).status == 400
    assert (await api.get(f"contacts/{id}/companies")).json["total"] == 1
    assert (await api.post("contacts/new", {"email": "new@example.com", "companies": [company]})).status == 500


# --- unique identifiers ------------------------------------------------------------------------------------------------


def order(number: str, name: str = "O", amount: int = 1) -> dict[str, Any]:
    return {"name": name, "attributes": {"order-number": number, "amount": amount}}


def in_time(told: Any) -> None:
    async def work() -> None:
        clock = virtual_clock(asyncio.get_running_loop())
        async with FakeMautic(clock=clock, latency=Latency(request=0.02, row=0.01)) as fake:
            await told(await RawClient(fake).login())

    run_virtual(work())


def test_custom_item_with_one_unique_value_is_one_row_linked_to_each_contact() -> None:
    async def told(api: RawClient) -> None:
        await write(api, "a@example.com", "orders", order("O-1", "first", 10))
        got = await write(api, "b@example.com", "orders", {"name": "second", "attributes": {"order-number": "O-1"}})
        assert shown(got.json["contact"])[0]["attributes"] == {"order-number": "O-1", "amount": 0}
        assert [(item["name"], item["contacts"]) for item in api.fake.custom_items] == [("second", [1, 2])]

    in_time(told)


def test_custom_item_upsert_repeated_within_a_second_is_404_of_id_0() -> None:
    async def told(api: RawClient) -> None:
        assert (await write(api, "a@example.com", "orders", order("Q-1"))).status == 201
        got = await write(api, "b@example.com", "orders", order("Q-1", amount=2))
        assert (got.status, got.error["message"]) == (404, "Custom Item with ID = 0 was not found")
        assert len(api.fake.contacts) == 2
        assert api.fake.custom_items[0]["contacts"] == [1]
        assert api.fake.custom_items[0]["attributes"]["amount"] == 1
        await asyncio.sleep(1.3)
        assert (await write(api, "b@example.com", "orders", order("Q-1", amount=2))).status == 200
        assert api.fake.custom_items[0]["contacts"] == [1, 2]
        assert api.fake.custom_items[0]["attributes"]["amount"] == 2

    in_time(told)


def test_custom_item_upsert_eight_times_at_once_is_one_201_and_seven_404() -> None:
    async def told(api: RawClient) -> None:
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(write(api, f"{n}@example.com", "orders", order("Q-9"))) for n in range(8)]
        assert sorted(one.result().status for one in work) == [201] + [404] * 7

    in_time(told)


async def test_custom_item_unique_value_is_case_sensitive_and_not_changed_by_id(api: RawClient) -> None:
    await write(api, "a@example.com", "orders", order("abc"), order("ABC", "other"))
    assert len(api.fake.custom_items) == 2
    got = await write(api, "a@example.com", "orders", {"id": 2, "attributes": {"order-number": "abc"}})
    assert got.status == 500


async def test_custom_item_without_its_unique_value_leaves_one_shared_orphan(api: RawClient) -> None:
    for n in range(3):
        got = await write(api, f"{n}@example.com", "orders", {"name": f"O{n}", "attributes": {"amount": 1}})
        assert got.status == 500
    assert len(api.fake.contacts) == 3
    assert [item["contacts"] for item in api.fake.custom_items] == [[]]


# --- API v2 ------------------------------------------------------------------------------------------------------------


async def test_api_v2_is_404_unless_switched_on(api: RawClient) -> None:
    assert (await api.get("v2/custom_objects")).status == 404


async def test_api_v2_reads_and_writes_objects_fields_and_items() -> None:
    async with FakeMautic(v2=True) as fake:
        api = await RawClient(fake).login()
        listed = (await api.get("v2/custom_objects")).json
        assert [one["alias"] for one in listed["hydra:member"]] == ["products", "orders", "samples"]
        made = await api.post("v2/custom_items", {"name": "Hi", "customObject": "/api/v2/custom_objects/1"})
        assert made.status == 201
        assert made.headers["Content-Type"].startswith("application/ld+json")
        sku = next(one for one in (await api.get("v2/custom_fields", alias="sku")).json["hydra:member"])
        patched = await api.patch(
            made.json["@id"].removeprefix("/api/"), {"fieldValues": [{"id": sku["@id"], "value": "S"}]}
        )
        assert {"id": sku["@id"], "value": "S"} in patched.json["fieldValues"]
        assert (await api.delete("v2/custom_items/1")).status == 204
        got = await api.get("v2/custom_items/1")
        assert (got.status, got.json["@type"]) == (404, "hydra:Error")


async def test_api_v2_creates_an_object_with_fields_and_pages_its_items() -> None:
    async with FakeMautic(v2=True) as fake:
        api = await RawClient(fake).login()
        made = await api.post("v2/custom_objects", {"nameSingular": "Car", "namePlural": "Cars"})
        assert (made.status, made.json["alias"]) == (201, "cars")
        car = made.json["@id"]
        plate = {"label": "Plate", "type": "text", "customObject": car, "required": True, "isUniqueIdentifier": True}
        assert (await api.post("v2/custom_fields", plate)).json["alias"] == "plate"
        again = await api.post("v2/custom_fields", plate | {"options": [{"label": "A", "value": "a"}]})
        assert (again.json["alias"], again.json["options"][0]["value"]) == ("plate1", "a")
        assert (await api.delete(f"v2/custom_fields/{again.json['id']}")).status == 204
        field = f"/api/v2/custom_fields/{again.json['id'] - 1}"
        for number in range(35):
            value = {"id": field, "value": f"P-{number}"}
            got = await api.post("v2/custom_items", {"name": "C", "customObject": car, "fieldValues": [value]})
            assert got.status == 201
        first = (await api.get("v2/custom_items")).json
        assert (first["hydra:totalItems"], len(first["hydra:member"])) == (35, 30)
        assert first["hydra:view"]["hydra:next"] == "/api/v2/custom_items?page=2"
        second = (await api.get("v2/custom_items", page=2)).json
        assert (len(second["hydra:member"]), "hydra:previous" in second["hydra:view"]) == (5, True)
        same = {"name": "again", "customObject": car, "fieldValues": [{"id": field, "value": "P-1"}]}
        assert (await api.post("v2/custom_items", same)).json["id"] == 2
        assert (await api.put("v2/custom_items/2", {"name": "empty"})).status == 422
        renamed = await api.patch(made.json["@id"].removeprefix("/api/"), {"description": "Four wheels"})
        assert renamed.json["description"] == "Four wheels"
        assert (await api.put(made.json["@id"].removeprefix("/api/"), {})).status == 404
        assert (await api.delete(made.json["@id"].removeprefix("/api/"))).status == 204
        assert not fake.custom_items


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("custom_objects", {}, 422),
        ("custom_objects", {"nameSingular": "P", "namePlural": "Products", "alias": "products"}, 422),
        ("custom_objects", [1], 400),
        ("custom_fields", {"label": "L", "type": "text"}, 400),
        ("custom_fields", {"label": "L", "type": "nonsense", "customObject": "/api/v2/custom_objects/1"}, 422),
        ("custom_fields", {"type": "text", "customObject": "/api/v2/custom_objects/1"}, 422),
        ("custom_items", {"name": "N", "customObject": "/api/v2/custom_objects/99"}, 400),
        ("custom_items", {"customObject": "/api/v2/custom_objects/1"}, 422),
        (
            "custom_items",
            {
                "name": "N",
                "customObject": "/api/v2/custom_objects/1",
                "fieldValues": [{"id": "/api/v2/custom_fields/1", "value": "no url"}],
            },
            422,
        ),
    ],
)
async def test_api_v2_refuses_in_hydra_words(path: str, body: Any, status: int) -> None:
    async with FakeMautic(v2=True) as fake:
        api = await RawClient(fake).login()
        got = await api.post(f"v2/{path}", body)
        assert (got.status, got.json["@type"], got.headers["Content-Type"][:19]) == (
            status,
            "hydra:Error",
            "application/ld+json",
        )
        limited = RawClient(fake, {"authorization": "Basic bGltaXRlZDpsaW1pdGVk"})
        assert (await limited.post(f"v2/{path}", body)).status == 403


async def test_custom_item_values_of_every_type_are_read_back(api: RawClient) -> None:
    api.fake.add_custom_object(
        "all",
        {
            "day": "date",
            "moment": "datetime",
            "many": {"type": "checkbox_group", "options": ["a", "b", "c"]},
            "mail": "email",
            "phone": "phone",
            "note": {"type": "hidden", "default": "given"},
        },
        name="Alls",
    )
    sent = {
        "day": "tomorrow",
        "moment": "2026-05-06T07:08:09Z",
        "many": '["a","b"]',
        "mail": "",
        "phone": "+420777123456",
    }
    got = await write(api, "a@example.com", "all", {"name": "A", "attributes": sent})
    values = shown(got.json["contact"])[0]["attributes"]
    assert values["moment"] == "2026-05-06T07:08:09+00:00"
    assert (values["many"], values["note"], len(values["day"])) == (["a", "b"], "given", 10)
    got = await write(
        api, "a@example.com", "all", {"id": 1, "attributes": {"many": "b, c", "moment": "2026-05-06T07:08:09+0200"}}
    )
    values = shown(got.json["contact"])[0]["attributes"]
    assert (values["many"], values["moment"]) == (["b", "c"], "2026-05-06T07:08:09+02:00")
    later = shown((await api.get("contacts/1", includeCustomObjects=1)).json["contact"])[0]["attributes"]
    assert later["moment"] == "2026-05-06T05:08:09+00:00"
    got = await write(
        api, "a@example.com", "all", {"id": 1, "attributes": {"many": None, "day": None, "moment": "", "note": [1]}}
    )
    values = shown(got.json["contact"])[0]["attributes"]
    assert values == {"day": None, "moment": None, "many": [], "mail": "", "phone": "+420777123456", "note": "Array"}
    for bad in ({"many": "1"}, {"day": "yesterday-ish"}):
        assert (await write(api, "b@example.com", "all", {"name": "B", "attributes": bad})).status == 500
    assert (await write(api, "c@example.com", "all", "no item")).status == 500


async def test_add_custom_object_refuses_an_alias_that_exists() -> None:
    async with FakeMautic() as fake:
        fake.add_custom_object("cars", {"plate": "text"})
        with pytest.raises(ValueError, match="'cars' already"):
            fake.add_custom_object("cars", {"plate": "text"})
