"""Real processes, real sockets, SIGKILL: a killed job is started again until it is done, and nothing is lost or doubled.

python -m tests.stress.kills --kills 200
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import Factory, define

from mautic_async.testing import FakeMautic, Latency
from tests.stress.kill_child import POINTS, make_rows, run_child

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["tests.stress.kill_child", "mautic_async.client", "httpx"])
ROWS = 300
MAX_KILLS = 14
"""Kills of one job, after which it may live."""


@define
class KillStatistics:
    """What the kills did."""

    kills: Counter[str] = Factory(Counter)
    jobs: int = 0
    rows: int = 0
    resumed: int = 0
    failures: Counter[str] = Factory(Counter)


def _set_once(finished: asyncio.Future[None]) -> None:
    if not finished.done():
        finished.set_result(None)


async def run_process(
    url: str, folder: str, name: str, rng: random.Random, *, may_finish: bool, statistics: KillStatistics
) -> bool:
    """Start the job's process, and end it by one way or another; True when it ran to its end."""
    point, times, after = "", 0, 0.0
    if not may_finish:
        point = rng.choice((*POINTS, "any time", "any time", "any time"))
        times, after = rng.randint(1, 6), rng.uniform(0.05, 1.8)
        if point in {"journal open", "before finish", "after finish"}:
            times = 1
        if point == "outcome seen":
            times *= 7
    process: BaseProcess = SPAWN.Process(target=run_child, args=(url, folder, name, ROWS, point, times))
    process.start()
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[None] = loop.create_future()
    loop.add_reader(process.sentinel, _set_once, finished)
    timer = loop.call_later(after, process.kill) if point == "any time" else None
    try:
        async with asyncio.timeout(120.0):
            await finished
    finally:
        loop.remove_reader(process.sentinel)
        if timer is not None:
            timer.cancel()
    process.join()
    code = process.exitcode
    process.close()
    if code == -9:
        statistics.kills[point] += 1
        return False
    statistics.failures["wrong end"] += code != 0
    return True


async def run_job(url: str, folder: str, number: int, seed: int, statistics: KillStatistics) -> None:
    """Kill a job time and again, then let it live."""
    rng = random.Random(seed)
    name = f"job{number}"
    statistics.jobs += 1
    statistics.rows += ROWS
    for run_number in range(MAX_KILLS + 1):
        if await run_process(url, folder, name, rng, may_finish=run_number == MAX_KILLS, statistics=statistics):
            break
    report = json.loads(Path(folder, f"{name}.json").read_text())
    statistics.failures["rows without an outcome"] += abs(report["read"] - ROWS)
    statistics.resumed += report["resumed"]


def check(fake: FakeMautic, jobs: int, statistics: KillStatistics) -> None:
    """What the server holds must be what the rows say, once."""
    stored = Counter(str(contact["fields"]["email"]) for contact in fake.contacts)
    cities = {str(contact["fields"]["email"]): contact["fields"]["city"] for contact in fake.contacts}
    ids = {str(contact["fields"]["email"]): contact["id"] for contact in fake.contacts}
    items = Counter(str(item["attributes"]["sku"]) for item in fake.custom_items)
    contact_items = {str(item["attributes"]["sku"]): (item["name"], item["contacts"]) for item in fake.custom_items}
    expected: dict[str, str] = {}
    skus: dict[str, tuple[str, str]] = {}
    for number in range(jobs):
        for row in make_rows(f"job{number}", ROWS):
            assert isinstance(row.email, str)
            assert isinstance(row.city, str)
            expected[row.email] = row.city
            for item in row.custom_items or []:
                assert isinstance(item.name, str)
                skus[str(item.attributes["sku"])] = (item.name, row.email)
    statistics.failures["lost contacts"] += len(expected.keys() - stored.keys())
    statistics.failures["doubled contacts"] += sum(count - 1 for count in stored.values())
    statistics.failures["stale contacts"] += sum(cities.get(email) != city for email, city in expected.items())
    statistics.failures["lost items"] += len(skus.keys() - items.keys())
    statistics.failures["doubled items"] += sum(count - 1 for count in items.values())
    statistics.failures["stale or unlinked items"] += sum(
        contact_items.get(sku) != (name, [ids.get(email)]) for sku, (name, email) in skus.items()
    )


async def run_kills(kills: int, *, at_once: int = 4, seed: int = 0) -> KillStatistics:
    """As many kills as asked for, several jobs side by side."""
    statistics = KillStatistics()
    number = 0
    latency = Latency(request=0.01, row=0.004, jitter=0.5)
    with tempfile.TemporaryDirectory() as folder:
        fake = FakeMautic(initial="clean", latency=latency, workers=16)
        fake.add_custom_object("orders", {"sku": {"type": "text", "unique": True}})
        async with fake, fake.serve() as url:

            async def worker() -> None:
                nonlocal number
                while sum(statistics.kills.values()) < kills:
                    number += 1
                    await run_job(url, folder, number - 1, seed + number, statistics)

            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(worker())
            await asyncio.sleep(0.3)
            check(fake, number, statistics)
    statistics.failures = +statistics.failures
    return statistics


def main() -> int:
    """Print the table; the exit status says whether there were failures."""
    parser = argparse.ArgumentParser(description="SIGKILL at every named point and at random times")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started_at = time.perf_counter()
    statistics = asyncio.run(run_kills(arguments.kills, at_once=arguments.at_once, seed=arguments.seed))
    for point, count in sorted(statistics.kills.items()):
        print(f"{point:>24}  {count}")
    figures = {
        "kills": sum(statistics.kills.values()),
        "jobs": statistics.jobs,
        "rows": statistics.rows,
        "rows resumed as done": statistics.resumed,
        "seconds": round(time.perf_counter() - started_at, 1),
        "failures": dict(statistics.failures) or 0,
    }
    for name, figure in figures.items():
        print(f"{name:>24}  {figure}")
    return 1 if statistics.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
