"""Tables on standard output: two columns on a terminal, plain text or JSON otherwise."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from mautic_async.cli.option_words import in_option_words

if TYPE_CHECKING:
    from mautic_async.cli.import_settings import ImportResult, ImportSettings

MAX_REASONS: Final = 10
"""Reasons that a table names one by one, the most frequent first."""


def print_json(value: Any) -> None:
    """Print one JSON value on a line of standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


def print_table(title: str, lines: Sequence[tuple[str, object]]) -> None:
    """Print names and values on standard output; plain text where that is no terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        width = max(len(name) for name, _ in lines)
        text = "".join(f"  {name:<{width}}  {value}\n" for name, value in lines)
        sys.stdout.write(f"{title}:\n{text}")
        return
    grid = Table(title=title, show_header=False)
    grid.add_column()
    grid.add_column(justify="left")
    for name, value in lines:
        grid.add_row(Text(name), Text(str(value)))
    console.print(grid)


def print_result(
    title: str, lines: Sequence[tuple[str, object]], settings: ImportSettings, result: ImportResult, *, as_json: bool
) -> None:
    """Print the result of an import: a table or JSON on standard output, sentences on standard error."""
    if as_json:
        print_json(result_json(result))
    else:
        print_table(title, lines)
    for line in notes(settings, result):
        typer.echo(line, err=True)


def write_html(path: Path, title: str, result: ImportResult) -> None:
    """Write the report of an import as one HTML page with counts, reasons and the timeline as a picture.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    from attrs import evolve

    from mautic_async.cli.rejects_file import create_private_file

    report = evolve(result.report, rejected=result.report.rejected + result.refused)
    with create_private_file(path) as file:
        file.write(report.to_html(title, result.reasons))


def result_json(result: ImportResult) -> dict[str, Any]:
    """Return the result of an import, or of a dry run, for ``--json``."""
    report = result.report
    return {
        "status": result.status,
        "read": result.read,
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "vanished": report.vanished,
        "rejected": report.rejected + result.refused,
        "partial": report.partial,
        "unknown": report.unknown,
        "resumed": report.resumed,
        "unsent": report.unsent,
        "requests": report.requests,
        "seconds": round(report.seconds, 3),
        "guarantee": report.guarantee,
        "reasons": result.reasons,
        "rejected_file": None if result.rejected is None else str(result.rejected),
        "interrupted": result.interrupted,
        "error": None if result.error is None else in_option_words(str(result.error)),
        "warnings": result.warnings,
    }


def result_lines(result: ImportResult) -> list[tuple[str, object]]:
    """Return the lines of the table of an import; counts beside the first four only where they are not 0."""
    report = result.report
    counts = {
        "unchanged": report.unchanged,
        "partial": report.partial,
        "unknown": report.unknown,
        "resumed": report.resumed,
        "unsent": report.unsent,
    }
    lines: list[tuple[str, object]] = [
        ("rows read", f"{result.read:,}"),
        ("created", f"{report.created:,}"),
        ("updated", f"{report.updated:,}"),
        ("rejected", f"{report.rejected + result.refused:,}"),
        *reason_lines(result.reasons),
        *((name, f"{count:,}") for name, count in counts.items() if count),
        *([("vanished", f"{report.vanished:,}, not in the file any more")] if report.vanished else []),
        *(guarantee_lines(report.guarantee) if result.has_items else []),
        ("requests", f"{report.requests:,}"),
        ("seconds", f"{report.seconds:.1f}"),
    ]
    if result.rejected is not None:
        lines.append(("rejected rows in", result.rejected))
    return lines


def guarantee_lines(guarantee: str) -> list[tuple[str, object]]:
    """Return the guarantee for new custom items in lines, one for each object."""
    parts = re.split(r"; (?=[\w-]+: )", guarantee.removeprefix("new custom items: "))
    named = [re.fullmatch(r"([\w-]+): (.*)", part) for part in parts]
    return [
        (f"new {match[1]}", match[2]) if match else ("new items", part)
        for part, match in zip(parts, named, strict=True)
    ]


def dry_run_lines(result: ImportResult) -> list[tuple[str, object]]:
    """Return the lines of the table of a dry run."""
    lines: list[tuple[str, object]] = [
        ("rows read", f"{result.read:,}"),
        ("fit to be sent", f"{result.report.updated:,}"),
        ("rejected", f"{result.refused:,}"),
        *reason_lines(result.reasons),
    ]
    if result.rejected is not None:
        lines.append(("rejected rows in", result.rejected))
    return lines


def reason_lines(counts: Mapping[str, int]) -> list[tuple[str, Any]]:
    """Return a line for each of the most frequent reasons, and one for the rest."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    lines: list[tuple[str, Any]] = [(f"  {count:,} x", reason) for reason, count in ranked[:MAX_REASONS]]
    if len(ranked) > MAX_REASONS:
        rest = sum(count for _, count in ranked[MAX_REASONS:])
        lines.append((f"  {rest:,} x", f"{len(ranked) - MAX_REASONS} other reasons"))
    return lines


def notes(settings: ImportSettings, result: ImportResult) -> list[str]:
    """Return sentences for the user beside the numbers."""
    lines = [f"warning: {warning}" for warning in result.warnings]
    if result.error is not None:
        lines.append(f"error: {in_option_words(str(result.error))}")
    if result.interrupted:
        lines.append("interrupted before the end")
    if result.error is not None or result.interrupted:
        journal = settings.journal
        how = f"--journal {journal.path} --resume" if journal is not None else "next time with --journal FILE"
        lines.append(f"to go on where it stopped: {how}")
    if result.report.unknown:
        lines.append(f"{result.report.unknown:,} rows may be stored: look in Mautic before you send them again")
        if not settings.match_items:
            lines.append("after a lost answer, --item-unique or --item-marker let new custom items be recognised")
    return lines
