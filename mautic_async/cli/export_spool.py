"""The spool of an export: rows as JSON lines in ``FILE.part``, and the position in ``FILE.part.json``.

A CSV or Parquet file needs to know all its columns before its first row, so rows are kept as JSON lines until the last
one is there. The spool also makes an export resumable: the position is written after the rows before it are on disk.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from attrs import define, field

from mautic_async import ConfigurationError
from mautic_async.cli.export_rows import Row
from mautic_async.cli.rejects_file import create_private_file

FLUSH_ROWS: Final = 500
"""Rows after which the spool is flushed to disk and the position is written."""


@define(eq=False)
class Spool:
    """Rows of an unfinished export.

    Attributes:
        path: Of the rows.
        request: What is exported; a spool of another request is not continued.
        rows: Rows in the spool.
        last_id: Id of the last of them.
        started_at: Time of the first request of the first run.
    """

    path: Path
    request: Mapping[str, Any]
    rows: int = 0
    last_id: int = 0
    started_at: datetime | None = None
    _size: int = field(default=0, init=False)
    _file: BinaryIO | None = field(default=None, init=False)

    @classmethod
    def beside(cls, target: Path, request: Mapping[str, Any]) -> Spool:
        """Return the spool of an export into *target*."""
        return cls(target.with_name(f"{target.name}.part"), request)

    @property
    def _position_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    def resume(self) -> None:
        """Take over the rows of an interrupted export.

        Raises:
            ConfigurationError: There is none, or it is of another request.
        """
        try:
            position = json.loads(self._position_path.read_text(encoding="utf-8"))
            size = self.path.stat().st_size
        except (OSError, ValueError):
            raise ConfigurationError(f"--resume: there is no interrupted export beside {self.path}") from None
        if position.get("request") != json.loads(json.dumps(self.request)):
            raise ConfigurationError("--resume: the interrupted export had other options; give the same ones")
        if size < position["size"]:
            raise ConfigurationError(f"--resume: {self.path} is shorter than it was; export anew without --resume")
        self.rows, self.last_id, self._size = position["rows"], position["last_id"], position["size"]
        self.started_at = datetime.fromisoformat(position["started_at"])

    def open(self) -> None:
        """Open the file behind its last complete row; without `resume` it becomes empty.

        Raises:
            ConfigurationError: It cannot be written.
        """
        if not self._size:
            create_private_file(self.path).close()
        self._file = self.path.open("r+b")
        # Rows behind the saved position may be incomplete; they are requested again.
        self._file.truncate(self._size)
        self._file.seek(self._size)

    def add(self, row: Row, id: int) -> None:
        """Write one row."""
        assert self._file is not None  # noqa: S101 - opened before
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._file.write(line)
        self._size += len(line)
        self.rows, self.last_id = self.rows + 1, id
        if self.rows % FLUSH_ROWS == 0:
            self.save()

    def save(self) -> None:
        """Flush the rows to disk, then write the position."""
        assert self._file is not None  # noqa: S101 - opened before
        # Rows reach the disk before the position that counts them: after a crash there may be more rows, never fewer.
        self._file.flush()
        os.fsync(self._file.fileno())
        position = {
            "request": self.request,
            "rows": self.rows,
            "last_id": self.last_id,
            "size": self._size,
            "started_at": self.started_at and self.started_at.isoformat(),
        }
        draft = self._position_path.with_suffix(".new")
        with create_private_file(draft) as file:
            json.dump(position, file)
        # The rename is atomic: a process killed here leaves the old position or the new one.
        draft.replace(self._position_path)

    def close(self) -> None:
        """Save and close the file."""
        if self._file is not None:
            self.save()
            self._file.close()
            self._file = None

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows, one in memory at a time."""
        with self.path.open("rb") as file:
            for line in file:
                yield json.loads(line)

    def remove(self, *, keep_rows: bool = False) -> None:
        """Remove the files."""
        self._position_path.unlink(missing_ok=True)
        if not keep_rows:
            self.path.unlink(missing_ok=True)


def columns_of(rows: Iterator[Sequence[str]], first: Sequence[str]) -> list[str]:
    """Return the columns of all rows, *first* before the others, those of items at the end."""
    found = dict.fromkeys(first)
    for names in rows:
        found.update(dict.fromkeys(names))
    return [name for name in found if "." not in name] + [name for name in found if "." in name]
