"""Jobs on virtual time over the lying server, and couriers for single questions."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from mautic_async.bulk import Delivery, Outcome, Packed, Plan, Receipt, Report, Run
from mautic_async.testing.virtual_time import run, virtual_clock
from tests.support.bulk_model import Faults, Post, Row, Site

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence

    from mautic_async.bulk import Budget, Parcel
    from mautic_async.journal.records import Ledger


def people(count: int, **more: Any) -> list[Row]:
    return [Row(f"p{number}@example.org", 1, **more) for number in range(count)]


def job(
    rows: Iterable[Row] | AsyncIterable[Row],
    *,
    rate: float = 0.0,
    seed: int = 1,
    plan: Plan | None = None,
    journal: Ledger | None = None,
    site: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[list[Outcome[Any]], Report, Post]:
    """Run a job to its end; what it gave, and the post office it used."""

    async def work() -> tuple[list[Outcome[Any]], Report, Post]:
        clock = virtual_clock(asyncio.get_running_loop(), seed)
        post = Post(Site(clock, **(site or {})), Faults(seed, rate), **options)
        given: Run[Row, Any] = Run(post, rows, plan=plan, clock=clock, journal=journal)
        async with given:
            outcomes = [outcome async for outcome in given]
        await post.rest()
        return outcomes, given.report, post

    return run(work(), seed)


class Plain:
    """A courier of texts, whose answers are a function of the test."""

    limit = 200
    guarantee = ""
    needed: int | None = None

    def __init__(
        self,
        answer: Callable[[Sequence[Parcel[str]]], Awaitable[Sequence[Receipt[Any]]]],
        look: Callable[[Sequence[Parcel[str]]], Awaitable[Sequence[Receipt[Any]]]] | None = None,
        *,
        keys: Callable[[str], tuple[str, ...]] = lambda row: (row,),
        linger: float = 0.0,
    ) -> None:
        self._answer = answer
        self._look = look
        self._keys = keys
        self._linger = linger
        self.batches: list[list[str]] = []
        self.steps: list[str] = []

    async def prepare(self, job: str) -> None:
        pass

    def pack(self, row: str, index: int) -> Packed:
        return Packed(json.dumps(row).encode(), self._keys(row), linger=self._linger, memory=row)

    def unpack(self, body: bytes) -> str:
        return str(json.loads(body))

    def repeatable_part(self, row: Any) -> Any:
        return row

    async def deliver(self, step: str, parcels: Sequence[Parcel[str]]) -> Delivery[Any]:
        self.batches.append([parcel.row for parcel in parcels])
        self.steps.append(step)
        return Delivery(await self._answer(parcels))

    async def read_back(self, step: str, parcels: Sequence[Parcel[str]]) -> Delivery[Any]:
        if self._look is None:
            return Delivery([Receipt("again") for _ in parcels], requests=0)
        return Delivery(await self._look(parcels))

    def budget(self) -> Budget | None:
        return None


async def created(parcels: Sequence[Parcel[Any]]) -> list[Receipt[Any]]:
    await asyncio.sleep(0.1)
    return [Receipt("created", parcel.index + 1) for parcel in parcels]
