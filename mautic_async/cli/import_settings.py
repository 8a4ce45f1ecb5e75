"""The settings of an import, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import define, field, frozen

from mautic_async.bulk import BulkOptions, BulkReport
from mautic_async.cli.column_settings import ColumnSettings
from mautic_async.cli.exit_status import ALL, INTERRUPTED, NONE, SOME
from mautic_async.cli.input_file import FileFormat
from mautic_async.cli.match_options import MatchStrategy


@frozen(kw_only=True)
class JournalSettings:
    """The journal that makes an import resumable.

    Attributes:
        path: The file.
        resume: Whether to continue the interrupted import in it.
        again: Whether `resume` may start anew after a finished import.
    """

    path: Path
    resume: bool = False
    again: bool = False


@frozen(kw_only=True)
class StateSettings:
    """The file by which only changed rows are sent; see `SyncState`.

    Attributes:
        path: The file.
        full: Whether all rows are sent, and the state is renewed.
        check_drift: Whether rows of contacts that were changed in Mautic are sent, too.
    """

    path: Path
    full: bool = False
    check_drift: bool = False


@frozen(kw_only=True)
class ImportSettings:
    """The input, the meaning of its columns, and the bounds of the job.

    Attributes:
        file: CSV or JSON lines; ``-`` is standard input.
        file_format: Of the file; by its ending if None.
        encoding: Of its text.
        delimiter: Between cells; found out if None.
        columns: How columns become contacts.
        match_items: How new custom items are recognised, by object.
        append_items: Whether items of other objects are added anew each time.
        rejected: File for rows that were not stored whole; beside the input if None.
        journal: Makes the job resumable.
        state: Sends only rows that differ from what the last import stored.
        options: Bounds of the bulk job.
    """

    file: str
    file_format: FileFormat | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    columns: ColumnSettings = field(factory=ColumnSettings)
    match_items: Mapping[str, MatchStrategy] = field(factory=dict)
    append_items: bool = False
    rejected: Path | None = None
    journal: JournalSettings | None = None
    state: StateSettings | None = None
    options: BulkOptions = field(factory=BulkOptions)


@define
class ImportResult:
    """The outcome of an import.

    Attributes:
        report: Of the rows that reached the bulk job.
        refused: Rows that could not be read or mapped.
        rejected: File of the rows that were not stored whole, or None if there are none.
        interrupted: Whether a signal ended it early.
        error: The error that ended it early.
        reasons: How often each problem occurred.
        warnings: Sentences for the user.
        has_items: Whether columns led to custom items.
    """

    report: BulkReport = field(factory=BulkReport)
    refused: int = 0
    rejected: Path | None = None
    interrupted: bool = False
    error: Exception | None = None
    reasons: dict[str, int] = field(factory=dict)
    warnings: list[str] = field(factory=list)
    has_items: bool = False

    @property
    def read(self) -> int:
        """Rows of the input that have an outcome."""
        return self.report.read + self.refused

    @property
    def status(self) -> int:
        """Exit status: 0 all rows are stored whole, 1 some, 2 none, 130 interrupted."""
        if self.interrupted:
            return INTERRUPTED
        if self.report.ok and not self.refused and self.error is None:
            return ALL
        report = self.report
        return SOME if report.created + report.updated + report.unchanged + report.partial else NONE
