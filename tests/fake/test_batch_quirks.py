"""Writes that Mautic answers with success although it wipes, drops or changes values."""

from __future__ import annotations

import pytest

from tests.support.raw_client import RawClient

ZEROS = [0, "0", "00", "0.0", "-0", 0.4, -0.4, False]


async def known(api: RawClient) -> int:
    return await api.contact(
        email="ada@example.com", firstname="Ada", city="London", points=7, attribution=12.5, mobile="1"
    )


async def test_contact_post_overwrite_with_blank_wipes_unsent_fields_of_a_known_email(api: RawClient) -> None:
    id = await known(api)
    got = await api.post("contacts/new", {"email": "ada@example.com", "lastname": "L", "overwriteWithBlank": True})
    assert got.status == 200
    stored = await api.field_values(id)
    assert (stored["firstname"], stored["city"], stored["points"], stored["lastname"]) == (None, None, 0, "L")
    assert got.json["contact"]["fields"]["all"]["attribution"] in (0.0, None)


async def test_contact_batch_create_overwrite_with_blank_clears_only_named_fields(api: RawClient) -> None:
    id = await known(api)
    row = {"email": "ada@example.com", "city": None, "overwriteWithBlank": True}
    got = await api.post("contacts/batch/new", [row])
    assert got.json["statusCodes"] == [200]
    stored = await api.field_values(id)
    assert (stored["city"], stored["firstname"], stored["points"], stored["attribution"]) == (None, "Ada", 7, 12.5)


@pytest.mark.parametrize("blank", [None, "", []])
async def test_contact_patch_overwrite_with_blank_clears_only_named_fields(api: RawClient, blank: object) -> None:
    id = await known(api)
    await api.patch(f"contacts/{id}/edit", {"city": blank, "overwriteWithBlank": True})
    stored = await api.field_values(id)
    assert (stored["city"], stored["firstname"], stored["points"], stored["attribution"]) == (None, "Ada", 7, 12.5)


@pytest.mark.parametrize("blank", [None, "", []])
async def test_contact_patch_ignores_a_blank_without_the_flag(api: RawClient, blank: object) -> None:
    id = await known(api)
    assert (await api.patch(f"contacts/{id}/edit", {"city": blank})).status == 200
    assert (await api.field_values(id))["city"] == "London"


@pytest.mark.parametrize("flag", [True, False])
@pytest.mark.parametrize("zero", ZEROS)
async def test_contact_patch_drops_zero_with_or_without_the_flag(api: RawClient, zero: object, flag: bool) -> None:  # noqa: FBT001
    id = await known(api)
    await api.patch(f"contacts/{id}/edit", {"attribution": zero, "points": zero, "overwriteWithBlank": flag})
    stored = await api.field_values(id)
    assert (stored["attribution"], stored["points"]) == (12.5, 7)


async def test_contact_post_drops_zero_and_the_text_0(api: RawClient) -> None:
    id = await known(api)
    await api.post("contacts/new", {"email": "ada@example.com", "points": 0, "attribution": 0, "mobile": "0"})
    stored = await api.field_values(id)
    assert (stored["points"], stored["attribution"], stored["mobile"]) == (7, 12.5, "1")


async def test_contact_put_stores_zero_and_wipes_unsent_fields(api: RawClient) -> None:
    id = await known(api)
    await api.put(f"contacts/{id}/edit", {"email": "ada@example.com", "attribution": 0})
    stored = await api.field_values(id)
    assert (stored["attribution"], stored["firstname"], stored["points"]) == (0, None, 0)


async def test_contact_points_minus_can_reach_zero(api: RawClient) -> None:
    id = await known(api)
    assert (await api.post(f"contacts/{id}/points/minus/7")).json == {"success": 1}
    assert (await api.field_values(id))["points"] == 0


@pytest.mark.parametrize("no", [False, 0])
async def test_contact_boolean_field_stores_false(api: RawClient, no: object) -> None:
    api.fake.add_field("Wants", "wants", "boolean", properties={"yes": "Yes", "no": "No"})
    id = await api.contact(email="b@example.com", wants=no)
    assert (await api.field_values(id))["wants"] == 0
    await api.patch(f"contacts/{id}/edit", {"wants": True})
    assert (await api.field_values(id))["wants"] == 1
    await api.patch(f"contacts/{id}/edit", {"wants": no})
    assert (await api.field_values(id))["wants"] == 0


async def test_contact_owner_null_clears_the_owner(api: RawClient) -> None:
    id = await api.contact(email="o@example.com", owner=1)
    got = await api.patch(f"contacts/{id}/edit", {"owner": None})
    assert got.json["contact"]["owner"] is None


async def test_contact_tag_with_a_minus_is_removed(api: RawClient) -> None:
    id = await api.contact(email="t@example.com", tags=["x", "y"])
    got = await api.patch(f"contacts/{id}/edit", {"tags": ["-x"]})
    assert [tag["tag"] for tag in got.json["contact"]["tags"]] == ["y"]


async def test_contact_multiselect_takes_lists_and_bars_and_refuses_unknown_options(api: RawClient) -> None:
    options = {"list": [{"label": "A", "value": "a"}, {"label": "B", "value": "b"}]}
    api.fake.add_field("Multi", "multi", "multiselect", properties=options)
    first = await api.contact(email="m1@example.com", multi=["a", "b"])
    second = await api.contact(email="m2@example.com", multi="a|b")
    assert (await api.field_values(first))["multi"] == (await api.field_values(second))["multi"] == "a|b"
    got = await api.post(
        "contacts/batch/new", [{"email": "m3@example.com", "multi": ["zzz"]}, {"email": "m4@example.com"}]
    )
    assert got.json["statusCodes"] == [400, 201]


async def test_contact_date_field_stores_invalid_text_as_empty(api: RawClient) -> None:
    api.fake.add_field("Day", "day", "date")
    id = await api.contact(email="d@example.com", day="garbage")
    assert (await api.field_values(id))["day"] is None


async def test_contact_datetime_with_an_offset_is_converted_and_loses_seconds(api: RawClient) -> None:
    api.fake.add_field("When", "moment", "datetime")
    id = await api.contact(email="w@example.com", moment="2026-05-06T07:08:09+02:00")
    assert (await api.field_values(id))["moment"] == "2026-05-06 05:08:00"


async def test_contact_number_field_refuses_a_text_in_its_row(api: RawClient) -> None:
    got = await api.post(
        "contacts/batch/new", [{"email": "n@example.com", "points": "many"}, {"email": "n2@example.com"}]
    )
    assert got.json["statusCodes"] == [400, 201]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("2026-01-02T03:04:05+00:00", 400),
        ("2026-01-02 03:04", 201),
        ("2026-01-02 03:04:05", 201),
        ("2026-01-02", 400),
        ("02.01.2026 03:04", 400),
    ],
)
async def test_stage_publish_up_takes_one_format(api: RawClient, sent: str, status: int) -> None:
    got = await api.post("stages/new", {"name": "S", "weight": 1, "publishUp": sent})
    assert got.status == status
    if status == 201:
        assert got.json["stage"]["publishUp"] == "2026-01-02T03:04:00+00:00"


async def test_segment_ignores_publish_up(api: RawClient) -> None:
    assert (await api.post("segments/new", {"name": "S", "publishUp": "2026-01-02T03:04:05+00:00"})).status == 201


async def test_company_create_with_a_known_name_wipes_unsent_fields(api: RawClient) -> None:
    first = await api.post("companies/new", {"companyname": "Acme", "companycity": "Raleigh"})
    again = await api.post("companies/new", {"companyname": "Acme", "companyphone": "1"})
    assert (again.status, again.json["company"]["id"]) == (200, first.json["company"]["id"])
    stored = (await api.get(f"companies/{first.json['company']['id']}")).json["company"]["fields"]["all"]
    assert (stored["companycity"], stored["companyphone"]) == (None, "1")


async def test_company_batch_refuses_known_and_repeated_names(api: RawClient) -> None:
    await api.post("companies/new", {"companyname": "Acme"})
    got = await api.post("companies/batch/new", [{"companyname": "Acme"}, {"companyname": "B"}, {"companyname": "B"}])
    assert got.json["statusCodes"] == [422, 201, 422]


async def test_company_patch_clears_without_a_flag_and_stores_zero(api: RawClient) -> None:
    made = await api.post(
        "companies/new", {"companyname": "Acme", "companycity": "Raleigh", "companynumber_of_employees": 5}
    )
    id = made.json["company"]["id"]
    await api.patch(f"companies/{id}/edit", {"companycity": None, "companynumber_of_employees": 0})
    stored = (await api.get(f"companies/{id}")).json["company"]["fields"]["all"]
    assert (stored["companycity"], stored["companynumber_of_employees"]) == (None, 0)
