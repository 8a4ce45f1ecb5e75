"""Rounds, medians and tables. Every figure is a ratio against something measured beside it, in the same run."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Self

from attrs import frozen

HOME = Path(__file__).resolve().parent.parent
QUICK = "--quick" in sys.argv
"""Fewer and shorter rounds: to see that everything runs, not for figures."""


@contextlib.contextmanager
def server(*options: str) -> Iterator[str]:
    """The canned server in a process of its own; gives its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._server", *options], cwd=HOME, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


@frozen
class Spent:
    """What some work took, in seconds."""

    wall: float
    cpu: float


def spend(work: Callable[[], object]) -> Spent:
    """Run *work* once, without the collector's whims."""
    gc.collect()
    gc.disable()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        work()
    finally:
        gc.enable()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


async def spend_async(work: Callable[[], Awaitable[object]]) -> Spent:
    """The same for a coroutine; the collector stays on, as it would in a service."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def median(values: list[float]) -> float:
    return statistics.median(values)


_HANDLE: Any = asyncio.events.Handle
"""Every step of every task is one; the loop has no other place to look from."""


class Watchdog:
    """The longest turn that a task took on the event loop, in seconds of CPU.

    CPU, because a machine that does other things, too, takes the processor away in the middle of a turn. Python's own
    garbage collection, which comes when it comes, is counted apart.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.collecting = 0.0
        self.stretches: list[float] = []
        self._began = 0.0
        self._spent = 0.0
        self._plain = _HANDLE._run  # noqa: SLF001 - see _HANDLE

    def _collected(self, phase: str, _: object) -> None:
        if phase == "start":
            self._began = time.thread_time()
            return
        taken = time.thread_time() - self._began
        self._spent += taken
        self.collecting = max(self.collecting, taken)

    def __enter__(self) -> Self:
        plain, watch = self._plain, self

        def run(handle: asyncio.Handle) -> None:
            began, before = time.thread_time(), watch._spent
            plain(handle)
            taken = time.thread_time() - began - (watch._spent - before)
            if taken > watch.longest:
                watch.longest = taken
                watch.stretches.append(taken)

        _HANDLE._run = run  # noqa: SLF001 - see _HANDLE
        gc.callbacks.append(self._collected)
        return self

    def __exit__(self, *exc: object) -> None:
        _HANDLE._run = self._plain  # noqa: SLF001 - see _HANDLE
        gc.callbacks.remove(self._collected)


# --- telling -------------------------------------------------------------------------------------------------------


def table(title: str, head: list[str], rows: list[list[str]]) -> None:
    """Print aligned columns."""
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    print(f"\n{title}")
    for line in [head, ["-" * width for width in widths], *rows]:
        first, *rest = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(["", first.strip().ljust(widths[0]), *rest]))


FIGURES: list[tuple[str, str, str, bool]] = []


def figure(name: str, value: float, bound: float, *, unit: str = "x", least: bool = True) -> None:
    """Note a figure beside the target it is held against: at *least* it, or at most."""
    met = value >= bound if least else value <= bound
    FIGURES.append((name, f"{value:.3g} {unit}".strip(), f"{'>=' if least else '<='} {bound:g} {unit}".strip(), met))


def conclude() -> None:
    """Print the figures that have targets."""
    table(
        "figures",
        ["what", "measured", "target", "met"],
        [[name, value, bound, "yes" if met else "NO"] for name, value, bound, met in FIGURES],
    )


def machine() -> str:
    """The kind of machine and the versions, for the record."""
    from importlib.metadata import PackageNotFoundError, version

    found = [f"Python {platform.python_version()}", f"{platform.system()} {platform.machine()}"]
    found.append(f"{os.cpu_count()} cores")
    for name in ("httpx", "attrs", "cattrs", "orjson", "aiohttp"):
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return ", ".join(found)


def main(run: Callable[[], None]) -> None:
    """Run one benchmark as a program."""
    print(machine())
    run()
    if FIGURES:
        conclude()
