"""The settings of an import, and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import define, field, frozen

from mautic_async import LookupField, LookupName, UniqueField
from mautic_async.bulk import BulkReport
from mautic_async.cli.input_file import FileFormat

ALL, SOME, NONE = 0, 1, 2


@frozen(kw_only=True)
class Job:
    """What is to be imported, and how.

    Attributes:
        file: CSV or JSON lines; ``-`` is standard input.
        form: Of the file; by its ending if None.
        encoding: Of its text.
        delimiter: Between cells; found out if None.
        mapping: Column name to target; see `mautic_async.cli.column_mapping`.
        unique: Fields by which contacts are found again.
        items: How new custom items are found again, by object.
        clear: Whether empty values clear their field.
        rejected: File for rows that were not stored whole; beside the input if None.
        journal: Makes the job resumable.
        resume: Whether to go on with an interrupted job of the journal.
        concurrency: The most requests under way at once.
        batch: The most rows a request.
        settle: Seconds after which a request without an answer has surely ended on the server.
    """

    file: str
    form: FileFormat | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    mapping: Mapping[str, str] = field(factory=dict)
    unique: Sequence[str] = ("email",)
    items: Mapping[str, UniqueField | LookupField | LookupName] = field(factory=dict)
    clear: bool = False
    rejected: Path | None = None
    journal: Path | None = None
    resume: bool = False
    concurrency: int = 8
    batch: int = 200
    settle: float = 120.0


@define
class Result:
    """What came of an import.

    Attributes:
        report: Of the rows that the client took.
        refused: Rows that never came so far: not readable, or not to be mapped.
        rejected: File of the rows that were not stored whole, or None if there are none.
        interrupted: Whether it was stopped before its end.
        error: What ended it early.
        reasons: How often each problem occurred.
    """

    report: BulkReport = field(factory=BulkReport)
    refused: int = 0
    rejected: Path | None = None
    interrupted: bool = False
    error: Exception | None = None
    reasons: dict[str, int] = field(factory=dict)

    @property
    def read(self) -> int:
        """Rows of the input whose fate is known."""
        return self.report.read + self.refused

    @property
    def status(self) -> int:
        """Exit status: 0 all rows are stored whole, 1 some, 2 none."""
        if self.report.ok and not self.refused and not self.interrupted and self.error is None:
            return ALL
        return SOME if self.report.created + self.report.updated + self.report.partial else NONE
