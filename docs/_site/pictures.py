"""Writes the diagrams of the documents as SVG, and the demo's terminal: ``python -m docs._site.pictures [demo]``.

The colours suit light and dark pages: each picture brings its own background.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "assets"
INK, LINE, PAPER, BOX, MARK = "#1e293b", "#64748b", "#f8fafc", "#e2e8f0", "#c2410c"
FONT = "font-family='system-ui, sans-serif'"


def text(x: float, y: float, words: str, *, size: int = 13, color: str = INK, anchor: str = "start") -> str:
    """Return a line of text."""
    return f"<text x='{x}' y='{y}' font-size='{size}' fill='{color}' text-anchor='{anchor}'>{escape(words)}</text>"


def box(x: float, y: float, width: float, words: str, *, height: float = 30, fill: str = BOX) -> str:
    """Return a box with a centred line of text."""
    shape = f"<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='5' fill='{fill}' stroke='{LINE}'/>"
    return shape + text(x + width / 2, y + height / 2 + 5, words, anchor="middle")


def arrow(x1: float, y1: float, x2: float, y2: float, *, color: str = LINE, dashed: bool = False) -> str:
    """Return an arrow."""
    dash = " stroke-dasharray='5 4'" if dashed else ""
    kind = "mark" if color == MARK else "line"
    ends = f"x1='{x1}' y1='{y1}' x2='{x2}' y2='{y2}'"
    return f"<line {ends} stroke='{color}' stroke-width='1.5'{dash} marker-end='url(#{kind})'/>"


def picture(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """Return a whole picture."""
    heads = "".join(
        f"<marker id='{name}' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        f"<path d='M0 0 L8 4 L0 8 z' fill='{color}'/></marker>"
        for name, color in (("line", LINE), ("mark", MARK))
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' {FONT} role='img'>"
        f"<title>{escape(title)}</title><defs>{heads}</defs>"
        f"<rect width='{width}' height='{height}' rx='8' fill='{PAPER}'/>" + "\n".join(parts) + "</svg>\n"
    )


def request_path() -> str:
    """Return the path of a request through the client."""
    steps = [
        ("await mautic.contacts.edit(3, ...)", "your code"),
        ("Contacts.edit", "builds the call: path, body, effect of a repetition"),
        ("Pipeline.send", "retries, within the retry budget and the circuit breaker"),
        ("Attempt.run", "waits for a slot of the rate limiter; a task of its own"),
        ("authentication", "adds the token; refreshes it once after a 401"),
        ("Transport", "bytes out, bytes in (httpx, or aiohttp with [fast])"),
        ("Mautic", "PHP behind a proxy; it continues when the client has left"),
    ]
    parts = []
    for number, (name, does) in enumerate(steps):
        y = 20 + 52 * number
        parts += [box(20, y, 240, name), text(280, y + 20, does)]
        if number:
            parts.append(arrow(140, y - 22, 140, y - 2))
    parts += [
        arrow(235, 330, 235, 310, color=MARK),
        text(280, 322, "protocol and codec turn the answer into a Contact", color=MARK),
    ]
    return picture(700, 390, "The path of a request: resource, retry, rate limit, authentication, transport", parts)


def row_path() -> str:
    """Return the path of a row through a bulk job."""
    steps = ["rows", "reader", "ordering", "ready", "sender", "Mautic"]
    notes = ["your source", "checks, journal", "one key at a time", "batches", "journal, send", ""]
    parts = []
    for number, (name, note) in enumerate(zip(steps, notes, strict=True)):
        x = 20 + 125 * number
        parts += [box(x, 30, 95, name), text(x + 47, 78, note, size=11, anchor="middle", color=LINE)]
        if number:
            parts.append(arrow(x - 30, 45, x - 2, 45))
    parts += [
        box(520, 130, 220, "results: an answer, row by row"),
        arrow(692, 62, 692, 128),
        box(270, 130, 200, "sink: journal, report"),
        arrow(520, 145, 472, 145),
        box(20, 130, 200, "async for outcome in job"),
        arrow(270, 145, 222, 145),
        box(520, 210, 220, "recovery: the answer is lost"),
        arrow(630, 162, 630, 208, color=MARK),
        text(640, 190, "unknown", size=11, color=MARK),
        box(270, 210, 200, "reconcile: wait, look twice"),
        arrow(520, 225, 472, 225, color=MARK),
        arrow(370, 208, 370, 164),
        text(378, 190, "stored", size=11),
        f"<path d='M270 225 H245 V106 H440' fill='none' stroke='{MARK}' stroke-width='1.5' stroke-dasharray='5 4'/>",
        arrow(440, 106, 440, 86, color=MARK, dashed=True),
        text(252, 122, "missing: again", size=11, color=MARK),
    ]
    return picture(
        765, 265, "The path of a row: read, ordered, batched, sent, answered; or looked up and sent again", parts
    )


def lost_answer() -> str:
    """Return the life of a batch whose answer is lost, as a sequence."""
    lanes = {"job": 90, "journal": 250, "proxy": 420, "PHP": 600}
    events: list[tuple[str, str, str, bool]] = [
        ("job", "journal", "rows 1 to 200: about to send", False),
        ("job", "proxy", "POST contacts/batch/new", False),
        ("proxy", "PHP", "", False),
        ("proxy", "job", "504: no answer in time", True),
        ("job", "journal", "rows 1 to 200: unknown", True),
        ("PHP", "PHP", "PHP stores rows 1 to 180, then fails", False),
        ("job", "job", "wait reconcile_after; send other rows meanwhile", True),
        ("job", "PHP", "which of these are stored? (twice)", False),
        ("PHP", "job", "rows 1 to 180", False),
        ("job", "journal", "rows 1 to 180: done", False),
        ("job", "PHP", "rows 181 to 200, again", False),
        ("PHP", "job", "201: stored", False),
    ]
    height = 70 + 36 * len(events)
    parts = [
        f"<line x1='{x}' y1='50' x2='{x}' y2='{height - 10}' stroke='{LINE}' stroke-dasharray='2 4'/>"
        for x in lanes.values()
    ]
    parts += [box(x - 55, 18, 110, name) for name, x in lanes.items()]
    for number, (source, target, words, bad) in enumerate(events):
        y, color = 84 + 36 * number, MARK if bad else LINE
        x1, x2 = lanes[source], lanes[target]
        if source == target:
            side = "end" if source == "PHP" else "start"
            parts += [
                f"<circle cx='{x1}' cy='{y - 4}' r='5' fill='{color}'/>",
                text(x1 + (-12 if side == "end" else 12), y, words, size=12, color=MARK if bad else INK, anchor=side),
            ]
            continue
        parts += [
            arrow(x1, y, x2, y, color=color),
            text((x1 + x2) / 2, y - 6, words, size=12, color=MARK if bad else INK, anchor="middle"),
        ]
    return picture(690, height, "A batch whose answer is lost: wait, look twice, send only what is missing", parts)


def pictures() -> Mapping[str, str]:
    """Return the diagrams by file name."""
    return {"request.svg": request_path(), "row.svg": row_path(), "lost-answer.svg": lost_answer()}


def demo() -> str:
    """Run the demo, and return its terminal as an SVG."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI
    from rich.text import Text

    command = [sys.executable, "-m", "mautic_async", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    progress = done.stderr.splitlines()
    tables = done.stdout[done.stdout.index("Met on the way") :]
    console = Console(record=True, width=100, file=io.StringIO(), highlight=False)
    console.print(Text("$ mautic-async demo", style="bold green"))
    console.print(Text("\n".join([progress[0], *progress[-2:], "...", tables.rstrip()])))
    return _without_fonts(console.export_svg(title="mautic-async demo", theme=MONOKAI, unique_id="demo"))


def _without_fonts(svg: str) -> str:
    """Return the picture without the fonts that it would fetch from another host."""
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)


def main() -> None:
    """Write the diagrams; with the argument ``demo`` also the demo's terminal."""
    ASSETS.mkdir(exist_ok=True)
    for name, content in pictures().items():
        (ASSETS / name).write_text(content, encoding="utf-8")
    if "demo" in sys.argv[1:]:
        (ASSETS / "demo.svg").write_text(demo(), encoding="utf-8")


if __name__ == "__main__":
    main()
