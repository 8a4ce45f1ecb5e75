"""The people of the demo, and the comparison of a server with them."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

if TYPE_CHECKING:
    from mautic_async.cli.import_settings import ImportResult
    from mautic_async.testing import FakeMautic

COLUMNS: Final = (
    *("email", "firstname", "lastname", "city", "points", "tags"),
    *("orders.name", "orders.order-number", "orders.amount", "products.name", "products.sku"),
)
_FIRST: Final = (
    *("Ada", "Grace", "Katherine", "Annie", "Dorothy", "Mary", "Hedy"),
    *("Joan", "Radia", "Barbara", "Karen", "Jean", "Frances", "Evelyn"),
)
_LAST: Final = (
    *("Adams", "Byron", "Clarke", "Easley", "Hamilton", "Hopper"),
    *("Jackson", "Johnson", "Keller", "Lamarr", "Perlman", "Vaughan"),
)
_CITIES: Final = (
    *("Aachen", "Bern", "Cork", "Delft", "Essen", "Faro", "Graz", "Halle"),
    *("Izmir", "Jena", "Kiel", "Lyon", "Metz", "Nantes", "Oslo", "Porto"),
)

INVALID_EVERY: Final = 97
REPEATED_EVERY: Final = 50


@frozen
class Check:
    """One statement about the server's state, and the evidence for it."""

    claim: str
    passed: bool
    evidence: str


@define
class ExpectedState:
    """Contents that the server has to hold after the import.

    Attributes:
        contacts: City by e-mail address, as the last row of each says.
        orders: E-mail address by order number.
        products: E-mail address by article number.
        invalid_lines: Line numbers of rows that cannot be stored.
        rows: How many rows there are.
    """

    contacts: dict[str, str] = field(factory=dict)
    orders: dict[str, str] = field(factory=dict)
    products: dict[str, str] = field(factory=dict)
    invalid_lines: set[int] = field(factory=set)
    rows: int = 0

    def write(self, path: Path, rows: int, seed: int) -> None:
        """Write the CSV: mostly new people, some rows for a person of an earlier row, some bad on purpose."""
        rng = random.Random(seed)  # noqa: S311 - repeatable people, not a secret
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for number in range(rows):
                cells = _make_row(number, rng)
                if number % INVALID_EVERY == 5:
                    self.invalid_lines.add(number + 2)
                    cells = _invalidate(cells, number // INVALID_EVERY)
                else:
                    self._expect(cells)
                writer.writerow(cells.values())
        self.rows = rows

    def _expect(self, cells: Mapping[str, str]) -> None:
        self.contacts[cells["email"]] = cells["city"]
        self.orders[cells["orders.order-number"]] = cells["email"]
        if cells["products.sku"]:
            self.products[cells["products.sku"]] = cells["email"]

    def check(self, fake: FakeMautic, result: ImportResult, rejected: Mapping[int, str]) -> Iterator[Check]:
        """Compare what the server holds with what the file said, row by row.

        Args:
            fake: The server.
            result: What the import reported.
            rejected: Reasons by line number, from the file of rejected rows.
        """
        email_by_id: dict[int, str] = {row["id"]: row["fields"].get("email") or "" for row in fake.contacts}
        cities = {row["fields"].get("email"): row["fields"].get("city") for row in fake.contacts}
        counts = Counter(email_by_id.values())
        yield _check_empty("contacts lost", self.contacts.keys() - counts.keys())
        yield _check_empty("contacts doubled", [email for email, count in counts.items() if count > 1])
        yield _check_empty("contacts that are in no row", counts.keys() - self.contacts.keys())
        stale = [email for email, city in self.contacts.items() if cities.get(email) != city]
        yield _check_empty("contacts with stale values", stale)
        for alias, attribute, wanted in (("orders", "order-number", self.orders), ("products", "sku", self.products)):
            yield from _check_items(fake, alias, attribute, wanted, email_by_id)
        unexplained = [line for line in self.invalid_lines if not rejected.get(line)]
        yield _check_empty("rejected rows without a reason", unexplained)
        yield _check_empty("good rows rejected", rejected.keys() - self.invalid_lines)
        yield _check_empty("rows of unknown fate", range(result.report.unknown + result.report.partial))
        yield Check("every row has one outcome", result.read == self.rows, f"{result.read:,} of {self.rows:,}")


def _check_items(
    fake: FakeMautic, alias: str, attribute: str, wanted: Mapping[str, str], email_by_id: Mapping[int, str]
) -> Iterator[Check]:
    items = [item for item in fake.custom_items if item["object"] == alias]
    keys = [str(item["attributes"].get(attribute)) for item in items]
    owners = {
        key: [email_by_id.get(contact_id) for contact_id in item["contacts"]]
        for key, item in zip(keys, items, strict=True)
    }
    yield _check_empty(f"{alias} lost", wanted.keys() - set(keys))
    yield _check_empty(f"{alias} doubled", [key for key, count in Counter(keys).items() if count > 1])
    misplaced = [key for key, email in wanted.items() if owners.get(key) != [email]]
    yield _check_empty(f"{alias} of another contact", misplaced)


def _check_empty(claim: str, found: Any) -> Check:
    count = len(found)
    first = f", such as {next(iter(found))!r}" if count else ""
    return Check(claim, not count, f"{count:,}{first}")


def _make_row(number: int, rng: random.Random) -> dict[str, str]:
    """Return a contact with an order; each third row has a product, each fiftieth a person of an earlier row."""
    person = number - 40 if number % REPEATED_EVERY == REPEATED_EVERY - 1 else number
    with_product = number % 3 == 0
    cells = (
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
    )
    return dict(zip(COLUMNS, cells, strict=True))


def _invalidate(cells: dict[str, str], kind: int) -> dict[str, str]:
    """Return the row so that it cannot be stored, each *kind* for another reason."""
    number = cells["orders.order-number"]
    invalid_values: Sequence[dict[str, str]] = (
        {"email": ""},
        {"email": f"bad{number}ü@example.com"},
        {"email": f"bad{number}@example.com", "points": "1.5"},
        {"email": f"bad{number}@example.com", "points": "many"},
        {"email": f"bad{number}@example.com", "orders.name": ""},
        {"email": f"not-an-address-{number}"},
    )
    return cells | invalid_values[kind % len(invalid_values)]
