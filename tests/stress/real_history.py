"""The histories of `tests.stress.history` once more, through the whole client, against FakeMautic.

python -m tests.stress.real_history --seeds 20
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from mautic_async import Contact, CustomItem, Limits, Marker, Mautic, UniqueField
from mautic_async.bulk import Plan, Run
from mautic_async.testing import FakeMautic, Latency
from mautic_async.testing.virtual_time import run, virtual_clock
from tests.stress.history import Findings, Mortal, MortalJournal, until_death

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mautic_async.bulk import Outcome
    from mautic_async.clock import Clock

ROUTE = "batch/new"
FAULTS: dict[str, dict[str, Any]] = {
    "refused": {"what": "refuse"},
    "reset before": {"what": "reset"},
    "reset while it works": {"what": "reset", "work": "continues"},
    "reset after": {"what": "reset", "work": "done"},
    "worker dies": {"what": 502, "work": "half"},
    "502": {"what": 502},
    "503": {"what": 503},
    "504 while it works": {"what": 504, "work": "continues"},
    "crash half-way": {"what": 500, "work": "half"},
    "slow down": {"what": 429, "retry_after": 7},
    "cut short": {"what": "cut"},
    "timeout": {"what": "timeout", "work": "continues", "seconds": 140.0},
    "login page": {"what": "html", "work": "done"},
    "PHP notice": {"what": "garbage"},
}


def rows_of(seed: int, count: int, strategy: str) -> list[Contact]:
    """Contacts with several versions each, known by e-mail or number or both; a few rows are bad."""
    chance = random.Random(seed)
    rows: list[Contact] = []
    named: dict[int, set[str]] = {}
    for index in range(count):
        person = chance.randrange(count * 2 // 3)
        names = set(chance.choice((("email",), ("email",), ("email", "number"), ("number",))))
        if not names & named.get(person, names):  # rows without a common value have no order
            names = {"email", "number"}
        named[person] = names
        row = Contact(firstname=chance.choice(("Ada", "Bob", "Cem", "Dee")), city=f"city {index}")
        if "email" in names:
            row.email = chance.choice((f"p{person}@example.org", f"P{person}@Example.org", f" p{person}@example.org"))
        if "number" in names:
            row.fields = {"number": chance.choice((f"n{person}x", f"N{person}x"))}
        draw = chance.random()
        if draw < 0.4:
            stem = f"i{person}" if strategy == "unique" else f"r{index}"
            row.custom_items = [
                CustomItem("orders", name=f"{stem}-{letter} v{index}", attributes={"sku": f"{stem}-{letter}"})
                for letter in "abc"[: chance.randint(1, 3)]
            ]
        if 0.900 < draw < 0.903:
            row.stage = 99_999  # type: ignore[assignment]  # the server throws, and the whole batch is a 500
        elif 0.903 < draw < 0.910:
            row.owner = 99_999  # type: ignore[assignment]  # refused with 400
        elif 0.910 < draw < 0.915:
            row.custom_items = [CustomItem("orders", name=f"bad {index}", attributes={"sku": f"b{index}", "site": "?"})]
        elif 0.915 < draw < 0.918:
            row.email, row.fields = "", {}
        rows.append(row)
    return rows


def server(clock: Clock, strategy: str, **settings: Any) -> FakeMautic:
    """A Mautic with a second unique field and a custom object."""
    fake = FakeMautic(clock=clock, initial="clean", **settings)
    fake.add_field("Number", "number", isUniqueIdentifier=True)
    sku = {"type": "text", "unique": True} if strategy == "unique" else {"type": "text"}
    fake.add_custom_object("orders", {"sku": sku, "site": {"type": "url"}})
    return fake


def state_of(fake: FakeMautic) -> dict[str, Any]:
    """What the server holds, without its ids."""
    linked: dict[int, list[str]] = {}
    for item in fake.custom_items:
        for contact in item["contacts"]:
            linked.setdefault(contact, []).append(f"{item['attributes'].get('sku')}={item['name']}")
    contacts: dict[tuple[str, str], list[Any]] = {}
    for contact in fake.contacts:
        fields = contact["fields"]
        key = (str(fields.get("email", "")).lower(), str(fields.get("number", "")).lower())
        values = (fields.get("firstname"), fields.get("city"), sorted(linked.get(contact["id"], ())))
        contacts.setdefault(key, []).append(values)
    bad = {"items": Counter(str(item["attributes"].get("sku")) for item in fake.custom_items if item["contacts"])}
    return {"contacts": contacts, **bad}


def job(mautic: Mautic, rows: Sequence[Contact], strategy: str, plan: Plan, journal: Any) -> Run[Contact, Contact]:
    """The bulk job of a history."""
    items = UniqueField("sku") if strategy == "unique" else Marker("sku")
    return mautic.contacts.upserting(rows, items=items, plan=plan, journal=journal)


async def undisturbed(rows: Sequence[Contact], clock: Clock, strategy: str) -> tuple[dict[str, Any], dict[int, str]]:
    """The same rows, one after the other, without a fault."""
    plan = Plan(concurrency=1, start=1, batch=1, first_batch=1)
    async with (
        server(clock, strategy) as fake,
        Mautic(fake.url, auth=fake.auth, transport=fake.transport, clock=clock) as mautic,
        job(mautic, rows, strategy, plan, None) as ordered,
    ):
        answers = {outcome.index: outcome.status async for outcome in ordered}
        return state_of(fake), {index: "ok" if it in {"created", "updated"} else it for index, it in answers.items()}


async def history(seed: int, *, rows: int, rate: float, strategy: str) -> Findings:
    """One history, from its first row to the check."""
    loop = asyncio.get_running_loop()
    clock = virtual_clock(loop, seed)
    chance = random.Random(seed)
    people = rows_of(seed, rows, strategy)
    found = Findings(histories=1, rows=rows)
    journal = MortalJournal()
    plan = Plan(batch=20, first_batch=10, outage=3600.0)
    yielded: dict[int, Outcome[Any]] = {}
    latency = Latency(request=0.1, row=0.2, jitter=0.5)
    async with server(clock, strategy, latency=latency, workers=12, access_token_lifetime=600.0) as fake:
        faults = {name: fake.fail(times=None, route=ROUTE, probability=rate, **it) for name, it in FAULTS.items()}
        faults["look fails"] = fake.fail(503, times=None, route="GET /api/contacts", probability=rate)
        ended = False
        while not ended:
            mortal = journal.mortal = Mortal(chance.randint(1, rows // 12) if found.kills < 3 else sys.maxsize)
            async with Mautic(
                fake.url, auth=fake.auth, transport=fake.transport, clock=clock, limits=Limits(concurrency=8)
            ) as mautic:
                given = job(mautic, people, strategy, plan, journal)
                ended = await until_death(given, mortal, yielded, found)
                if not ended:
                    found.kills += 1
                    await clock.sleep(chance.choice((0.5, 5.0, 500.0)))
        await clock.sleep(600.0)
        found.requests = len(fake.requests)
        found.faults = +Counter({name: it.done for name, it in faults.items()})
        state = state_of(fake)
    expected, answers = await undisturbed(people, clock, strategy)
    _check(found, state, expected, answers, yielded)
    found.failures["rows without an outcome"] += abs(given.report.read - rows)
    found.failures = +found.failures
    found.hours = loop.time() / 3600
    return found


def _check(
    found: Findings,
    state: dict[str, Any],
    expected: dict[str, Any],
    answers: dict[int, str],
    yielded: dict[int, Outcome[Any]],
) -> None:
    for index, outcome in yielded.items():
        found.outcomes[outcome.status] += 1
        kind = "ok" if outcome.ok else outcome.status
        # A row that dooms its request may be in part stored: it is rejected only where its contact was surely not touched,
        # which depends on when other rows touched it.
        if kind != answers[index] and {kind, answers[index]} != {"unknown", "rejected"}:
            found.failures[f"{answers[index]} reported as {outcome.status}"] += 1
    for key in expected["contacts"].keys() | state["contacts"].keys():
        wanted, there = expected["contacts"].get(key, []), state["contacts"].get(key, [])
        if wanted != there:
            how = "lost" if len(there) < len(wanted) else "doubled" if len(there) > len(wanted) else "stale"
            found.failures[f"{how} contacts"] += 1
    found.failures["lost items"] += sum((expected["items"] - state["items"]).values())
    found.failures["doubled items"] += sum((state["items"] - expected["items"]).values())


def histories(seeds: Sequence[int], *, rows: int = 1500, rate: float = 0.012) -> Iterator[tuple[int, Findings]]:
    """One history a seed; the strategy for custom items changes from seed to seed."""
    for seed in seeds:
        yield seed, run(history(seed, rows=rows, rate=rate, strategy=("unique", "marker")[seed % 2]), seed)


def main() -> int:
    """Print the table; the exit status says whether there were failures."""
    parser = argparse.ArgumentParser(description="histories of bulk jobs through the whole client, on virtual time")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=0.012)
    given = parser.parse_args()
    total = Findings()
    began = time.perf_counter()
    for seed, found in histories(range(given.first, given.first + given.seeds), rows=given.rows, rate=given.rate):
        total.add(found)
        if found.failures:
            print(f"seed {seed}: {dict(found.failures)}")
    total.tell(time.perf_counter() - began)
    return 1 if total.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
