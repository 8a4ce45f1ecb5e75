"""What a bulk job refuses before it is sent, and what it sends: through the real client, on virtual time."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import unicodedata
from typing import Any

import pytest

from mautic_async import Contact, CustomItem, Mautic, UniqueField
from mautic_async.bulk import BulkOptions
from mautic_async.models import FrequencyRule
from mautic_async.testing import FakeMautic, Latency
from tests.integration.test_contacts import play
from tests.support.sizes import sized


def batches(fake: FakeMautic) -> list[list[dict[str, Any]]]:
    """The rows of every batch that the server got."""
    return [json.loads(seen.body) for seen in fake.requests if seen.path.endswith("/batch/new")]


def refused(row: Contact, **settings: Any) -> str:
    """Send *row* among good ones; why it was refused, if nothing of it reached the server."""
    why: list[str] = []

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [Contact(email="before@example.com"), row, Contact(email="after@example.com")]
        async with mautic.contacts.bulk_upsert(rows, **settings) as run:
            outcomes = {outcome.index: outcome async for outcome in run}
        assert [outcomes[0].status, outcomes[2].status] == ["created", "created"]
        assert outcomes[1].status == "rejected"
        assert outcomes[1].attempts == 0
        assert sum(map(len, batches(fake))) == 2
        assert len(fake.contacts) == 2
        why.extend(map(str, outcomes[1].problems))

    play(scenario)
    return "; ".join(why)


def test_bulk_upsert_serialises_keys_that_the_database_holds_equal() -> None:
    """Invariant 25."""
    spellings = ["zoe@example.com", "ZOE@Example.com", " zoe@example.com ", "Zoe@example.com"]
    numbers = ["café", "CAFÉ", unicodedata.normalize("NFD", "café"), "cafe", " \uff23\uff21\uff26\uff25 "]

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.add_field("Number", "number", isUniqueIdentifier=True)
        rows = [Contact(email=email, city=f"city {place}") for place, email in enumerate(spellings)]
        rows += [Contact(fields={"number": number}, city=f"city {place}") for place, number in enumerate(numbers)]
        async with mautic.contacts.bulk_upsert(rows) as run:
            async for outcome in run:
                assert outcome.ok, outcome
        sent = batches(fake)
        assert len(sent) == 5, "a key is in one batch at a time"
        assert all(len(batch) <= 2 for batch in sent)
        last = {str(contact["fields"].get("email", "")): contact["fields"]["city"] for contact in fake.contacts}
        assert sorted(last.values()) == ["city 3", "city 4"]

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("email", ["Jörg@example.com", "a,b@example.com", "a b@example.com", "a\u200bb@example.com"])
def test_bulk_upsert_refuses_an_email_that_the_server_would_change(email: str) -> None:
    """Invariant 25."""
    assert "email" in refused(Contact(email=email))


@pytest.mark.parametrize("attributes", [{}, {"sku": ""}, {"sku": None}, {"colour": "red"}])
def test_bulk_upsert_refuses_a_new_item_without_its_unique_value(attributes: dict[str, Any]) -> None:
    """Invariant 28."""
    row = Contact(email="a@example.com", custom_items=[CustomItem("products", name="x", attributes=attributes)])
    assert "sku" in refused(row, match_items=UniqueField("sku"))


def test_bulk_upsert_memory_does_not_grow_with_the_input() -> None:
    """Invariant 32."""
    code = (
        "import asyncio; from benchmarks.bulk_memory import grown;"
        f"over, slope = asyncio.run(grown({sized(150_000, 300_000)}, None)); print(over, slope)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    over, slope = map(float, told.split())
    assert over <= 64.0
    assert slope <= 2.0  # MiB for 100,000 rows: one small object kept of each would be five times as much


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (Contact(email="a@example.com", frequency_rules=[FrequencyRule(channel="email")]), "frequency"),
        (Contact(email="a@example.com", companies=[3]), "companies"),
        (Contact(email="a@example.com", city="Ro\x00me"), "NUL"),
        (Contact(email="a@example.com", fields={"city": "Ro\x00me"}), "NUL"),
    ],
)
def test_bulk_upsert_refuses_rows_that_would_break_their_batch(row: Contact, word: str) -> None:
    """Invariant 61."""
    assert word.lower() in refused(row).lower()


def test_bulk_upsert_sends_null_for_owner_and_stage_only_when_asked() -> None:
    """Invariant 62."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        plain = [Contact(email="a@example.com"), Contact(email="b@example.com", city="Rome")]
        async with mautic.contacts.bulk_upsert(plain) as run:
            assert all([outcome.ok async for outcome in run])
        for row in (row for batch in batches(fake) for row in batch):
            assert "owner" not in row
            assert "stage" not in row
        before = len(batches(fake))
        asked = [Contact(email="a@example.com", owner=None, stage=None)]
        async with mautic.contacts.bulk_upsert(asked) as run:
            assert all([outcome.ok async for outcome in run])
        ((row,),) = batches(fake)[before:]
        assert row["owner"] is None
        assert row["stage"] is None

    play(scenario)


def test_bulk_upsert_look_ups_are_short_lines_with_a_limit() -> None:
    """Invariant 58."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.list(limit=1)
        fake.fail("reset", route="batch/new", times=3, work="half")
        rows = [Contact(email=f"{'long.' * 10}{number}+tag@example.com", city="Rome") for number in range(200)]
        plan = BulkOptions(initial_batch=200, initial_concurrency=1)
        report = await mautic.contacts.bulk_upsert(rows, options=plan)
        assert report.ok
        assert report.read == 200
        looks = [seen for seen in fake.requests if seen.method == "GET" and "where" in seen.query]
        assert len(looks) >= 2
        assert all("limit=" in seen.query for seen in looks)
        assert max(len(seen.path) + len(seen.query) for seen in looks) < 8000
        assert len(fake.contacts) == 200

    play(scenario, latency=Latency(request=0.1, row=0.01))


@pytest.mark.parametrize("skew", [-3600.0, 0.0, 3600.0])
def test_bulk_upsert_sends_no_row_twice_to_a_server_with_a_wrong_clock(skew: float) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.bulk_upsert([Contact(email=f"p{number}@example.com") for number in range(40)])
        await asyncio.sleep(60.0)
        fake.fail(504, route="batch/new", times=2, work="continues")
        rows = [Contact(email=f"p{number}@example.com", city="Rome") for number in range(80)]
        report = await mautic.contacts.bulk_upsert(rows)
        assert report.ok
        assert len(fake.contacts) == 80
        assert report.created == 40

    play(scenario, latency=Latency(request=0.1, row=0.5), skew=skew)


def test_bulk_upsert_fills_batches_while_it_waits_for_the_rate_limit() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [Contact(email=f"p{number}@example.com") for number in range(4000)]
        async with mautic.contacts.bulk_upsert(rows) as run:
            assert all([outcome.ok async for outcome in run])
            scheduler = run._scheduler
        assert run.report.seconds > 3600.0
        assert not [seen for seen in fake.requests if seen.status == 429]
        late = [seen.rows for seen in fake.requests if seen.time - fake.requests[0].time > 3500.0]
        assert max(late) == 200
        assert scheduler is not None
        assert scheduler.pacing.slowest_seconds < 60.0, "the wait for a turn is no sign of a slow server"

    play(scenario, latency=Latency(request=0.1, row=0.02), rate_limit=20)
