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

Form: TypeAlias = Literal["csv", "jsonl"]

JSON_ENDINGS: Final = frozenset({".jsonl", ".ndjson", ".json"})
DELIMITERS: Final = ",;\t|"
UNKNOWN_FATE: Final = (
    "an earlier import does not know whether this row was stored, and storing it twice could double its custom items:"
    " look in Mautic, then empty its {} to send it again"
)
_LETTER: Final = frozenset({"index", "status", "problems", "stored", "row"})


@frozen
class Raw:
    """One row as the file has it.

    Attributes:
        line: Number of its first line, from 1.
        values: Column name and value.
        original: The cells of a CSV row, or the text of a line that is no JSON object.
        error: Why it cannot be read, or "".
    """

    line: int
    values: Sequence[tuple[str, Any]]
    original: Sequence[str] = ()
    error: str = ""


class Source:
    """One input: its columns at once, its rows when they are asked for.

    Args:
        path: The file; ``-`` is standard input.
        form: ``csv`` or ``jsonl``; by the file's ending if not given.
        encoding: Of the text; any in which a line ends with one byte.
        delimiter: Between cells; found out from the first line if not given.

    Raises:
        ConfigurationError: It cannot be opened or read; the message says what to do.
    """

    def __init__(
        self, path: str, *, form: Form | None = None, encoding: str = "utf-8", delimiter: str | None = None
    ) -> None:
        self.path = path
        self.form: Form = form or ("jsonl" if Path(path).suffix.lower() in JSON_ENDINGS else "csv")
        self.line = 0
        self.position = 0
        self.columns: Sequence[str] | None = None
        self.again = False
        """Whether it is a file of rejected rows, as an earlier import wrote it."""
        self._encoding = _checked(encoding)
        self._file, self.size = _open(path)
        try:
            self._lines = self._decoded()
            if self.form == "csv":
                self._cells = self._header(delimiter)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if self.path == "-" else self.path

    def __iter__(self) -> Iterator[Raw]:
        """The rows, once."""
        return self._csv_rows() if self.form == "csv" else self._json_rows()

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

    def _decoded(self) -> Iterator[str]:
        for raw in self._file:
            self.line += 1
            self.position += len(raw)
            line = raw
            if self.line == 1:
                if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    raise ConfigurationError(f"{self.name} is UTF-16 text; save it as UTF-8 (Excel: 'CSV UTF-8')")
                line = line.removeprefix(codecs.BOM_UTF8)
            try:
                yield line.decode(self._encoding)
            except UnicodeDecodeError as error:
                raise ConfigurationError(
                    f"{self.name}, line {self.line}: byte 0x{line[error.start]:02x} at place {error.start + 1} is not"
                    f" {self._encoding}; give the file's encoding, such as --encoding cp1252"
                ) from error

    # --- CSV -------------------------------------------------------------------------------------------------------

    def _header(self, delimiter: str | None) -> Iterator[list[str]]:
        first = next(self._lines, "")
        if not first.strip():
            raise ConfigurationError(f"{self.name}: the first line is empty; it must name the columns")
        between = delimiter or max(DELIMITERS, key=re.sub('"[^"]*"', "", first).count)
        if len(between) != 1:
            raise ConfigurationError("--delimiter must be one character")
        cells = csv.reader(_chained(first, self._lines), delimiter=between, strict=True)
        self.delimiter = between
        columns = self._next(cells) or []
        self.again = set(MARKS) <= set(columns)
        self._marks = [columns.index(mark) for mark in MARKS] if self.again else []
        self.columns = [unguard(name) for name in columns if name not in MARKS] if self.again else columns
        return cells

    def _next(self, cells: Iterator[list[str]]) -> list[str] | None:
        try:
            return next(cells, None)
        except csv.Error as error:
            raise ConfigurationError(
                f"{self.name}, line {self.line}: {error}; a quoted cell probably does not end where it should"
            ) from error

    def _csv_rows(self) -> Iterator[Raw]:
        columns = self.columns or ()
        while True:
            line = self.line + 1
            row = self._next(self._cells)
            if row is None:
                return
            if not row:
                continue
            error = ""
            if self.again:
                row, error = self._without_marks(row)
            if len(row) != len(columns):
                error = f"{_count(len(row), 'cell')}, but the first line names {_count(len(columns), 'column')}"
            yield Raw(line, tuple(zip(columns, row, strict=False)), row, error)

    def _without_marks(self, row: list[str]) -> tuple[list[str], str]:
        marks = {row[place] for place in self._marks[:1] if place < len(row)}
        rest = [unguard(cell) for place, cell in enumerate(row) if place not in self._marks]
        return rest, UNKNOWN_FATE.format(STATUS) if "unknown" in marks else ""

    # --- JSON lines ------------------------------------------------------------------------------------------------

    def _json_rows(self) -> Iterator[Raw]:
        for text in self._lines:
            if text.strip():
                yield _json_row(self.line, text.strip())


def _json_row(line: int, text: str) -> Raw:
    try:
        row = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return Raw(line, (), (text,), f"not JSON: {error}")
    if not isinstance(row, dict):
        return Raw(line, (), (text,), "not a JSON object")
    status = _status_of(row)
    if status is None:
        return Raw(line, tuple(row.items()))
    if isinstance(row.get("text"), str) and row["text"].strip() != text:  # was no JSON, and may have been mended since
        return _json_row(line, row["text"].strip())
    if not isinstance(row.get("row"), dict):
        return Raw(line, (), (text,), "a rejected row without its `row`")
    return Raw(line, tuple(row["row"].items()), (), UNKNOWN_FATE.format("status") if status == "unknown" else "")


def _status_of(row: Mapping[str, Any]) -> str | None:
    """What became of a row that is inside a letter, ours or the library's own; None if it is a plain row."""
    if row.keys() >= {STATUS, PROBLEMS}:
        return str(row[STATUS])
    return str(row["status"]) if row.keys() >= _LETTER else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise ValueError("a name is there twice in one object")
    return row


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _checked(encoding: str) -> str:
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
