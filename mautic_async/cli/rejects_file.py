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
    from mautic_async.cli.input_file import Raw, Source


def beside(path: str) -> Path | None:
    """Where rejected rows go unless said: ``contacts.rejected.csv``, with a number if that is there already.

    Standard input has no such place.
    """
    if path == "-":
        return None
    given = Path(path)
    stem = given.stem.partition(".rejected")[0]
    names = chain([f"{stem}.rejected{given.suffix}"], (f"{stem}.rejected-{n}{given.suffix}" for n in count(2)))
    return next(found for name in names if not (found := given.with_name(name)).exists())


class Rejected:
    """The file of one import: made with its first row, readable by its owner alone.

    Args:
        path: An older file of that name is replaced; None: the rows are only counted.
        source: The input, whose form it takes on.

    Raises:
        ConfigurationError: It is the input itself, or (with the first row) it cannot be written.
    """

    def __init__(self, path: Path | None, source: Source) -> None:
        _not_the_input(path, source)
        self.path = path
        self.rows = 0
        self._source = source
        self._draft: Path | None = None
        self._file: io.TextIOWrapper | None = None

    def follow(self, path: Path | None) -> None:
        """Go on with the file of an interrupted run of the same job; call this before the first row.

        The new rows are written into a draft beside it, which replaces the file at once with `commit`. Until then, and
        if this process is killed, the file stays as it was.

        Raises:
            ConfigurationError: *path* is the input itself.
        """
        _not_the_input(path, self._source)
        self.path = path
        if path is not None and path.exists():
            self._draft = path.with_name(f"{path.name}.new")

    def commit(self) -> None:
        """Let what was written be the file; an interrupted run's file without rows to replace it is removed."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
        draft, self._draft = self._draft, None
        if draft is None or self.path is None:
            return
        if self._file is None:
            self.path.unlink(missing_ok=True)
        else:
            self._file.close()  # Windows replaces no open file
            draft.replace(self.path)

    def add(self, raw: Raw, status: str, problems: Sequence[Problem]) -> None:
        """Write one row."""
        self.rows += 1
        if self.path is None:
            return
        if self._file is None:
            self._file = create(self._draft or self.path)
            if self._source.form == "csv":
                self._write([*MARKS, *(self._source.columns or ())])
        reasons = [str(problem) for problem in problems]
        if self._source.form == "csv":
            self._write([status, "; ".join(reasons), *raw.original])
        else:
            letter: dict[str, Any] = {"line": raw.line, STATUS: status, PROBLEMS: reasons}
            letter |= {"text": raw.original[0]} if raw.original else {"row": dict(raw.values)}
            self._file.write(json.dumps(letter, ensure_ascii=False) + "\n")

    def _write(self, cells: Sequence[str]) -> None:
        assert self._file is not None  # noqa: S101 - made before
        csv.writer(self._file, delimiter=self._source.delimiter).writerow([guard(cell) for cell in cells])

    def flush(self) -> None:
        """Hand what was written to the system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Let go of the file; a draft that was not committed is dropped."""
        if self._file is not None:
            self._file.close()
            self._file = None
            if self._draft is not None:
                self._draft.unlink(missing_ok=True)


def _not_the_input(path: Path | None, source: Source) -> None:
    if path is not None and source.path != "-" and path.exists() and path.samefile(source.path):
        raise ConfigurationError(f"{path} is the input itself; name another file: --rejected FILE")


def create(path: Path) -> io.TextIOWrapper:
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
