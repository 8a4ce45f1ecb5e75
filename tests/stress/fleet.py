"""Many Mautics, several taskiq workers of which one is killed every few seconds, and a Redis that is restarted once.

python -m tests.stress.fleet --mautics 20 --rows 2000
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from attrs import Factory, define

from mautic_async import Contact, CustomItem
from mautic_async.testing import FakeMautic, Latency
from tests.support.redis_server import RedisServer, find_server

WORKER = [sys.executable, "-m", "taskiq", "worker", "--workers", "1", "--log-level", "ERROR", "--no-configure-logging"]


@define
class FleetResult:
    """What became of the rows."""

    rows: int = 0
    kills: int = 0
    counts: Counter[str] = Factory(Counter)
    lost: int = 0
    doubled_contacts: int = 0
    doubled_items: int = 0
    refused_calls: int = 0
    token_requests: int = 0
    lies: int = 0


@define
class Workers:
    """Worker processes; a killed one is replaced."""

    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = Factory(list)

    def start(self) -> None:
        command = [*WORKER, "tests.support.taskiq_app:broker"]
        # A group of its own: taskiq's worker is a parent and a child, and a machine that dies takes both.
        self.processes.append(subprocess.Popen(command, env=self.environment, start_new_session=True))

    def kill(self, number: int) -> None:
        process = self.processes.pop(number)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        while self.processes:
            self.kill(0)


def make_rows(tenant: str, count: int) -> list[Contact]:
    """Contacts with an order each; one in a hundred is refused by Mautic."""
    return [
        Contact(
            email=f"c{number}@{tenant}.example" if number % 100 else f"not an address {number}",
            firstname="Ada",
            custom_items=[
                CustomItem(object="orders", name=f"order {number}", attributes={"order-number": f"{tenant}-{number}"})
            ],
        )
        for number in range(count)
    ]


async def run_fleet(
    *, mautics: int, rows: int, workers: int, kill_every: float, restart_redis: bool, seed: int = 0
) -> FleetResult:
    """Run one job for each Mautic, and compare what the servers hold with what the jobs report."""
    rng = random.Random(seed)
    result = FleetResult(rows=mautics * rows)
    with tempfile.TemporaryDirectory() as folder:
        async with contextlib.AsyncExitStack() as stack:
            redis = RedisServer(find_server() or "", Path(folder))
            redis.start()
            stack.callback(redis.kill)
            sites: dict[str, dict[str, str]] = {}
            fakes: dict[str, FakeMautic] = {}
            for number in range(mautics):
                fake = FakeMautic(seed=seed + number, latency=Latency(row=0.002), rate_limit=100_000)
                await stack.enter_async_context(fake)
                url = await stack.enter_async_context(fake.serve())
                fakes[f"t{number}"] = fake
                sites[f"t{number}"] = {"url": url, "client_id": fake.client_id, "client_secret": fake.client_secret}
            environment = {**os.environ, "TEST_REDIS_URL": redis.url, "TEST_TENANTS": json.dumps(sites)}
            os.environ.update(environment)
            from tests.support import taskiq_app

            crew = Workers(environment)
            stack.callback(crew.stop)
            for _ in range(workers):
                crew.start()
            await taskiq_app.broker.startup()
            stack.push_async_callback(taskiq_app.tasks.aclose)
            stack.push_async_callback(taskiq_app.broker.shutdown)
            jobs = {
                tenant: await taskiq_app.store_customers.start(
                    make_rows(tenant, rows), job=f"job-{tenant}", tenant=tenant, shards=4
                )
                for tenant in sites
            }
            waiting = asyncio.gather(*(job.report(timeout=1800) for job in jobs.values()))
            trouble = asyncio.create_task(
                make_trouble(crew, redis, rng, result, kill_every, restart_redis=restart_redis)
            )
            try:
                reports = await waiting
            finally:
                trouble.cancel()
                await asyncio.wait({trouble})
            for (tenant, job), report in zip(jobs.items(), reports, strict=True):
                failed = [it async for it in job.failures()]
                judge(tenant, fakes[tenant], make_rows(tenant, rows), report, failed, result=result)
    return result


async def make_trouble(
    crew: Workers,
    redis: RedisServer,
    rng: random.Random,
    result: FleetResult,
    kill_every: float,
    *,
    restart_redis: bool,
) -> None:
    """Kill a worker every few seconds and start another one; restart Redis after the second kill."""
    while True:
        await asyncio.sleep(kill_every * rng.uniform(0.7, 1.3))
        crew.kill(rng.randrange(len(crew.processes)))
        crew.start()
        result.kills += 1
        if restart_redis and result.kills == 2:
            redis.kill()
            await asyncio.sleep(0.5)
            redis.start()


def judge(
    tenant: str, fake: FakeMautic, rows: list[Contact], report: Any, failed: list[Any], *, result: FleetResult
) -> None:
    """Compare the reported outcomes of one job with its server."""
    emails = Counter(contact["fields"]["email"] for contact in fake.contacts)
    items = Counter(item["attributes"]["order-number"] for item in fake.custom_items)
    refused = {it.row.email for it in failed}
    for number, row in enumerate(rows):
        if row.email not in refused:
            result.lost += not emails[row.email] or not items[f"{tenant}-{number}"]
    result.lies += sum(row.email in emails for row in (it.row for it in failed if it.status == "rejected"))
    result.lies += len(failed) != report.rejected + report.partial + report.unknown or report.read != len(rows)
    result.doubled_contacts += sum(count - 1 for count in emails.values())
    result.doubled_items += sum(count - 1 for count in items.values())
    result.refused_calls += sum(seen.status == 429 for seen in fake.requests)
    result.token_requests += sum(seen.path == "/oauth/v2/token" for seen in fake.requests)
    for status in ("created", "updated", "rejected", "partial", "unknown"):
        result.counts[status] += getattr(report, status)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mautics", type=int, default=20)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kill-every", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    result = asyncio.run(
        run_fleet(
            mautics=given.mautics,
            rows=given.rows,
            workers=given.workers,
            kill_every=given.kill_every,
            restart_redis=True,
            seed=given.seed,
        )
    )
    print(result)
    if result.lost or result.doubled_contacts or result.doubled_items or result.lies:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
