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
from mautic_async.bulk import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mautic_async.journal.records import Entry, Standing

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


def rows_of(name: str, count: int) -> list[Contact]:
    """Contacts with two versions each, every second one with a custom item of its own."""
    chance = random.Random(name)
    rows: list[Contact] = []
    for index in range(count):
        person = chance.randrange(count * 2 // 3)
        row = Contact(email=f"{name}.p{person}@example.org", city=f"city {index}")
        if person % 2:
            row.custom_items = [CustomItem("orders", name=f"v{index}", attributes={"sku": f"{name}-{person}"})]
        rows.append(row)
    return rows


class Fate:
    """Dies at the n-th time that a named point is passed."""

    def __init__(self, point: str, times: int) -> None:
        self._point = point
        self._left = times

    def at(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class DeadlyJournal(Journal):
    """Dies around its commits, and within one."""

    def __init__(self, path: str, fate: Fate) -> None:
        super().__init__(path)
        self._fate = fate

    async def begin(self) -> Standing:
        standing = await super().begin()
        self._fate.at("journal open")
        return standing

    async def intend(self, entries: Sequence[Entry]) -> None:
        self._fate.at("before intent")
        await super().intend(entries)
        self._fate.at("after intent")

    async def conclude(self, entries: Sequence[Entry], before: Callable[[], None] | None = None) -> None:
        self._fate.at("before outcome")
        await super().conclude(entries, lambda: self._fate.at("within outcome"))
        self._fate.at("after outcome")

    async def finish(self) -> None:
        self._fate.at("before finish")
        await super().finish()
        self._fate.at("after finish")


class DeadlyCourier:
    """Dies around requests and looks."""

    needed: int | None = None

    def __init__(self, inner: Any, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate
        self.limit = inner.limit
        self.guarantee = inner.guarantee
        self.prepare = inner.prepare
        self.pack = inner.pack
        self.unpack = inner.unpack
        self.budget = inner.budget
        self.repeatable_part = inner.repeatable_part

    async def deliver(self, step: str, parcels: Any) -> Any:
        self._fate.at("before request")
        delivery = await self._inner.deliver(step, parcels)
        self._fate.at("after answer")
        return delivery

    async def read_back(self, step: str, parcels: Any) -> Any:
        self._fate.at("before look")
        delivery = await self._inner.read_back(step, parcels)
        self._fate.at("after look")
        return delivery


def work(url: str, folder: str, name: str, count: int, point: str, times: int) -> None:  # noqa: PLR0917 - a process's
    """One life of the process; writes its report if it lives to the end."""

    async def job() -> None:
        fate = Fate(point, times)
        path = Path(folder) / name
        auth = ClientCredentials("1_fake-client", "fake-secret")
        plan = Plan(batch=10, first_batch=10, concurrency=4, settle=1.0)
        async with Mautic(url, auth=auth, limits=Limits(concurrency=4)) as mautic:
            run = mautic.contacts.upserting(
                rows_of(name, count),
                items=UniqueField("sku"),
                journal=DeadlyJournal(f"{path}.db", fate),
                plan=plan,
            )
            run._courier = DeadlyCourier(run._courier, fate)
            async with run:
                async for outcome in run:
                    assert outcome.ok, outcome
                    fate.at("outcome seen")
        report = {"read": run.report.read, "created": run.report.created, "resumed": run.report.resumed}
        Path(f"{path}.json").write_text(json.dumps(report))

    asyncio.run(job())
