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

from mautic_async.bulk import Plan, Run
from mautic_async.bulk.collisions import Collisions, IdSet
from mautic_async.clock import Clock
from mautic_async.journal.records import MemoryJournal
from mautic_async.testing.virtual_time import run, virtual_clock
from tests.support.bulk_model import Fault, Faults, Post, Row, Site, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from mautic_async.bulk import Outcome, Parcel
    from mautic_async.journal.records import Entry


BROKEN = ("settle", "lanes", "journal", "proxy", "refusal", "link", "order", "created")
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

    def tell(self, seconds: float) -> None:
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


def rows_of(seed: int, count: int, strategy: str) -> list[Row]:
    """People with several versions each, some known by e-mail, some by number, some by both; a few rows are bad.

    One in twenty is an old contact of the server, which rows name by its e-mail, by its number or by its id.
    """
    chance = random.Random(seed)
    rows: list[Row] = []
    named: dict[int, str] = {}
    for index in range(count):
        if chance.random() < 0.05:
            rows.append(_old_row(chance, chance.randrange(1, OLD + 1)))
            continue
        person = chance.randrange(count * 2 // 3)
        email = f"p{person}@example.org"
        email = chance.choice((email, email, email, email.upper(), f" {email}"))
        number = f"N{person}" if chance.random() < 0.3 else ""
        if number and chance.random() < 0.2:
            email = ""
        # Rows without a common value have no order, even if the server holds one contact for both.
        if named.get(person, "both") not in {"both", "number" if not email else "email" if not number else "both"}:
            email, number = f"p{person}@example.org", f"N{person}"
        named[person] = "number" if not email else "email" if not number else "both"
        items: tuple[str, ...] = ()
        if chance.random() < 0.4:
            stem = f"r{index}" if strategy != "unique" else f"i{person if chance.random() < 0.9 else person // 2}"
            items = tuple(f"{stem}-{letter}" for letter in "abc"[: chance.randint(1, 3)])
        draw = chance.random()
        trait = "poison" if draw < 0.002 else "refused" if draw < 0.01 else "bad item" if draw < 0.015 and items else ""
        if 0.015 < draw < 0.017:
            email = number = ""
        if 0.02 < draw < 0.05:
            trait = "cleaned"  # the server rewrites its text, so that no look can tell that it is stored
        company = f"company {person // 9}{chance.choice(('', '', ' Ltd'))}" if person % 3 == 0 else ""
        rows.append(Row(email, chance.randrange(4), number, items, trait, company))
    return rows


OLD = 20
"""Contacts that are there before the job."""

OLD_NUMBERS = 9_000_000


def _old_row(chance: random.Random, id: int) -> Row:
    version = chance.randrange(4)
    way = chance.randrange(3)
    if way == 0:
        return Row(f"old{OLD_NUMBERS + id}@example.org", version)
    return Row("", version, f"OLD{OLD_NUMBERS + id}") if way == 1 else Row("", version, id=id)


def people_before(site: Site) -> None:
    """Put the old contacts on the server."""
    for id in range(1, OLD + 1):
        site.contacts[id] = Stored(
            id, f"old{OLD_NUMBERS + id}@example.org", f"old{OLD_NUMBERS + id}", 9, site.clock.wall() - 1e6
        )
        site.by_email[f"old{OLD_NUMBERS + id}@example.org"] = [id]
        site.by_number[f"old{OLD_NUMBERS + id}"] = [id]


State = dict[str, Any]


def state_of(site: Site) -> State:
    """What the server holds, without its ids."""
    contacts: dict[tuple[str, str], list[Any]] = {}
    for it in site.contacts.values():
        items = sorted((site.items[number].name, site.items[number].version) for number in it.items)
        contacts.setdefault((it.email, it.number), []).append((it.version, it.company, it.link, items))
    return {"contacts": contacts, "items": Counter(item.name for item in site.items.values())}


async def undisturbed(rows: Sequence[Row], clock: Clock, *, unique_items: bool) -> tuple[State, list[str]]:
    """The same rows one after the other, and what each answer was."""
    site = Site(clock, unique_items=unique_items)
    people_before(site)
    answers: list[str] = []
    for row in rows:
        if not (row.email or row.number or row.id):
            answers.append("rejected")
            continue
        for _ in range(3):
            try:
                answer = await site.write_row(row, {}, 1.0)
            except Fault:
                answer = {"code": 500}
            if answer.get("code") != 404:
                break
            await clock.sleep(1.1)
        code = answer.get("code")
        answers.append("ok" if code is None else "partial" if code == 0 else "rejected")
    return state_of(site), answers


class Killed(Exception):
    """The process is no more."""


class Forgetful(IdSet):
    """Takes every id for a new one."""

    def add(self, id: int) -> bool:
        return True


class Blind(Collisions[Any]):
    """Does not see that two rows have met one contact."""

    def ended(self, *_: Any) -> None:
        return None


class Mortal:
    """Kills the job at its n-th step, and lets nothing of it reach the outside afterwards."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.dead = asyncio.Event()

    async def step(self) -> None:
        self.left -= 1
        if self.left <= 0:
            self.dead.set()
        if self.dead.is_set():
            await asyncio.get_running_loop().create_future()


class MortalJournal(MemoryJournal):
    """A journal whose process can die before and after each commit."""

    def __init__(self, *, keeps: bool = False) -> None:
        super().__init__("history", keeps=keeps)
        self.mortal: Mortal | None = None
        self.ends: dict[int, str] = {}
        """What it holds of rows that are done; a process may be killed before it could tell anybody."""

    async def conclude(self, entries: Sequence[Entry], before: Callable[[], None] | None = None) -> None:
        await super().conclude(entries, before)
        self.ends.update({entry.index: entry.status for entry in entries if entry.state == "done"})

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        mortal: Mortal | None = super().__getattribute__("__dict__").get("mortal")
        if mortal is None or name not in {"keep", "intend", "conclude", "finish"}:
            return method

        async def around(*args: Any) -> Any:
            await mortal.step()
            result = await method(*args)
            await mortal.step()
            return result

        return around


async def history(
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
    chance = random.Random(seed * 7 + 1)
    people = rows_of(seed, rows, strategy)
    site = Site(clock, unique_items=strategy == "unique")
    people_before(site)
    faults = Faults(seed, rate)
    plan = Plan(batch=20, first_batch=10, settle=0.0 if broken == "settle" else 120.0, outage=3600.0)
    journal = MortalJournal(keeps=keeps)
    found = Findings(histories=1, rows=rows)
    yielded: dict[int, Outcome[Any]] = {}
    posts: list[Post] = []
    while True:
        post = Post(site, faults, strategy=strategy, lanes=broken != "lanes", names=True, broken=broken)
        posts.append(post)
        kill = len(posts) <= 3
        mortal = journal.mortal = Mortal(chance.randint(1, rows // 12) if kill else sys.maxsize)
        if broken == "journal":
            _kill_without_journal(post, mortal)
        ledger = None if broken == "journal" else journal
        given = people[await _known_to(journal) :] if keeps else people  # a source that gives each row once
        job: Run[Row, Any] = Run(post, given, plan=plan, clock=clock, journal=ledger)
        ended = await until_death(job, mortal, yielded, found, broken)
        if ended:
            break
        found.kills += 1
        await clock.sleep(chance.choice((0.5, 5.0, 500.0)))
    for post in posts:
        await post.rest()
    found.requests = site.requests
    found.faults = faults.injected
    expected, answers = await undisturbed(people, clock, unique_items=strategy == "unique")
    unlucky = {index for post in posts for index, count in post.alone.items() if count > 1}
    found.unlucky = len(unlucky)
    _check(found, people, state_of(site), expected, answers, yielded, journal.ends, job.report.read, strategy, unlucky)
    found.failures["overlapping keys"] += site.overlaps
    found.failures["doubled names"] += sum(count - 1 for count in site.names.values())
    found.hours = loop.time() / 3600
    found.failures = +found.failures
    return found


async def _known_to(journal: MemoryJournal) -> int:
    """How many rows a journal that keeps them has taken over from their source."""
    standing = await journal.begin()
    return max(standing.mark, max(standing.entries, default=-1) + 1)


def _kill_without_journal(post: Post, mortal: Mortal) -> None:
    def step(_: str, __: Sequence[Parcel[Row]]) -> None:
        mortal.left -= 4
        if mortal.left <= 0:
            mortal.dead.set()

    post.before = step


async def until_death(
    job: Run[Any, Any], mortal: Mortal, yielded: dict[int, Outcome[Any]], found: Findings, broken: str = ""
) -> bool:
    """Run the job to its end, or to the moment at which its process is killed."""

    async def work() -> None:
        async with job:
            if broken == "created" and job._scheduler is not None:
                job._scheduler.sink.created = Forgetful()
            if broken == "order" and job._scheduler is not None:
                job._scheduler.collisions = Blind()
            async for outcome in job:
                if mortal.dead.is_set():
                    return
                if outcome.index in yielded and job.report.resumable:
                    found.failures["two outcomes"] += 1
                yielded[outcome.index] = outcome

    task = asyncio.get_running_loop().create_task(work())
    death = asyncio.get_running_loop().create_task(mortal.dead.wait())
    await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
    if not mortal.dead.is_set():
        death.cancel()
        await task
        return True
    while not task.done():  # twice: the grace is for those who live
        task.cancel()
        await asyncio.wait({task}, timeout=0.001)
    return False


def _check(  # noqa: PLR0917 - called once
    found: Findings,
    rows: Sequence[Row],
    state: State,
    expected: State,
    answers: Sequence[str],
    yielded: dict[int, Outcome[Any]],
    ends: dict[int, str],
    read: int,
    strategy: str,
    unlucky: AbstractSet[int],
) -> None:
    failures = found.failures
    # Without a strategy for items, rows of unknown fate are left to the user, and with them whoever they are about.
    ends = ends | {index: outcome.status for index, outcome in yielded.items()}
    unsure = {i for i, it in ends.items() if it == "unknown" and answers[i] != "rejected" and strategy == "none"}
    unsure |= {index for index in unlucky if ends.get(index) in {"unknown", "rejected"}}
    people = {_person(rows[index].email + rows[index].number) for index in unsure}
    for index, outcome in yielded.items():
        found.outcomes[outcome.status] += 1
        kind = "ok" if outcome.ok else outcome.status
        told = rows[index].trait == "cleaned" and kind == "rejected"  # it changed nothing: the values were there before
        if kind != answers[index] and kind != "unknown" and not told and _person(rows[index].email) not in people:
            failures[f"{answers[index]} reported as {outcome.status}"] += 1
    claims = Counter(it.id for it in yielded.values() if it.status == "created")
    failures["created twice"] += sum(count - 1 for count in claims.values())
    failures["old contacts created"] += sum(1 for id in claims if id <= OLD)
    failures["rows without an outcome"] += abs(read - len(answers))
    failures["rows given up"] += sum(
        1
        for i, status in ends.items()
        if status == "unknown" and answers[i] == "ok" and i not in unsure and rows[i].trait != "cleaned"
    )
    for key in expected["contacts"].keys() | state["contacts"].keys():
        wanted, there = expected["contacts"].get(key, []), state["contacts"].get(key, [])
        if wanted == there or _person("".join(key)) in people:
            continue
        how = "lost" if len(there) < len(wanted) else "doubled" if len(there) > len(wanted) else "stale"
        failures[f"{how} contacts"] += 1
    failures["lost items"] += max(0, sum((expected["items"] - state["items"]).values()) - 3 * len(unsure))
    failures["doubled items"] += sum((state["items"] - expected["items"]).values())


def _person(name: str) -> str:
    found = re.search(r"\d+", name)
    return found.group() if found else ""


def histories(
    seeds: Sequence[int], *, rows: int = 4000, rate: float = 0.25, strategy: str = "", **options: Any
) -> Iterator[tuple[int, Findings]]:
    """One history a seed; the strategy for custom items changes from seed to seed."""
    for seed in seeds:
        chosen = strategy or ("unique", "marker")[seed % 2]
        yield seed, run(history(seed, rows=rows, rate=rate, strategy=chosen, **options), seed)


def main() -> int:
    """Print the table; the exit status says whether there were failures."""
    parser = argparse.ArgumentParser(description="histories of bulk jobs on virtual time")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--rate", type=float, default=0.25)
    parser.add_argument("--strategy", default="")
    parser.add_argument("--break", dest="broken", default="", choices=("", *BROKEN))
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    total = Findings()
    began = time.perf_counter()
    seeds = range(given.first, given.first + given.seeds)
    options = {"broken": given.broken, "keeps": given.keep}
    for seed, found in histories(seeds, rows=given.rows, rate=given.rate, strategy=given.strategy, **options):
        total.add(found)
        if found.failures:
            print(f"seed {seed}: {dict(found.failures)}")
    total.tell(time.perf_counter() - began)
    return 1 if total.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
