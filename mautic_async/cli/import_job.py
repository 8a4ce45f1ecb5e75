"""The import of a file: a bulk job whose rows come from the file, and whose outcomes go to the user."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from attrs import evolve, frozen

from mautic_async import ConfigurationError, Journal, MauticError, SyncState
from mautic_async.bulk import BulkOptions, BulkReport, read_dead_letters
from mautic_async.cli.column_settings import KnownFields
from mautic_async.cli.import_rows import ImportRows, open_rows
from mautic_async.cli.rejects_file import create_private_file
from mautic_async.cli.server_fields import ask_fields

if TYPE_CHECKING:
    from mautic_async import Mautic
    from mautic_async.bulk import BulkJob
    from mautic_async.cli.import_settings import ImportResult, ImportSettings, JournalSettings
    from mautic_async.cli.progress import ProgressDisplay
    from mautic_async.journal.records import Checkpoint


class _ImportJournal(Journal):
    """A journal that keeps the checkpoint with which the job began."""

    checkpoint: Checkpoint | None = None

    def __init__(self, settings: JournalSettings) -> None:
        if settings.resume and not settings.path.exists():
            raise ConfigurationError(f"--resume: there is no journal {settings.path}, so there is nothing to resume")
        super().__init__(
            settings.path,
            unfinished="resume" if settings.resume else "refuse",
            finished="refuse" if settings.resume and not settings.again else "restart",
        )

    async def open(self) -> Checkpoint:
        self.checkpoint = await super().open()
        return self.checkpoint

    def is_finished(self, index: int) -> bool:
        """Return True if an earlier run has recorded the outcome of this row: the job will not report it again."""
        checkpoint = self.checkpoint
        if checkpoint is None:
            return False
        record = checkpoint.records.get(index)
        return index < checkpoint.watermark or (record is not None and record.state == "done")


@frozen
class _Companions:
    """The files beside a journal.

    Attributes:
        dead_letters: Rows that the job rejected.
        rejects_name: The path of the file of rejected rows, so that a job has one however often it is resumed.
    """

    dead_letters: Path
    rejects_name: Path

    @classmethod
    def of(cls, journal: Path) -> _Companions:
        return cls(journal.with_name(f"{journal.name}.letters"), journal.with_name(f"{journal.name}.rejected"))

    def remove(self) -> None:
        self.dead_letters.unlink(missing_ok=True)
        self.rejects_name.unlink(missing_ok=True)


UNCHECKED: Final = (
    "checked without a server: whether its fields, custom objects, owners and stages exist is not known. Set"
    " MAUTIC_BASE_URL and credentials to check against it"
)
NO_OBJECTS: Final = "this Mautic does not list its custom objects (no /api/v2): columns of custom items are not checked"


def dry_run_offline(settings: ImportSettings) -> ImportResult:
    """Read, map and check every row without a server; the report counts rows fit to be sent as updated.

    Raises:
        ConfigurationError: The input as a whole cannot be used.
    """
    from mautic_async.resources import Contacts

    columns = settings.columns
    fit = 0
    with open_rows(settings, KnownFields()) as rows:
        for contact in rows:
            problems = Contacts.check(
                contact,
                unique=columns.unique,
                match_items=settings.match_items or None,
                clear="patch" if columns.clear_empty else "refuse",
                zeros=columns.zeros,
            )
            if problems:
                rows.refuse(rows.submitted - 1, problems)
            else:
                rows.pending.clear()
                fit += 1
    rows.result.report = BulkReport(updated=fit)
    rows.result.warnings.append(UNCHECKED)
    return rows.result


async def dry_run(settings: ImportSettings, mautic: Mautic) -> ImportResult:
    """Read, map and check every row against the server, and send none; see `dry_run_offline`.

    Raises:
        ConfigurationError: The input as a whole cannot be used.
        MauticError: The server cannot be asked.
    """
    known = await ask_fields(mautic)
    fit = 0
    with open_rows(settings, known) as rows:
        async for outcome in _bulk_job(settings, mautic, rows, preflight="all").check():
            if outcome.ok:
                rows.pending.pop(outcome.index)
                fit += 1
            else:
                rows.refuse(outcome.index, outcome.problems)
    rows.result.report = BulkReport(updated=fit)
    if known.objects is None and rows.mapping.has_items:
        rows.result.warnings.append(NO_OBJECTS)
    return rows.result


def _bulk_job(
    settings: ImportSettings,
    mautic: Mautic,
    rows: ImportRows,
    *,
    preflight: Literal["fields", "all"] = "fields",
    journal: Journal | None = None,
    options: BulkOptions | None = None,
) -> BulkJob[Any, Any]:
    state = None
    if settings.state is not None and options is not None:
        drift: Literal["check", "ignore"] = "check" if settings.state.check_drift else "ignore"
        state = SyncState(settings.state.path, drift=drift, full=settings.state.full)
    return mautic.contacts.bulk_upsert(
        rows.stream() if settings.file == "-" else rows,
        journal=journal,
        state=state,
        unique=settings.columns.unique,
        match_items=dict(settings.match_items) or None,
        clear="patch" if settings.columns.clear_empty else "refuse",
        zeros=settings.columns.zeros,
        preflight=preflight,
        options=options,
    )


async def run_import(settings: ImportSettings, mautic: Mautic, display: ProgressDisplay) -> ImportResult:
    """Import the file.

    Raises:
        ConfigurationError: Before anything was sent: the input, the journal or the settings cannot be used.
    """
    journal = _ImportJournal(settings.journal) if settings.journal is not None else None
    companions = _Companions.of(journal.path) if journal is not None else None
    known = await ask_fields(mautic)
    with open_rows(settings, known, *([journal.is_finished] if journal is not None else [])) as rows:
        display.start(rows.source)
        if companions is not None and companions.dead_letters.exists():
            rows.earlier_rejects = {
                dead_letter.index: (dead_letter.status, dead_letter.problems)
                for dead_letter in read_dead_letters(companions.dead_letters)
            }
        options = evolve(
            settings.options,
            on_progress=display.update,
            dead_letters=companions.dead_letters if companions is not None else None,
        )
        bulk_job = _bulk_job(settings, mautic, rows, journal=journal, options=options)
        await _consume(bulk_job, rows, display, journal, settings.rejected)
        rows.result.report = bulk_job.report
    if companions is not None and rows.result.error is None and not rows.result.interrupted:
        companions.remove()  # the job is complete: its file of rejected rows has them all
    return rows.result


async def _consume(
    bulk_job: BulkJob[Any, Any],
    rows: ImportRows,
    display: ProgressDisplay,
    journal: _ImportJournal | None,
    rejected: Path | None,
) -> None:
    """Run the job to its end, its first error, or the first Ctrl-C, and record every outcome that there is."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    entered = False
    try:
        async with bulk_job:
            entered = True
            if journal is not None:
                _continue_earlier(journal, rows, rejected)
            with _sigterm_as_cancel(task):
                async for outcome in bulk_job:
                    rows.record_outcome(outcome)
    except asyncio.CancelledError:
        if not entered:
            raise
        task.uncancel()  # the job is drained; what remains is to say what is stored
        rows.result.interrupted = True
    except (MauticError, OSError) as error:
        if not entered:
            raise
        rows.result.error = error
    finally:
        display.stop()
    # Batches that ended while the job was drained have left outcomes; the error that ended it is raised after them.
    with suppress(MauticError, OSError):
        async for outcome in bulk_job:
            rows.record_outcome(outcome)


def _continue_earlier(journal: _ImportJournal, rows: ImportRows, rejected: Path | None) -> None:
    """Take over dead letters and rejected rows of an interrupted run; forget those of a finished one."""
    checkpoint = journal.checkpoint
    companions = _Companions.of(journal.path)
    if checkpoint is not None and (checkpoint.watermark or checkpoint.records):
        rows.maybe_finished_below = max(checkpoint.watermark, max(checkpoint.records, default=-1) + 1)
        name_file = companions.rejects_name
        earlier_path = name_file.read_text(encoding="utf-8") if name_file.exists() else ""
        rows.rejects.resume(rejected or (Path(earlier_path) if earlier_path else rows.rejects.path))
    elif rows.earlier_rejects:
        # The earlier job was finished: this one sends all rows anew, and appends its own dead letters.
        rows.earlier_rejects.clear()
        os.truncate(companions.dead_letters, 0)
    if rows.rejects.path is not None:
        with create_private_file(companions.rejects_name) as text:
            text.write(str(rows.rejects.path.absolute()))


@contextmanager
def _sigterm_as_cancel(task: asyncio.Task[Any]) -> Iterator[None]:
    """Cancel *task* on SIGTERM, as asyncio does on Ctrl-C."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
