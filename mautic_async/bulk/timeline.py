"""The course of a job over time: a bounded number of samples, and a picture of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from attrs import frozen

if TYPE_CHECKING:
    from mautic_async.clock import Clock

MAX_POINTS: Final = 400
"""Points that are kept at most. When there are more, every second one goes, and only half as many are taken."""

RATE_WINDOW: Final = 10.0
"""Seconds over which the rate of a `Progress` is taken."""

WIDTH: Final = 720
HEIGHT: Final = 200


@frozen
class TimelinePoint:
    """The job at one moment.

    Attributes:
        seconds: Since the start of the job.
        rows: Rows that have an outcome.
        batch: Rows a request.
        concurrency: Requests that may be in flight at once.
        waited: Seconds in which the whole job has stood still so far.
    """

    seconds: float
    rows: int
    batch: int
    concurrency: int
    waited: float


class Timeline:
    """Samples of a job, evenly spread over its time, however long it takes."""

    def __init__(self) -> None:
        self._points: list[TimelinePoint] = []
        self._interval = 0.0

    def add(self, point: TimelinePoint, *, is_last: bool = False) -> None:
        """Take a sample, unless it comes too soon after the one before."""
        points = self._points
        if points and not is_last and point.seconds - points[-1].seconds < self._interval:
            return
        points.append(point)
        if len(points) > MAX_POINTS:
            # Halving the points and doubling their distance keeps memory constant and the points evenly spread.
            self._interval = 2 * (points[-1].seconds - points[0].seconds) / len(points)
            self._points = [*points[:-1:2], points[-1]]

    @property
    def points(self) -> tuple[TimelinePoint, ...]:
        """The samples, in order."""
        return tuple(self._points)


class RowRate:
    """The time that a job has run, and the rows a second that it has finished lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_at = 0.0
        self._stopped_at: float | None = None
        self._samples: deque[tuple[float, int]] = deque()

    def start(self) -> None:
        """Begin to measure."""
        self._started_at = self._clock.monotonic()

    def stop(self) -> None:
        """End the time of the job."""
        self._stopped_at = self._clock.monotonic()

    @property
    def is_stopped(self) -> bool:
        """True if the job has ended."""
        return self._stopped_at is not None

    @property
    def seconds(self) -> float:
        """Seconds that the job has taken so far, or in all."""
        end = self._stopped_at if self._stopped_at is not None else self._clock.monotonic()
        return end - self._started_at

    def sample(self, rows: int) -> float:
        """Record that *rows* are finished by now; return the rows a second of the last `RATE_WINDOW` seconds."""
        now = self._clock.monotonic()
        samples = self._samples
        samples.append((now, rows))
        while len(samples) > 2 and samples[0][0] < now - RATE_WINDOW:
            samples.popleft()
        # The oldest sample that is kept lies just outside the window, so the rate covers all of it.
        since, before = samples[0]
        return (rows - before) / (now - since) if now > since else 0.0


def timeline_svg(points: Sequence[TimelinePoint]) -> str:
    """Return a picture of rows, batch size and concurrency over time as SVG; each line is scaled to its own maximum."""
    if len(points) < 2:
        return ""
    lines = [
        _line(points, [point.rows for point in points], "#1f6feb", "rows"),
        _line(points, [point.batch for point in points], "#bf5700", "rows a request"),
        _line(points, [point.concurrency for point in points], "#2da44e", "requests at once"),
    ]
    pauses = [
        f'<rect x="{_x(before, points):.1f}" width="{max(1.0, _x(after, points) - _x(before, points)):.1f}" y="0"'
        f' height="{HEIGHT}" fill="#d0d7de"><title>waiting</title></rect>'
        for before, after in pairwise(points)
        if after.waited > before.waited
    ]
    legend = [
        f'<text x="{8 + 240 * place}" y="{HEIGHT + 34}" font-size="12" fill="{colour}">{name}: up to {top:,}</text>'
        for place, (name, colour, top) in enumerate(_tops(points))
    ]
    axis = f'<text x="{WIDTH}" y="{HEIGHT + 16}" font-size="12" text-anchor="end">{points[-1].seconds:,.1f} s</text>'
    frame = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#8c959f"/>'
    size = f'viewBox="0 0 {WIDTH} {HEIGHT + 44}" width="{WIDTH}" role="img" aria-label="timeline of the job"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join([*pauses, frame, *lines, axis, *legend])}</svg>'


def _tops(points: Sequence[TimelinePoint]) -> list[tuple[str, str, int]]:
    return [
        ("rows", "#1f6feb", max(point.rows for point in points)),
        ("rows a request", "#bf5700", max(point.batch for point in points)),
        ("requests at once", "#2da44e", max(point.concurrency for point in points)),
    ]


def _x(point: TimelinePoint, points: Sequence[TimelinePoint]) -> float:
    span = points[-1].seconds - points[0].seconds
    return WIDTH * (point.seconds - points[0].seconds) / span if span else 0.0


def _line(points: Sequence[TimelinePoint], values: Sequence[int], colour: str, name: str) -> str:
    top = max(values) or 1
    path = " ".join(
        f"{_x(point, points):.1f},{HEIGHT - (HEIGHT - 8) * value / top:.1f}"
        for point, value in zip(points, values, strict=True)
    )
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"><title>{name}</title></polyline>'
    )
