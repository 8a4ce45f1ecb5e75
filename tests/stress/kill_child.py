"""The process that `tests.stress.kills` kills: a bulk job with a journal, and named points at which it dies."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mautic_async import Contact, CustomItem, Journal, Limits, Mautic, UniqueField
from mautic_async.auth.authorization_code import ClientCredentials
from mautic_async.bulk import BulkOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mautic_async.journal.records import Checkpoint, RowRecord

POINTS = (
    "journal open",
    "before intent",
    "after intent",
    "before request",
    "after answer",
    "before outcome",
    "within outcome",
    "after outcome",
    "outcome seen",
    "before look",
    "after look",
    "before finish",
    "after finish",
)


def make_rows(name: str, count: int) -> list[Contact]:
    """Contacts with two versions each, every second one with a custom item of its own."""
    rng = random.Random(name)
    rows: list[Contact] = []
    for index in range(count):
        person = rng.randrange(count * 2 // 3)
        row = Contact(email=f"{name}.p{person}@example.org", city=f"city {index}")
        if person % 2:
            row.custom_items = [CustomItem("orders", name=f"v{index}", attributes={"sku": f"{name}-{person}"})]
        rows.append(row)
    return rows


class KillPoint:
    """Dies at the n-th time that a named point is passed."""

    def __init__(self, point: str, times: int) -> None:
        self._point = point
        self._passes_left = times

    def reach(self, point: str) -> None:
        if point == self._point:
            self._passes_left -= 1
            if self._passes_left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class KilledAtPointJournal(Journal):
    """Dies around its commits, and within one."""

    def __init__(self, path: str, kill_point: KillPoint) -> None:
        super().__init__(path)
        self._kill_point = kill_point

    async def open(self) -> Checkpoint:
        checkpoint = await super().open()
        self._kill_point.reach("journal open")
        return checkpoint

    async def record_sending(self, records: Sequence[RowRecord]) -> None:
        self._kill_point.reach("before intent")
        await super().record_sending(records)
        self._kill_point.reach("after intent")

    async def record_outcomes(
        self, records: Sequence[RowRecord], before_commit: Callable[[], None] | None = None
    ) -> None:
        self._kill_point.reach("before outcome")
        await super().record_outcomes(records, lambda: self._kill_point.reach("within outcome"))
        self._kill_point.reach("after outcome")

    async def mark_complete(self) -> None:
        self._kill_point.reach("before finish")
        await super().mark_complete()
        self._kill_point.reach("after finish")


class KilledAtPointAdapter:
    """Dies around requests and looks."""

    requests_left: int | None = None

    def __init__(self, adapter: Any, kill_point: KillPoint) -> None:
        self._adapter = adapter
        self._kill_point = kill_point
        self.max_rows = adapter.max_rows
        self.guarantee = adapter.guarantee
        self.prepare = adapter.prepare
        self.encode = adapter.encode
        self.decode = adapter.decode
        self.rate_limit = adapter.rate_limit
        self.idempotent_part = adapter.idempotent_part

    async def send(self, step: str, batch: Any) -> Any:
        self._kill_point.reach("before request")
        batch_result = await self._adapter.send(step, batch)
        self._kill_point.reach("after answer")
        return batch_result

    async def look_up(self, step: str, batch: Any) -> Any:
        self._kill_point.reach("before look")
        batch_result = await self._adapter.look_up(step, batch)
        self._kill_point.reach("after look")
        return batch_result


def run_child(url: str, folder: str, name: str, count: int, point: str, times: int) -> None:  # noqa: PLR0917 - a process's
    """One life of the process; writes its report if it lives to the end."""

    async def job() -> None:
        kill_point = KillPoint(point, times)
        path = Path(folder) / name
        auth = ClientCredentials("1_fake-client", "fake-secret")
        options = BulkOptions(batch=10, initial_batch=10, concurrency=4, reconcile_after=1.0)
        async with Mautic(url, auth=auth, limits=Limits(concurrency=4)) as mautic:
            bulk_job = mautic.contacts.bulk_upsert(
                make_rows(name, count),
                match_items=UniqueField("sku"),
                journal=KilledAtPointJournal(f"{path}.db", kill_point),
                options=options,
            )
            bulk_job._adapter = KilledAtPointAdapter(bulk_job._adapter, kill_point)
            async with bulk_job:
                async for outcome in bulk_job:
                    assert outcome.ok, outcome
                    kill_point.reach("outcome seen")
        report = {"read": bulk_job.report.read, "created": bulk_job.report.created, "resumed": bulk_job.report.resumed}
        Path(f"{path}.json").write_text(json.dumps(report))

    asyncio.run(job())
