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
from tests.stress.kill_child import POINTS, rows_of, work

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["tests.stress.kill_child", "mautic_async.client", "httpx"])
ROWS = 300
LIVES = 14
"""Kills of one job, after which it may live."""


@define
class Toll:
    """What the kills did."""

    kills: Counter[str] = Factory(Counter)
    jobs: int = 0
    rows: int = 0
    resumed: int = 0
    failures: Counter[str] = Factory(Counter)


def _once(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


async def one_life(url: str, folder: str, name: str, chance: random.Random, *, last: bool, toll: Toll) -> bool:
    """Start the job's process, and end it by one way or another; True when it ran to its end."""
    point, times, after = "", 0, 0.0
    if not last:
        point = chance.choice((*POINTS, "any time", "any time", "any time"))
        times, after = chance.randint(1, 6), chance.uniform(0.05, 1.8)
        if point in {"journal open", "before finish", "after finish"}:
            times = 1
        if point == "outcome seen":
            times *= 7
    process: BaseProcess = SPAWN.Process(target=work, args=(url, folder, name, ROWS, point, times))
    process.start()
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    loop.add_reader(process.sentinel, _once, ended)
    timer = loop.call_later(after, process.kill) if point == "any time" else None
    try:
        async with asyncio.timeout(120.0):
            await ended
    finally:
        loop.remove_reader(process.sentinel)
        if timer is not None:
            timer.cancel()
    process.join()
    code = process.exitcode
    process.close()
    if code == -9:
        toll.kills[point] += 1
        return False
    toll.failures["wrong end"] += code != 0
    return True


async def one_job(url: str, folder: str, number: int, seed: int, toll: Toll) -> None:
    """Kill a job time and again, then let it live."""
    chance = random.Random(seed)
    name = f"job{number}"
    toll.jobs += 1
    toll.rows += ROWS
    for life in range(LIVES + 1):
        if await one_life(url, folder, name, chance, last=life == LIVES, toll=toll):
            break
    report = json.loads(Path(folder, f"{name}.json").read_text())
    toll.failures["rows without an outcome"] += abs(report["read"] - ROWS)
    toll.resumed += report["resumed"]


def check(fake: FakeMautic, jobs: int, toll: Toll) -> None:
    """What the server holds must be what the rows say, once."""
    stored = Counter(str(contact["fields"]["email"]) for contact in fake.contacts)
    cities = {str(contact["fields"]["email"]): contact["fields"]["city"] for contact in fake.contacts}
    ids = {str(contact["fields"]["email"]): contact["id"] for contact in fake.contacts}
    items = Counter(str(item["attributes"]["sku"]) for item in fake.custom_items)
    linked = {str(item["attributes"]["sku"]): (item["name"], item["contacts"]) for item in fake.custom_items}
    wanted: dict[str, str] = {}
    skus: dict[str, tuple[str, str]] = {}
    for number in range(jobs):
        for row in rows_of(f"job{number}", ROWS):
            assert isinstance(row.email, str)
            assert isinstance(row.city, str)
            wanted[row.email] = row.city
            for item in row.custom_items or []:
                assert isinstance(item.name, str)
                skus[str(item.attributes["sku"])] = (item.name, row.email)
    toll.failures["lost contacts"] += len(wanted.keys() - stored.keys())
    toll.failures["doubled contacts"] += sum(count - 1 for count in stored.values())
    toll.failures["stale contacts"] += sum(cities.get(email) != city for email, city in wanted.items())
    toll.failures["lost items"] += len(skus.keys() - items.keys())
    toll.failures["doubled items"] += sum(count - 1 for count in items.values())
    toll.failures["stale or unlinked items"] += sum(
        linked.get(sku) != (name, [ids.get(email)]) for sku, (name, email) in skus.items()
    )


async def massacre(kills: int, *, at_once: int = 4, seed: int = 0) -> Toll:
    """As many kills as asked for, several jobs side by side."""
    toll = Toll()
    number = 0
    latency = Latency(request=0.01, row=0.004, jitter=0.5)
    with tempfile.TemporaryDirectory() as folder:
        fake = FakeMautic(initial="clean", latency=latency, workers=16)
        fake.add_custom_object("orders", {"sku": {"type": "text", "unique": True}})
        async with fake, fake.serve() as url:

            async def worker() -> None:
                nonlocal number
                while sum(toll.kills.values()) < kills:
                    number += 1
                    await one_job(url, folder, number - 1, seed + number, toll)

            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(worker())
            await asyncio.sleep(0.3)
            check(fake, number, toll)
    toll.failures = +toll.failures
    return toll


def main() -> int:
    """Print the table; the exit status says whether there were failures."""
    parser = argparse.ArgumentParser(description="SIGKILL at every named point and at random times")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.perf_counter()
    toll = asyncio.run(massacre(given.kills, at_once=given.at_once, seed=given.seed))
    for point, count in sorted(toll.kills.items()):
        print(f"{point:>24}  {count}")
    figures = {
        "kills": sum(toll.kills.values()),
        "jobs": toll.jobs,
        "rows": toll.rows,
        "rows resumed as done": toll.resumed,
        "seconds": round(time.perf_counter() - began, 1),
        "failures": dict(toll.failures) or 0,
    }
    for name, figure in figures.items():
        print(f"{name:>24}  {figure}")
    return 1 if toll.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
