from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from mautic_async.bulk import BulkJob, BulkOptions, BulkReport, EncodedRow, RowResult, WorkItem
from mautic_async.bulk.ordering import MAX_REMEMBERED_NAMES, KeyedQueue
from mautic_async.errors import Problem
from mautic_async.resources.bulk_adapters.created_names import names_created_by
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.bulk_jobs import ScriptedAdapter


class Naming(ScriptedAdapter):
    """Rows are ``who:name,name``: the names are made by the first row that brings them."""

    def encode(self, row: str, index: int) -> EncodedRow:
        who, _, names = row.partition(":")
        return EncodedRow(row.encode(), (who,), creates=tuple(names.split(",")) if names else ())


class Server:
    """Makes a name when a row with it is looked at, and counts those that it makes twice."""

    def __init__(self, bad: Sequence[str] = ()) -> None:
        self.names: list[str] = []
        self.bad = bad

    async def answer(self, parcels: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
        missing = [
            name for parcel in parcels for name in parcel.row.partition(":")[2].split(",") if name not in self.names
        ]
        await asyncio.sleep(1)
        receipts: list[RowResult[Any]] = []
        for parcel in parcels:
            if parcel.row in self.bad:
                receipts.append(RowResult("rejected", problems=(Problem("no"),)))
                continue
            made = [name for name in parcel.row.partition(":")[2].split(",") if name in missing]
            self.names += dict.fromkeys(name for name in made if name)
            missing = [name for name in missing if name not in made]  # later rows of the request see it
            receipts.append(RowResult("created", parcel.index + 1))
        return receipts


def played(rows: Sequence[str], server: Server, **plan: Any) -> tuple[BulkReport, Naming]:
    courier = Naming(server.answer)

    async def work() -> BulkReport:
        clock = virtual_clock(asyncio.get_running_loop())
        job: BulkJob[str, Any] = BulkJob(
            courier, iter(rows), options=BulkOptions(initial_concurrency=8, **plan), clock=clock
        )
        async with job:
            async for _ in job:
                pass
        return job.report

    return run_virtual(work()), courier


def test_created_names_are_sent_by_one_row_and_then_release_the_rest() -> None:
    server = Server()
    report, courier = played([f"p{number}:vip,new" for number in range(400)], server, batch=50, initial_batch=50)
    assert report.created == 400
    assert sorted(server.names) == ["new", "vip"]
    assert courier.batches[0] == ["p0:vip,new"]
    assert report.seconds < 10, "all others went together once the names were there"


def test_created_names_do_not_delay_rows_with_other_names() -> None:
    server = Server()
    report, _ = played([f"p{number}:c{number % 100}" for number in range(800)], server, batch=50, initial_batch=50)
    assert len(server.names) == len(set(server.names)) == 100
    assert report.created == 800
    assert report.seconds < 15


def test_created_names_pass_to_the_next_row_after_a_rejection() -> None:
    server = Server(bad=("p0:vip",))
    report, courier = played([f"p{number}:vip" for number in range(100)], server, batch=50, initial_batch=50)
    assert (report.rejected, report.created) == (1, 99)
    assert server.names == ["vip"]
    assert courier.batches[:2] == [["p0:vip"], ["p1:vip"]]


def test_created_names_remembered_are_bounded() -> None:
    lanes = KeyedQueue()
    for number in range(3 * MAX_REMEMBERED_NAMES):
        lanes.mark_created([number])
    assert len(lanes._created_names) <= MAX_REMEMBERED_NAMES


def test_created_names_leave_no_entry_after_any_order_of_ends() -> None:
    lanes = KeyedQueue()
    parcels = [WorkItem(n, "", EncodedRow(b"", (f"p{n // 2}",), creates=("t", f"c{n // 3}"))) for n in range(12)]
    ready = []
    for parcel in parcels:
        parcel.queue_keys = lanes.effective_keys(parcel.encoded)
        if lanes.push(parcel):
            ready.append(parcel)
    assert [parcel.index for parcel in ready] == [0]
    order = []
    while ready:
        parcel = ready.pop(0)
        order.append(parcel.index)
        ready += lanes.mark_created(parcel.encoded.creates)
        ready += lanes.release(parcel)
    assert sorted(order) == list(range(12))
    assert len(lanes) == lanes.waiting == 0


def test_created_names_compare_as_the_database_and_ignore_removals() -> None:
    body = {"email": "a@example.com", "tags": [" VIP", "-old", "straße"], "company": "Acme "}
    assert names_created_by(body) == (("tag", "vip"), ("tag", "strasse"), ("company", "acme"))
    assert names_created_by(body, existing_tags={"vip"}) == (("tag", "strasse"), ("company", "acme"))
    assert names_created_by({"email": "a@example.com"}) == ()
