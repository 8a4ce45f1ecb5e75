"""What the command line shows: a bar on a terminal, plain lines otherwise, a table at the end."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from mautic_async import Progress
    from mautic_async.cli.import_settings import Job, Result
    from mautic_async.cli.input_file import InputFile

LINE_INTERVAL: Final = 10.0
"""Seconds between two plain lines."""
MAX_REASONS: Final = 10
"""Reasons that the table names one by one, the most frequent first."""


class ProgressDisplay:
    """Progress on standard error, results on standard output.

    Args:
        clock: Seconds that only grow.
        total: Rows of the input, where they are known.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, total: int | None = None) -> None:
        self._clock = clock
        self._total = total
        self._last_line_at = clock()
        self._source: InputFile | None = None
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self.last_progress: Progress | None = None

    def start(self, source: InputFile) -> None:
        """The input is open."""
        self._source = source
        if _console().is_terminal:
            self._bar, self._task = _bar(), None
            self._bar.start()
            self._task = self._bar.add_task(Path(source.name).name[:20], total=1.0, told="")

    def update(self, progress: Progress) -> None:
        """The job has moved."""
        self.last_progress = progress
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task, completed=self._fraction_done(progress), total=self._bar_total, told=_summary(progress)
            )
        elif self._clock() - self._last_line_at >= LINE_INTERVAL:
            self._last_line_at = self._clock()
            self.print(_line(progress))

    def print(self, text: str) -> None:
        """A line of its own."""
        _console().print(text, markup=False, highlight=False)

    def stop(self) -> None:
        """The job is over."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    @property
    def _bar_total(self) -> float | None:
        return 1.0 if self._total is not None or (self._source is not None and self._source.size) else None

    def _fraction_done(self, progress: Progress) -> float:
        """How much is done: by rows where their number is known, by bytes of the file otherwise."""
        if self._total is not None:
            return min(1.0, progress.done / max(1, self._total))
        if self._source is None or not self._source.size:
            return 0.0
        return self._source.bytes_read / self._source.size * progress.done / max(1, progress.taken)


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True, soft_wrap=True)


def _bar() -> Bar:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TaskProgressColumn(),
        TextColumn("{task.fields[told]}", markup=False),
        TimeElapsedColumn(),
        console=_console(),
    )


def _line(progress: Progress) -> str:
    """A line that stands by itself."""
    report = progress.report
    parts = [f"{report.created:,} created", f"{report.updated:,} updated"]
    if progress.awaiting_check:
        parts.append(f"{progress.awaiting_check:,} to look after")
    return f"{progress.done:,} rows, {', '.join(parts)}, {_summary(progress)}"


def _summary(progress: Progress) -> str:
    """What fits beside a bar."""
    report, budget = progress.report, progress.budget
    parts = [f"{progress.rate:,.0f}/s"]
    if not_stored := report.rejected + report.partial + report.unknown:
        parts.append(f"{not_stored:,} not stored")
    if budget is not None:
        parts.append(
            f"budget {budget.remaining}/{budget.limit}" + ("" if budget.remaining else f", {budget.reset:.0f} s")
        )
    if progress.paused:
        parts.append(f"pause {progress.paused:.0f} s")
    return ", ".join(parts)


def print_table(title: str, lines: Sequence[tuple[str, object]]) -> None:
    """Two columns on standard output; plain text where that is no terminal."""
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


def result_lines(result: Result) -> list[tuple[str, object]]:
    """The result of an import, line by line."""
    report = result.report
    lines: list[tuple[str, object]] = [
        ("rows read", f"{result.read:,}"),
        ("created", f"{report.created:,}"),
        ("updated", f"{report.updated:,}"),
        ("rejected", f"{report.rejected + result.refused:,}"),
        *reason_lines(result.reasons),
    ]
    lines += [
        (name, f"{count:,}") for name, count in (("partial", report.partial), ("unknown", report.unknown)) if count
    ]
    lines += [(name, f"{count:,}") for name, count in (("resumed", report.resumed), ("unsent", report.unsent)) if count]
    lines += [("requests", f"{report.requests:,}"), ("seconds", f"{report.seconds:.1f}")]
    if result.rejected is not None:
        lines.append(("rejected rows in", result.rejected))
    return lines


def reason_lines(counts: Mapping[str, int]) -> list[tuple[str, Any]]:
    """The most frequent reasons, and how many more there are."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    lines: list[tuple[str, Any]] = [(f"  {count:,} x", reason) for reason, count in ranked[:MAX_REASONS]]
    if len(ranked) > MAX_REASONS:
        lines.append(
            (f"  {sum(count for _, count in ranked[MAX_REASONS:]):,} x", f"{len(ranked) - MAX_REASONS} other reasons")
        )
    return lines


def notes(job: Job, result: Result) -> list[str]:
    """What the user should know beside the numbers."""
    lines: list[str] = []
    if result.error is not None:
        lines.append(f"error: {result.error}")
    if result.interrupted:
        lines.append("stopped before the end")
    if result.error is not None or result.interrupted:
        resume_options = f"--journal {job.journal} --resume" if job.journal else "next time with --journal FILE"
        lines.append(f"to go on where it stopped: {resume_options}")
    if result.report.unknown:
        lines.append(f"{result.report.unknown:,} rows may be stored: look in Mautic before you send them again")
    if job.items or not result.report.unknown:
        return lines
    return [*lines, "new custom items are found again after a lost answer with --item-unique or --item-marker"]
