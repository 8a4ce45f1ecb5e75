"""A report as one HTML page that stands alone: counts, reasons, and the timeline as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from mautic_async._html import html_table
from mautic_async.bulk.timeline import TimelinePoint, timeline_svg

STYLE: Final = (
    "body { font: 15px system-ui, sans-serif; margin: 2em auto; max-width: 46em; color: #1f2328 }"
    "table { border-collapse: collapse; margin: 1em 0 } caption { text-align: left; font-weight: 600 }"
    "td, th { border-bottom: 1px solid #d0d7de; padding: .3em .9em .3em 0; text-align: left }"
)


def report_page(title: str, table: str, reasons: Mapping[str, int], timeline: Sequence[TimelinePoint]) -> str:
    """Return an HTML page without scripts and without anything from elsewhere.

    Args:
        title: Heading.
        table: The counts, as HTML.
        reasons: Reasons why rows were not stored whole, with the number of rows; texts of Mautic may repeat values.
        timeline: Samples of the job.
    """
    parts = [f"<h1>{escape(title)}</h1>", table]
    if reasons:
        ordered = sorted(reasons.items(), key=lambda pair: -pair[1])
        parts.append(html_table("Why rows were not stored", ordered, ("reason", "rows")))
    picture = timeline_svg(timeline)
    if picture:
        parts += ["<h2>Timeline</h2>", picture]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body>\n</html>\n"
    )
