"""Dead letters: rows that were not stored whole, one JSON line each, in a file that can be input again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mautic_async._files import open_owner_only
from mautic_async.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mautic_async.bulk.items import WorkItem
    from mautic_async.bulk.outcomes import Outcome, Status
    from mautic_async.models._base import JSON


@frozen(kw_only=True)
class DeadLetter:
    """A row that was not stored whole.

    Attributes:
        job: The journal's name for the job, or "".
        index: The row's place in the input of that job.
        status: ``rejected``, ``partial`` or ``unknown``.
        id: Of the entity, 0 if not known.
        problems: The reasons.
        attempts: Number of times that it was sent.
        stored: The entity is stored (True), is not (False), or that is not known (None).
        known: Other facts, such as ids of stored items.
        row: The row, as it would have been sent; None if it could not even be written as JSON.
    """

    job: str
    index: int
    status: Status
    id: int
    problems: tuple[Problem, ...]
    attempts: int
    stored: bool | None
    known: Mapping[str, JSON]
    row: Mapping[str, JSON] | None = field(repr=False)


class DeadLetters:
    """A file of dead letters, readable by its owner alone.

    Args:
        path: Created if it is missing, appended to otherwise.
        job: Written into each line.

    Raises:
        ConfigurationError: The file cannot be written, or others may read it.
    """

    def __init__(self, path: str | os.PathLike[str], *, job: str = "") -> None:
        self.path: Path = Path(path)
        self.job = job
        self._file: int | None = open_owner_only(self.path, os.O_WRONLY | os.O_APPEND)

    def add(self, failed: Sequence[tuple[WorkItem[Any], Outcome[Any]]]) -> None:
        """Write rows: they are in the file when this returns, and on the disk after `sync`."""
        assert self._file is not None  # noqa: S101 - open
        # All lines in one write where possible, so that a kill cuts at most the last line.
        text = "".join(self._format_line(item, outcome) for item, outcome in failed).encode()
        while text:
            text = text[os.write(self._file, text) :]

    def _format_line(self, item: WorkItem[Any], outcome: Outcome[Any]) -> str:
        # ``unknown`` has no entry: of such a row it is not known whether it is stored.
        stored = {"rejected": False, "partial": True}.get(outcome.status)
        fields = {
            "job": self.job,
            "index": outcome.index,
            "status": outcome.status,
            "id": outcome.id,
            "problems": [
                {"message": problem.message, "field": problem.field, "code": problem.code, "type": problem.type}
                for problem in outcome.problems
            ],
            "attempts": outcome.attempts,
            "stored": stored,
            "known": dict(item.facts),
        }
        head = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        # The row is JSON text already; it is put in as it is instead of being parsed and printed again.
        return f'{head[:-1]},"row":{item.encoded.body.decode() or "null"}}}\n'

    def sync(self) -> None:
        """Wait until all rows are on the disk."""
        if self._file is not None:
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self.sync()
            os.close(self._file)
            self._file = None


def read_dead_letters(path: str | os.PathLike[str]) -> Iterator[DeadLetter]:
    """Yield the dead letters of a file, each row once: a job that was killed and resumed may have written one twice.

    Raises:
        ConfigurationError: A line is not a dead letter.
    """
    yielded: set[tuple[str, int]] = set()
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - any path-like
        for number, line in enumerate(file, 1):
            if not line.endswith("\n"):
                return  # the process was killed while it wrote this one; the journal will have it written again
            try:
                fields = json.loads(line)
                problems = tuple(Problem(**problem) for problem in fields.pop("problems"))
                dead_letter = DeadLetter(problems=problems, **fields)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise ConfigurationError(f"{os.fspath(path)}, line {number}: not a dead letter") from error
            if (dead_letter.job, dead_letter.index) not in yielded:
                yielded.add((dead_letter.job, dead_letter.index))
                yield dead_letter
