"""The pages that need no credentials, and what a visit leaves behind."""

from __future__ import annotations

import pytest

from tests.support.raw_client import RawClient

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.0 Mobile/15E148 Safari/604.1"
)


async def visit(api: RawClient, path: str = "mtracking.gif?page_url=https%3A%2F%2Fx.test%2F&page_title=Start") -> str:
    """Visit as nobody in particular; return the id of the device."""
    got = await RawClient(api.fake).send("GET", path, user_agent=PHONE)
    assert got.status in (200, 404), got.body
    (device,) = (await api.get("stats/lead_devices", **{"order[0][col]": "id", "order[0][dir]": "desc"})).json["stats"][
        :1
    ]
    tracking_id: str = device["tracking_id"]
    return tracking_id


async def test_pixel_is_an_image_and_makes_an_anonymous_contact(api: RawClient) -> None:
    got = await RawClient(api.fake).send("GET", "mtracking.gif")
    assert (got.status, got.headers["Content-Type"], got.body[:6]) == (200, "image/gif", b"GIF89a")
    contacts = (await api.get("contacts", search="is:anonymous")).json["contacts"]
    assert [one["dateIdentified"] for one in contacts.values()] == [None]
    assert [one["ipAddress"] for one in contacts["1"]["ipAddresses"]] == ["127.0.0.1"]


async def test_pixel_records_the_device_and_the_hit(api: RawClient) -> None:
    await visit(api)
    (device,) = (await api.get("contacts/1/devices")).json["devices"]
    assert (device["device"], device["deviceBrand"], device["deviceOsName"]) == ("smartphone", "Apple", "iOS")
    (hit,) = (await api.get("stats/page_hits")).json["stats"]
    assert (hit["lead_id"], hit["code"], hit["url"], hit["url_title"]) == ("1", "200", "https://x.test/", "Start")
    events = (await api.get("contacts/1/activity")).json["events"]
    assert "page.hit" in [one["event"] for one in events]


async def test_pixel_keeps_the_utm_tags_of_the_page(api: RawClient) -> None:
    await visit(api, "mtracking.gif?page_url=https%3A%2F%2Fx.test%2F%3Futm_source%3Dads%26utm_campaign%3Dmay")
    (tags,) = (await api.get("contacts/1")).json["contact"]["utmtags"]
    assert (tags["utmSource"], tags["utmCampaign"], tags["utmMedium"]) == ("ads", "may", None)


async def test_event_of_the_script_returns_the_ids_of_contact_and_device(api: RawClient) -> None:
    got = await RawClient(api.fake).send("POST", "mtc/event", b"", user_agent=PHONE)
    assert (got.status, got.json["success"], got.json["id"]) == (200, 1, 1)
    assert got.json["sid"] == got.json["device_id"]


async def test_page_that_does_not_exist_is_a_visit_too(api: RawClient) -> None:
    assert (await RawClient(api.fake).send("GET", "no-such-page", user_agent=PHONE)).status == 404
    (hit,) = (await api.get("stats/page_hits")).json["stats"]
    assert hit["code"] == "404"


@pytest.mark.parametrize(("path", "status"), [("", 302), ("no/such/page", 404), ("icon.png", 404)])
async def test_path_without_a_page_leaves_nothing_behind(api: RawClient, path: str, status: int) -> None:
    assert (await RawClient(api.fake).send("GET", path)).status == status
    assert (await api.get("stats/page_hits")).json["stats"] == []
