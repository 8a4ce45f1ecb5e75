"""Bulk jobs through real front servers, one of which is killed and started again in the middle of batches.

The outer front answers 502 and 504 on its own, while the server goes on with the rows. Such an answer proves nothing:
a client that looks or sends again at once doubles contacts and items, and may let an older version win.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest

from mautic_async import Contact, CustomItem, Limits, LookupField, Mautic, UniqueField
from mautic_async.bulk import BulkOptions, Outcome
from mautic_async.testing import FakeMautic, Latency
from tests.support.fronts import NGINX, Front, Kind, fronts

STRATEGIES: dict[str, Any] = {"orders": UniqueField("mark"), "visits": LookupField("mark"), "notes": None}
"""The strategy for the items of each custom object; a job has one of them."""
PEOPLE = 45
BATCH = 15
ROW = 0.012
PATIENCE = 0.5
"""Seconds after which the outer front answers 504."""
STALL = 0.6
PLAN = BulkOptions(batch=BATCH, initial_batch=BATCH, reconcile_after=1.6)
"""It has to settle longer than a batch takes, stall included."""


def rows_of(object: str) -> list[Contact]:
    """Two versions of each third person, the second one at the end; every second row of a first version has an item."""
    rows = []
    for person in range(PEOPLE):
        row = Contact(email=f"{object}{person}@example.com", firstname=f"n{person}", city="first")
        if person % 2:
            row.custom_items = [CustomItem(object, name=f"i{person}", attributes={"mark": f"{object}{person}"})]
        rows.append(row)
    return rows + [Contact(email=f"{object}{person}@example.com", city="last") for person in range(0, PEOPLE, 3)]


def server() -> FakeMautic:
    """A server that knows each fifth person since yesterday."""
    fake = FakeMautic(latency=Latency(request=0.02, row=ROW), workers=32, initial="clean")
    for object in STRATEGIES:
        fake.add_custom_object(object, {"mark": {"type": "text", "unique": object == "orders"}})
    return fake


async def known_since_yesterday(fake: FakeMautic) -> None:
    known = [Contact(email=f"{object}{person}@example.com") for object in STRATEGIES for person in range(0, PEOPLE, 5)]
    async with Mautic(fake.url, auth=fake.auth, transport=fake.transport) as past_the_fronts:
        assert all(outcome.ok for outcome in await past_the_fronts.contacts.create_many(known))
    for row in fake.store["contacts"]:
        row["dateAdded"] -= 86_400


async def succeed_for_a_while(mautic: Mautic) -> None:
    """After so many successes the faults of this test do not open the breaker, whose pauses would make it longer."""
    await asyncio.gather(*(mautic.contacts.list(limit=1) for _ in range(60)))


async def in_the_middle_of_a_batch(fake: FakeMautic, after: int) -> int:
    """Wait until a batch that came after the first *after* requests has some rows stored, and some not."""
    while not any(  # noqa: ASYNC110 - the server has no event for it
        seen.path.endswith("batch/new") and seen.ended is None and 1 <= seen.rows < len(json.loads(seen.body)) - 2
        for seen in fake.requests[after:]
    ):
        await asyncio.sleep(0.005)
    return len(fake.requests)


async def trouble(fake: FakeMautic, inner: Front, after: int, done: Counter[str]) -> None:
    """Kill and start the inner front in the middle of batches; between, alter the table until the outer one gives up."""
    for what in ("kill", "kill", "stall", "kill"):
        after = await in_the_middle_of_a_batch(fake, after)
        if what == "stall":
            fake.stall(STALL)
        else:
            await inner.kill()
            await inner.start()
        done[what] += 1


async def job(mautic: Mautic, object: str) -> list[Outcome[Contact]]:
    async with mautic.contacts.bulk_upsert(rows_of(object), match_items=STRATEGIES[object], options=PLAN) as run:
        return [outcome async for outcome in run]


@pytest.mark.parametrize("kind", get_args(Kind))
async def test_bulk_upsert_treats_a_502_of_a_proxy_as_an_unfinished_request(kind: Kind, tmp_path: Path) -> None:
    if kind == "nginx" and NGINX is None:
        pytest.skip("nginx is not installed")
    async with (
        server() as fake,
        fake.serve() as url,
        fronts(kind, int(url.rpartition(":")[2]), tmp_path, patience=PATIENCE) as (outer, inner),
        Mautic(outer, auth=fake.auth, limits=Limits(concurrency=16)) as mautic,
    ):
        await known_since_yesterday(fake)
        await succeed_for_a_while(mautic)
        met = len(fake.requests)
        done: Counter[str] = Counter()
        async with asyncio.TaskGroup() as group:
            troubling = group.create_task(trouble(fake, inner, met, done))
            jobs = {object: group.create_task(job(mautic, object)) for object in STRATEGIES}
            await asyncio.wait(jobs.values())
            troubling.cancel()
        await asyncio.sleep(STALL + 2 * BATCH * ROW)
        problems = [problem for object, task in jobs.items() for problem in found(fake, object, task.result())]
    assert done["kill"] >= 2, done
    assert done["stall"] == 1, done
    assert not problems, "\n".join(problems)


def found(fake: FakeMautic, object: str, outcomes: list[Outcome[Contact]]) -> list[str]:
    """What is wrong with the store, or with what was told of it."""
    rows = rows_of(object)
    surely = STRATEGIES[object] is not None
    problems = [f"{len(outcomes)} outcomes of {len(rows)} rows"] if len(outcomes) != len(rows) else []
    told: dict[str, list[str]] = {}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.index):
        told.setdefault(str(rows[outcome.index].email), []).append(outcome.status)
    items = Counter(str(item["attributes"]["mark"]) for item in fake.custom_items if item["object"] == object)
    stored: dict[str, list[dict[str, Any]]] = {}
    for contact in fake.contacts:
        stored.setdefault(str(contact["fields"]["email"]), []).append(contact)
    for person in range(PEOPLE):
        email = f"{object}{person}@example.com"
        statuses, held = told.get(email, []), stored.get(email, [])
        sure = surely or "unknown" not in statuses
        if len(held) != 1:
            problems.append(f"{email}: {len(held)} contacts")
            continue
        wanted = "last" if person % 3 == 0 else "first"
        if held[0]["fields"].get("city") != wanted and sure:
            problems.append(f"{email}: {held[0]['fields'].get('city')} instead of {wanted}")
        count = items[f"{object}{person}"]
        if count > person % 2 or (count < person % 2 and sure):
            problems.append(f"{email}: {count} items instead of {person % 2}")
        made = statuses.count("created")
        told_truly = {"created", "updated"} if surely else {"created", "updated", "unknown"}
        new = person % 5 != 0
        if not told_truly.issuperset(statuses) or made > new or (made < new and sure):
            problems.append(f"{email}: told {statuses}")
    return problems
