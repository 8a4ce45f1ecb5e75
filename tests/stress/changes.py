"""Reading changes while contacts are changed, with clocks that differ and transactions that commit late.

hypothesis makes histories of a table: writes with the stamp of a server whose clock is up to five minutes off, that
become visible up to five minutes later, before, between and during runs of ``iterate(changed_since=watermark)``.

python -m tests.stress.changes --histories 10000
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mautic_async.clock import Clock
from mautic_async.models import Contact
from mautic_async.resources._changes import EntityIterator, new_paginator
from mautic_async.resources._endpoint import Endpoint, ResultPage
from mautic_async.resources._pagination import iterate
from mautic_async.where import Where

EPOCH = 1_800_000_000
ENDPOINT = Endpoint("contacts", "contact", "contacts", Contact)
CLOCKS_DIFFER = 299
COMMITS_LATE = 299


@frozen
class Write:
    """One transaction.

    Attributes:
        pause: Seconds since the one before, in which the reader goes on.
        contact: Which contact it changes, or makes.
        skew: Seconds by which the clock of its server is ahead.
        delay: Seconds until its commit.
    """

    pause: int
    contact: int
    skew: int
    delay: int


@define
class Version:
    number: int
    visible_at: int
    stamp: int


class Table:
    """The contacts of a server, as a transaction sees them."""

    def __init__(self, writes: list[Write], *, dates_new_contacts: bool) -> None:
        self.now = EPOCH
        self._writes = list(writes)
        self._next_at = EPOCH
        self._versions: dict[int, list[Version]] = {}
        self._dates_new_contacts = dates_new_contacts

    def advance(self, seconds: int) -> None:
        """Let time pass, and writes happen."""
        self.now += seconds
        while self._writes and self._next_at + self._writes[0].pause <= self.now:
            write = self._writes.pop(0)
            self._next_at += write.pause
            versions = self._versions.setdefault(write.contact, [])
            # A row is locked by its transaction: the next one waits for its commit.
            begins = max([self._next_at, *(version.visible_at for version in versions)])
            versions.append(Version(len(versions) + 1, begins + write.delay, begins + write.skew))

    @property
    def is_over(self) -> bool:
        latest = max((version.visible_at for rows in self._versions.values() for version in rows), default=0)
        return not self._writes and latest <= self.now

    def visible(self) -> dict[int, tuple[int, datetime, datetime | None]]:
        """Number of the version, date of the creation and of the last change of each contact."""
        found = {}
        for contact, versions in self._versions.items():
            seen = [version for version in versions if version.visible_at <= self.now]
            if seen:
                changed = seen[-1].stamp if len(seen) > 1 or self._dates_new_contacts else None
                found[contact] = (seen[-1].number, date(seen[0].stamp), None if changed is None else date(changed))
        return found

    async def fetch(self, query: Mapping[str, Any]) -> ResultPage[Contact]:
        """One page, as Mautic answers it."""
        rows = [
            Contact(id=id, date_added=added, date_modified=modified, points=number)
            for id, (number, added, modified) in sorted(self.visible().items())
        ]
        found = [row for row in rows if all(holds(clause, row) for clause in query["where"])]
        return ResultPage(items=found[: query["limit"]], total=len(found))


def date(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def holds(clause: Where, row: Contact) -> bool:
    if clause.expression == "orX":
        return any(holds(one, row) for one in clause.clauses)
    if clause.column == "id":
        return bool(row.id > clause.value)
    value = row.date_added if clause.column == "dateAdded" else row.date_modified
    return value is not None and value.strftime("%Y-%m-%d %H:%M:%S") >= str(clause.value)


async def read(table: Table, since: datetime | None, page: int, pace: int) -> tuple[dict[int, int], datetime]:
    """One run: the version of each contact that it gave, and the watermark."""

    async def fetch(query: Mapping[str, Any]) -> ResultPage[Contact]:
        found = await table.fetch(query)
        table.advance(pace)
        return found

    paginator = new_paginator(fetch, {"limit": page}, Contact, ENDPOINT, since)
    contacts = EntityIterator(iterate(paginator), Clock(wall_time=lambda: float(table.now)))
    versions: dict[int, int] = {}
    async for contact in contacts:
        assert contact.id not in versions, "each contact once"
        assert isinstance(contact.points, int)
        versions[contact.id] = contact.points
    assert contacts.watermark is not None
    return versions, contacts.watermark


WRITES = st.lists(
    st.builds(
        Write,
        st.integers(0, 900),
        st.integers(1, 8),
        st.integers(-CLOCKS_DIFFER, CLOCKS_DIFFER),
        st.integers(0, COMMITS_LATE),
    ),
    max_size=25,
)


HISTORIES = {
    "writes": WRITES,
    "runs": st.lists(st.integers(0, 2000), min_size=1, max_size=6),
    "page": st.integers(1, 4),
    "pace": st.integers(0, 200),
    "dates_new_contacts": st.booleans(),
}


def check_history(
    writes: list[Write], runs: list[int], page: int, pace: int, *, dates_new_contacts: bool, overlap_cut: timedelta
) -> None:
    """All runs together must give the last version of every contact."""

    async def history() -> None:
        table = Table(writes, dates_new_contacts=dates_new_contacts)
        known: dict[int, int] = {}
        watermark: datetime | None = None
        for pause in runs:
            table.advance(pause)
            found, watermark = await read(table, watermark, page, pace)
            known |= found
            watermark += overlap_cut
        while not table.is_over:
            table.advance(1000)
        found, _ = await read(table, watermark, page, 0)
        known |= found
        assert known == {id: number for id, (number, _, _) in table.visible().items()}

    asyncio.run(history())


def check_histories(histories: int, overlap_cut: timedelta = timedelta(0)) -> None:
    """Try as many histories as asked for, perhaps with a part of the overlap cut away."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    bounds = settings(max_examples=histories, deadline=None, database=None, suppress_health_check=checks)
    bounds(given(**HISTORIES, overlap_cut=st.just(overlap_cut))(check_history))()


def main() -> None:
    """Print how many were tried."""
    parser = argparse.ArgumentParser(description="histories of changes that are read while they happen")
    parser.add_argument("--histories", type=int, default=10_000)
    histories = parser.parse_args().histories
    began = time.perf_counter()
    check_histories(histories)
    print(f"{histories} histories in {time.perf_counter() - began:.0f} s: no change was missed")


if __name__ == "__main__":
    main()
