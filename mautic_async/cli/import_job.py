"""``mautic-async import``: a file goes into a Mautic, and every row's fate is known."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from mautic_async import (
    ConfigurationError,
    Contact,
    Journal,
    Limits,
    LookupField,
    LookupName,
    Mautic,
    MauticError,
    Problem,
    UniqueField,
)
from mautic_async.bulk import BulkOptions, BulkReport, read_dead_letters
from mautic_async.cli.column_mapping import ColumnMapping
from mautic_async.cli.import_settings import Result
from mautic_async.cli.input_file import InputFile
from mautic_async.cli.rejects_file import RejectsFile, create_private_file, default_path
from mautic_async.cli.threaded_reader import ThreadedReader

if TYPE_CHECKING:
    from mautic_async import Outcome
    from mautic_async.bulk import BulkJob
    from mautic_async.cli.display import ProgressDisplay
    from mautic_async.cli.import_settings import Job
    from mautic_async.cli.input_file import InputRow
    from mautic_async.journal.records import Checkpoint

MAX_REASONS: Final = 1000
"""Different reasons that are counted one by one; memory has its bounds."""
FLUSH_ROWS: Final = 200
"""Rows after which the file of rejected rows is handed to the system."""


class _CheckpointJournal(Journal):
    """A journal that says where it stood when the job began."""

    checkpoint: Checkpoint | None = None

    async def open(self) -> Checkpoint:
        self.checkpoint = await super().open()
        return self.checkpoint

    def is_finished(self, index: int) -> bool:
        """Whether an earlier run has given this row its outcome: it will not come again."""
        checkpoint = self.checkpoint
        if checkpoint is None:
            return False
        record = checkpoint.records.get(index)
        return index < checkpoint.watermark or (record is not None and record.state == "done")


@define(eq=False)
class _InputRows:
    """The rows on their way: contacts go out, and what they came from is kept until their outcome comes back."""

    source: InputFile
    mapping: ColumnMapping
    rejects: RejectsFile
    is_finished: Callable[[int], bool]
    earlier_rejects: dict[int, tuple[str, Sequence[Problem]]] = field(factory=dict)
    pending: dict[int, InputRow] = field(factory=dict)
    result: Result = field(factory=Result)
    submitted: int = 0
    maybe_finished_below: int = 0
    """Rows below this index may have an outcome from an earlier run of the job."""

    def __iter__(self) -> Iterator[Contact]:
        for row in self.source:
            contact = self._to_contact(row)
            if contact is not None:
                yield contact

    async def stream(self) -> AsyncIterator[Contact]:
        """The same for an input that may keep us waiting."""
        async with aclosing(aiter(ThreadedReader(self.source))) as rows:
            async for row in rows:
                contact = self._to_contact(row)
                if contact is not None:
                    yield contact

    def _to_contact(self, row: InputRow) -> Contact | None:
        if row.error:
            self._reject_invalid(row, [Problem(row.error)])
            return None
        contact, problems = self.mapping.contact(row.values)
        if problems:
            self._reject_invalid(row, problems)
            return None
        index = self.submitted
        self.submitted += 1
        if not self.is_finished(index):
            self.pending[index] = row
        elif index in self.earlier_rejects:
            self._write_reject(row, *self.earlier_rejects.pop(index))
        return contact

    def record_outcome(self, outcome: Outcome[Any]) -> None:
        """An outcome has come."""
        row = self.pending.pop(outcome.index)
        if not outcome.ok:
            self._write_reject(row, outcome.status, outcome.problems)

    def reject_row(self, index: int, problems: Sequence[Problem]) -> None:
        """A row is not to be sent."""
        self._reject_invalid(self.pending.pop(index), problems)

    def _reject_invalid(self, row: InputRow, problems: Sequence[Problem]) -> None:
        self.result.refused += 1
        self._write_reject(row, "rejected", problems)

    def _write_reject(self, row: InputRow, status: str, problems: Sequence[Problem]) -> None:
        self.rejects.add(row, status, problems)
        for problem in problems:
            text = str(problem)
            if text not in self.result.reasons and len(self.result.reasons) >= MAX_REASONS:
                text = "other reasons"
            self.result.reasons[text] = self.result.reasons.get(text, 0) + 1
        if self.rejects.row_count % FLUSH_ROWS == 0:
            self.rejects.flush()


def _not_finished(index: int) -> bool:
    """Without a journal no row has been finished before."""
    del index
    return False


@contextmanager
def _open_rows(job: Job, is_finished: Callable[[int], bool] = _not_finished) -> Iterator[_InputRows]:
    """The input, with all that can be checked before its first row checked."""
    with InputFile(job.file, file_format=job.form, encoding=job.encoding, delimiter=job.delimiter) as source:
        mapping = ColumnMapping(source.columns, job.mapping, job.unique, clear_empty=job.clear)
        with closing(RejectsFile(job.rejected or default_path(job.file), source)) as rejects:
            rows = _InputRows(source, mapping, rejects, is_finished)
            yield rows
            incomplete = (
                rows.submitted < rows.maybe_finished_below
            )  # rows of the earlier run have not all come by; its file has them
            if not incomplete:
                rejects.commit()
            exists = rejects.path is not None and rejects.path.exists()
            rows.result.rejected = rejects.path if exists and (rejects.row_count or incomplete) else None


def dry_run(job: Job) -> Result:
    """``--dry-run``: every row is read, mapped and checked; nothing is sent.

    Raises:
        ConfigurationError: The input as a whole cannot be used.
    """
    from mautic_async.resources import Contacts

    valid = 0
    with _open_rows(job) as rows:
        for contact in rows:
            problems = Contacts.check(
                contact, unique=job.unique, match_items=job.items or None, clear="patch" if job.clear else "refuse"
            )
            if problems:
                rows.reject_row(rows.submitted - 1, problems)
            else:
                rows.pending.clear()
                valid += 1
    rows.result.report = BulkReport(updated=valid)
    return rows.result


async def run_import(job: Job, mautic: Mautic, display: ProgressDisplay) -> Result:
    """Import the file.

    Raises:
        ConfigurationError: Before anything was sent: the input, the journal or the settings cannot be used.
    """
    journal = None
    if job.journal is not None:
        journal = _CheckpointJournal(job.journal, unfinished="resume" if job.resume else "refuse")
    with _open_rows(job, journal.is_finished if journal is not None else _not_finished) as rows:
        display.start(rows.source)
        dead_letters = job.journal.with_name(f"{job.journal.name}.letters") if job.journal is not None else None
        if dead_letters is not None and dead_letters.exists():
            rows.earlier_rejects = {
                dead_letter.index: (dead_letter.status, dead_letter.problems)
                for dead_letter in read_dead_letters(dead_letters)
            }
        bulk_job = mautic.contacts.bulk_upsert(
            rows.stream() if job.file == "-" else rows,
            journal=journal,
            unique=job.unique,
            match_items=dict(job.items) or None,
            clear="patch" if job.clear else "refuse",
            options=BulkOptions(
                concurrency=job.concurrency,
                batch=job.batch,
                reconcile_after=job.settle,
                on_progress=display.update,
                dead_letters=dead_letters,
            ),
        )
        await _consume(bulk_job, rows, display, journal, job)
        rows.result.report = bulk_job.report
        complete = rows.result.error is None and not rows.result.interrupted
    if dead_letters is not None and complete:
        dead_letters.unlink(missing_ok=True)  # the job is done: its file of rejected rows has them all
        _rejects_name_file(job).unlink(missing_ok=True)
    return rows.result


async def _consume(
    bulk_job: BulkJob[Any, Any],
    rows: _InputRows,
    display: ProgressDisplay,
    journal: _CheckpointJournal | None,
    job: Job,
) -> None:
    """Run to the end, to the first error, or to the first Ctrl-C; all outcomes that there are reach the rows."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    entered = False
    try:
        async with bulk_job:
            entered = True
            if journal is not None:
                _continue_earlier(journal, rows, job)
            with _sigterm_as_cancel(task):
                async for outcome in bulk_job:
                    rows.record_outcome(outcome)
    except asyncio.CancelledError:
        if not entered:
            raise
        task.uncancel()  # the user's Ctrl-C has done its work: the rest is to tell what is stored
        rows.result.interrupted = True
    except (MauticError, OSError) as error:
        if not entered:
            raise
        rows.result.error = error
    with suppress(MauticError, OSError):  # the one that ended the job
        async for outcome in bulk_job:  # what landed while the job was drained
            rows.record_outcome(outcome)
    display.stop()


def _continue_earlier(journal: _CheckpointJournal, rows: _InputRows, job: Job) -> None:
    """Go on with the letters and the file of rejected rows of an interrupted run; forget those of a finished job.

    The name of the file is written down beside the journal, so that a job has one file however often it is resumed.
    """
    checkpoint = journal.checkpoint
    name_file = _rejects_name_file(job)
    if checkpoint is not None and (checkpoint.watermark or checkpoint.records):
        rows.maybe_finished_below = max(checkpoint.watermark, max(checkpoint.records, default=-1) + 1)
        earlier_path = name_file.read_text(encoding="utf-8") if name_file.exists() else ""
        rows.rejects.resume(job.rejected or (Path(earlier_path) if earlier_path else rows.rejects.path))
    elif rows.earlier_rejects:
        rows.earlier_rejects.clear()
        os.truncate(journal.path.with_name(f"{journal.path.name}.letters"), 0)
    if rows.rejects.path is not None:
        with create_private_file(name_file) as text:
            text.write(str(rows.rejects.path.absolute()))


def _rejects_name_file(job: Job) -> Path:
    assert job.journal is not None  # noqa: S101 - asked before
    return job.journal.with_name(f"{job.journal.name}.rejected")


@contextmanager
def _sigterm_as_cancel(task: asyncio.Task[Any]) -> Iterator[None]:
    """Take a SIGTERM for a Ctrl-C, which asyncio turns into a cancellation."""
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


def make_client(job: Job, *, insecure: bool) -> Mautic:
    """The client that the environment's ``MAUTIC_*`` variables describe.

    Raises:
        ConfigurationError: One is missing; the message names it.
    """
    return Mautic.from_env(limits=Limits(concurrency=job.concurrency), insecure=insecure)


def parse_match_options(
    unique: Sequence[str], marker: Sequence[str]
) -> dict[str, UniqueField | LookupField | LookupName]:
    """Read ``OBJECT.ATTRIBUTE`` arguments; several unique ones of an object belong together.

    Raises:
        ConfigurationError: One has no dot, or an object is in both.
    """
    fields: dict[str, list[str]] = {}
    for text in unique:
        alias, attribute = _split_option("--item-unique", text)
        fields.setdefault(alias, []).append(attribute)
    options: dict[str, UniqueField | LookupField | LookupName] = {
        alias: UniqueField(names) for alias, names in fields.items()
    }
    for text in marker:
        alias, attribute = _split_option("--item-marker", text)
        if alias in options:
            raise ConfigurationError(f"--item-marker {text}: {alias} has its way to be found again already")
        options[alias] = LookupName() if attribute == "name" else LookupField(attribute)
    return options


def _split_option(option: str, text: str) -> tuple[str, str]:
    alias, dot, attribute = text.partition(".")
    if not (alias and dot and attribute):
        raise ConfigurationError(f"{option} {text}: write it as OBJECT.ATTRIBUTE, such as orders.order-number")
    return alias, attribute
