"""Faults and physics of the simulator, on the clock of the test."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mautic_async.testing import FakeMautic, Latency
from mautic_async.testing.http import Truncated
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.raw_client import RawClient

ROWS = [{"email": f"r{n}@example.com"} for n in range(10)]


def in_time(told: Any, **settings: Any) -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        settings.setdefault("latency", Latency(request=0.1, row=0.1))
        async with FakeMautic(clock=virtual_clock(loop, seed=7), **settings) as fake:
            await told(await RawClient(fake).login(), fake)

    run_virtual(work())


@pytest.mark.parametrize(
    ("status", "media_type"),
    [(429, "text/html"), (500, "application/json"), (502, "text/html"), (503, "text/html"), (504, "text/html")],
)
async def test_fault_status_answers_without_doing_the_work(api: RawClient, status: int, media_type: str) -> None:
    api.fake.fail(status, retry_after=2)
    got = await api.post("contacts/batch/new", ROWS)
    assert (got.status, got.headers["Content-Type"], got.headers["Retry-After"]) == (status, media_type, "2")
    assert "Mautic-Version" not in got.headers
    assert not api.fake.contacts
    assert (await api.post("contacts/batch/new", ROWS)).status == 201


async def test_fault_status_can_hide_work_done_whole_or_half(api: RawClient) -> None:
    api.fake.fail(504, work="done")
    assert (await api.post("contacts/batch/new", ROWS)).status == 504
    assert len(api.fake.contacts) == 10
    api.fake.fail("reset", work="half")
    with pytest.raises(ConnectionResetError):
        await api.post("contacts/batch/new", [{"email": f"h{n}@example.com"} for n in range(10)])
    assert len(api.fake.contacts) == 15


@pytest.mark.parametrize("what", [502, 503, 504, 429, 408, 403, 500, "html"])
def test_fault_gateway_answers_while_the_work_continues(what: int | str) -> None:
    async def told(api: RawClient, fake: FakeMautic) -> None:
        fake.fail(what, work="continues", seconds=0.35, by="front")
        got = await api.post("contacts/batch/new", ROWS)
        assert (got.status, got.headers["Content-Type"]) == (200 if what == "html" else what, "text/html")
        assert got.body.startswith(b"<html>")
        assert "Mautic-Version" not in got.headers
        assert len(fake.contacts) < 4
        assert fake.requests[-1].ended is None
        await asyncio.sleep(2)
        assert len(fake.contacts) == 10
        assert fake.requests[-1].ended is not None

    in_time(told)


async def test_fault_500_is_json_of_mautic_unless_the_gateway_writes_it(api: RawClient) -> None:
    api.fake.fail(500)
    assert (await api.get("contacts")).error["code"] == 500
    api.fake.fail(500, by="mautic")
    assert (await api.get("contacts")).error["code"] == 500
    api.fake.fail(500, by="front")
    assert b"<h1>500 Internal Server Error</h1></center>\r\n<hr><center>nginx/" in (await api.get("contacts")).body


def test_fault_gateway_timeout_leaves_the_work_running() -> None:
    async def told(api: RawClient, fake: FakeMautic) -> None:
        fake.fail(504, work="continues", seconds=0.45)
        assert (await api.post("contacts/batch/new", ROWS)).status == 504
        assert 1 <= len(fake.contacts) <= 4
        await asyncio.sleep(2)
        assert len(fake.contacts) == 10
        assert fake.requests[-1].rows == 10

    in_time(told)


async def test_fault_refused_connection_is_never_an_answer(api: RawClient) -> None:
    api.fake.fail("refuse")
    with pytest.raises(ConnectionRefusedError):
        await api.get("contacts")


async def test_fault_cut_response_carries_the_bytes_that_arrived(api: RawClient) -> None:
    api.fake.fail("cut", fraction=0.25)
    with pytest.raises(Truncated) as cut:
        await api.post("contacts/new", {"email": "cut@example.com"})
    assert (cut.value.status, cut.value.body[:12]) == (201, b'{"contact":{')
    assert len(api.fake.contacts) == 1


async def test_fault_page_and_php_notice_replace_json(api: RawClient) -> None:
    api.fake.fail("html")
    got = await api.get("contacts")
    assert (got.status, got.body[:6]) == (200, b"<html>")
    api.fake.fail("garbage")
    got = await api.get("contacts")
    assert got.headers["Content-Type"] == "application/json"
    with pytest.raises(json.JSONDecodeError):
        got.json  # noqa: B018 - the reading is the point


def test_fault_slow_body_takes_its_time_and_no_answer_takes_for_ever() -> None:
    async def told(api: RawClient, fake: FakeMautic) -> None:
        loop = asyncio.get_running_loop()
        fake.fail("drip", seconds=30)
        began = loop.time()
        assert (await api.get("contacts")).status == 200
        assert loop.time() - began >= 30
        fake.fail("timeout")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(api.get("contacts"), 60)

    in_time(told)


async def test_fault_strikes_by_count_route_delay_and_function(api: RawClient) -> None:
    api.fake.fail(503, times=2, route="POST /api/contacts", after=1)
    assert [(await api.post("contacts/new", {})).status for _ in range(4)] == [201, 503, 503, 201]
    assert (await api.get("contacts")).status == 200
    fault = api.fake.fail(500, times=None, when=lambda request: b"poison" in request.body)
    assert (await api.post("contacts/new", {"firstname": "poison"})).status == 500
    assert (await api.post("contacts/new", {"firstname": "fine"})).status == 201
    assert fault.hits == 1
    api.fake.faults.clear()
    assert (await api.post("contacts/new", {"firstname": "poison"})).status == 201


def test_fault_chance_repeats_from_its_seed() -> None:
    async def statuses(seed: int) -> list[int]:
        async with FakeMautic(seed=seed) as fake:
            api = await RawClient(fake).login()
            fake.fail(503, times=None, probability=0.5)
            return [(await api.get("tags")).status for _ in range(40)]

    first, again, other = asyncio.run(statuses(1)), asyncio.run(statuses(1)), asyncio.run(statuses(2))
    assert first == again != other
    assert set(first) == {200, 503}


def test_fault_of_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown fault 'explode': give a status or one of refuse, reset"):
        FakeMautic().fail("explode")


def test_latency_is_a_cost_a_request_and_a_cost_a_row() -> None:
    async def told(api: RawClient, fake: FakeMautic) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await api.post("contacts/batch/new", ROWS)
        assert loop.time() - began == pytest.approx(0.1 + 10 * 0.1)
        assert fake.requests[-1].ended == pytest.approx(fake.now())

    in_time(told)


def test_workers_serve_some_queue_some_and_refuse_the_rest() -> None:
    async def told(api: RawClient, fake: FakeMautic) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(api.get("tags")) for _ in range(6)]
        assert sorted(task.result().status for task in tasks) == [200] * 4 + [502] * 2
        assert fake.workers.busy == 0

    in_time(told, workers=2, backlog=2)


def test_session_cookie_serialises_requests() -> None:
    async def told(api: RawClient, fake: FakeMautic) -> None:
        del fake
        loop = asyncio.get_running_loop()
        took = []
        for cookie in ("", "mautic_session=abc"):
            began = loop.time()
            async with asyncio.TaskGroup() as group:
                for _ in range(4):
                    group.create_task(api.json("GET", "tags", cookie=cookie))
            took.append(loop.time() - began)
        assert took[1] == pytest.approx(4 * took[0])

    in_time(told)


def test_contact_batch_rows_become_visible_one_by_one_and_items_after() -> None:
    async def told(api: RawClient, fake: FakeMautic) -> None:
        items = {"data": [{"alias": "products", "data": [{"name": "B"}]}]}
        async with asyncio.TaskGroup() as group:
            group.create_task(api.post("contacts/new", {"email": "v@example.com", "customObjects": items}))
            await asyncio.sleep(0.25)
            assert (len(fake.contacts), len(fake.custom_items)) == (1, 0)
        assert len(fake.custom_items) == 1

    in_time(told)


def test_contact_edits_at_once_each_keep_the_values_of_the_other() -> None:
    async def told(api: RawClient, fake: FakeMautic) -> None:
        id = await api.contact(email="e@example.com")
        async with asyncio.TaskGroup() as group:
            group.create_task(api.patch(f"contacts/{id}/edit", {"city": "Rome"}))
            group.create_task(api.patch(f"contacts/{id}/edit", {"firstname": "Ada"}))
        fields = fake.contacts[0]["fields"]
        assert (fields.get("city"), fields.get("firstname")) == ("Rome", "Ada")

    in_time(told)
