from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mautic_async.bulk import Outcome, Plan, Report, Run
from mautic_async.testing.virtual import run, virtual_clock
from tests.bulk.lying import Faults, Post, Row, Site

if TYPE_CHECKING:
    from collections.abc import Iterable


def job(
    rows: Iterable[Row], *, rate: float = 0.0, seed: int = 1, **options: Any
) -> tuple[list[Outcome[Any]], Report, Post]:
    plan = options.pop("plan", Plan())

    async def work() -> tuple[list[Outcome[Any]], Report, Post]:
        clock = virtual_clock(asyncio.get_running_loop(), seed)
        post = Post(Site(clock), Faults(seed, rate), **options)
        job: Run[Row, Any] = Run(post, rows, plan=plan, clock=clock)
        async with job:
            outcomes = [outcome async for outcome in job]
        await post.rest()
        return outcomes, job.report, post

    return run(work(), seed)


def people(count: int) -> list[Row]:
    return [Row(f"p{number}@example.org", 1) for number in range(count)]


def test_every_row_gets_one_outcome() -> None:
    outcomes, report, post = job(people(1000))
    assert sorted(outcome.index for outcome in outcomes) == list(range(1000))
    assert report.created == report.read == 1000
    assert len(post.site.contacts) == 1000


def test_faults_cost_nothing_but_time() -> None:
    outcomes, report, post = job(people(2000), rate=0.2)
    assert sorted(outcome.index for outcome in outcomes) == list(range(2000))
    assert report.read == 2000
    assert len(post.site.contacts) == 2000
