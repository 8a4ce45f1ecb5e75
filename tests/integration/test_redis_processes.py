"""Eight real processes on one Redis: one rate limit, one token, and a job that another process goes on with."""

from __future__ import annotations

import asyncio
import json
import math
import time

from mautic_async.testing import FakeMautic
from tests.support.processes import start_together
from tests.support.redis_server import RedisServer

LIMIT, WINDOW, PROCESSES = 200, 8, 8
# The client holds a window for open up to a second longer than the server does, since headers tell whole seconds, and
# begins the next one after a random delay. So a window must last for several seconds, and not be used up within one.


CHILD = """
import asyncio, json, sys, time
from mautic_async import ClientCredentials, Limits, Mautic
from mautic_async.redis import RedisRateLimitStore, RedisTokens

async def main(url, client_id, secret, redis, name):
    done = 0
    async with RedisTokens(redis) as tokens, RedisRateLimitStore(redis) as store:
        auth = ClientCredentials(client_id, secret, tokens=tokens)
        async with Mautic(url, auth=auth, limits=Limits(concurrency=2, reserve=0, store=store)) as mautic:
            print("ready", flush=True)
            until = float(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))

            async def work():
                nonlocal done
                while True:
                    await mautic.contacts.list(limit=1)
                    done += 1
            try:
                async with asyncio.timeout(until - time.time()), asyncio.TaskGroup() as group:
                    for _ in range(2):
                        group.create_task(work())
            except TimeoutError:
                pass
    print(json.dumps(done), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_eight_processes_share_a_limit_and_a_token_through_redis(redis_server: RedisServer) -> None:
    async with FakeMautic(rate_limit=LIMIT, rate_window=WINDOW, latency=0.15) as fake, fake.serve() as url:
        arguments = (url, fake.client_id, fake.client_secret, redis_server.url)
        children = await start_together(CHILD, [(*arguments, str(number)) for number in range(PROCESSES)])
        end = f"{time.time() + 2.3 * WINDOW}\n".encode()
        outputs = [output for output, _ in await asyncio.gather(*(child.communicate(end) for child in children))]
    assert [child.returncode for child in children] == [0] * PROCESSES
    calls = [seen for seen in fake.requests if seen.path == "/api/contacts"]
    windows: list[int] = []
    opened = -math.inf
    for seen in sorted(calls, key=lambda seen: seen.time):
        if int(seen.time) >= opened + WINDOW:
            opened = int(seen.time)
            windows.append(0)
        windows[-1] += 1
    refused = sum(seen.status == 429 for seen in calls)
    print(f"\n{PROCESSES} processes, limit {LIMIT}: {len(calls)} calls, {refused} refused, a window {windows}")
    assert refused == 0
    assert windows[1] >= 0.99 * LIMIT
    assert sum(json.loads(output) for output in outputs) <= len(calls)
    assert sum(seen.path == "/oauth/v2/token" for seen in fake.requests) == 1
