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

from mautic_async import Limits, Marker, Mautic, UniqueField
from mautic_async.cli.display import Screen, reasons, table
from mautic_async.cli.import_job import load
from mautic_async.cli.import_settings import Job, Result
from mautic_async.cli.rejects_format import PROBLEMS
from mautic_async.testing import FakeMautic, Latency

if TYPE_CHECKING:
    from mautic_async import Clock, Event
    from mautic_async.testing.faults import Fault

CALLS, WINDOW = 6, 4
"""The simulated rate limit: calls in that many seconds. Mautic's own window lasts an hour."""
EXPIRED: Final = 18
"""The attempt that meets an expired token."""
WAIT: Final = 0.5
"""Seconds beyond which a request has not waited for a free connection, but for the rate limit."""
TOKEN: Final = 25
"""Seconds that an access token lives."""
SETTLE: Final = 4.0
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
BATCH: Final = "POST /api/contacts/batch/new"


@define
class Plot:
    """The people of the demo, and what should be known of them at the end.

    Attributes:
        contacts: City by e-mail address, as the last row of each says.
        orders: E-mail address by order number.
        products: E-mail address by article number.
        bad: Line numbers of the rows that nobody can store.
        rows: How many there are.
    """

    contacts: dict[str, str] = field(factory=dict)
    orders: dict[str, str] = field(factory=dict)
    products: dict[str, str] = field(factory=dict)
    bad: set[int] = field(factory=set)
    rows: int = 0

    def write(self, path: Path, rows: int, seed: int) -> None:
        """Write the CSV: mostly new people, some rows for one that was there before, some bad on purpose."""
        chance = random.Random(seed)  # noqa: S311 - repeatable people, not a secret
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(COLUMNS)
            for number in range(rows):
                cells = self._person(number, chance)
                if number % 97 == 5:
                    self.bad.add(number + 2)
                    cells = _spoilt(cells, number // 97)
                else:
                    self._expect(cells)
                out.writerow(cells.values())
        self.rows = rows

    def _person(self, number: int, chance: random.Random) -> dict[str, str]:
        """A contact with an order, and each third one with a product. Each fiftieth is one who came before."""
        who = number - 40 if number % 50 == 49 else number
        with_product = number % 3 == 0
        return dict(
            zip(
                COLUMNS,
                (
                    f"person{who}@example.com",
                    chance.choice(_FIRST),
                    chance.choice(_LAST),
                    chance.choice(_CITIES),
                    str(chance.randrange(1, 100)),
                    chance.choice(("", "vip", "vip|newsletter")),
                    f"Order {number}",
                    f"2026-{number:06d}",
                    str(chance.randrange(1, 5000)),
                    f"Product {number}" if with_product else "",
                    f"SKU-{number:06d}" if with_product else "",
                ),
                strict=True,
            )
        )

    def _expect(self, cells: Mapping[str, str]) -> None:
        self.contacts[cells["email"]] = cells["city"]
        self.orders[cells["orders.order-number"]] = cells["email"]
        if cells["products.sku"]:
            self.products[cells["products.sku"]] = cells["email"]


def _spoilt(cells: dict[str, str], kind: int) -> dict[str, str]:
    """A row that cannot be stored, each kind for another reason."""
    number = cells["orders.order-number"]
    wrong: Sequence[dict[str, str]] = (
        {"email": ""},
        {"email": f"bad{number}ü@example.com"},
        {"email": f"bad{number}@example.com", "points": "0"},
        {"email": f"bad{number}@example.com", "points": "many"},
        {"email": f"bad{number}@example.com", "orders.name": ""},
        {"email": f"not-an-address-{number}"},
    )
    return cells | wrong[kind % len(wrong)]


@frozen
class Proof:
    """One statement about the server's state, and whether it holds."""

    claim: str
    holds: bool
    found: str


def prove(plot: Plot, fake: FakeMautic, result: Result, rejected: Mapping[int, str]) -> Iterator[Proof]:
    """Compare what the server holds with what the file said, row by row.

    Args:
        plot: What should be there.
        fake: What is there.
        result: What the import says of it.
        rejected: Reasons by line number, from the file of rejected rows.
    """
    held: dict[int, str] = {row["id"]: row["fields"].get("email") or "" for row in fake.contacts}
    cities = {row["fields"].get("email"): row["fields"].get("city") for row in fake.contacts}
    counted = Counter(held.values())
    yield _none("contacts lost", plot.contacts.keys() - counted.keys())
    yield _none("contacts doubled", [email for email, count in counted.items() if count > 1])
    yield _none("contacts that nobody ordered", counted.keys() - plot.contacts.keys())
    yield _none("contacts with stale values", [e for e, city in plot.contacts.items() if cities.get(e) != city])
    for alias, attribute, wanted in (("orders", "order-number", plot.orders), ("products", "sku", plot.products)):
        items = [item for item in fake.custom_items if item["object"] == alias]
        seen = Counter(str(item["attributes"].get(attribute)) for item in items)
        owners = {
            str(item["attributes"].get(attribute)): [held.get(holder) for holder in item["contacts"]] for item in items
        }
        yield _none(f"{alias} lost", wanted.keys() - seen.keys())
        yield _none(f"{alias} doubled", [key for key, count in seen.items() if count > 1])
        yield _none(f"{alias} of another contact", [key for key, email in wanted.items() if owners.get(key) != [email]])
    yield _none("rejected rows without a reason", [line for line in plot.bad if not rejected.get(line)])
    yield _none("good rows rejected", rejected.keys() - plot.bad)
    yield _none("rows of unknown fate", range(result.report.unknown + result.report.partial))
    yield Proof("every row has one outcome", result.read == plot.rows, f"{result.read:,} of {plot.rows:,}")


def _none(claim: str, found: Any) -> Proof:
    count = len(found)
    first = f", such as {next(iter(found))!r}" if count else ""
    return Proof(claim, not count, f"{count:,}{first}")


class Stage(Screen):
    """The screen, and the stage-hand who lets all tokens expire as one of the requests leaves."""

    def __init__(self, fake: FakeMautic, rows: int) -> None:
        super().__init__(total=rows)
        self._fake = fake
        self._attempts = 0
        self.waits: list[float] = []

    def hear(self, event: Event) -> None:
        """Something happened to a call."""
        if event.kind == "wait" and event.seconds > WAIT:
            self.waits.append(event.seconds)
        self._attempts += event.kind == "before"
        if event.kind == "before" and self._attempts == EXPIRED:
            self._fake.expire_tokens()


def trouble(fake: FakeMautic) -> dict[str, Fault]:
    """Schedule the faults: what goes wrong with which batch."""
    return {
        "503, nothing done": fake.fail(503, route=BATCH, after=2),
        "connection lost, nothing done": fake.fail("reset", route=BATCH, after=4),
        "500, half of the rows stored": fake.fail(500, route=BATCH, after=7, work="half"),
        "answer cut short, all rows stored": fake.fail("cut", route=BATCH, after=10, work="done"),
        "504, PHP still at work": fake.fail(504, route=BATCH, after=13, work="continues"),
        "connection lost, PHP still at work": fake.fail("reset", route=BATCH, after=16, work="continues"),
    }


@frozen
class Act:
    """The demo as it went: the import, what it met, and what the server holds."""

    result: Result
    calls: int
    met: Sequence[tuple[str, int]]
    proofs: Sequence[Proof]

    @property
    def held(self) -> bool:
        """Whether everything was met, and nothing lost or doubled."""
        return all(count for _, count in self.met) and all(proof.holds for proof in self.proofs)


def theatre(seed: int, clock: Clock | None = None) -> FakeMautic:
    """The simulated Mautic of the demo."""
    return FakeMautic(
        clock=clock,
        rate_limit=CALLS,
        rate_window=WINDOW,
        access_token_lifetime=TOKEN,
        latency=Latency(request=0.05, row=0.001),
        workers=4,
        seed=seed,
    )


async def perform(fake: FakeMautic, folder: Path, *, rows: int, seed: int, **settings: Any) -> Act:
    """Write the file, import it, look what the server holds.

    Args:
        fake: The server.
        folder: For the file.
        rows: In it.
        seed: Of the people.
        **settings: Of the client, beside its base URL.
    """
    plot = Plot()
    file = folder / "contacts.csv"
    plot.write(file, rows, seed)
    faults = trouble(fake)
    screen = Stage(fake, rows)
    screen.say(f"{rows:,} rows go to a simulated Mautic on {fake.url}, which fails on purpose")
    job = Job(
        file=str(file),
        items={"orders": UniqueField("order-number"), "products": Marker("sku")},
        concurrency=4,
        batch=min(200, max(5, rows // 25)),
        settle=SETTLE,
    )
    client = Mautic(fake.url, auth=fake.auth, limits=Limits(concurrency=4), hooks=(screen.hear,), **settings)
    async with client as mautic:
        result = await load(job, mautic, screen)
    proofs = list(prove(plot, fake, result, _rejected(result)))
    calls = sum(seen.path.startswith("/api") for seen in fake.requests)
    return Act(result, calls, _met(fake, screen, faults), proofs)


async def play(*, rows: int = 5250, seed: int = 1) -> int:
    """Run the demo over a loopback socket.

    Returns:
        The exit status: 0 if the proof held.
    """
    with tempfile.TemporaryDirectory(prefix="mautic-async-") as folder:
        async with theatre(seed) as fake, fake.serve():
            act = await perform(fake, Path(folder), rows=rows, seed=seed)
    tell(act)
    return 0 if act.held else 1


def _rejected(result: Result) -> dict[int, str]:
    """Reasons by line number of the input."""
    if result.rejected is None:
        return {}
    with result.rejected.open(encoding="utf-8", newline="") as file:
        return {int(row["orders.order-number"][5:]) + 2: row[PROBLEMS] for row in csv.DictReader(file)}


def _met(fake: FakeMautic, screen: Stage, faults: Mapping[str, Fault]) -> list[tuple[str, int]]:
    """What the import met."""
    return [
        (f"request that waited for the limit of {CALLS} calls in {WINDOW} s", len(screen.waits)),
        ("expired token, refused and renewed", sum(seen.status == 401 for seen in fake.requests)),
        *((name, fault.done) for name, fault in faults.items()),
    ]


def tell(act: Act) -> None:
    """The tables at the end."""
    result, report = act.result, act.result.report
    lines: list[tuple[str, object]] = [
        ("rows read", f"{result.read:,}"),
        ("created", f"{report.created:,}"),
        ("updated", f"{report.updated:,}"),
        ("rejected", f"{report.rejected + result.refused:,}"),
        *reasons(result.reasons),
        ("partial or unknown", f"{report.partial + report.unknown:,}"),
        ("requests", f"{report.requests:,}"),
        ("budget used", f"{act.calls:,} calls, at {CALLS} in {WINDOW} s for each token"),
        ("seconds", f"{report.seconds:.1f}"),
    ]
    table("The import", lines)
    table("Met on the way", [(name, f"{count} x") for name, count in act.met])
    claims = [(proof.claim, proof.found + ("" if proof.holds else "  FAILED")) for proof in act.proofs]
    table("What the server holds", claims)
    held = "PROVED: nothing lost, nothing doubled, every row accounted for."
    sys.stdout.write(f"{held if act.held else 'FAILED: see above.'}\n")
