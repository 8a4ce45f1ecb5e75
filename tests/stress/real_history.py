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

from mautic_async import Contact, CustomItem, Limits, LookupField, Mautic, UniqueField
from mautic_async.bulk import BulkJob, BulkOptions
from mautic_async.testing import FakeMautic, Latency
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.stress.history import Findings, KillableJournal, Killer, run_until_killed

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


def make_rows(seed: int, count: int, strategy: str) -> list[Contact]:
    """Contacts with several versions each, known by e-mail or number or both; a few rows are bad."""
    rng = random.Random(seed)
    rows: list[Contact] = []
    known_by: dict[int, set[str]] = {}
    for index in range(count):
        person = rng.randrange(count * 2 // 3)
        names = set(rng.choice((("email",), ("email",), ("email", "number"), ("number",))))
        if not names & known_by.get(person, names):  # rows without a common value have no order
            names = {"email", "number"}
        known_by[person] = names
        row = Contact(firstname=rng.choice(("Ada", "Bob", "Cem", "Dee")), city=f"city {index}")
        if "email" in names:
            row.email = rng.choice((f"p{person}@example.org", f"P{person}@Example.org", f" p{person}@example.org"))
        if "number" in names:
            row.fields = {"number": rng.choice((f"n{person}x", f"N{person}x"))}
        draw = rng.random()
        if draw < 0.4:
            prefix = f"i{person}" if strategy == "unique" else f"r{index}"
            row.custom_items = [
                CustomItem("orders", name=f"{prefix}-{suffix} v{index}", attributes={"sku": f"{prefix}-{suffix}"})
                for suffix in "abc"[: rng.randint(1, 3)]
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


def make_server(clock: Clock, strategy: str, **settings: Any) -> FakeMautic:
    """A Mautic with a second unique field and a custom object."""
    fake = FakeMautic(clock=clock, initial="clean", **settings)
    fake.add_field("Number", "number", isUniqueIdentifier=True)
    sku = {"type": "text", "unique": True} if strategy == "unique" else {"type": "text"}
    fake.add_custom_object("orders", {"sku": sku, "site": {"type": "url"}})
    return fake


def snapshot(fake: FakeMautic) -> dict[str, Any]:
    """What the server holds, without its ids."""
    items_by_contact: dict[int, list[str]] = {}
    for item in fake.custom_items:
        for contact in item["contacts"]:
            items_by_contact.setdefault(contact, []).append(f"{item['attributes'].get('sku')}={item['name']}")
    contacts: dict[tuple[str, str], list[Any]] = {}
    for contact in fake.contacts:
        fields = contact["fields"]
        key = (str(fields.get("email", "")).lower(), str(fields.get("number", "")).lower())
        values = (fields.get("firstname"), fields.get("city"), sorted(items_by_contact.get(contact["id"], ())))
        contacts.setdefault(key, []).append(values)
    bad = {"items": Counter(str(item["attributes"].get("sku")) for item in fake.custom_items if item["contacts"])}
    return {"contacts": contacts, **bad}


def make_job(
    mautic: Mautic, rows: Sequence[Contact], strategy: str, options: BulkOptions, journal: Any
) -> BulkJob[Contact, Contact]:
    """The bulk job of a history."""
    match_items = UniqueField("sku") if strategy == "unique" else LookupField("sku")
    return mautic.contacts.bulk_upsert(rows, match_items=match_items, options=options, journal=journal)


async def expected_state(rows: Sequence[Contact], clock: Clock, strategy: str) -> tuple[dict[str, Any], dict[int, str]]:
    """The same rows, one after the other, without a fault."""
    options = BulkOptions(concurrency=1, initial_concurrency=1, batch=1, initial_batch=1)
    async with (
        make_server(clock, strategy) as fake,
        Mautic(fake.url, auth=fake.auth, transport=fake.transport, clock=clock) as mautic,
        make_job(mautic, rows, strategy, options, None) as bulk_job,
    ):
        answers = {outcome.index: outcome.status async for outcome in bulk_job}
        return snapshot(fake), {
            index: "ok" if outcome_ in {"created", "updated"} else outcome_ for index, outcome_ in answers.items()
        }


async def run_history(seed: int, *, rows: int, rate: float, strategy: str) -> Findings:
    """One history, from its first row to the check."""
    loop = asyncio.get_running_loop()
    clock = virtual_clock(loop, seed)
    rng = random.Random(seed)
    all_rows = make_rows(seed, rows, strategy)
    findings = Findings(histories=1, rows=rows)
    journal = KillableJournal()
    options = BulkOptions(batch=20, initial_batch=10, max_outage=3600.0)
    yielded: dict[int, Outcome[Any]] = {}
    latency = Latency(request=0.1, row=0.2, jitter=0.5)
    async with make_server(clock, strategy, latency=latency, workers=12, access_token_lifetime=600.0) as fake:
        faults = {name: fake.fail(times=None, route=ROUTE, probability=rate, **fault) for name, fault in FAULTS.items()}
        faults["look fails"] = fake.fail(503, times=None, route="GET /api/contacts", probability=rate)
        finished = False
        while not finished:
            killer = journal.killer = Killer(rng.randint(1, rows // 12) if findings.kills < 3 else sys.maxsize)
            async with Mautic(
                fake.url, auth=fake.auth, transport=fake.transport, clock=clock, limits=Limits(concurrency=8)
            ) as mautic:
                bulk_job = make_job(mautic, all_rows, strategy, options, journal)
                finished = await run_until_killed(bulk_job, killer, yielded, findings)
                if not finished:
                    findings.kills += 1
                    await clock.sleep(rng.choice((0.5, 5.0, 500.0)))
        await clock.sleep(600.0)
        findings.requests = len(fake.requests)
        findings.faults = +Counter({name: fault.hits for name, fault in faults.items()})
        state = snapshot(fake)
    expected, answers = await expected_state(all_rows, clock, strategy)
    _check(findings, state, expected, answers, yielded)
    findings.failures["rows without an outcome"] += abs(bulk_job.report.read - rows)
    findings.failures = +findings.failures
    findings.hours = loop.time() / 3600
    return findings


def _check(
    findings: Findings,
    state: dict[str, Any],
    expected: dict[str, Any],
    answers: dict[int, str],
    yielded: dict[int, Outcome[Any]],
) -> None:
    for index, outcome in yielded.items():
        findings.outcomes[outcome.status] += 1
        kind = "ok" if outcome.ok else outcome.status
        # A row that dooms its request may be in part stored: it is rejected only where its contact was surely not touched,
        # which depends on when other rows touched it.
        if kind != answers[index] and {kind, answers[index]} != {"unknown", "rejected"}:
            findings.failures[f"{answers[index]} reported as {outcome.status}"] += 1
    for key in expected["contacts"].keys() | state["contacts"].keys():
        expected_contact, stored_contact = expected["contacts"].get(key, []), state["contacts"].get(key, [])
        if expected_contact != stored_contact:
            how = (
                "lost"
                if len(stored_contact) < len(expected_contact)
                else "doubled"
                if len(stored_contact) > len(expected_contact)
                else "stale"
            )
            findings.failures[f"{how} contacts"] += 1
    findings.failures["lost items"] += sum((expected["items"] - state["items"]).values())
    findings.failures["doubled items"] += sum((state["items"] - expected["items"]).values())


def run_histories(seeds: Sequence[int], *, rows: int = 1500, rate: float = 0.012) -> Iterator[tuple[int, Findings]]:
    """One history a seed; the strategy for custom items changes from seed to seed."""
    for seed in seeds:
        yield seed, run_virtual(run_history(seed, rows=rows, rate=rate, strategy=("unique", "marker")[seed % 2]), seed)


def main() -> int:
    """Print the table; the exit status says whether there were failures."""
    parser = argparse.ArgumentParser(description="histories of bulk jobs through the whole client, on virtual time")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=0.012)
    arguments = parser.parse_args()
    total = Findings()
    started_at = time.perf_counter()
    for seed, findings in run_histories(
        range(arguments.first, arguments.first + arguments.seeds), rows=arguments.rows, rate=arguments.rate
    ):
        total.add(findings)
        if findings.failures:
            print(f"seed {seed}: {dict(findings.failures)}")
    total.print_table(time.perf_counter() - started_at)
    return 1 if total.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
