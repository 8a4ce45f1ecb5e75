"""The file of rejected rows: rows that were not stored whole, with the reasons, in a form that can be imported again.

A CSV stays a CSV, with the columns ``_status`` and ``_problems`` before those of the input. JSON lines stay JSON lines,
with each row inside an object that has both. See `rejects_format` for cells that look like formulas.
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
    from mautic_async.cli.input_file import InputRow, InputSource


def default_path(path: str) -> Path | None:
    """Return the default path of the file: ``contacts.rejected.csv``, with a number if that exists; None for ``-``."""
    if path == "-":
        return None
    input_path = Path(path)
    suffix = ".jsonl" if input_path.suffix == ".parquet" else input_path.suffix
    stem = input_path.stem.partition(".rejected")[0]
    candidates = chain([f"{stem}.rejected{suffix}"], (f"{stem}.rejected-{n}{suffix}" for n in count(2)))
    return next(candidate for name in candidates if not (candidate := input_path.with_name(name)).exists())


class RejectsFile:
    """The file of rejected rows of one import, created with its first row and readable by its owner alone.

    Args:
        path: An older file of that name is replaced; None: the rows are only counted.
        source: The input, whose format the file has.

    Raises:
        ConfigurationError: It is the input itself, or (with the first row) it cannot be written.
    """

    def __init__(self, path: Path | None, source: InputSource) -> None:
        _not_the_input(path, source)
        self.path = path
        self.row_count: int = 0
        self._input = source
        self._draft_path: Path | None = None
        self._file: io.TextIOWrapper | None = None

    def resume(self, path: Path | None) -> None:
        """Continue the file of an interrupted run of the same job; call this before the first row.

        The rows are written into a draft beside it, which `commit` moves over the file. Until then, and if this process
        is killed, the file stays as it was.

        Raises:
            ConfigurationError: *path* is the input itself.
        """
        _not_the_input(path, self._input)
        self.path = path
        if path is not None and path.exists():
            self._draft_path = path.with_name(f"{path.name}.new")

    def commit(self) -> None:
        """Flush the file to disk and put it in place; remove an interrupted run's file if no row is left for it."""
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

    def add(self, row: InputRow, status: str, reasons: Sequence[str]) -> None:
        """Write one row."""
        self.row_count += 1
        if self.path is None:
            return
        if self._file is None:
            self._file = create_private_file(self._draft_path or self.path)
            if self._input.file_format == "csv":
                self._write([*MARKS, *(self._input.columns or ())])
        if self._input.file_format == "csv":
            self._write([status, "; ".join(reasons), *row.original])
        else:
            record: dict[str, Any] = {"line": row.line_number, STATUS: status, PROBLEMS: list(reasons)}
            record |= {"text": row.original[0]} if row.original else {"row": dict(row.values)}
            self._file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def _write(self, cells: Sequence[str]) -> None:
        assert self._file is not None  # noqa: S101 - made before
        csv.writer(self._file, delimiter=self._input.delimiter).writerow([guard(cell) for cell in cells])

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close the file, and remove a draft that was not committed."""
        if self._file is not None:
            self._file.close()
            self._file = None
            if self._draft_path is not None:
                self._draft_path.unlink(missing_ok=True)


def _not_the_input(path: Path | None, source: InputSource) -> None:
    if path is not None and source.path != "-" and path.exists() and path.samefile(source.path):
        raise ConfigurationError(f"{path} is the input itself; name another file: --rejected FILE")


def create_private_file(path: Path) -> io.TextIOWrapper:
    """Create or truncate *path*, readable by its owner alone, and open it for text. Symbolic links are not followed.

    Raises:
        ConfigurationError: It cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        file = os.open(path, flags, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    # The mode given to `open` counts for new files only; a file that is overwritten keeps its own.
    if hasattr(os, "fchmod"):
        os.fchmod(file, 0o600)
    return io.TextIOWrapper(io.FileIO(file, "w"), encoding="utf-8", newline="")
