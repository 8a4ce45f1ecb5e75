"""Rows that were not stored whole, with the reasons, in a file that can be imported again.

A CSV stays a CSV, with the columns of the input behind two of ours; JSON lines stay JSON lines, each row inside a
letter. Cells that a spreadsheet would take for a formula are led by an apostrophe, which an import takes off again.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mautic_async import ConfigurationError
from mautic_async.cli.rejects_format import MARKS, PROBLEMS, STATUS, guard

if TYPE_CHECKING:
    from mautic_async import Problem
    from mautic_async.cli.input_file import InputFile, InputRow


def default_path(path: str) -> Path | None:
    """Where rejected rows go unless said: ``contacts.rejected.csv_text``, with a number if that is there already.

    Standard input has no such place.
    """
    if path == "-":
        return None
    input_path = Path(path)
    stem = input_path.stem.partition(".rejected")[0]
    candidates = chain(
        [f"{stem}.rejected{input_path.suffix}"], (f"{stem}.rejected-{n}{input_path.suffix}" for n in count(2))
    )
    return next(candidate for name in candidates if not (candidate := input_path.with_name(name)).exists())


class RejectsFile:
    """The file of one import: made with its first row, readable by its owner alone.

    Args:
        path: An older file of that name is replaced; None: the rows are only counted.
        source: The input, whose form it takes on.

    Raises:
        ConfigurationError: It is the input itself, or (with the first row) it cannot be written.
    """

    def __init__(self, path: Path | None, source: InputFile) -> None:
        _not_the_input(path, source)
        self.path = path
        self.row_count = 0
        self._input = source
        self._draft_path: Path | None = None
        self._file: io.TextIOWrapper | None = None

    def resume(self, path: Path | None) -> None:
        """Go on with the file of an interrupted run of the same job; call this before the first row.

        The new rows are written into a draft beside it, which replaces the file at once with `commit`. Until then, and
        if this process is killed, the file stays as it was.

        Raises:
            ConfigurationError: *path* is the input itself.
        """
        _not_the_input(path, self._input)
        self.path = path
        if path is not None and path.exists():
            self._draft_path = path.with_name(f"{path.name}.new")

    def commit(self) -> None:
        """Let what was written be the file; an interrupted run's file without rows to replace it is removed."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
        draft_path, self._draft_path = self._draft_path, None
        if draft_path is None or self.path is None:
            return
        if self._file is None:
            self.path.unlink(missing_ok=True)
        else:
            self._file.close()  # Windows replaces no open file
            draft_path.replace(self.path)

    def add(self, row: InputRow, status: str, problems: Sequence[Problem]) -> None:
        """Write one row."""
        self.row_count += 1
        if self.path is None:
            return
        if self._file is None:
            self._file = create_private_file(self._draft_path or self.path)
            if self._input.file_format == "csv":
                self._write([*MARKS, *(self._input.columns or ())])
        reasons = [str(problem) for problem in problems]
        if self._input.file_format == "csv":
            self._write([status, "; ".join(reasons), *row.original])
        else:
            record: dict[str, Any] = {"line": row.line_number, STATUS: status, PROBLEMS: reasons}
            record |= {"text": row.original[0]} if row.original else {"row": dict(row.values)}
            self._file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def _write(self, cells: Sequence[str]) -> None:
        assert self._file is not None  # noqa: S101 - made before
        csv.writer(self._file, delimiter=self._input.delimiter).writerow([guard(cell) for cell in cells])

    def flush(self) -> None:
        """Hand what was written to the system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Let go of the file; a draft that was not committed is dropped."""
        if self._file is not None:
            self._file.close()
            self._file = None
            if self._draft_path is not None:
                self._draft_path.unlink(missing_ok=True)


def _not_the_input(path: Path | None, source: InputFile) -> None:
    if path is not None and source.path != "-" and path.exists() and path.samefile(source.path):
        raise ConfigurationError(f"{path} is the input itself; name another file: --rejected FILE")


def create_private_file(path: Path) -> io.TextIOWrapper:
    """Open *path* anew for text that its owner alone may read; no link is followed.

    Raises:
        ConfigurationError: It cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        file = os.open(path, flags, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    if hasattr(os, "fchmod"):
        os.fchmod(file, 0o600)
    return io.TextIOWrapper(io.FileIO(file, "w"), encoding="utf-8", newline="")
