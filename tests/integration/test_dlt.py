"""dlt pipelines between DuckDB and FakeMautic on a socket. dlt runs its own threads and loops, so the tests are synchronous."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from mautic_async import ClientCredentials, Contact, CustomItem, Mautic, UniqueField
from mautic_async.bulk import read_dead_letters
from mautic_async.dlt import mautic_destination, mautic_source
from mautic_async.errors import ConfigurationError
from mautic_async.testing import FakeMautic

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@contextmanager
def served(fake: FakeMautic) -> Iterator[Callable[[], Mautic]]:
    """Serve *fake* from a thread; yield how to connect to it."""
    ready, stop = threading.Event(), asyncio.Event()
    place: dict[str, Any] = {}

    async def serve() -> None:
        async with fake, fake.serve() as url:
            place.update(url=url, loop=asyncio.get_running_loop())
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield lambda: Mautic(place["url"], auth=ClientCredentials(fake.client_id, fake.client_secret))
    finally:
        place["loop"].call_soon_threadsafe(stop.set)
        thread.join()


@pytest.fixture
def connect(fake_mautic: FakeMautic) -> Iterator[Callable[[], Mautic]]:
    with served(fake_mautic) as connect:
        yield connect


def pipeline(tmp_path: Path, destination: Any, name: str = "crm") -> dlt.Pipeline:
    return dlt.pipeline(name, destination=destination, dataset_name="crm", pipelines_dir=str(tmp_path / "pipelines"))


def to_duckdb(tmp_path: Path) -> dlt.Pipeline:
    return pipeline(tmp_path, dlt.destinations.duckdb(str(tmp_path / "mautic.duckdb")))


def store_with_items(mautic: Mautic, rows: Any, journal: Any, options: Any) -> Any:
    return mautic.contacts.bulk_upsert(rows, journal=journal, options=options, match_items=UniqueField("order-number"))


def rows(count: int) -> list[dict[str, Any]]:
    return [
        {
            "email": f"c{number}@example.com",
            "firstname": f"N{number}",
            "tags": ["a", "b"],
            "custom_items": [
                {
                    "object": "orders",
                    "name": f"Order {number}",
                    "attributes": {"order-number": str(number), "amount": number + 1},
                }
            ],
        }
        for number in range(count)
    ]


def test_dlt_destination_and_source_carry_contacts_there_and_back(
    tmp_path: Path, fake_mautic: FakeMautic, connect: Callable[[], Mautic]
) -> None:
    destination = mautic_destination(connect, store=store_with_items, batch_size=40)
    pipeline(tmp_path, destination, "out").run(rows(100), table_name="contacts")
    assert len(fake_mautic.contacts) == len(fake_mautic.custom_items) == 100

    back = to_duckdb(tmp_path)
    back.run(mautic_source(connect, resources=["contacts"]))
    with duckdb.connect(str(tmp_path / "mautic.duckdb")) as db:
        found = db.execute("SELECT email, firstname FROM crm.contacts ORDER BY id").fetchall()
        items = db.execute("SELECT count(*) FROM crm.contacts__custom_items").fetchone()
    assert found == [(f"c{number}@example.com", f"N{number}") for number in range(100)]
    assert items == (100,)


def test_dlt_source_reads_only_changes_since_the_last_run(
    tmp_path: Path, fake_mautic: FakeMautic, connect: Callable[[], Mautic]
) -> None:
    async def store(*contacts: Contact) -> None:
        async with connect() as mautic:
            await mautic.contacts.bulk_upsert(contacts)

    asyncio.run(store(*(Contact(email=f"c{number}@example.com") for number in range(5))))
    back = to_duckdb(tmp_path)
    back.run(mautic_source(connect, resources=["contacts", "companies"]))
    before = len(fake_mautic.requests)
    back.run(mautic_source(connect, resources=["contacts"]))
    listings = [seen.query for seen in fake_mautic.requests[before:] if seen.path == "/api/contacts"]
    assert all("date_modified" in query and "gte" in query for query in listings), listings
    asyncio.run(store(Contact(email="c1@example.com", firstname="Ada")))
    back.run(mautic_source(connect, resources=["contacts"]))
    with duckdb.connect(str(tmp_path / "mautic.duckdb")) as db:
        assert db.execute("SELECT count(*) FROM crm.contacts").fetchone() == (5,)
        found = db.execute("SELECT firstname FROM crm.contacts WHERE email = 'c1@example.com'").fetchall()
    assert found == [("Ada",)]


def test_dlt_destination_fails_the_load_when_rows_are_refused(
    tmp_path: Path, fake_mautic: FakeMautic, connect: Callable[[], Mautic]
) -> None:
    letters = tmp_path / "letters.jsonl"
    target = pipeline(tmp_path, mautic_destination(connect, dead_letters=letters))
    with pytest.raises(PipelineStepFailed, match="1 rows rejected"):
        target.run([{"email": "no address"}, {"email": "a@example.com"}], table_name="contacts")
    assert [letter.row for letter in read_dead_letters(letters)] == [{"email": "no address"}]
    assert len(fake_mautic.contacts) == 1


def test_dlt_destination_goes_on_when_the_user_says_so(
    tmp_path: Path, fake_mautic: FakeMautic, connect: Callable[[], Mautic]
) -> None:
    letters = tmp_path / "letters.jsonl"
    target = pipeline(tmp_path, mautic_destination(connect, on_refused="continue", dead_letters=letters, batch_size=1))
    bad = [{"email": f"no address {number}"} for number in range(3)]
    target.run([*bad, {"email": "a@example.com"}], table_name="contacts")
    assert len(list(read_dead_letters(letters))) == 3
    assert len(fake_mautic.contacts) == 1


def test_dlt_destination_refuses_settings_and_tables_that_lose_rows(
    tmp_path: Path, connect: Callable[[], Mautic]
) -> None:
    with pytest.raises(ConfigurationError, match="dead_letters="):
        mautic_destination(connect, on_refused="continue")
    with pytest.raises(PipelineStepFailed, match="table people: name it in tables="):
        pipeline(tmp_path, mautic_destination(connect)).run([{"email": "a@example.com"}], table_name="people")


def test_dlt_to_entity_leaves_out_columns_that_mautic_writes() -> None:
    from mautic_async.dlt.destination import to_entity

    given = Contact(
        id=3, points=4, email="a@example.com", custom_items=[CustomItem("orders", name="O", attributes={"n": 1})]
    )
    row = {**given.to_dict(), "vip": True, "city": None}
    assert to_entity(Contact, row) == Contact(
        email="a@example.com", fields={"vip": True}, custom_items=[CustomItem("orders", name="O", attributes={"n": 1})]
    )
