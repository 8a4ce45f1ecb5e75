"""Facts 1 to 10 of `docs/invariants.md`, on virtual time where time matters."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from mautic_async.testing import FakeMautic, Latency
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.raw_client import RawClient

Told = Callable[[RawClient], Coroutine[Any, Any, None]]


def on_virtual_time(told: Told, **settings: Any) -> None:
    """Run *told* against a server with the measured latency, in virtual time."""

    async def work() -> None:
        clock = virtual_clock(asyncio.get_running_loop())
        settings.setdefault("latency", Latency())
        async with FakeMautic(clock=clock, **settings) as fake:
            await told(await RawClient(fake).login())

    run_virtual(work())


async def together(*work: Awaitable[Any]) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.wait_for(one, 3600)) for one in work]
    return [task.result() for task in tasks]


# --- 1 and 2 -----------------------------------------------------------------------------------------------------------


async def test_contact_create_updates_a_known_email_ignoring_case(api: RawClient) -> None:
    row = {"email": "ada@example.com"}
    got = await api.post("contacts/batch/new", [row, row, {"email": "ADA@Example.com"}])
    assert got.json["statusCodes"] == [201, 200, 200]
    assert len(api.fake.contacts) == 1


def test_contact_create_of_one_email_eight_times_at_once_makes_eight_contacts() -> None:
    async def told(api: RawClient) -> None:
        got = await together(*(api.post("contacts/new", {"email": "ada@example.com"}) for _ in range(8)))
        assert [one.status for one in got] == [201] * 8
        assert len(api.fake.contacts) == 8
        late = await api.post("contacts/new", {"email": "ada@example.com"})
        assert (late.status, late.error["message"]) == (422, "email: This field must be unique.")
        rows = await api.post("contacts/batch/new", [{"email": "ada@example.com"}, {"email": "b@example.com"}])
        assert rows.json["statusCodes"] == [422, 201]

    on_virtual_time(told)


def test_contact_batches_of_the_same_new_emails_at_once_make_duplicates() -> None:
    async def told(api: RawClient) -> None:
        rows = [{"email": f"c{n}@example.com"} for n in range(50)]
        await together(*(api.post("contacts/batch/new", rows) for _ in range(4)))
        assert len(api.fake.contacts) > 50

    on_virtual_time(told)


# --- 3 -----------------------------------------------------------------------------------------------------------------


async def names(api: RawClient) -> list[Any]:
    return [one["fields"].get("firstname") for one in api.fake.contacts]


async def three(api: RawClient) -> list[int]:
    return [await api.contact(email=f"{n}@example.com", firstname=f"orig-{n}") for n in "abc"]


async def test_contact_batch_edit_row_without_id_shifts_the_rows_after_it(api: RawClient) -> None:
    a, b, _ = await three(api)
    rows = [{"firstname": "X"}, {"id": a, "firstname": "Y"}, {"id": b, "firstname": "Z"}]
    got = await api.patch("contacts/batch/edit", rows)
    assert got.json["statusCodes"] == [400, 200, 404]
    assert await names(api) == ["X", "Y", "orig-c"]
    assert got.json["errors"]["0"] == {"message": "mautic.api.call.id_missing", "code": 400, "type": "api"}


async def test_contact_batch_edit_row_without_id_is_harmless_only_as_the_last(api: RawClient) -> None:
    a, b, _ = await three(api)
    rows: list[Any] = [{"id": a, "firstname": "A2"}, {"firstname": "?"}, {"id": b, "firstname": "B2"}]
    await api.patch("contacts/batch/edit", rows)
    assert await names(api) == ["A2", "?", "orig-c"]
    rows = [{"id": a, "firstname": "A3"}, {"id": b, "firstname": "B3"}, {"id": None, "firstname": "!"}]
    got = await api.patch("contacts/batch/edit", rows)
    assert got.json["statusCodes"] == [200, 200, 404]
    assert await names(api) == ["A3", "B3", "orig-c"]


async def test_contact_batch_put_of_one_row_without_id_creates(api: RawClient) -> None:
    got = await api.put("contacts/batch/edit", [{"email": "new@example.com"}])
    assert got.json["statusCodes"] == [201]


# --- 4 -----------------------------------------------------------------------------------------------------------------


async def test_contact_batch_edit_of_one_id_twice_makes_a_duplicate(api: RawClient) -> None:
    id = await api.contact(email="a@example.com", firstname="F", lastname="L")
    got = await api.patch("contacts/batch/edit", [{"id": id, "firstname": "F2"}, {"id": id, "lastname": "L2"}])
    assert got.json["statusCodes"] == [200, 200]
    ids = {one["id"] for one in got.json["contacts"]}
    assert len(ids) == 1
    assert ids != {id}
    assert [one["fields"]["email"] for one in api.fake.contacts] == ["a@example.com"] * 2
    assert (await api.field_values(id))["firstname"] == "F2"


async def test_company_batch_edit_of_one_id_twice_is_a_500(api: RawClient) -> None:
    id = (await api.post("companies/new", {"companyname": "A"})).json["company"]["id"]
    got = await api.patch("companies/batch/edit", [{"id": id, "companycity": "X"}, {"id": id, "companyzipcode": "Y"}])
    assert got.status == 500


# --- 5 -----------------------------------------------------------------------------------------------------------------


async def test_contact_batch_that_throws_keeps_earlier_rows_and_reports_none(api: RawClient) -> None:
    for bad in (None, "text", {"email": "s@example.com", "stage": 99999}, {"email": "n@example.com", "city": "a\0b"}):
        before = len(api.fake.contacts)
        rows = [{"email": f"x{before}@example.com"}, bad, {"email": f"y{before}@example.com"}]
        got = await api.post("contacts/batch/new", rows)
        assert (got.status, "details" in got.error) == (500, False)
        assert len(api.fake.contacts) == before + 1


async def test_contact_batch_without_emails_creates_again_when_repeated(api: RawClient) -> None:
    for count in (1, 2):
        await api.post("contacts/batch/new", [{"firstname": "NoMail"}])
        assert len(api.fake.contacts) == count


# --- 6 -----------------------------------------------------------------------------------------------------------------


def test_contact_batch_continues_after_the_client_disconnects() -> None:
    async def told(api: RawClient) -> None:
        rows = [{"email": f"g{n}@example.com"} for n in range(100)]
        try:
            async with asyncio.timeout(0.2):
                await api.post("contacts/batch/new", rows)
        except TimeoutError:
            pass
        early = len(api.fake.contacts)
        assert 15 <= early <= 25
        await asyncio.sleep(2)
        assert len(api.fake.contacts) == 100

    on_virtual_time(told)


def test_contact_batch_sent_again_at_once_overlaps_and_duplicates() -> None:
    async def told(api: RawClient) -> None:
        rows = [{"email": f"o{n}@example.com"} for n in range(100)]
        try:
            async with asyncio.timeout(0.2):
                await api.post("contacts/batch/new", rows)
        except TimeoutError:
            pass
        await api.post("contacts/batch/new", rows)
        await asyncio.sleep(5)
        counted = Counter(one["fields"]["email"] for one in api.fake.contacts)
        assert len(counted) == 100
        assert len(api.fake.contacts) >= 100

    on_virtual_time(told)


# --- 7 -----------------------------------------------------------------------------------------------------------------


async def test_contact_batch_of_failures_and_an_empty_batch_are_201(api: RawClient) -> None:
    bad = {"email": "not-an-email"}
    got = await api.post("contacts/batch/new", [bad, bad])
    assert (got.status, got.json["statusCodes"], got.json["contacts"]) == (201, [400, 400], [])
    assert isinstance(got.json["errors"], list)
    got = await api.post("contacts/batch/new", [])
    assert (got.status, got.json) == (201, {"contacts": [], "statusCodes": []})


async def test_contact_maps_by_index_are_lists_only_without_a_gap(api: RawClient) -> None:
    bad, good = {"email": "bad"}, {"email": "good@example.com"}
    first = (await api.post("contacts/batch/new", [bad, good])).json
    assert list(first["contacts"]) == ["1"]
    assert isinstance(first["errors"], list)
    last = (await api.post("contacts/batch/new", [good, bad])).json
    assert isinstance(last["contacts"], list)
    assert list(last["errors"]) == ["1"]


# --- 8 -----------------------------------------------------------------------------------------------------------------


async def test_custom_item_without_id_is_always_created(api: RawClient) -> None:
    row = {"email": "i@example.com", "customObjects": {"data": [{"alias": "products", "data": [{"name": "Boots"}]}]}}
    assert [(await api.post("contacts/new", row)).status for _ in range(2)] == [201, 200]
    assert [item["contacts"] for item in api.fake.custom_items] == [[1], [1]]


# --- 9 -----------------------------------------------------------------------------------------------------------------


def test_basic_auth_adds_the_configured_latency() -> None:
    async def told(api: RawClient) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await api.get("tags")
        bearer = loop.time() - began
        began = loop.time()
        api.headers["authorization"] = "Basic YWRtaW46bWF1dGlj"
        assert (await api.get("tags")).status == 200
        assert loop.time() - began > 15 * bearer

    on_virtual_time(told, latency=Latency(basic=0.35))


# --- 10 ----------------------------------------------------------------------------------------------------------------


async def test_contact_pages_ordered_by_id_show_every_contact_once(api: RawClient) -> None:
    await api.post("contacts/batch/new", [{"email": f"p{n}@example.com"} for n in range(25)])
    seen: list[str] = []
    for start in range(0, 30, 10):
        page = (await api.get("contacts", start=start, limit=10, orderBy="id")).json
        assert page["total"] == "25"
        seen += list(page["contacts"])
    assert seen == [str(n) for n in range(1, 26)]


def test_contact_upsert_takes_below_1_ms_of_cpu_and_a_batch_below_40() -> None:
    async def work() -> None:
        async with FakeMautic() as fake:
            api = await RawClient(fake).login()
            began = time.process_time()
            for n in range(50):
                await api.post("contacts/new", {"email": f"u{n}@example.com"})
            assert (
                time.process_time() - began
            ) / 50 < 0.02  # a bound that no busy machine breaks; the benchmark measures

    asyncio.run(work())
