"""The rows of an import between its input and its outcomes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from mautic_async import ConfigurationError, Contact, Problem
from mautic_async.cli.column_mapping import ColumnMapping
from mautic_async.cli.column_settings import KnownFields
from mautic_async.cli.import_settings import ImportResult
from mautic_async.cli.input_file import InputFile, InputSource
from mautic_async.cli.match_options import no_key_message
from mautic_async.cli.option_words import in_option_words
from mautic_async.cli.parquet_input import ParquetInput
from mautic_async.cli.rejects_file import RejectsFile, default_path
from mautic_async.cli.threaded_reader import ThreadedReader

if TYPE_CHECKING:
    from mautic_async import Outcome
    from mautic_async.cli.import_settings import ImportSettings
    from mautic_async.cli.input_file import InputRow

MAX_REASONS: Final = 1000
"""Different reasons that are counted one by one; further ones are counted together, which bounds memory."""
FLUSH_ROWS: Final = 200
"""Rejected rows after which their file is flushed."""


@define(eq=False)
class ImportRows:
    """Contacts on their way to the bulk job; each row of the input is kept until its outcome is known.

    Attributes:
        settings: Of the import.
        source: The input.
        mapping: From its columns to contacts.
        rejects: File for rows that were not stored whole.
        is_finished: Returns True for the index of a row whose outcome an earlier run has recorded.
        earlier_rejects: Status and problems of rows that an earlier run rejected, by index.
        pending: Rows without an outcome, by index.
        result: Counts and reasons.
        submitted: Contacts handed to the job; the index of the next one.
        maybe_finished_below: Rows below this index may have an outcome from an earlier run.
    """

    settings: ImportSettings
    source: InputSource
    mapping: ColumnMapping
    rejects: RejectsFile
    is_finished: Callable[[int], bool]
    earlier_rejects: dict[int, tuple[str, Sequence[Problem]]] = field(factory=dict)
    pending: dict[int, InputRow] = field(factory=dict)
    result: ImportResult = field(factory=ImportResult)
    submitted: int = 0
    maybe_finished_below: int = 0

    def __iter__(self) -> Iterator[Contact]:
        for row in self.source:
            contact = self._to_contact(row)
            if contact is not None:
                yield contact

    async def stream(self) -> AsyncIterator[Contact]:
        """Yield the same contacts from an input that may block."""
        async with aclosing(aiter(ThreadedReader(self.source))) as rows:
            async for row in rows:
                contact = self._to_contact(row)
                if contact is not None:
                    yield contact

    def _to_contact(self, row: InputRow) -> Contact | None:
        if row.error:
            self._refuse(row, [Problem(row.error)])
            return None
        contact, problems = self.mapping.contact(row.values)
        problems = [*problems, *self._keyless_items(contact)]
        if problems:
            self._refuse(row, problems)
            return None
        index = self.submitted
        self.submitted += 1
        # A row that an earlier run has finished gets no outcome in this one, so it must not wait for it.
        if not self.is_finished(index):
            self.pending[index] = row
        elif index in self.earlier_rejects:
            self._write_reject(row, *self.earlier_rejects.pop(index))
        return contact

    def _keyless_items(self, contact: Contact) -> Iterator[Problem]:
        if self.settings.append_items:
            return
        keyed = self.settings.match_items
        for item in contact.custom_items or ():
            alias = item.object or str(item.object_id)
            if not item.id and alias not in keyed:
                yield Problem(no_key_message(alias))

    def record_outcome(self, outcome: Outcome[Any]) -> None:
        """Take the outcome of a row, and write the row to the rejected ones if it was not stored whole."""
        row = self.pending.pop(outcome.index)
        if not outcome.ok:
            self._write_reject(row, outcome.status, outcome.problems)

    def refuse(self, index: int, problems: Sequence[Problem]) -> None:
        """Reject a row that was read and is not to be sent."""
        self._refuse(self.pending.pop(index), problems)

    def _refuse(self, row: InputRow, problems: Sequence[Problem]) -> None:
        self.result.refused += 1
        self._write_reject(row, "rejected", problems)

    def _write_reject(self, row: InputRow, status: str, problems: Sequence[Problem]) -> None:
        reasons = [in_option_words(str(problem)) for problem in problems]
        self.rejects.add(row, status, reasons)
        for text in reasons:
            known = text in self.result.reasons or len(self.result.reasons) < MAX_REASONS
            reason = text if known else "other reasons"
            self.result.reasons[reason] = self.result.reasons.get(reason, 0) + 1
        if self.rejects.row_count % FLUSH_ROWS == 0:
            self.rejects.flush()

    def finish(self) -> None:
        """Put the file of rejected rows in place, and complete the result."""
        # After an early end, rows of the earlier run have not all come by: only its file has their reasons.
        incomplete = self.submitted < self.maybe_finished_below
        if not incomplete:
            self.rejects.commit()
        path = self.rejects.path
        exists = path is not None and path.exists()
        self.result.rejected = path if exists and (self.rejects.row_count or incomplete) else None
        self.result.has_items = self.mapping.has_items
        if self.mapping.ignored:
            self.result.warnings.append(f"columns left out: {', '.join(map(repr, self.mapping.ignored))}")
        if self.mapping.comma_tags:
            self.result.warnings.append(
                f"{self.mapping.comma_tags:,} cells of tags hold a comma, which is part of the tag; to split there:"
                " --tag-separator ,"
            )


def _not_finished(index: int) -> bool:
    """Return False: without a journal no row was finished by an earlier run."""
    del index
    return False


def _open_input(settings: ImportSettings) -> InputSource:
    if settings.file_format == "parquet" or (not settings.file_format and settings.file.endswith(".parquet")):
        return ParquetInput(settings.file)
    return InputFile(
        settings.file, file_format=settings.file_format, encoding=settings.encoding, delimiter=settings.delimiter
    )


@contextmanager
def open_rows(
    settings: ImportSettings, known: KnownFields, is_finished: Callable[[int], bool] = _not_finished
) -> Iterator[ImportRows]:
    """Open the input and check its columns; complete the result when the block ends without an exception.

    Raises:
        ConfigurationError: The input or its columns cannot be used.
    """
    with _open_input(settings) as source:
        mapping = ColumnMapping(source.columns, settings.columns, known)
        keyless = [alias for alias in mapping.new_item_objects if alias not in settings.match_items]
        if keyless and not settings.append_items:
            raise ConfigurationError("; ".join(map(no_key_message, keyless)))
        with closing(RejectsFile(settings.rejected or default_path(settings.file), source)) as rejects:
            rows = ImportRows(settings, source, mapping, rejects, is_finished)
            yield rows
            rows.finish()
