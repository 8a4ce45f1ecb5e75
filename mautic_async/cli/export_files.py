"""The files of an export: JSON lines, CSV, Parquet."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Literal, TextIO, TypeAlias

from mautic_async.cli.export_rows import flatten
from mautic_async.cli.export_spool import Spool, columns_of
from mautic_async.cli.rejects_file import create_private_file

ExportFormat: TypeAlias = Literal["csv", "jsonl", "parquet"]

ENDINGS: Final[dict[str, ExportFormat]] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}


def write_file(spool: Spool, target: Path | None, file_format: ExportFormat, first_columns: Sequence[str]) -> None:
    """Write the rows of *spool* in their final form, and remove it.

    The file appears under its name when it is complete.

    Args:
        spool: The rows.
        target: The file; None is standard output.
        file_format: Of the file.
        first_columns: Columns that a table has in any case, before the others.
    """
    if file_format == "jsonl":
        if target is not None:
            spool.path.replace(target)
        else:
            with spool.path.open(encoding="utf-8") as lines:
                sys.stdout.writelines(lines)
        spool.remove(keep_rows=target is not None)
        return
    names = columns_of((tuple(name for name, _ in flatten(row)) for row in spool), first_columns)
    draft = None if target is None else target.with_name(f"{target.name}.new")
    if file_format == "csv":
        _write_csv(spool, draft, names)
    else:
        from mautic_async.cli.parquet_file import write_parquet

        assert draft is not None  # noqa: S101 - Parquet is not written to standard output
        create_private_file(draft).close()
        write_parquet(draft, names, lambda: (dict(flatten(row)) for row in spool))
    if draft is not None and target is not None:
        draft.replace(target)
    spool.remove()


def _write_csv(spool: Spool, draft: Path | None, names: Sequence[str]) -> None:
    with ExitStack() as stack:
        file: TextIO = sys.stdout if draft is None else stack.enter_context(create_private_file(draft))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in spool:
            cells = dict(flatten(row))
            writer.writerow([to_cell(cells.get(name)) for name in names])


def to_cell(value: Any) -> str:
    """Return a value as the text of a cell: lists with ``|`` between the parts, other structures as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))  # PHP takes the word "false" for true
    if isinstance(value, list) and all(isinstance(part, str) and "|" not in part for part in value):
        return "|".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else str(value)
