"""The rows of a CSV or JSON lines file, read one at a time."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

from attrs import frozen

from mautic_async import ConfigurationError
from mautic_async.cli.rejects_format import MARKS, PROBLEMS, STATUS, unguard
from mautic_async.cli.text_lines import TextLines

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

FileFormat: TypeAlias = Literal["csv", "jsonl", "parquet"]

JSON_ENDINGS: Final = frozenset({".jsonl", ".ndjson", ".json"})
DELIMITERS: Final = ",;\t|"
UNKNOWN_OUTCOME: Final = (
    "an earlier import does not know whether this row was stored, and storing it twice could double its custom items:"
    " look in Mautic, then empty its {} to send it again"
)
_DEAD_LETTER_KEYS: Final = frozenset({"index", "status", "problems", "stored", "row"})


@frozen
class InputRow:
    """One row as the file has it.

    Attributes:
        line_number: Number of its first line, from 1.
        values: Column name and value.
        original: The cells of a CSV row, or the text of a line that is no JSON object.
        error: Why it cannot be read, or "".
    """

    line_number: int
    values: Sequence[tuple[str, Any]]
    original: Sequence[str] = ()
    error: str = ""


class InputSource(Protocol):
    """Input of an import; see `InputFile` for the attributes."""

    path: str
    name: str
    file_format: FileFormat
    columns: Sequence[str] | None
    delimiter: str

    @property
    def fraction_read(self) -> float | None:
        """Return how much of the input was read, 0 to 1; None where its size is not known."""

    def __iter__(self) -> Iterator[InputRow]:
        """Yield the rows, once."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class InputFile:
    """One input: its columns are read at once, its rows when they are iterated.

    A file of rejected rows, as an earlier import wrote it, is read without its columns ``_status`` and ``_problems``.

    Args:
        path: The file; ``-`` is standard input.
        file_format: ``csv`` or ``jsonl``; by the file's ending if not given.
        encoding: See `TextLines`.
        delimiter: Between cells; the most frequent candidate of the first line if not given.

    Attributes:
        lines: Where the rows come from; counts lines and bytes.
        name: The input's name in messages.
        columns: Names of the columns of a CSV; None for JSON lines.
        delimiter: Between the cells of a CSV.

    Raises:
        ConfigurationError: It cannot be opened or read; the message says what to do.
    """

    def __init__(
        self, path: str, *, file_format: FileFormat | None = None, encoding: str = "utf-8", delimiter: str | None = None
    ) -> None:
        self.path = path
        self.file_format: FileFormat = file_format or ("jsonl" if Path(path).suffix.lower() in JSON_ENDINGS else "csv")
        self.lines: TextLines = TextLines(path, encoding)
        self.name: str = self.lines.name
        self.columns: Sequence[str] | None = None
        self.delimiter: str = delimiter or ""
        self._mark_positions: Sequence[int] = ()
        try:
            self._rows = self._json_rows() if self.file_format == "jsonl" else self._csv_rows(self._read_header())
        except BaseException:  # no `with` block of the caller's has begun yet
            self.lines.close()
            raise

    @property
    def fraction_read(self) -> float | None:
        """Return the bytes read of all bytes, 0 to 1; None for standard input."""
        return self.lines.bytes_read / self.lines.size if self.lines.size else None

    def __iter__(self) -> Iterator[InputRow]:
        """Yield the rows, once."""
        return self._rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lines.close()

    # --- CSV -------------------------------------------------------------------------------------------------------

    def _read_header(self) -> Iterator[list[str]]:
        first = next(self.lines, "")
        if not first.strip():
            raise ConfigurationError(f"{self.name}: the first line is empty; it must name the columns")
        # Quoted cells are taken out first: a delimiter inside quotation marks separates nothing.
        self.delimiter = self.delimiter or max(DELIMITERS, key=re.sub('"[^"]*"', "", first).count)
        if len(self.delimiter) != 1:
            raise ConfigurationError("--delimiter must be one character")
        records = csv.reader(chain([first], self.lines), delimiter=self.delimiter, strict=True)
        columns = self._next_record(records) or []
        if set(MARKS) <= set(columns):
            self._mark_positions = [columns.index(mark) for mark in MARKS]
            columns = [unguard(name) for name in columns if name not in MARKS]
        self.columns = columns
        return records

    def _next_record(self, records: Iterator[list[str]]) -> list[str] | None:
        try:
            return next(records, None)
        except csv.Error as error:
            raise ConfigurationError(
                f"{self.name}, line {self.lines.line_number}: {error}; a quoted cell probably does not end where"
                " it should"
            ) from error

    def _csv_rows(self, records: Iterator[list[str]]) -> Iterator[InputRow]:
        columns = self.columns or ()
        while True:
            line_number = self.lines.line_number + 1  # a record may span several lines
            cells = self._next_record(records)
            if cells is None:
                return
            if not cells:
                continue
            error = ""
            if self._mark_positions:
                cells, error = self._strip_marks(cells)
            # Missing or surplus cells mostly come from a wrong delimiter or quote: guessing would shift values.
            if len(cells) != len(columns):
                error = f"{_plural(len(cells), 'cell')}, but the first line names {_plural(len(columns), 'column')}"
            yield InputRow(line_number, tuple(zip(columns, cells, strict=False)), cells, error)

    def _strip_marks(self, cells: list[str]) -> tuple[list[str], str]:
        status_position = self._mark_positions[0]
        status = cells[status_position] if status_position < len(cells) else ""
        own = [unguard(cell) for position, cell in enumerate(cells) if position not in self._mark_positions]
        return own, UNKNOWN_OUTCOME.format(STATUS) if status == "unknown" else ""

    # --- JSON lines ------------------------------------------------------------------------------------------------

    def _json_rows(self) -> Iterator[InputRow]:
        for text in self.lines:
            if text.strip():
                yield _json_row(self.lines.line_number, text.strip())


def _json_row(line_number: int, text: str) -> InputRow:
    try:
        row = json.loads(text, object_pairs_hook=_object_without_duplicates, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        return InputRow(line_number, (), (text,), f"not JSON: {error}")
    if not isinstance(row, dict):
        return InputRow(line_number, (), (text,), "not a JSON object")
    status = _reject_status(row)
    if status is None:
        return InputRow(line_number, tuple(row.items()))
    # A rejected line that was no JSON is kept as text; the user may have corrected it there.
    if isinstance(row.get("text"), str) and row["text"].strip() != text:
        return _json_row(line_number, row["text"].strip())
    if not isinstance(row.get("row"), dict):
        return InputRow(line_number, (), (text,), "a rejected row without its `row`")
    unknown = UNKNOWN_OUTCOME.format("status") if status == "unknown" else ""
    return InputRow(line_number, tuple(row["row"].items()), (), unknown)


def _reject_status(row: Mapping[str, Any]) -> str | None:
    """Return the status of a rejected row or a dead letter; None if *row* is a plain row."""
    if row.keys() >= {STATUS, PROBLEMS}:
        return str(row[STATUS])
    return str(row["status"]) if row.keys() >= _DEAD_LETTER_KEYS else None


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # `json` would keep the last of two equal names without a word.
    row = dict(pairs)
    if len(row) != len(pairs):
        raise ValueError("a name is there twice in one object")
    return row


def _reject_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
