"""`SyncState`: which rows are sent, what the file knows at every moment, and files that are refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mautic_async import BulkReport, Company, Contact, CustomItem, Journal, Mautic, SyncState, UniqueField
from mautic_async.bulk import BulkOptions
from mautic_async.errors import ConfigurationError
from mautic_async.sync.run import canonical
from mautic_async.sync.state_file import Scope, StateFile
from mautic_async.testing import FakeMautic


def client(fake: FakeMautic) -> Mautic:
    return Mautic(fake.url, auth=fake.auth, transport=fake.transport)


def people(count: int, **changed: Any) -> list[Contact]:
    return [Contact(email=f"p{number}@example.org", city="Rome", **changed) for number in range(count)]


def sent(fake: FakeMautic) -> list[dict[str, Any]]:
    """The rows that the server got since this was asked last."""
    rows = [row for seen in fake.requests if seen.path.endswith("/batch/new") for row in json.loads(seen.body)]
    fake.requests.clear()
    return rows


def addresses(fake: FakeMautic) -> list[str]:
    return sorted(row["email"].partition("@")[0] for row in sent(fake))


def counts(report: BulkReport) -> dict[str, int]:
    names = ("created", "updated", "unchanged", "rejected", "partial", "unknown")
    assert sum(getattr(report, name) for name in names) == report.read
    return {name: number for name in names if (number := getattr(report, name))}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "customers.db"


async def test_only_rows_that_differ_are_sent(path: Path) -> None:
    """Invariant 66."""
    async with FakeMautic() as fake, client(fake) as mautic:
        first = await mautic.contacts.bulk_upsert(people(5), state=SyncState(path))
        assert counts(first) == {"created": 5}
        assert len(sent(fake)) == 5
        rows = people(6)
        rows[3].city = "Oslo"
        report = await mautic.contacts.bulk_upsert(rows, state=SyncState(path))
        assert counts(report) == {"created": 1, "updated": 1, "unchanged": 4}
        assert report.ok
        assert addresses(fake) == ["p3", "p5"]


async def test_an_unchanged_row_has_the_id_of_its_contact(path: Path) -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        async with mautic.contacts.bulk_upsert(people(3), state=SyncState(path)) as job:
            ids = {outcome.index: outcome.id async for outcome in job}
        async with mautic.contacts.bulk_upsert(people(3), state=SyncState(path)) as job:
            outcomes = [outcome async for outcome in job]
    assert {outcome.index: outcome.id for outcome in outcomes} == ids
    assert {outcome.status for outcome in outcomes} == {"unchanged"}
    assert all(outcome.ok and outcome.attempts == 0 for outcome in outcomes)


async def test_full_sends_all_and_renews_the_state(path: Path) -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        await mautic.contacts.bulk_upsert(people(3), state=SyncState(path))
        report = await mautic.contacts.bulk_upsert(people(3), state=SyncState(path, full=True))
        assert counts(report) == {"updated": 3}
        assert counts(await mautic.contacts.bulk_upsert(people(3), state=SyncState(path))) == {"unchanged": 3}


async def test_a_refused_row_is_sent_again_by_the_next_job(path: Path) -> None:
    """Invariant 65."""
    async with FakeMautic() as fake, client(fake) as mautic:
        rows = people(2)
        rows[0].country = "Atlantis"
        for status in ("created", "unchanged", "unchanged"):
            report = await mautic.contacts.bulk_upsert(rows, state=SyncState(path), preflight="none")
            assert counts(report) == {status: 1, "rejected": 1}
        assert addresses(fake) == ["p0", "p0", "p0", "p1"]


async def test_a_row_that_goes_back_while_its_change_is_lost_is_sent(path: Path) -> None:
    """Invariant 65.

    The server may hold the newer value although its answer was lost: the old value is a change again.
    """
    options = BulkOptions(reconcile_after=0.0, max_attempts=1, max_failures=1, max_outage=0.0)
    async with FakeMautic() as fake, client(fake) as mautic:
        await mautic.contacts.bulk_upsert(people(1), state=SyncState(path))
        fault = fake.fail(504, times=None)
        newer = people(1)
        newer[0].city = "Oslo"
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever ends the job
            await mautic.contacts.bulk_upsert(newer, state=SyncState(path), options=options, preflight="none")
        fault.times = 0
        report = await mautic.contacts.bulk_upsert(people(1), state=SyncState(path))
        assert counts(report) == {"updated": 1}


async def test_two_rows_of_one_contact_end_with_the_later_one(path: Path) -> None:
    """Invariant 66."""
    rows = [Contact(email="p@example.org", city="Rome"), Contact(email="P@example.org", city="Oslo")]
    async with FakeMautic() as fake, client(fake) as mautic:
        for _ in range(3):
            report = await mautic.contacts.bulk_upsert(rows, state=SyncState(path))
            assert report.read == 2
            assert [contact["fields"]["city"] for contact in fake.contacts] == ["Oslo"]
        swapped = await mautic.contacts.bulk_upsert(rows[::-1], state=SyncState(path))
        assert swapped.read == 2
        assert [contact["fields"]["city"] for contact in fake.contacts] == ["Rome"]


async def test_a_row_behind_one_that_writes_the_same_contact_by_its_id_is_sent(path: Path) -> None:
    """Invariant 66."""
    async with FakeMautic() as fake, client(fake) as mautic:
        await mautic.contacts.bulk_upsert([Contact(email="p@example.org", city="Rome")], state=SyncState(path))
        (contact,) = fake.contacts
        by_id = Contact(id=contact["id"], city="Oslo")
        by_email = Contact(email="p@example.org", city="Rome")
        for _ in range(3):
            await mautic.contacts.bulk_upsert([by_id, by_email], state=SyncState(path))
            await mautic.contacts.bulk_upsert([by_id, by_email], state=SyncState(path))
            assert [one["fields"]["city"] for one in fake.contacts] == ["Rome"]


async def test_custom_items_count_as_content(path: Path) -> None:
    """Invariant 66."""

    def row(stock: int) -> Contact:
        item = CustomItem("engines", name="Hello", attributes={"sku": "1", "in-stock": stock})
        return Contact(email="p@example.org", custom_items=[item])

    async with FakeMautic() as fake, client(fake) as mautic:
        fake.add_custom_object("engines", {"sku": {"type": "text", "unique": True}, "in-stock": {"type": "int"}})
        match = UniqueField("sku")
        for stock, status in ((1, "created"), (1, "unchanged"), (2, "updated"), (2, "unchanged")):
            report = await mautic.contacts.bulk_upsert([row(stock)], state=SyncState(path), match_items=match)
            assert counts(report) == {status: 1}


async def test_a_row_without_a_key_is_always_sent(path: Path) -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        for _ in range(2):
            report = await mautic.contacts.bulk_upsert(
                [Contact(firstname="Ada")], state=SyncState(path), without_key="create"
            )
            assert counts(report) == {"created": 1}


async def test_companies_are_known_by_their_name(path: Path) -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        rows = [Company(companyname=f"Acme {number}", companycity="Rome") for number in range(3)]
        assert counts(await mautic.companies.bulk_upsert(rows, state=SyncState(path))) == {"created": 3}
        rows[1].companycity = "Oslo"
        fake.requests.clear()
        report = await mautic.companies.bulk_upsert(rows, state=SyncState(path))
        assert counts(report) == {"updated": 1, "unchanged": 2}


# -- what has vanished -------------------------------------------------------------------------------------------------


async def test_vanished_contacts_are_yielded_until_back_or_forgotten(path: Path) -> None:
    state = SyncState(path)
    async with FakeMautic() as fake, client(fake) as mautic:
        first = await mautic.contacts.bulk_upsert(people(4), state=state)
        assert first.vanished == 0
        ids = {str(contact["fields"]["email"]): contact["id"] for contact in fake.contacts}
        for _ in range(2):
            report = await mautic.contacts.bulk_upsert(people(2), state=state)
            assert report.vanished == 2
            assert [id async for id in state.vanished()] == [ids["p2@example.org"], ids["p3@example.org"]]
        assert len(fake.contacts) == 4, "nothing is deleted by itself"
        report = await mautic.contacts.bulk_upsert(people(3), state=state)
        assert (report.vanished, report.unchanged) == (1, 3)
        await state.forget([ids["p3@example.org"]])
        assert [id async for id in state.vanished()] == []
        report = await mautic.contacts.bulk_upsert(people(4), state=state)
        assert (report.vanished, counts(report)) == (0, {"unchanged": 3, "updated": 1})


async def test_contact_with_a_new_address_has_not_vanished(path: Path) -> None:
    """Invariant 67."""
    async with FakeMautic() as fake, client(fake) as mautic:
        fake.add_field("Number", "number", isUniqueIdentifier=True)
        row = Contact(email="old@example.org", fields={"number": "7"})
        await mautic.contacts.bulk_upsert([row], state=SyncState(path), unique=("email",))
        contact = fake.contacts[0]["id"]
        changed = Contact(id=contact, email="new@example.org")
        report = await mautic.contacts.bulk_upsert([changed], state=SyncState(path), unique=("email",))
        assert (report.updated, report.vanished) == (1, 0)


async def test_a_row_that_is_refused_here_has_not_vanished(path: Path) -> None:
    """Invariant 67."""
    async with FakeMautic() as fake, client(fake) as mautic:
        await mautic.contacts.bulk_upsert(people(2), state=SyncState(path))
        rows = [people(1)[0], Contact(email="p1@example.org", attribution=0)]
        report = await mautic.contacts.bulk_upsert(rows, state=SyncState(path))
        assert (report.unchanged, report.rejected, report.vanished) == (1, 1, 0)


async def test_nothing_is_said_to_have_vanished_while_that_is_not_known(path: Path) -> None:
    """Invariant 67."""
    rows: list[Any] = [*people(1), "no contact"]
    async with FakeMautic() as fake, client(fake) as mautic:
        await mautic.contacts.bulk_upsert(people(3), state=SyncState(path))
        assert (await mautic.contacts.bulk_upsert(rows, state=SyncState(path))).vanished is None
        async with mautic.contacts.bulk_upsert(people(1), state=SyncState(path)) as job:
            assert job.report.vanished is None
            assert [outcome.status async for outcome in job] == ["unchanged"]
        assert (await mautic.contacts.bulk_upsert(people(1))).vanished is None


# -- what has changed in Mautic ----------------------------------------------------------------------------------------


async def test_drift_is_asked_for_in_one_listing_and_sent_again(path: Path) -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        await mautic.contacts.bulk_upsert(people(30), state=SyncState(path))
        ids = [contact["id"] for contact in fake.contacts]
        fake.settings.skew += 60
        await mautic.contacts.edit(ids[4], Contact(city="Oslo"))
        fake.requests.clear()
        trusting = await mautic.contacts.bulk_upsert(people(30), state=SyncState(path))
        assert counts(trusting) == {"unchanged": 30}
        fake.requests.clear()
        checking = await mautic.contacts.bulk_upsert(people(30), state=SyncState(path, drift="check"))
        assert counts(checking) == {"unchanged": 29, "updated": 1}, "its own writes are no drift"
        listings = [
            seen for seen in fake.requests if seen.path.endswith("/contacts") and "dateModified" not in seen.path
        ]
        assert len(listings) == 1
        again = await mautic.contacts.bulk_upsert(people(30), state=SyncState(path, drift="check"))
        assert counts(again) == {"unchanged": 30}


# -- with a journal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", ["reference", "full"])
async def test_a_job_that_was_left_goes_on_with_journal_and_state(path: Path, tmp_path: Path, payload: Any) -> None:
    options = BulkOptions(batch=2, initial_batch=2, concurrency=1, initial_concurrency=1)
    journal = tmp_path / "journal.db"
    async with FakeMautic() as fake, client(fake) as mautic:
        await mautic.contacts.bulk_upsert(people(10), state=SyncState(path))
        rows = people(20)
        for row in rows[::2]:
            row.city = "Oslo"
        async with mautic.contacts.bulk_upsert(
            rows, state=SyncState(path), journal=Journal(journal, payload=payload), options=options
        ) as job:
            async for _ in job:
                if job.report.read >= 9:
                    break
        left = iter(rows[job.rows_journaled :]) if payload == "full" else rows
        job = mautic.contacts.bulk_upsert(
            left, state=SyncState(path), journal=Journal(journal, payload=payload), options=options
        )
        report = await job
        assert report.read == 20
        assert report.ok
        assert report.vanished == (0 if payload == "reference" else None)
        stored = {str(contact["fields"]["email"]): contact["fields"]["city"] for contact in fake.contacts}
        assert stored == {row.email: row.city for row in rows}
        final = await mautic.contacts.bulk_upsert(rows, state=SyncState(path))
        assert final.ok
        assert counts(await mautic.contacts.bulk_upsert(rows, state=SyncState(path))) == {"unchanged": 20}


# -- files -------------------------------------------------------------------------------------------------------------


def damage_half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def make_newer(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def make_older(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 0")
    db.close()


def make_foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    path.chmod(0o600)


def overwrite_pages(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 2 + 2000] = b"\xff" * 2000
    path.write_bytes(content)


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut in half": (damage_half, "damaged"),
    "overwritten": (overwrite_pages, "damaged"),
    "no database": (lambda path: path.write_bytes(b"email,city\n" * 500), "damaged, or not a state file"),
    "newer": (make_newer, "written by a newer version"),
    "older": (make_older, "written by an older version"),
    "another program's": (make_foreign, "belongs to another program"),
    "read-only": (lambda path: path.chmod(0o400), "is read-only"),
    "readable by others": (lambda path: path.chmod(0o644), "others may read it"),
    "a folder": (make_folder, ""),
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_file_is_refused_before_anything_is_sent(path: Path, kind: str) -> None:
    spoil, message = BAD[kind]
    async with FakeMautic() as fake, client(fake) as mautic:
        await mautic.contacts.bulk_upsert(people(300), state=SyncState(path))
        spoil(path)
        fake.requests.clear()
        with pytest.raises(ConfigurationError) as caught:
            await mautic.contacts.bulk_upsert(people(300), state=SyncState(path))
        assert message in str(caught.value)
        assert path.name in str(caught.value)
        assert not fake.requests


@pytest.mark.parametrize(
    ("state", "noun", "url", "message"),
    [
        ({"job": "other"}, "contacts", "https://mautic.test", "job 'other'"),
        ({}, "companies", "https://mautic.test", "belongs to contacts of https://mautic.test"),
        ({}, "contacts", "https://other.test", "this job is for contacts of https://other.test"),
        ({"secret": "s"}, "contacts", "https://mautic.test", "another secret"),
    ],
)
async def test_the_file_of_another_job_is_refused(path: Path, state: Any, noun: str, url: str, message: str) -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        await mautic.contacts.bulk_upsert(people(1), state=SyncState(path))
    async with FakeMautic(url=url) as fake, client(fake) as mautic:
        rows: Sequence[Any] = people(1) if noun == "contacts" else [Company(companyname="Acme")]
        with pytest.raises(ConfigurationError, match=message):
            await getattr(mautic, noun).bulk_upsert(rows, state=SyncState(path, **state))
        assert not fake.requests


async def test_a_file_in_use_is_refused(path: Path) -> None:
    state = SyncState(path)
    async with FakeMautic() as fake, client(fake) as mautic:
        async with mautic.contacts.bulk_upsert(people(1), state=state) as job:
            with pytest.raises(ConfigurationError, match="another process"):
                await mautic.contacts.bulk_upsert(people(1), state=SyncState(path))
            assert [outcome.ok async for outcome in job]
        with pytest.raises(ConfigurationError, match="there is no such file"):
            await SyncState(path.with_name("missing.db")).forget([1])


async def test_the_file_holds_no_addresses(path: Path) -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        await mautic.contacts.bulk_upsert(people(50), state=SyncState(path))
    assert b"example.org" not in path.read_bytes()
    assert b"Rome" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


async def test_equal_rows_have_different_hashes_in_two_files(tmp_path: Path) -> None:
    hashes = []
    async with FakeMautic() as fake, client(fake) as mautic:
        for name in ("a.db", "b.db"):
            await mautic.contacts.bulk_upsert(people(1), state=SyncState(tmp_path / name))
            with sqlite3.connect(tmp_path / name) as db:
                hashes.append(db.execute("SELECT key, hash FROM row").fetchone())
            db.close()
    assert hashes[0][0] != hashes[1][0]
    assert hashes[0][1] != hashes[1][1]


def test_the_content_does_not_depend_on_the_order_of_keys_or_on_the_json_library() -> None:
    assert canonical(b'{"b": 1, "a": "\\u00e9"}') == canonical('{"a":"é","b":1}'.encode())


def test_a_row_is_unknown_from_before_it_is_sent_until_it_is_confirmed(path: Path) -> None:
    """Invariant 65."""
    file = StateFile(path, Scope("https://mautic.test", "contacts"))
    file.open(0.0)
    (number,) = file.mark_sending([b"key"])
    found = file.find(b"key")
    assert found is not None
    assert (found.n, found.hash, found.entity) == (number, None, 0)
    file.mark_stored([(b"content", 7, 1.0, number)])
    found = file.find(b"key")
    assert found is not None
    assert (found.hash, found.entity) == (b"content", 7)
    file.mark_sending([b"key"])
    found = file.find(b"key")
    assert found is not None
    assert (found.hash, found.entity) == (None, 7)
    file.close()
