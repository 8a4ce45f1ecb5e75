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

from mautic_async import ConfigurationError, Contact, Journal, Limits, Marker, Mautic, MauticError, Problem, UniqueField
from mautic_async.bulk import Plan, Report, read_letters
from mautic_async.cli.column_mapping import Layout
from mautic_async.cli.import_settings import Result
from mautic_async.cli.input_file import Source
from mautic_async.cli.rejects_file import Rejected, beside, create
from mautic_async.cli.threaded_reader import Ahead

if TYPE_CHECKING:
    from mautic_async import Outcome
    from mautic_async.bulk import Run
    from mautic_async.cli.display import Screen
    from mautic_async.cli.import_settings import Job
    from mautic_async.cli.input_file import Raw
    from mautic_async.journal.records import Standing

DISTINCT: Final = 1000
"""Different reasons that are counted one by one; memory has its bounds."""
FLUSH: Final = 200
"""Rows after which the file of rejected rows is handed to the system."""


class _Remembering(Journal):
    """A journal that says where it stood when the job began."""

    standing: Standing | None = None

    async def begin(self) -> Standing:
        self.standing = await super().begin()
        return self.standing

    def finished(self, index: int) -> bool:
        """Whether an earlier run has given this row its outcome: it will not come again."""
        standing = self.standing
        if standing is None:
            return False
        entry = standing.entries.get(index)
        return index < standing.mark or (entry is not None and entry.state == "done")


@define(eq=False)
class _Rows:
    """The rows on their way: contacts go out, and what they came from is kept until their outcome comes back."""

    source: Source
    layout: Layout
    rejected: Rejected
    finished: Callable[[int], bool]
    earlier: dict[int, tuple[str, Sequence[Problem]]] = field(factory=dict)
    waiting: dict[int, Raw] = field(factory=dict)
    result: Result = field(factory=Result)
    taken: int = 0
    known: int = 0
    """Rows below this index may have an outcome from an earlier run of the job."""

    def __iter__(self) -> Iterator[Contact]:
        for raw in self.source:
            contact = self._take(raw)
            if contact is not None:
                yield contact

    async def stream(self) -> AsyncIterator[Contact]:
        """The same for an input that may keep us waiting."""
        async with aclosing(aiter(Ahead(self.source))) as taken:
            async for raw in taken:
                contact = self._take(raw)
                if contact is not None:
                    yield contact

    def _take(self, raw: Raw) -> Contact | None:
        if raw.error:
            self._refuse(raw, [Problem(raw.error)])
            return None
        contact, problems = self.layout.contact(raw.values)
        if problems:
            self._refuse(raw, problems)
            return None
        index = self.taken
        self.taken += 1
        if not self.finished(index):
            self.waiting[index] = raw
        elif index in self.earlier:
            self._reject(raw, *self.earlier.pop(index))
        return contact

    def settle(self, outcome: Outcome[Any]) -> None:
        """An outcome has come."""
        raw = self.waiting.pop(outcome.index)
        if not outcome.ok:
            self._reject(raw, outcome.status, outcome.problems)

    def refuse(self, index: int, problems: Sequence[Problem]) -> None:
        """A row is not to be sent."""
        self._refuse(self.waiting.pop(index), problems)

    def _refuse(self, raw: Raw, problems: Sequence[Problem]) -> None:
        self.result.refused += 1
        self._reject(raw, "rejected", problems)

    def _reject(self, raw: Raw, status: str, problems: Sequence[Problem]) -> None:
        self.rejected.add(raw, status, problems)
        for problem in problems:
            text = str(problem)
            if text not in self.result.reasons and len(self.result.reasons) >= DISTINCT:
                text = "other reasons"
            self.result.reasons[text] = self.result.reasons.get(text, 0) + 1
        if self.rejected.rows % FLUSH == 0:
            self.rejected.flush()


def _never(index: int) -> bool:
    """Without a journal no row has been finished before."""
    del index
    return False


@contextmanager
def _opened(job: Job, finished: Callable[[int], bool] = _never) -> Iterator[_Rows]:
    """The input, with all that can be checked before its first row checked."""
    with Source(job.file, form=job.form, encoding=job.encoding, delimiter=job.delimiter) as source:
        layout = Layout(source.columns, job.mapping, job.unique, clear=job.clear)
        with closing(Rejected(job.rejected or beside(job.file), source)) as rejected:
            rows = _Rows(source, layout, rejected, finished)
            yield rows
            behind = rows.taken < rows.known  # rows of the earlier run have not all come by; its file has them
            if not behind:
                rejected.commit()
            there = rejected.path is not None and rejected.path.exists()
            rows.result.rejected = rejected.path if there and (rejected.rows or behind) else None


def check(job: Job) -> Result:
    """``--dry-run``: every row is read, mapped and checked; nothing is sent.

    Raises:
        ConfigurationError: The input as a whole cannot be used.
    """
    from mautic_async.resources import Contacts

    passed = 0
    with _opened(job) as rows:
        for contact in rows:
            problems = Contacts.check(
                contact, unique=job.unique, items=job.items or None, clear="patch" if job.clear else "refuse"
            )
            if problems:
                rows.refuse(rows.taken - 1, problems)
            else:
                rows.waiting.clear()
                passed += 1
    rows.result.report = Report(updated=passed)
    return rows.result


async def load(job: Job, mautic: Mautic, screen: Screen) -> Result:
    """Import the file.

    Raises:
        ConfigurationError: Before anything was sent: the input, the journal or the settings cannot be used.
    """
    journal = None
    if job.journal is not None:
        journal = _Remembering(job.journal, unfinished="resume" if job.resume else "refuse")
    with _opened(job, journal.finished if journal is not None else _never) as rows:
        screen.begin(rows.source)
        letters = job.journal.with_name(f"{job.journal.name}.letters") if job.journal is not None else None
        if letters is not None and letters.exists():
            rows.earlier = {letter.index: (letter.status, letter.problems) for letter in read_letters(letters)}
        run = mautic.contacts.upserting(
            rows.stream() if job.file == "-" else rows,
            journal=journal,
            unique=job.unique,
            items=dict(job.items) or None,
            clear="patch" if job.clear else "refuse",
            plan=Plan(
                concurrency=job.concurrency,
                batch=job.batch,
                settle=job.settle,
                watch=screen.show,
                dead_letters=letters,
            ),
        )
        await _drive(run, rows, screen, journal, job)
        rows.result.report = run.report
        done = rows.result.error is None and not rows.result.interrupted
    if letters is not None and done:
        letters.unlink(missing_ok=True)  # the job is done: its file of rejected rows has them all
        _name_file(job).unlink(missing_ok=True)
    return rows.result


async def _drive(run: Run[Any, Any], rows: _Rows, screen: Screen, journal: _Remembering | None, job: Job) -> None:
    """Run to the end, to the first error, or to the first Ctrl-C; all outcomes that there are reach the rows."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    entered = False
    try:
        async with run:
            entered = True
            if journal is not None:
                _join_earlier(journal, rows, job)
            with _terminated(task):
                async for outcome in run:
                    rows.settle(outcome)
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
        async for outcome in run:  # what landed while the job was drained
            rows.settle(outcome)
    screen.end()


def _join_earlier(journal: _Remembering, rows: _Rows, job: Job) -> None:
    """Go on with the letters and the file of rejected rows of an interrupted run; forget those of a finished job.

    The name of the file is written down beside the journal, so that a job has one file however often it is resumed.
    """
    standing = journal.standing
    name = _name_file(job)
    if standing is not None and (standing.mark or standing.entries):
        rows.known = max(standing.mark, max(standing.entries, default=-1) + 1)
        told = name.read_text(encoding="utf-8") if name.exists() else ""
        rows.rejected.follow(job.rejected or (Path(told) if told else rows.rejected.path))
    elif rows.earlier:
        rows.earlier.clear()
        os.truncate(journal.path.with_name(f"{journal.path.name}.letters"), 0)
    if rows.rejected.path is not None:
        with create(name) as text:
            text.write(str(rows.rejected.path.absolute()))


def _name_file(job: Job) -> Path:
    assert job.journal is not None  # noqa: S101 - asked before
    return job.journal.with_name(f"{job.journal.name}.rejected")


@contextmanager
def _terminated(task: asyncio.Task[Any]) -> Iterator[None]:
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


def client(job: Job, *, insecure: bool) -> Mautic:
    """The client that the environment's ``MAUTIC_*`` variables describe.

    Raises:
        ConfigurationError: One is missing; the message names it.
    """
    return Mautic.from_env(limits=Limits(concurrency=job.concurrency), insecure=insecure)


def strategies(unique: Sequence[str], marker: Sequence[str]) -> dict[str, UniqueField | Marker]:
    """Read ``OBJECT.ATTRIBUTE`` arguments; several unique ones of an object belong together.

    Raises:
        ConfigurationError: One has no dot, or an object is in both.
    """
    fields: dict[str, list[str]] = {}
    for text in unique:
        alias, attribute = _halves("--item-unique", text)
        fields.setdefault(alias, []).append(attribute)
    found: dict[str, UniqueField | Marker] = {alias: UniqueField(names) for alias, names in fields.items()}
    for text in marker:
        alias, attribute = _halves("--item-marker", text)
        if alias in found:
            raise ConfigurationError(f"--item-marker {text}: {alias} has its way to be found again already")
        found[alias] = Marker(None if attribute == "name" else attribute)
    return found


def _halves(option: str, text: str) -> tuple[str, str]:
    alias, dot, attribute = text.partition(".")
    if not (alias and dot and attribute):
        raise ConfigurationError(f"{option} {text}: write it as OBJECT.ATTRIBUTE, such as orders.order-number")
    return alias, attribute
