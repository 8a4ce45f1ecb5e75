"""Histories of bulk jobs over a server that lies, on virtual time: nothing lost, nothing doubled, nothing stale.

A history is a seed: rows with shared and chained keys, bad rows among them, a fault plan, and moments at which the
process is killed and started again with its journal. What the server holds in the end must be what it holds after the
same rows, one after the other, without a fault.

    python -m tests.stress.history --seeds 200      all figures
    python -m tests.stress.history --keep           the same, from a source that cannot be read twice
    python -m tests.stress.history --break settle   the checker's teeth; also:

``lanes`` (rows with a common key at once), ``journal`` (none), ``proxy`` (a proxy's 502 is the end of the request),
``refusal`` (a refusal is believed after a sending of unknown fate), ``link`` (nobody mends a company's link), ``order``
(rows that name one contact by different keys are not compared), ``created`` (each row decides alone whether it made one).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import Factory, define

from mautic_async.bulk import BulkJob, BulkOptions
from mautic_async.bulk.collisions import Collisions, IdSet
from mautic_async.clock import Clock
from mautic_async.journal.records import MemoryJournal
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.bulk_model import Fault, Faults, ModelAdapter, ModelServer, Row, StoredContact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from mautic_async.bulk import Outcome, WorkItem
    from mautic_async.journal.records import RowRecord


SAFEGUARDS = ("settle", "lanes", "journal", "proxy", "refusal", "link", "order", "created")
"""What can be left out, to show that the checker finds it."""


@define
class Findings:
    """What one history, or many, showed."""

    histories: int = 0
    rows: int = 0
    requests: int = 0
    kills: int = 0
    hours: float = 0.0
    faults: Counter[str] = Factory(Counter)
    outcomes: Counter[str] = Factory(Counter)
    failures: Counter[str] = Factory(Counter)
    unlucky: int = 0
    """Innocent rows that met two chance 500s alone, and may be taken for what dooms its request."""

    def add(self, other: Findings) -> None:
        """Sum up."""
        self.histories += other.histories
        self.rows += other.rows
        self.requests += other.requests
        self.kills += other.kills
        self.hours += other.hours
        self.faults += other.faults
        self.outcomes += other.outcomes
        self.failures += other.failures
        self.unlucky += other.unlucky

    def print_table(self, seconds: float) -> None:
        """Print the table."""
        lines = [
            ("histories", self.histories),
            ("rows", self.rows),
            ("requests", self.requests),
            ("kills", self.kills),
            ("faults", f"{sum(self.faults.values())} of {len(self.faults)} kinds"),
            *((f"  {kind}", count) for kind, count in sorted(self.faults.items())),
            *((f"outcome {kind}", count) for kind, count in sorted(self.outcomes.items())),
            ("two chance 500s alone", self.unlucky),
            ("virtual hours", round(self.hours, 1)),
            ("real seconds", round(seconds, 1)),
            ("failures", dict(self.failures) or 0),
        ]
        for name, figure in lines:
            print(f"{name:>22}  {figure}")


def make_rows(seed: int, count: int, strategy: str) -> list[Row]:
    """People with several versions each, some known by e-mail, some by number, some by both; a few rows are bad.

    One in twenty is an old contact of the server, which rows name by its e-mail, by its number or by its id.
    """
    rng = random.Random(seed)
    rows: list[Row] = []
    known_by: dict[int, str] = {}
    for index in range(count):
        if rng.random() < 0.05:
            rows.append(_old_row(rng, rng.randrange(1, OLD_CONTACTS + 1)))
            continue
        person = rng.randrange(count * 2 // 3)
        email = f"p{person}@example.org"
        email = rng.choice((email, email, email, email.upper(), f" {email}"))
        number = f"N{person}" if rng.random() < 0.3 else ""
        if number and rng.random() < 0.2:
            email = ""
        # Rows without a common value have no order, even if the server holds one contact for both.
        if known_by.get(person, "both") not in {"both", "number" if not email else "email" if not number else "both"}:
            email, number = f"p{person}@example.org", f"N{person}"
        known_by[person] = "number" if not email else "email" if not number else "both"
        items: tuple[str, ...] = ()
        if rng.random() < 0.4:
            prefix = f"r{index}" if strategy != "unique" else f"i{person if rng.random() < 0.9 else person // 2}"
            items = tuple(f"{prefix}-{suffix}" for suffix in "abc"[: rng.randint(1, 3)])
        draw = rng.random()
        trait = "poison" if draw < 0.002 else "refused" if draw < 0.01 else "bad item" if draw < 0.015 and items else ""
        if 0.015 < draw < 0.017:
            email = number = ""
        if 0.02 < draw < 0.05:
            trait = "cleaned"  # the server rewrites its text, so that no look can tell that it is stored
        company = f"company {person // 9}{rng.choice(('', '', ' Ltd'))}" if person % 3 == 0 else ""
        rows.append(Row(email, rng.randrange(4), number, items, trait, company))
    return rows


OLD_CONTACTS = 20
"""Contacts that are there before the job."""

OLD_NUMBERS = 9_000_000


def _old_row(rng: random.Random, id: int) -> Row:
    version = rng.randrange(4)
    identified_by = rng.randrange(3)
    if identified_by == 0:
        return Row(f"old{OLD_NUMBERS + id}@example.org", version)
    return Row("", version, f"OLD{OLD_NUMBERS + id}") if identified_by == 1 else Row("", version, id=id)


def add_old_contacts(server: ModelServer) -> None:
    """Put the old contacts on the server."""
    for id in range(1, OLD_CONTACTS + 1):
        server.contacts[id] = StoredContact(
            id, f"old{OLD_NUMBERS + id}@example.org", f"old{OLD_NUMBERS + id}", 9, server.clock.wall_time() - 1e6
        )
        server.by_email[f"old{OLD_NUMBERS + id}@example.org"] = [id]
        server.by_number[f"old{OLD_NUMBERS + id}"] = [id]


State = dict[str, Any]


def snapshot(server: ModelServer) -> State:
    """What the server holds, without its ids."""
    contacts: dict[tuple[str, str], list[Any]] = {}
    for contact in server.contacts.values():
        items = sorted((server.items[number].name, server.items[number].version) for number in contact.items)
        contacts.setdefault((contact.email, contact.number), []).append(
            (contact.version, contact.company, contact.linked_company, items)
        )
    return {"contacts": contacts, "items": Counter(item.name for item in server.items.values())}


async def expected_state(rows: Sequence[Row], clock: Clock, *, unique_items: bool) -> tuple[State, list[str]]:
    """The same rows one after the other, and what each answer was."""
    server = ModelServer(clock, unique_items=unique_items)
    add_old_contacts(server)
    answers: list[str] = []
    for row in rows:
        if not (row.email or row.number or row.id):
            answers.append("rejected")
            continue
        for _ in range(3):
            try:
                answer = await server.write_row(row, {}, 1.0)
            except Fault:
                answer = {"code": 500}
            if answer.get("code") != 404:
                break
            await clock.sleep(1.1)
        code = answer.get("code")
        answers.append("ok" if code is None else "partial" if code == 0 else "rejected")
    return snapshot(server), answers


class ProcessKilled(Exception):
    """The process is no more."""


class ForgetfulIdSet(IdSet):
    """Takes every id for a new one."""

    def add(self, id: int) -> bool:
        return True


class BlindCollisions(Collisions[Any]):
    """Does not see that two rows have met one contact."""

    def record_write(self, *_: Any) -> None:
        return None


class Killer:
    """Kills the job at its n-th step, and lets nothing of it reach the outside afterwards."""

    def __init__(self, steps: int) -> None:
        self.steps_left = steps
        self.killed = asyncio.Event()

    async def step(self) -> None:
        self.steps_left -= 1
        if self.steps_left <= 0:
            self.killed.set()
        if self.killed.is_set():
            await asyncio.get_running_loop().create_future()


class KillableJournal(MemoryJournal):
    """A journal whose process can die before and after each commit."""

    def __init__(self, *, stores_rows: bool = False) -> None:
        super().__init__("history", stores_rows=stores_rows)
        self.killer: Killer | None = None
        self.statuses: dict[int, str] = {}
        """What it holds of rows that are done; a process may be killed before it could tell anybody."""

    async def record_outcomes(
        self, records: Sequence[RowRecord], before_commit: Callable[[], None] | None = None
    ) -> None:
        await super().record_outcomes(records, before_commit)
        self.statuses.update({entry.index: entry.status for entry in records if entry.state == "done"})

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        mortal: Killer | None = super().__getattribute__("__dict__").get("killer")
        if mortal is None or name not in {"store_rows", "record_sending", "record_outcomes", "mark_complete"}:
            return method

        async def around(*args: Any) -> Any:
            await mortal.step()
            result = await method(*args)
            await mortal.step()
            return result

        return around


async def run_history(
    seed: int,
    *,
    rows: int,
    rate: float,
    broken: str = "",
    strategy: str = "unique",
    keeps: bool = False,
) -> Findings:
    """One history, from its first row to the check."""
    loop = asyncio.get_running_loop()
    clock = virtual_clock(loop, seed)
    rng = random.Random(seed * 7 + 1)
    all_rows = make_rows(seed, rows, strategy)
    server = ModelServer(clock, unique_items=strategy == "unique")
    add_old_contacts(server)
    faults = Faults(seed, rate)
    options = BulkOptions(
        batch=20, initial_batch=10, reconcile_after=0.0 if broken == "settle" else 120.0, max_outage=3600.0
    )
    journal = KillableJournal(stores_rows=keeps)
    findings = Findings(histories=1, rows=rows)
    yielded: dict[int, Outcome[Any]] = {}
    adapters: list[ModelAdapter] = []
    while True:
        adapter = ModelAdapter(server, faults, strategy=strategy, lanes=broken != "lanes", names=True, broken=broken)
        adapters.append(adapter)
        may_be_killed = len(adapters) <= 3
        killer = journal.killer = Killer(rng.randint(1, rows // 12) if may_be_killed else sys.maxsize)
        if broken == "journal":
            _kill_without_journal(adapter, killer)
        job_journal = None if broken == "journal" else journal
        source = all_rows[await _rows_taken_over(journal) :] if keeps else all_rows  # a source that gives each row once
        job: BulkJob[Row, Any] = BulkJob(adapter, source, options=options, clock=clock, journal=job_journal)
        finished = await run_until_killed(job, killer, yielded, findings, broken)
        if finished:
            break
        findings.kills += 1
        await clock.sleep(rng.choice((0.5, 5.0, 500.0)))
    for adapter in adapters:
        await adapter.wait_until_idle()
    findings.requests = server.requests
    findings.faults = faults.injected
    expected, answers = await expected_state(all_rows, clock, unique_items=strategy == "unique")
    unlucky = {index for adapter in adapters for index, count in adapter.alone.items() if count > 1}
    findings.unlucky = len(unlucky)
    _check(
        findings,
        all_rows,
        snapshot(server),
        expected,
        answers,
        yielded,
        journal.statuses,
        job.report.read,
        strategy,
        unlucky,
    )
    findings.failures["overlapping keys"] += server.overlaps
    findings.failures["doubled names"] += sum(count - 1 for count in server.names.values())
    findings.hours = loop.time() / 3600
    findings.failures = +findings.failures
    return findings


async def _rows_taken_over(journal: MemoryJournal) -> int:
    """How many rows a journal that keeps them has taken over from their source."""
    checkpoint = await journal.open()
    return max(checkpoint.watermark, max(checkpoint.records, default=-1) + 1)


def _kill_without_journal(adapter: ModelAdapter, killer: Killer) -> None:
    def step(_: str, __: Sequence[WorkItem[Row]]) -> None:
        killer.steps_left -= 4
        if killer.steps_left <= 0:
            killer.killed.set()

    adapter.on_call = step


async def run_until_killed(
    job: BulkJob[Any, Any], killer: Killer, yielded: dict[int, Outcome[Any]], findings: Findings, broken: str = ""
) -> bool:
    """Run the job to its end, or to the moment at which its process is killed."""

    async def work() -> None:
        async with job:
            if broken == "created" and job._scheduler is not None:
                job._scheduler.sink.created = ForgetfulIdSet()
            if broken == "order" and job._scheduler is not None:
                job._scheduler.collisions = BlindCollisions()
            async for outcome in job:
                if killer.killed.is_set():
                    return
                if outcome.index in yielded and job.report.resumable:
                    findings.failures["two outcomes"] += 1
                yielded[outcome.index] = outcome

    task = asyncio.get_running_loop().create_task(work())
    death = asyncio.get_running_loop().create_task(killer.killed.wait())
    await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
    if not killer.killed.is_set():
        death.cancel()
        await task
        return True
    while not task.done():  # twice: the grace is for those who live
        task.cancel()
        await asyncio.wait({task}, timeout=0.001)
    return False


def _check(  # noqa: PLR0917 - called once
    findings: Findings,
    rows: Sequence[Row],
    state: State,
    expected: State,
    answers: Sequence[str],
    yielded: dict[int, Outcome[Any]],
    statuses: dict[int, str],
    rows_read: int,
    strategy: str,
    unlucky: AbstractSet[int],
) -> None:
    failures = findings.failures
    # Without a strategy for items, rows of unknown fate are left to the user, and with them whoever they are about.
    statuses = statuses | {index: outcome.status for index, outcome in yielded.items()}
    unknown_rows = {
        index_
        for index_, status_ in statuses.items()
        if status_ == "unknown" and answers[index_] != "rejected" and strategy == "none"
    }
    unknown_rows |= {index for index in unlucky if statuses.get(index) in {"unknown", "rejected"}}
    unsure_people = {_person_number(rows[index].email + rows[index].number) for index in unknown_rows}
    for index, outcome in yielded.items():
        findings.outcomes[outcome.status] += 1
        kind = "ok" if outcome.ok else outcome.status
        is_correct_refusal = (
            rows[index].trait == "cleaned" and kind == "rejected"
        )  # it changed nothing: the values were there before
        if (
            kind != answers[index]
            and kind != "unknown"
            and not is_correct_refusal
            and _person_number(rows[index].email) not in unsure_people
        ):
            failures[f"{answers[index]} reported as {outcome.status}"] += 1
    claims = Counter(status_.id for status_ in yielded.values() if status_.status == "created")
    failures["created twice"] += sum(count - 1 for count in claims.values())
    failures["old contacts created"] += sum(1 for id in claims if id <= OLD_CONTACTS)
    failures["rows without an outcome"] += abs(rows_read - len(answers))
    failures["rows given up"] += sum(
        1
        for index_, status in statuses.items()
        if status == "unknown"
        and answers[index_] == "ok"
        and index_ not in unknown_rows
        and rows[index_].trait != "cleaned"
    )
    for key in expected["contacts"].keys() | state["contacts"].keys():
        expected_contacts, stored_contacts = expected["contacts"].get(key, []), state["contacts"].get(key, [])
        if expected_contacts == stored_contacts or _person_number("".join(key)) in unsure_people:
            continue
        how = (
            "lost"
            if len(stored_contacts) < len(expected_contacts)
            else "doubled"
            if len(stored_contacts) > len(expected_contacts)
            else "stale"
        )
        failures[f"{how} contacts"] += 1
    failures["lost items"] += max(0, sum((expected["items"] - state["items"]).values()) - 3 * len(unknown_rows))
    failures["doubled items"] += sum((state["items"] - expected["items"]).values())


def _person_number(name: str) -> str:
    match = re.search(r"\d+", name)
    return match.group() if match else ""


def run_histories(
    seeds: Sequence[int], *, rows: int = 4000, rate: float = 0.25, strategy: str = "", **options: Any
) -> Iterator[tuple[int, Findings]]:
    """One history a seed; the strategy for custom items changes from seed to seed."""
    for seed in seeds:
        strategy_ = strategy or ("unique", "marker")[seed % 2]
        yield seed, run_virtual(run_history(seed, rows=rows, rate=rate, strategy=strategy_, **options), seed)


def main() -> int:
    """Print the table; the exit status says whether there were failures."""
    parser = argparse.ArgumentParser(description="histories of bulk jobs on virtual time")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--rate", type=float, default=0.25)
    parser.add_argument("--strategy", default="")
    parser.add_argument("--break", dest="broken", default="", choices=("", *SAFEGUARDS))
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    total = Findings()
    started_at = time.perf_counter()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    options = {"broken": arguments.broken, "keeps": arguments.keep}
    for seed, findings in run_histories(
        seeds, rows=arguments.rows, rate=arguments.rate, strategy=arguments.strategy, **options
    ):
        total.add(findings)
        if findings.failures:
            print(f"seed {seed}: {dict(findings.failures)}")
    total.print_table(time.perf_counter() - started_at)
    return 1 if total.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
