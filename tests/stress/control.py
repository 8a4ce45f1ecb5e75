"""How well a bulk job steers itself: its rate on simulated servers, as a share of the best fixed setting.

python -m tests.stress.control --seeds 10

Eight servers of different kinds take long jobs, in which learning costs little. Then many draws of the server on which
Mautic 5.1.1 was measured take jobs of 2,000 and 6,000 rows, in which it costs most.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
from typing import TYPE_CHECKING, Any

from mautic_async.bulk import BulkJob, BulkOptions, RowResult
from mautic_async.errors import ServerError
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.bulk_jobs import ScriptedAdapter
from tests.support.bulk_model import with_verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mautic_async.bulk import WorkItem

MAX_CONCURRENCY = 8
BATCHES = (25, 50, 100, 200)
SHORT_JOBS = (2_000, 6_000)


class Server:
    """Serves requests by sharing its cores among them; what a request costs is a + c * rows seconds of a core.

    Args:
        cores: How many requests are worked on at full speed.
        seconds_per_request: a, in seconds.
        seconds_per_row: c, in seconds.
        thrash: The share of all speed that each request beyond the cores costs.
        refuse_above: Requests under way beyond which a 503 comes back, or 0.
        noise: Spread of what a request costs.
        shrink: The loop time after which only half the cores are left, or 0.
        wait: Seconds of mere waiting in each request.
        idle: The share of what a request costs in which it waits for a disk, and needs no core.
        seed: For the noise.
    """

    def __init__(
        self,
        *,
        cores: float,
        seconds_per_request: float,
        seconds_per_row: float,
        thrash: float = 0.0,
        refuse_above: int = 0,
        noise: float = 0.0,
        shrink: float = 0.0,
        wait: float = 0.0,
        idle: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.cores = cores
        self.seconds_per_request = seconds_per_request
        self.seconds_per_row = seconds_per_row
        self.thrash = thrash
        self.refuse_above = refuse_above
        self.noise = noise
        self.shrink = shrink
        self.wait = wait
        self.idle = idle
        self._chance = random.Random(seed)
        self._seconds_left: dict[asyncio.Future[None], float] = {}
        self._advanced_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def serve(self, rows: int) -> bool:
        """One request; False if it was refused."""
        loop = asyncio.get_running_loop()
        if self.refuse_above and len(self._seconds_left) >= self.refuse_above:
            await asyncio.sleep(0.05)
            return False
        cost = self.seconds_per_request + self.seconds_per_row * rows
        cost *= self._chance.lognormvariate(0.0, self.noise) if self.noise else 1.0
        await asyncio.sleep(self.wait + self.idle * cost)
        self._advance(loop.time())
        done: asyncio.Future[None] = loop.create_future()
        self._seconds_left[done] = (1.0 - self.idle) * cost
        self._plan(loop)
        await done
        return True

    def _speed(self, now: float) -> float:
        count = len(self._seconds_left)
        cores = self.cores / 2 if self.shrink and now >= self.shrink else self.cores
        speed = min(1.0, cores / count)
        return speed * max(0.2, 1.0 - self.thrash * max(0.0, count - cores))

    def _advance(self, now: float) -> None:
        if self._seconds_left:
            step = (now - self._advanced_at) * self._speed(self._advanced_at)
            for done in self._seconds_left:
                self._seconds_left[done] -= step
        self._advanced_at = now

    def _plan(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._seconds_left:
            self._timer = loop.call_later(
                max(0.0, min(self._seconds_left.values())) / self._speed(loop.time()), self._finish, loop
            )

    def _finish(self, loop: asyncio.AbstractEventLoop) -> None:
        self._advance(loop.time())
        for done in [done for done, left in self._seconds_left.items() if left <= 1e-9]:
            del self._seconds_left[done]
            done.set_result(None)
        self._plan(loop)


SERVERS: dict[str, Callable[[int], Server]] = {
    "measured, 2 cores": lambda seed: Server(
        cores=2, seconds_per_request=0.02, seconds_per_row=0.0085, noise=0.05, thrash=0.02, seed=seed
    ),
    "4 cores, slow rows": lambda seed: Server(
        cores=4, seconds_per_request=0.25, seconds_per_row=0.05, noise=0.1, seed=seed
    ),
    "one core": lambda seed: Server(cores=1, seconds_per_request=0.1, seconds_per_row=0.02, noise=0.05, seed=seed),
    "basic auth, 3 cores": lambda seed: Server(
        cores=3, seconds_per_request=0.37, seconds_per_row=0.01, noise=0.1, seed=seed
    ),
    "wide and far": lambda seed: Server(
        cores=40, seconds_per_request=0.02, seconds_per_row=0.004, wait=0.25, noise=0.05, seed=seed
    ),
    "thrashes": lambda seed: Server(
        cores=4, seconds_per_request=0.1, seconds_per_row=0.02, thrash=0.08, noise=0.1, seed=seed
    ),
    "refuses the seventh": lambda seed: Server(
        cores=5, seconds_per_request=0.1, seconds_per_row=0.02, refuse_above=6, noise=0.1, seed=seed
    ),
    "loses half its cores": lambda seed: Server(
        cores=6, seconds_per_request=0.05, seconds_per_row=0.02, noise=0.2, shrink=60.0, seed=seed
    ),
}


def draw_measured_server(number: int) -> Callable[[int], Server]:
    """Draw a server like the one that was measured: two cores for PHP and the database, 20 to 40 ms a request."""
    draw = random.Random(number)
    seconds_per_request, seconds_per_row, thrash = (
        draw.uniform(0.02, 0.04),
        draw.uniform(0.004, 0.008),
        draw.uniform(0.0, 0.06),
    )
    noise, idle = draw.uniform(0.03, 0.15), draw.choice((0.0, draw.uniform(0.0, 0.25)))

    def make(seed: int) -> Server:
        chance = 1000 * number + seed
        return Server(
            cores=2,
            seconds_per_request=seconds_per_request,
            seconds_per_row=seconds_per_row,
            thrash=thrash,
            noise=noise,
            idle=idle,
            seed=chance,
        )

    return make


def rate_of_fixed_settings(make: Callable[[int], Server], seed: int, workers: int, batch: int, rows: int) -> float:
    """Rows a second with so many workers and rows a request."""

    async def work() -> float:
        server = make(seed)
        rows_left = rows

        async def worker() -> None:
            nonlocal rows_left
            while rows_left > 0:
                taken = min(batch, rows_left)
                rows_left -= taken
                while not await server.serve(taken):  # noqa: ASYNC110 - a server that refuses is asked again
                    await asyncio.sleep(0.5)

        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(worker())
        return rows / asyncio.get_running_loop().time()

    return run_virtual(work())


def rate_of_bulk_job(make: Callable[[int], Server], seed: int, rows: int) -> float:
    """Rows a second of a bulk job that knows nothing of the server."""

    async def work() -> float:
        server = make(seed)

        async def answer(batch: Sequence[WorkItem[str]]) -> list[RowResult[Any]]:
            if not await server.serve(len(batch)):
                raise with_verdict(ServerError("busy", status=503))
            return [RowResult("created")] * len(batch)

        loop = asyncio.get_running_loop()
        options = BulkOptions(concurrency=MAX_CONCURRENCY)
        source = (str(number) for number in range(rows))
        job: BulkJob[str, Any] = BulkJob(
            ScriptedAdapter(answer, keys=lambda _: ()), source, options=options, clock=virtual_clock(loop, seed)
        )
        await job
        return rows / loop.time()

    return run_virtual(work())


def share_of_best(name: str, seed: int, rows: int) -> tuple[float, str]:
    """The steered rate over the best fixed one, and what the best one was."""
    make = SERVERS[name]
    settings = [(workers, batch) for workers in range(1, MAX_CONCURRENCY + 1) for batch in BATCHES]
    rates = {setting: rate_of_fixed_settings(make, seed, *setting, rows) for setting in settings}
    best = max(rates, key=lambda setting: rates[setting])
    return rate_of_bulk_job(make, seed, rows) / rates[best], f"{best[0]} x {best[1]}"


def share_on_measured_server(number: int, rows: int, seeds: int = 4) -> float:
    """The same for one draw of the measured server: both rates are means over *seeds*, so that luck picks no winner."""
    make = draw_measured_server(number)
    settings = [(workers, batch) for workers in (1, 2, 3, 4, 6, 8) for batch in (50, 100, 200)]
    best = max(
        statistics.mean(rate_of_fixed_settings(make, seed, *setting, rows) for seed in range(seeds))
        for setting in settings
    )
    return statistics.mean(rate_of_bulk_job(make, seed, rows) for seed in range(seeds)) / best


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="the steering of a bulk job on eight simulated servers")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--draws", type=int, default=24)
    arguments = parser.parse_args()
    averages, results = [], []
    for name in SERVERS:
        found = [share_of_best(name, seed, arguments.rows) for seed in range(arguments.seeds)]
        shares = [part for part, _ in found]
        averages.append(statistics.mean(shares))
        results += shares
        print(f"{name:>22}  mean {averages[-1]:6.1%}  worst {min(shares):6.1%}  best fixed {found[0][1]}")
    print(f"{'all':>22}  mean {statistics.mean(averages):6.1%}  worst {min(results):6.1%}")
    for rows in SHORT_JOBS:
        shares = [share_on_measured_server(number, rows) for number in range(arguments.draws)]
        print(f"{f'measured, {rows:,} rows':>22}  mean {statistics.mean(shares):6.1%}  worst {min(shares):6.1%}")


if __name__ == "__main__":
    main()
