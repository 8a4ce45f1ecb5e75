"""Bars as SVG for the documents: a whole run of the benchmarks writes them anew.

A quick run writes them only with ``MAUTIC_ASYNC_CHARTS=1``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from benchmarks import _measure
from docs._site.pictures import ASSETS, INK, LINE, picture, text

OURS, THEIRS = "#3f51b5", "#94a3b8"
WRITES = not _measure.QUICK or "MAUTIC_ASYNC_CHARTS" in os.environ


def bars(name: str, title: str, unit: str, values: Mapping[str, float]) -> None:
    """Write a chart of horizontal bars to ``docs/assets/bench-NAME.svg``; those of this client stand out."""
    if WRITES and values:
        (ASSETS / f"bench-{name}.svg").write_text(draw(title, unit, values), encoding="utf-8")


def draw(title: str, unit: str, values: Mapping[str, float]) -> str:
    """Return the chart."""
    left, width = 245, 350
    parts = [text(20, 28, title, size=15), text(20, 48, unit, size=11, color=LINE)]
    for number, (label, value) in enumerate(values.items()):
        y, length = 64 + 26 * number, max(1.0, width * value / max(values.values()))
        color = OURS if "ours" in label else THEIRS
        parts += [
            text(left - 10, y + 14, label.replace("ours", "mautic-async"), size=12, anchor="end"),
            f"<rect x='{left}' y='{y}' width='{length:.0f}' height='19' rx='3' fill='{color}'/>",
            text(left + length + 8, y + 14, f"{value:,.3g}" if value < 1000 else f"{value:,.0f}", size=12, color=INK),
        ]
    return picture(690, 76 + 26 * len(values), title, parts)
