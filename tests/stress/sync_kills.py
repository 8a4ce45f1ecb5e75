"""SIGKILL at random points of jobs with a `SyncState`: nothing is missed, nothing is marked as stored that is not.

Each job is one of a series of nights with changing input. A night is killed several times at a random step, and started
again until it lives. What the state calls stored is compared with the server after every kill, and the server with the
input after every night.

python -m tests.stress.sync_kills --kills 100
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import sqlite3
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import Factory, define

from mautic_async.resources.contacts import validation
from mautic_async.sync.run import CONTENT_FORMAT, canonical
from mautic_async.sync.state_file import keyed_hash
from mautic_async.testing import FakeMautic, Latency
from tests.stress.sync_kill_child import make_rows, run_child

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["tests.stress.sync_kill_child", "mautic_async.client", "httpx"])
KILLS_A_NIGHT = 3
NIGHTS = 6
MAX_STEPS = 220


@define
class SyncKillStatistics:
    """What the kills did."""

    kills: int = 0
    nights: int = 0
    sent: int = 0
    unchanged: int = 0
    checked: int = 0
    failures: Counter[str] = Factory(Counter)


def set_once(finished: asyncio.Future[None]) -> None:
    if not finished.done():
        finished.set_result(None)


async def run_process(url: str, folder: str, name: str, version: int, steps: int) -> int:
    """Run the night's process; its exit code."""
    process: BaseProcess = SPAWN.Process(target=run_child, args=(url, folder, name, version, steps))
    process.start()
    loop = asyncio.get_running_loop()
    finished: asyncio.Future[None] = loop.create_future()
    loop.add_reader(process.sentinel, set_once, finished)
    try:
        async with asyncio.timeout(120.0):
            await finished
    finally:
        loop.remove_reader(process.sentinel)
    process.join()
    code = process.exitcode
    process.close()
    return code if code is not None else -1


def check_state(fake: FakeMautic, folder: str, name: str, statistics: SyncKillStatistics) -> None:
    """Every hash in the file must be that of what the server holds."""
    path = Path(folder, f"{name}.db")
    if not path.exists():
        return
    with tempfile.TemporaryDirectory() as copies:
        for file in (path, path.with_name(f"{name}.db-wal")):  # a copy, since opening the file would end its recovery
            if file.exists():
                Path(copies, file.name).write_bytes(file.read_bytes())
        db = sqlite3.connect(Path(copies, path.name))
        try:
            salt = dict(db.execute("SELECT key, value FROM meta").fetchall()).get("salt")
            stored = dict(db.execute("SELECT entity, hash FROM row WHERE hash IS NOT NULL").fetchall())
        except sqlite3.OperationalError:  # killed before the tables were made
            return
        finally:
            db.close()
    file_key = keyed_hash(b"", salt, 32) if salt else b""
    held = {contact["id"]: contact["fields"] for contact in fake.contacts}
    for entity, content in stored.items():
        fields = held[entity]
        email, city = str(fields["email"]), str(fields["city"])
        rows = (
            {"email": spelling, "city": city} for spelling in (email, f"{name.upper()}.P{email.partition('.p')[2]}")
        )
        hashes = {keyed_hash(CONTENT_FORMAT + canonical(json.dumps(row).encode()), file_key) for row in rows}
        statistics.checked += 1
        statistics.failures["marked as stored and not"] += content not in hashes


def check_server(fake: FakeMautic, name: str, version: int, statistics: SyncKillStatistics) -> None:
    """After a night the server must hold the last row of each contact, once."""
    expected: dict[object, object] = {}
    for row in make_rows(name, version):
        expected[validation.collation_key(row.email)] = row.city
    held = [fields for contact in fake.contacts if str((fields := contact["fields"])["email"]).lower().startswith(name)]
    cities: dict[object, object] = {validation.collation_key(fields["email"]): fields["city"] for fields in held}
    statistics.failures["doubled"] += len(held) - len(cities)
    statistics.failures["missed"] += sum(cities.get(email) != city for email, city in expected.items())


async def run_series(fake: FakeMautic, url: str, folder: str, number: int, statistics: SyncKillStatistics) -> None:
    """Several nights of one source, each killed several times."""
    rng, name = random.Random(number), f"job{number}"
    for night in range(NIGHTS):
        for attempt in range(KILLS_A_NIGHT + 1):
            steps = 0 if attempt == KILLS_A_NIGHT else rng.randint(1, MAX_STEPS)
            # A night that was killed may be followed by the next one's input, unless a journal expects the same.
            code = await run_process(url, folder, name, night, steps)
            statistics.kills += code == -9
            statistics.failures["wrong end"] += code not in {0, -9}
            if code == 0:
                break
            await asyncio.sleep(0.7)  # until the server has ended what the killed process had sent
            check_state(fake, folder, name, statistics)
        unchanged, sent = json.loads(Path(folder, f"{name}.{night}.json").read_text())
        statistics.nights += 1
        statistics.unchanged += unchanged
        statistics.sent += sent
        check_state(fake, folder, name, statistics)
        check_server(fake, name, night, statistics)


async def run_sync_kills(kills: int, *, at_once: int = 4) -> SyncKillStatistics:
    """As many kills as asked for, several series side by side."""
    statistics = SyncKillStatistics()
    number = 0
    with tempfile.TemporaryDirectory() as folder:
        fake = FakeMautic(initial="clean", latency=Latency(request=0.005, row=0.002, jitter=0.5), workers=16)
        async with fake, fake.serve() as url:

            async def worker() -> None:
                nonlocal number
                while statistics.kills < kills:
                    number += 1
                    await run_series(fake, url, folder, number, statistics)

            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(worker())
    statistics.failures = +statistics.failures
    return statistics


def main() -> int:
    """Print the table; the exit status says whether there were failures."""
    parser = argparse.ArgumentParser(description="SIGKILL at random points of jobs with a state")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=4)
    arguments = parser.parse_args()
    started_at = time.perf_counter()
    statistics = asyncio.run(run_sync_kills(arguments.kills, at_once=arguments.at_once))
    figures = {
        "kills": statistics.kills,
        "nights": statistics.nights,
        "rows sent": statistics.sent,
        "rows unchanged": statistics.unchanged,
        "hashes compared with the server": statistics.checked,
        "seconds": round(time.perf_counter() - started_at, 1),
        "failures": dict(statistics.failures) or 0,
    }
    for name, figure in figures.items():
        print(f"{name:>32}  {figure}")
    return 1 if statistics.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
