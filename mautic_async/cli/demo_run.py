"""The demo's server, its faults, and the import into it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from mautic_async import Limits, LookupField, Mautic, UniqueField
from mautic_async.bulk import BulkOptions
from mautic_async.cli.demo_people import Check, ExpectedState
from mautic_async.cli.import_job import run_import
from mautic_async.cli.import_settings import ImportResult, ImportSettings
from mautic_async.cli.progress import ProgressDisplay
from mautic_async.cli.rejects_format import PROBLEMS
from mautic_async.testing import FakeMautic, Latency

if TYPE_CHECKING:
    from mautic_async import Clock, Event
    from mautic_async.testing.faults import Fault

RATE_LIMIT, RATE_WINDOW = 12, 4
"""The simulated rate limit: calls in that many seconds. Mautic's own window lasts an hour."""
TOKEN_EXPIRES_AT_ATTEMPT: Final = 18
"""The attempt that meets an expired token."""
MIN_RATE_LIMIT_WAIT: Final = 0.5
"""Seconds; a request that waits longer has waited for the rate limit, not for a free connection."""
TOKEN_LIFETIME: Final = 25
"""Seconds for which an access token is valid."""
RECONCILE_AFTER: Final = 4.0
"""Seconds; the simulated server never works on a request for longer. A PHP server may for minutes."""
BATCH_ROUTE: Final = "POST /api/contacts/batch/new"


class DemoDisplay(ProgressDisplay):
    """The progress, and a hook of the client that lets all tokens expire before one of the attempts."""

    def __init__(self, fake: FakeMautic, rows: int) -> None:
        super().__init__(total=rows)
        self._fake = fake
        self._attempts = 0
        self.rate_limit_waits: int = 0

    def on_event(self, event: Event) -> None:
        """Count attempts and waits."""
        self.rate_limit_waits += event.kind == "wait" and event.seconds > MIN_RATE_LIMIT_WAIT
        self._attempts += event.kind == "before"
        if event.kind == "before" and self._attempts == TOKEN_EXPIRES_AT_ATTEMPT:
            self._fake.expire_tokens()


@frozen
class DemoRun:
    """The result of the import, the incidents on the way, and the checks of what the server holds."""

    result: ImportResult
    incidents: Sequence[tuple[str, int]]
    checks: Sequence[Check]

    @property
    def passed(self) -> bool:
        """Return True if every incident occurred, and nothing is lost or doubled."""
        return all(count for _, count in self.incidents) and all(check.passed for check in self.checks)


def make_server(seed: int, clock: Clock | None = None) -> FakeMautic:
    """Return the simulated Mautic of the demo."""
    return FakeMautic(
        clock=clock,
        rate_limit=RATE_LIMIT,
        rate_window=RATE_WINDOW,
        access_token_lifetime=TOKEN_LIFETIME,
        latency=Latency(request=0.05, row=0.001),
        workers=4,
        seed=seed,
    )


def schedule_faults(fake: FakeMautic) -> dict[str, Fault]:
    """Schedule a fault for each of some batches; return them by name."""
    return {
        "503, nothing done": fake.fail(503, route=BATCH_ROUTE, after=2),
        "connection lost, nothing done": fake.fail("reset", route=BATCH_ROUTE, after=4),
        "500, half of the rows stored": fake.fail(500, route=BATCH_ROUTE, after=7, work="half"),
        "answer cut short, all rows stored": fake.fail("cut", route=BATCH_ROUTE, after=10, work="done"),
        "504, PHP still at work": fake.fail(504, route=BATCH_ROUTE, after=13, work="continues"),
        "connection lost, PHP still at work": fake.fail("reset", route=BATCH_ROUTE, after=16, work="continues"),
    }


async def run_demo(fake: FakeMautic, folder: Path, *, rows: int, seed: int, **settings: Any) -> DemoRun:
    """Write a file, import it, and compare what the server holds with it.

    Args:
        fake: The server.
        folder: For the file.
        rows: In it.
        seed: Of the people.
        **settings: Of the client, beside its base URL.
    """
    expected = ExpectedState()
    file = folder / "contacts.csv"
    expected.write(file, rows, seed)
    faults = schedule_faults(fake)
    display = DemoDisplay(fake, rows)
    display.print(f"{rows:,} rows go to a simulated Mautic on {fake.url}, which fails on purpose")
    import_settings = ImportSettings(
        file=str(file),
        match_items={"orders": UniqueField("order-number"), "products": LookupField("sku")},
        options=BulkOptions(concurrency=4, batch=min(200, max(5, rows // 25)), reconcile_after=RECONCILE_AFTER),
    )
    client = Mautic(fake.url, auth=fake.auth, limits=Limits(concurrency=4), hooks=(display.on_event,), **settings)
    async with client as mautic:
        result = await run_import(import_settings, mautic, display)
    incidents = [
        (f"request that waited for the limit of {RATE_LIMIT} calls in {RATE_WINDOW} s", display.rate_limit_waits),
        ("expired token, refused and renewed", sum(request.status == 401 for request in fake.requests)),
        *((name, fault.hits) for name, fault in faults.items()),
    ]
    return DemoRun(result, incidents, list(expected.check(fake, result, _read_rejects(result))))


def _read_rejects(result: ImportResult) -> Mapping[int, str]:
    """Return the reasons of the rejected rows by their line number in the input."""
    if result.rejected is None:
        return {}
    with result.rejected.open(encoding="utf-8", newline="") as file:
        return {int(row["orders.order-number"][5:]) + 2: row[PROBLEMS] for row in csv.DictReader(file)}
