"""``mautic-async demo``: an import into a Mautic that fails on purpose, and the proof from the server's side."""

from __future__ import annotations

import csv
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from mautic_async import Limits, LookupField, Mautic, UniqueField
from mautic_async.cli.display import ProgressDisplay, print_table, reason_lines
from mautic_async.cli.import_job import run_import
from mautic_async.cli.import_settings import Job, Result
from mautic_async.cli.rejects_format import PROBLEMS
from mautic_async.testing import FakeMautic, Latency

if TYPE_CHECKING:
    from mautic_async import Clock, Event
    from mautic_async.testing.faults import Fault

RATE_LIMIT, RATE_WINDOW = 6, 4
"""The simulated rate limit: calls in that many seconds. Mautic's own window lasts an hour."""
TOKEN_EXPIRES_AT_ATTEMPT: Final = 18
"""The attempt that meets an expired token."""
MIN_RATE_LIMIT_WAIT: Final = 0.5
"""Seconds beyond which a request has not waited for a free connection, but for the rate limit."""
TOKEN_LIFETIME: Final = 25
"""Seconds that an access token lives."""
RECONCILE_AFTER: Final = 4.0
"""The simulated server is never at work on a request for longer; a PHP server may be for minutes."""

COLUMNS: Final = (
    "email",
    "firstname",
    "lastname",
    "city",
    "points",
    "tags",
    "orders.name",
    "orders.order-number",
    "orders.amount",
    "products.name",
    "products.sku",
)
_FIRST: Final = [
    "Ada",
    "Grace",
    "Katherine",
    "Annie",
    "Dorothy",
    "Mary",
    "Hedy",
    "Joan",
    "Radia",
    "Barbara",
    "Karen",
    "Jean",
    "Frances",
    "Margaret",
    "Evelyn",
]
_LAST: Final = [
    "Adams",
    "Byron",
    "Clarke",
    "Easley",
    "Hamilton",
    "Hopper",
    "Jackson",
    "Johnson",
    "Keller",
    "Lamarr",
    "Perlman",
    "Vaughan",
    "Wilson",
]
_CITIES: Final = [
    "Aachen",
    "Bern",
    "Cork",
    "Delft",
    "Essen",
    "Faro",
    "Graz",
    "Halle",
    "Izmir",
    "Jena",
    "Kiel",
    "Lyon",
    "Metz",
    "Nantes",
    "Oslo",
    "Porto",
]
BATCH_ROUTE: Final = "POST /api/contacts/batch/new"


@define
class ExpectedState:
    """The people of the demo, and what should be known of them at the end.

    Attributes:
        contacts: City by e-mail address, as the last row of each says.
        orders: E-mail address by order number.
        products: E-mail address by article number.
        invalid_lines: Line numbers of the rows that nobody can store.
        rows: How many there are.
    """

    contacts: dict[str, str] = field(factory=dict)
    orders: dict[str, str] = field(factory=dict)
    products: dict[str, str] = field(factory=dict)
    invalid_lines: set[int] = field(factory=set)
    rows: int = 0

    def write(self, path: Path, rows: int, seed: int) -> None:
        """Write the CSV: mostly new people, some rows for one that was there before, some bad on purpose."""
        rng = random.Random(seed)  # noqa: S311 - repeatable people, not a secret
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for number in range(rows):
                cells = self._make_row(number, rng)
                if number % 97 == 5:
                    self.invalid_lines.add(number + 2)
                    cells = _invalid_row(cells, number // 97)
                else:
                    self._record_expected(cells)
                writer.writerow(cells.values())
        self.rows = rows

    def _make_row(self, number: int, rng: random.Random) -> dict[str, str]:
        """A contact with an order, and each third one with a product. Each fiftieth is one who came before."""
        person = number - 40 if number % 50 == 49 else number
        with_product = number % 3 == 0
        return dict(
            zip(
                COLUMNS,
                (
                    f"person{person}@example.com",
                    rng.choice(_FIRST),
                    rng.choice(_LAST),
                    rng.choice(_CITIES),
                    str(rng.randrange(1, 100)),
                    rng.choice(("", "vip", "vip|newsletter")),
                    f"Order {number}",
                    f"2026-{number:06d}",
                    str(rng.randrange(1, 5000)),
                    f"Product {number}" if with_product else "",
                    f"SKU-{number:06d}" if with_product else "",
                ),
                strict=True,
            )
        )

    def _record_expected(self, cells: Mapping[str, str]) -> None:
        self.contacts[cells["email"]] = cells["city"]
        self.orders[cells["orders.order-number"]] = cells["email"]
        if cells["products.sku"]:
            self.products[cells["products.sku"]] = cells["email"]


def _invalid_row(cells: dict[str, str], kind: int) -> dict[str, str]:
    """A row that cannot be stored, each kind for another reason."""
    number = cells["orders.order-number"]
    invalid_values: Sequence[dict[str, str]] = (
        {"email": ""},
        {"email": f"bad{number}ü@example.com"},
        {"email": f"bad{number}@example.com", "points": "0"},
        {"email": f"bad{number}@example.com", "points": "many"},
        {"email": f"bad{number}@example.com", "orders.name": ""},
        {"email": f"not-an-address-{number}"},
    )
    return cells | invalid_values[kind % len(invalid_values)]


@frozen
class Check:
    """One statement about the server's state, and whether it holds."""

    claim: str
    passed: bool
    evidence: str


def check_server(
    expected: ExpectedState, fake: FakeMautic, result: Result, rejected: Mapping[int, str]
) -> Iterator[Check]:
    """Compare what the server holds with what the file said, row by row.

    Args:
        expected: What should be there.
        fake: What is there.
        result: What the import says of it.
        rejected: Reasons by line number, from the file of rejected rows.
    """
    email_by_id: dict[int, str] = {row["id"]: row["fields"].get("email") or "" for row in fake.contacts}
    cities = {row["fields"].get("email"): row["fields"].get("city") for row in fake.contacts}
    email_counts = Counter(email_by_id.values())
    yield _check_empty("contacts lost", expected.contacts.keys() - email_counts.keys())
    yield _check_empty("contacts doubled", [email for email, count in email_counts.items() if count > 1])
    yield _check_empty("contacts that nobody ordered", email_counts.keys() - expected.contacts.keys())
    yield _check_empty(
        "contacts with stale values",
        [address for address, city in expected.contacts.items() if cities.get(address) != city],
    )
    for alias, attribute, wanted in (
        ("orders", "order-number", expected.orders),
        ("products", "sku", expected.products),
    ):
        items = [item for item in fake.custom_items if item["object"] == alias]
        key_counts = Counter(str(item["attributes"].get(attribute)) for item in items)
        owners = {
            str(item["attributes"].get(attribute)): [email_by_id.get(contact_id) for contact_id in item["contacts"]]
            for item in items
        }
        yield _check_empty(f"{alias} lost", wanted.keys() - key_counts.keys())
        yield _check_empty(f"{alias} doubled", [key for key, count in key_counts.items() if count > 1])
        yield _check_empty(
            f"{alias} of another contact", [key for key, email in wanted.items() if owners.get(key) != [email]]
        )
    yield _check_empty(
        "rejected rows without a reason", [line for line in expected.invalid_lines if not rejected.get(line)]
    )
    yield _check_empty("good rows rejected", rejected.keys() - expected.invalid_lines)
    yield _check_empty("rows of unknown fate", range(result.report.unknown + result.report.partial))
    yield Check("every row has one outcome", result.read == expected.rows, f"{result.read:,} of {expected.rows:,}")


def _check_empty(claim: str, found: Any) -> Check:
    count = len(found)
    first = f", such as {next(iter(found))!r}" if count else ""
    return Check(claim, not count, f"{count:,}{first}")


class DemoDisplay(ProgressDisplay):
    """The screen, and the stage-hand who lets all tokens expire as one of the requests leaves."""

    def __init__(self, fake: FakeMautic, rows: int) -> None:
        super().__init__(total=rows)
        self._fake = fake
        self._attempts = 0
        self.waits: list[float] = []

    def on_event(self, event: Event) -> None:
        """Something happened to a call."""
        if event.kind == "wait" and event.seconds > MIN_RATE_LIMIT_WAIT:
            self.waits.append(event.seconds)
        self._attempts += event.kind == "before"
        if event.kind == "before" and self._attempts == TOKEN_EXPIRES_AT_ATTEMPT:
            self._fake.expire_tokens()


def schedule_faults(fake: FakeMautic) -> dict[str, Fault]:
    """Schedule the faults: what goes wrong with which batch."""
    return {
        "503, nothing done": fake.fail(503, route=BATCH_ROUTE, after=2),
        "connection lost, nothing done": fake.fail("reset", route=BATCH_ROUTE, after=4),
        "500, half of the rows stored": fake.fail(500, route=BATCH_ROUTE, after=7, work="half"),
        "answer cut short, all rows stored": fake.fail("cut", route=BATCH_ROUTE, after=10, work="done"),
        "504, PHP still at work": fake.fail(504, route=BATCH_ROUTE, after=13, work="continues"),
        "connection lost, PHP still at work": fake.fail("reset", route=BATCH_ROUTE, after=16, work="continues"),
    }


@frozen
class DemoRun:
    """The demo as it went: the import, what it met, and what the server holds."""

    result: Result
    calls: int
    incidents: Sequence[tuple[str, int]]
    checks: Sequence[Check]

    @property
    def passed(self) -> bool:
        """Whether everything was met, and nothing lost or doubled."""
        return all(count for _, count in self.incidents) and all(proof.passed for proof in self.checks)


def make_server(seed: int, clock: Clock | None = None) -> FakeMautic:
    """The simulated Mautic of the demo."""
    return FakeMautic(
        clock=clock,
        rate_limit=RATE_LIMIT,
        rate_window=RATE_WINDOW,
        access_token_lifetime=TOKEN_LIFETIME,
        latency=Latency(request=0.05, row=0.001),
        workers=4,
        seed=seed,
    )


async def run_demo(fake: FakeMautic, folder: Path, *, rows: int, seed: int, **settings: Any) -> DemoRun:
    """Write the file, import it, look what the server holds.

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
    job = Job(
        file=str(file),
        items={"orders": UniqueField("order-number"), "products": LookupField("sku")},
        concurrency=4,
        batch=min(200, max(5, rows // 25)),
        settle=RECONCILE_AFTER,
    )
    client = Mautic(fake.url, auth=fake.auth, limits=Limits(concurrency=4), hooks=(display.on_event,), **settings)
    async with client as mautic:
        result = await run_import(job, mautic, display)
    checks = list(check_server(expected, fake, result, _read_rejects(result)))
    calls = sum(request.path.startswith("/api") for request in fake.requests)
    return DemoRun(result, calls, _incidents(fake, display, faults), checks)


async def main(*, rows: int = 5250, seed: int = 1) -> int:
    """Run the demo over a loopback socket.

    Returns:
        The exit status: 0 if the proof held.
    """
    with tempfile.TemporaryDirectory(prefix="mautic-async-") as folder:
        async with make_server(seed) as fake, fake.serve():
            demo_run = await run_demo(fake, Path(folder), rows=rows, seed=seed)
    print_tables(demo_run)
    return 0 if demo_run.passed else 1


def _read_rejects(result: Result) -> dict[int, str]:
    """Reasons by line number of the input."""
    if result.rejected is None:
        return {}
    with result.rejected.open(encoding="utf-8", newline="") as file:
        return {int(row["orders.order-number"][5:]) + 2: row[PROBLEMS] for row in csv.DictReader(file)}


def _incidents(fake: FakeMautic, display: DemoDisplay, faults: Mapping[str, Fault]) -> list[tuple[str, int]]:
    """What the import met."""
    return [
        (f"request that waited for the limit of {RATE_LIMIT} calls in {RATE_WINDOW} s", len(display.waits)),
        ("expired token, refused and renewed", sum(request.status == 401 for request in fake.requests)),
        *((name, fault.hits) for name, fault in faults.items()),
    ]


def print_tables(demo_run: DemoRun) -> None:
    """The tables at the end."""
    result, report = demo_run.result, demo_run.result.report
    lines: list[tuple[str, object]] = [
        ("rows read", f"{result.read:,}"),
        ("created", f"{report.created:,}"),
        ("updated", f"{report.updated:,}"),
        ("rejected", f"{report.rejected + result.refused:,}"),
        *reason_lines(result.reasons),
        ("partial or unknown", f"{report.partial + report.unknown:,}"),
        ("requests", f"{report.requests:,}"),
        ("budget used", f"{demo_run.calls:,} calls, at {RATE_LIMIT} in {RATE_WINDOW} s for each token"),
        ("seconds", f"{report.seconds:.1f}"),
    ]
    print_table("The import", lines)
    print_table("Met on the way", [(name, f"{count} x") for name, count in demo_run.incidents])
    check_lines = [(check.claim, check.evidence + ("" if check.passed else "  FAILED")) for check in demo_run.checks]
    print_table("What the server holds", check_lines)
    verdict = "PROVED: nothing lost, nothing doubled, every row accounted for."
    sys.stdout.write(f"{verdict if demo_run.passed else 'FAILED: see above.'}\n")
