from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from mautic_async import BasicAuth, ConfigurationError, Limits, LookupField, Mautic, UniqueField
from mautic_async.bulk import BulkOptions, Progress
from mautic_async.cli import demo, demo_people, demo_run
from mautic_async.cli.column_settings import ColumnSettings
from mautic_async.cli.exit_status import ALL, INTERRUPTED, NONE, SOME
from mautic_async.cli.import_job import dry_run_offline, run_import
from mautic_async.cli.import_settings import ImportResult, ImportSettings, JournalSettings
from mautic_async.cli.progress import ProgressDisplay
from mautic_async.testing import FakeMautic, Latency
from mautic_async.testing.virtual_time import run_virtual, virtual_clock


def people(folder: Path, count: int, name: str = "people.csv") -> str:
    lines = [f"person{number}@example.com,City {number}" for number in range(count)]
    path = folder / name
    path.write_text("email,city\n" + "".join(f"{line}\n" for line in lines))
    return str(path)


def client(fake: FakeMautic, **settings: Any) -> Mautic:
    return Mautic(fake.url, auth=fake.auth, transport=fake.transport, limits=Limits(concurrency=2), **settings)


async def import_(
    job: ImportSettings, fake: FakeMautic, screen: ProgressDisplay | None = None, **settings: Any
) -> ImportResult:
    async with client(fake, **settings) as mautic:
        return await run_import(job, mautic, screen or ProgressDisplay())


def resumed(settings: ImportSettings) -> ImportSettings:
    assert settings.journal is not None
    return evolve(settings, journal=evolve(settings.journal, resume=True))


class Watcher(ProgressDisplay):
    """A screen that does something when so many rows are done."""

    def __init__(self, rows: int, then: Callable[[], object]) -> None:
        super().__init__()
        self.rows = rows
        self.then: Callable[[], object] | None = then

    def update(self, progress: Progress) -> None:
        if progress.done >= self.rows and self.then is not None:
            then, self.then = self.then, None
            then()
        super().update(progress)


# --- every row has a fate --------------------------------------------------------------------------------------------


async def test_import_stores_all_rows_with_their_items(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    path = tmp_path / "people.csv"
    path.write_text("email,points,products.name,products.sku\nada@example.com,5,Engine,S1\nbob@example.com,,,\n")
    result = await import_(ImportSettings(file=str(path), match_items={"products": LookupField("sku")}), fake_mautic)
    assert result.status == ALL
    assert (result.read, result.report.created, result.rejected) == (2, 2, None)
    assert {row["fields"]["email"]: row["points"] for row in fake_mautic.contacts} == {
        "ada@example.com": 5,
        "bob@example.com": 0,
    }
    (item,) = fake_mautic.custom_items
    assert (item["name"], item["attributes"]["sku"]) == ("Engine", "S1")
    assert not (tmp_path / "people.rejected.csv").exists()


async def test_import_writes_rejected_rows_to_a_file_that_can_be_imported(
    tmp_path: Path, fake_mautic: FakeMautic
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(
        "email,city,points\n"
        "ada@example.com,London,5\n"
        ",Nowhere,1\n"  # refused by the rules for rows
        "bob@example.com,Paris,many\n"  # not to be mapped
        "carl@example.com\n"  # not to be read
        "not-an-address,=Rome,1\n"  # refused by the server
    )
    result = await import_(ImportSettings(file=str(path)), fake_mautic)
    assert result.status == SOME
    assert (result.read, result.report.created, result.report.rejected, result.refused) == (5, 1, 2, 2)
    assert result.rejected == tmp_path / "people.rejected.csv"
    with result.rejected.open(newline="") as file:
        rows = list(csv.reader(file))
    assert {row[2] for row in rows[1:]} == {"", "bob@example.com", "carl@example.com", "not-an-address"}
    assert all(row[0] == "rejected" and row[1] for row in rows[1:])
    assert sum(result.reasons.values()) == 4

    mended = result.rejected.read_text().replace("many", "7").replace("not-an-address", "dora@example.com")
    (tmp_path / "again.csv").write_text(mended)
    again = await import_(ImportSettings(file=str(tmp_path / "again.csv")), fake_mautic)
    assert (again.read, again.report.created, again.status) == (4, 2, SOME)
    assert {row["fields"].get("city") for row in fake_mautic.contacts} == {"London", "Paris", "=Rome"}


async def test_import_of_json_lines_with_items_rejects_as_json_lines(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    path = tmp_path / "people.jsonl"
    order = {"object": "orders", "name": "One", "attributes": {"order-number": "1", "amount": 5}}
    rows = [{"email": "ada@example.com", "custom_items": [order]}, {"email": "b@example.com", "city": None}, "x"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    job = ImportSettings(file=str(path), match_items={"orders": UniqueField("order-number")})
    result = await import_(job, fake_mautic)
    assert (result.report.created, result.report.rejected, result.refused, result.status) == (1, 1, 1, SOME)
    assert [item["attributes"]["amount"] for item in fake_mautic.custom_items] == [5]
    assert result.rejected is not None
    letters = [json.loads(line) for line in result.rejected.read_text().splitlines()]
    assert {letter["line"] for letter in letters} == {2, 3}


async def test_import_clears_fields_of_empty_cells_when_asked(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    path = tmp_path / "people.csv"
    path.write_text("email,city\nada@example.com,London\n")
    await import_(ImportSettings(file=str(path)), fake_mautic)
    path.write_text("email,city\nada@example.com,\n")
    kept = await import_(ImportSettings(file=str(path)), fake_mautic)
    assert (kept.report.updated, fake_mautic.contacts[0]["fields"]["city"]) == (1, "London")
    cleared = await import_(ImportSettings(file=str(path), columns=ColumnSettings(clear_empty=True)), fake_mautic)
    assert (cleared.report.updated, fake_mautic.contacts[0]["fields"].get("city")) == (1, None)


async def test_import_of_an_input_without_rows_succeeds(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    result = await import_(ImportSettings(file=people(tmp_path, 0)), fake_mautic)
    assert (result.read, result.status) == (0, ALL)


async def test_import_with_wrong_credentials_ends_before_a_row_is_lost(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    job = ImportSettings(file=people(tmp_path, 3))
    async with Mautic(fake_mautic.url, auth=BasicAuth("admin", "wrong"), transport=fake_mautic.transport) as mautic:
        with pytest.raises(Exception, match="401"):
            await run_import(job, mautic, ProgressDisplay())
    assert fake_mautic.contacts == []


async def test_import_keeps_stored_rows_when_the_file_turns_unreadable(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"email,city\nada@example.com,London\nbob@example.com,Zo\xeb\ncarl@example.com,Rome\n")
    result = await import_(ImportSettings(file=str(path)), fake_mautic)
    assert isinstance(result.error, ConfigurationError)
    assert "line 3" in str(result.error)
    assert result.status == (SOME if result.report.created else NONE)


def test_import_dry_run_checks_all_rows_and_sends_none(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("email,points,orders.name\nada@example.com,5,\n,1,\nbob@example.com,1.5,\nc@example.com,1,One\n")
    result = dry_run_offline(ImportSettings(file=str(path), match_items={"orders": UniqueField("order-number")}))
    assert (result.read, result.report.updated, result.refused, result.status) == (4, 1, 3, SOME)
    assert result.rejected is not None
    assert len(result.rejected.read_text().splitlines()) == 4


def test_import_counts_different_reasons_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("email,points\n" + "".join(f"a@b.co,x{number}\n" for number in range(1200)))
    result = dry_run_offline(ImportSettings(file=str(path)))
    assert len(result.reasons) == 1001
    assert result.reasons["other reasons"] == 200


# --- journal, Ctrl-C -------------------------------------------------------------------------------------------------


async def test_import_without_resume_leaves_an_interrupted_job_untouched(
    tmp_path: Path, fake_mautic: FakeMautic
) -> None:
    fake_mautic.workers.latency = Latency(request=0.02, row=0.0)  # so that there is something to interrupt
    job = ImportSettings(
        file=people(tmp_path, 2000),
        journal=JournalSettings(path=tmp_path / "job.db"),
        options=BulkOptions(batch=20, concurrency=2),
    )
    task = asyncio.current_task()
    assert task is not None
    first = await import_(job, fake_mautic, Watcher(100, task.cancel))
    assert first.interrupted
    assert first.status == INTERRUPTED
    assert 0 < len(fake_mautic.contacts) < 2000
    with pytest.raises(ConfigurationError, match="interrupted run"):
        await import_(job, fake_mautic)


async def test_import_cancelled_is_drained_and_resumes_at_its_place(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    fake_mautic.workers.latency = Latency(request=0.02, row=0.0)  # so that there is something to interrupt
    path = Path(people(tmp_path, 2000))
    lines = path.read_text().splitlines()
    lines[3::50] = [f"not-an-address-{number},x" for number in range(len(lines[3::50]))]
    path.write_text("\n".join(lines) + "\n")
    bad = len(lines[3::50])
    job = ImportSettings(
        file=str(path), journal=JournalSettings(path=tmp_path / "job.db"), options=BulkOptions(batch=20, concurrency=2)
    )
    task = asyncio.current_task()
    assert task is not None
    first = await import_(job, fake_mautic, Watcher(200, task.cancel))
    assert first.interrupted
    assert not task.cancelling()
    assert first.report.read + first.report.unsent <= 2000
    assert first.report.unknown == 0
    assert first.rejected is not None
    second = await import_(resumed(job), fake_mautic)
    assert not second.interrupted
    assert (second.report.read, second.report.created, second.report.rejected) == (2000, 2000 - bad, bad)
    assert second.report.resumed == first.report.read
    emails = [row["fields"]["email"] for row in fake_mautic.contacts]
    assert len(emails) == len(set(emails)) == 2000 - bad
    assert second.rejected is not None
    with second.rejected.open(newline="") as file:
        rejected = {row["email"] for row in csv.DictReader(file)}
    assert len(rejected) == bad, "the rows that the first run rejected are there too"
    assert second.rejected == first.rejected
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "job.db",
        "job.db.lock",
        "people.csv",
        "people.rejected.csv",
    ]


async def interrupted(tmp_path: Path, fake: FakeMautic) -> ImportSettings:
    """A job with a bad row near its start, stopped after 100 rows."""
    fake.workers.latency = Latency(request=0.05, row=0.0)  # so that there is something to interrupt
    path = Path(people(tmp_path, 2000))
    path.write_text(path.read_text().replace("person3@example.com", "not-an-address"))
    job = ImportSettings(
        file=str(path), journal=JournalSettings(path=tmp_path / "job.db"), options=BulkOptions(batch=20, concurrency=2)
    )
    task = asyncio.current_task()
    assert task is not None
    first = await import_(job, fake, Watcher(100, task.cancel))
    assert first.interrupted
    assert first.rejected == tmp_path / "people.rejected.csv"
    return resumed(job)


async def test_import_resumed_keeps_its_one_file_of_rejected_rows_correct(
    tmp_path: Path, fake_mautic: FakeMautic
) -> None:
    job = await interrupted(tmp_path, fake_mautic)
    file = tmp_path / "people.rejected.csv"
    with file.open("a") as text:
        text.write("unknown,it may be stored,person4@example.com,City 4\n")  # by now it is
    (tmp_path / "people.rejected.csv.new").write_text("what a killed process left behind")
    result = await import_(job, fake_mautic)
    assert (result.report.created, result.rejected) == (1999, file)
    with file.open(newline="") as text:
        assert [row["email"] for row in csv.DictReader(text)] == ["not-an-address"]
    assert list(tmp_path.glob("*rejected*")) == [file]
    assert file.stat().st_mode & 0o777 == 0o600


async def test_import_resumed_removes_the_rejects_file_when_all_rows_are_stored(
    tmp_path: Path, fake_mautic: FakeMautic
) -> None:
    job = await interrupted(tmp_path, fake_mautic)
    file = tmp_path / "people.rejected.csv"
    (tmp_path / "job.db.letters").write_text("")  # as if the row had been of unknown fate
    result = await import_(job, fake_mautic)
    assert result.rejected is None
    assert not file.exists()


async def test_import_resumed_that_fails_early_leaves_the_rejects_file(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    job = await interrupted(tmp_path, fake_mautic)
    file = tmp_path / "people.rejected.csv"
    before = file.read_bytes()
    text = Path(job.file).read_text()
    Path(job.file).write_text(text.replace("City 1\n", "Elsewhere\n").replace("City 0", ""))
    result = await import_(job, fake_mautic)
    assert isinstance(result.error, ConfigurationError)
    assert (result.rejected, file.read_bytes()) == (file, before)
    Path(job.file).write_text(text)
    result = await import_(job, fake_mautic)
    assert (result.report.created, result.rejected) == (1999, file)


def old_letters(path: Path) -> None:
    letter = {"job": "job", "index": 0, "status": "rejected", "id": 0, "problems": [], "attempts": 1, "stored": False}
    path.write_text(json.dumps({**letter, "known": {}, "row": {}}) + "\n")
    path.chmod(0o600)


async def test_import_ignores_dead_letters_of_a_finished_job(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    job = ImportSettings(file=people(tmp_path, 5), journal=JournalSettings(path=tmp_path / "job.db"))
    old_letters(tmp_path / "job.db.letters")
    result = await import_(job, fake_mautic)
    assert (result.status, result.rejected) == (ALL, None)


async def test_import_drains_after_a_termination_signal(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    fake_mautic.workers.latency = Latency(request=0.02, row=0.0)  # so that there is something to interrupt
    job = ImportSettings(
        file=people(tmp_path, 2000),
        journal=JournalSettings(path=tmp_path / "job.db"),
        options=BulkOptions(batch=20, concurrency=2),
    )
    result = await import_(job, fake_mautic, Watcher(100, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    assert result.interrupted


# --- the demo --------------------------------------------------------------------------------------------------------


def test_demo_stores_every_row_once_on_virtual_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> demo_run.DemoRun:
        clock = virtual_clock(asyncio.get_running_loop())
        async with demo_run.make_server(1, clock) as fake:
            return await demo_run.run_demo(fake, tmp_path, rows=1000, seed=1, transport=fake.transport, clock=clock)

    act = run_virtual(work())
    demo.print_tables(act)
    shown = capsys.readouterr().out
    assert act.passed, shown
    assert "PROVED" in shown
    assert dict(act.incidents)["expired token, refused and renewed"]
    assert act.result.report.seconds < 120


def test_demo_fails_when_the_server_lost_or_doubled_a_row(tmp_path: Path) -> None:
    async def work() -> list[demo_people.Check]:
        plot = demo_people.ExpectedState()
        plot.write(tmp_path / "contacts.csv", 300, 1)
        clock = virtual_clock(asyncio.get_running_loop())
        async with FakeMautic(clock=clock, latency=Latency()) as fake:
            job = ImportSettings(
                file=str(tmp_path / "contacts.csv"),
                match_items={"orders": UniqueField("order-number")},
                append_items=True,
            )
            result = await import_(job, fake, clock=clock)
            contacts, items = fake.store["contacts"], fake.store["custom_items"]
            first, second = [item["id"] for item in fake.custom_items if item["object"] == "orders"][:2]
            for table, doubled, lost in ((contacts, 1, 2), (items, first, second)):
                row = table.get(doubled)
                assert row is not None
                table.save({**row, "id": None})
                table.remove(lost)
            return list(plot.check(fake, result, {}))

    proofs = {proof.claim: proof.passed for proof in run_virtual(work())}
    assert not any(proofs[f"contacts {word}"] for word in ("lost", "doubled", "with stale values"))
    assert not proofs["orders lost"]
    assert not proofs["orders doubled"]
    assert not proofs["rejected rows without a reason"]
    assert proofs["every row has one outcome"]
