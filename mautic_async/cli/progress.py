"""Progress on standard error: a bar with an ETA on a terminal, plain lines otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from mautic_async import Progress
    from mautic_async.cli.input_file import InputSource

LINE_INTERVAL: Final = 10.0
"""Seconds between two plain lines."""


class ProgressBar:
    """A bar on a terminal, or a plain line every `LINE_INTERVAL` seconds.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started_at = self._last_line_at = clock()
        self._first_fraction: float | None = None
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def start_bar(self, name: str) -> None:
        """Begin to show the progress of *name*."""
        self._started_at = self._last_line_at = self._clock()
        if _console().is_terminal:
            self._bar = _new_bar()
            self._bar.start()
            self._task = self._bar.add_task(name[:20], total=None, summary="")

    def show(self, fraction: float | None, summary: str, details: str = "") -> None:
        """Show how far the work is.

        Args:
            fraction: 0 to 1, or None where the end is not known.
            summary: Beside the bar.
            details: Before the summary, where a line stands by itself.
        """
        if self._first_fraction is None:
            self._first_fraction = fraction
        eta = self._eta(fraction)
        if self._bar is not None and self._task is not None:
            total = None if fraction is None else 1.0
            text = summary + (f", {eta} left" if eta else "")
            self._bar.update(self._task, completed=fraction or 0.0, total=total, summary=text)
        elif self._clock() - self._last_line_at >= LINE_INTERVAL:
            self._last_line_at = self._clock()
            percent = "" if fraction is None else f"{fraction:.0%}, "
            self.print(percent + ", ".join(filter(None, (details, summary, f"{eta} left" if eta else ""))))

    def _eta(self, fraction: float | None) -> str:
        elapsed = self._clock() - self._started_at
        done = (fraction or 0.0) - (self._first_fraction or 0.0)  # a resumed export begins in the middle
        if fraction is None or done <= 0 or elapsed <= 0:
            return ""
        seconds = round(elapsed * (1 - fraction) / done)
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"

    def print(self, text: str) -> None:
        """Print a line on standard error."""
        console = self._bar.console if self._bar is not None else _console()
        console.print(text, markup=False, highlight=False)

    def stop(self) -> None:
        """Remove the bar from the terminal's live region."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class ProgressDisplay(ProgressBar):
    """The progress of a bulk job.

    Args:
        clock: Monotonic seconds.
        total: Rows of the input, where they are known; otherwise bytes of the file tell how far the job is.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, total: int | None = None) -> None:
        super().__init__(clock)
        self._total = total
        self._source: InputSource | None = None

    def start(self, source: InputSource) -> None:
        """Begin to show the progress of the import of *source*."""
        self._source = source
        self.start_bar(Path(source.name).name)

    def update(self, progress: Progress) -> None:
        """Show where the job stands."""
        report = progress.report
        details = [f"{progress.done:,} rows", f"{report.created:,} created", f"{report.updated:,} updated"]
        if progress.awaiting_check:
            details.append(f"{progress.awaiting_check:,} to be looked up")
        self.show(self._fraction(progress), _summary(progress), ", ".join(details))

    def _fraction(self, progress: Progress) -> float | None:
        if self._total is not None:
            return min(1.0, progress.done / max(1, self._total))
        read = self._source.fraction_read if self._source is not None else None
        # Rows are read ahead of their outcomes, so what was read counts only as far as its rows are done.
        return None if read is None else read * progress.done / max(1, progress.taken)


def _summary(progress: Progress) -> str:
    report, budget = progress.report, progress.budget
    parts = [f"{progress.rate:,.0f}/s"]
    if not_stored := report.rejected + report.partial + report.unknown:
        parts.append(f"{not_stored:,} not stored")
    spent = budget is not None and not budget.remaining
    if budget is not None:
        parts.append(f"{budget.remaining:,} of {budget.limit:,} calls left")
    if progress.paused:
        reason = "the rate limit" if spent else "the server after an error"
        parts.append(f"waiting {progress.paused:.0f} s for {reason}")
    elif spent and budget is not None and budget.reset:
        parts.append(f"waiting {budget.reset:.0f} s for the rate limit")
    return ", ".join(parts)


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True, soft_wrap=True)


def _new_bar() -> Bar:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TaskProgressColumn(),
        TextColumn("{task.fields[summary]}", markup=False),
        TimeElapsedColumn(),
        console=_console(),
    )
