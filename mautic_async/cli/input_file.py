"""CSV and JSON lines, one row after another: never more of the file in memory than a line."""

from __future__ import annotations

import codecs
import csv
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeAlias

from attrs import frozen

from mautic_async import ConfigurationError
from mautic_async.cli.rejects_format import MARKS, PROBLEMS, STATUS, unguard

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

FileFormat: TypeAlias = Literal["csv", "jsonl"]

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


class InputFile:
    """One input: its columns at once, its rows when they are asked for.

    Args:
        path: The file; ``-`` is standard input.
        file_format: ``csv`` or ``jsonl``; by the file's ending if not given.
        encoding: Of the text; any in which a line ends with one byte.
        delimiter: Between cells; found out from the first line if not given.

    Raises:
        ConfigurationError: It cannot be opened or read; the message says what to do.
    """

    def __init__(
        self, path: str, *, file_format: FileFormat | None = None, encoding: str = "utf-8", delimiter: str | None = None
    ) -> None:
        self.path = path
        self.file_format: FileFormat = file_format or ("jsonl" if Path(path).suffix.lower() in JSON_ENDINGS else "csv")
        self.line_number = 0
        self.bytes_read = 0
        self.columns: Sequence[str] | None = None
        self.is_rejects_file = False
        """Whether it is a file of rejected rows, as an earlier import wrote it."""
        self._encoding = _validated_encoding(encoding)
        self._file, self.size = _open(path)
        try:
            self._lines = self._decoded_lines()
            if self.file_format == "csv":
                self._cells = self._read_header(delimiter)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if self.path == "-" else self.path

    def __iter__(self) -> Iterator[InputRow]:
        """The rows, once."""
        return self._csv_rows() if self.file_format == "csv" else self._json_rows()

    def close(self) -> None:
        """Let go of the file."""
        if self.path != "-":
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decoded_lines(self) -> Iterator[str]:
        for encoded in self._file:
            self.line_number += 1
            self.bytes_read += len(encoded)
            line = encoded
            if self.line_number == 1:
                if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    raise ConfigurationError(f"{self.name} is UTF-16 text; save it as UTF-8 (Excel: 'CSV UTF-8')")
                line = line.removeprefix(codecs.BOM_UTF8)
            try:
                yield line.decode(self._encoding)
            except UnicodeDecodeError as error:
                raise ConfigurationError(
                    f"{self.name}, line {self.line_number}: byte 0x{line[error.start]:02x} at place {error.start + 1}"
                    f" is not {self._encoding}; give the file's encoding, such as --encoding cp1252"
                ) from error

    # --- CSV -------------------------------------------------------------------------------------------------------

    def _read_header(self, delimiter: str | None) -> Iterator[list[str]]:
        first = next(self._lines, "")
        if not first.strip():
            raise ConfigurationError(f"{self.name}: the first line is empty; it must name the columns")
        separator = delimiter or max(DELIMITERS, key=re.sub('"[^"]*"', "", first).count)
        if len(separator) != 1:
            raise ConfigurationError("--delimiter must be one character")
        cells = csv.reader(_chain(first, self._lines), delimiter=separator, strict=True)
        self.delimiter = separator
        columns = self._next_record(cells) or []
        self.is_rejects_file = set(MARKS) <= set(columns)
        self._extra_columns = [columns.index(column) for column in MARKS] if self.is_rejects_file else []
        self.columns = [unguard(name) for name in columns if name not in MARKS] if self.is_rejects_file else columns
        return cells

    def _next_record(self, cells: Iterator[list[str]]) -> list[str] | None:
        try:
            return next(cells, None)
        except csv.Error as error:
            raise ConfigurationError(
                f"{self.name}, line {self.line_number}: {error}; a quoted cell probably does not end where it should"
            ) from error

    def _csv_rows(self) -> Iterator[InputRow]:
        columns = self.columns or ()
        while True:
            line_number = self.line_number + 1
            row = self._next_record(self._cells)
            if row is None:
                return
            if not row:
                continue
            error = ""
            if self.is_rejects_file:
                row, error = self._strip_marks(row)
            if len(row) != len(columns):
                error = f"{_plural(len(row), 'cell')}, but the first line names {_plural(len(columns), 'column')}"
            yield InputRow(line_number, tuple(zip(columns, row, strict=False)), row, error)

    def _strip_marks(self, row: list[str]) -> tuple[list[str], str]:
        statuses = {row[position] for position in self._extra_columns[:1] if position < len(row)}
        cells = [unguard(cell) for position, cell in enumerate(row) if position not in self._extra_columns]
        return cells, UNKNOWN_OUTCOME.format(STATUS) if "unknown" in statuses else ""

    # --- JSON lines ------------------------------------------------------------------------------------------------

    def _json_rows(self) -> Iterator[InputRow]:
        for text in self._lines:
            if text.strip():
                yield _json_row(self.line_number, text.strip())


def _json_row(line_number: int, text: str) -> InputRow:
    try:
        row = json.loads(text, object_pairs_hook=_object_without_duplicates, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        return InputRow(line_number, (), (text,), f"not JSON: {error}")
    if not isinstance(row, dict):
        return InputRow(line_number, (), (text,), "not a JSON object")
    status = _status_of(row)
    if status is None:
        return InputRow(line_number, tuple(row.items()))
    if isinstance(row.get("text"), str) and row["text"].strip() != text:  # was no JSON, and may have been mended since
        return _json_row(line_number, row["text"].strip())
    if not isinstance(row.get("row"), dict):
        return InputRow(line_number, (), (text,), "a rejected row without its `row`")
    return InputRow(
        line_number, tuple(row["row"].items()), (), UNKNOWN_OUTCOME.format("status") if status == "unknown" else ""
    )


def _status_of(row: Mapping[str, Any]) -> str | None:
    """What became of a row that is inside a letter, ours or the library's own; None if it is a plain row."""
    if row.keys() >= {STATUS, PROBLEMS}:
        return str(row[STATUS])
    return str(row["status"]) if row.keys() >= _DEAD_LETTER_KEYS else None


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise ValueError("a name is there twice in one object")
    return row


def _reject_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _validated_encoding(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        if "\n".encode(name) == b"\n":
            return name
    except (LookupError, UnicodeError):
        raise ConfigurationError(f"--encoding {encoding}: Python knows no such encoding of text") from None
    raise ConfigurationError(f"--encoding {encoding}: its lines cannot be told apart byte by byte; save as UTF-8")


def _standard_input() -> BinaryIO:
    """A reader of its own: the interpreter aborts at its end if a thread is still inside the one of ``sys.stdin``."""
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except OSError:
        return sys.stdin.buffer  # something else stands in for it


def _open(path: str) -> tuple[BinaryIO, int | None]:
    if path == "-":
        return _standard_input(), None
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed by the source
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    size = Path(path).stat().st_size
    return file, size or None
