"""A report as one HTML page that stands alone: counts, reasons, and the timeline as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Final

from mautic_async._html import html_table
from mautic_async.bulk.timeline import timeline_svg

if TYPE_CHECKING:
    from mautic_async.bulk.outcomes import BulkReport

STYLE: Final = (
    "body { font: 15px system-ui, sans-serif; margin: 2em auto; max-width: 46em; color: #1f2328 }"
    "table { border-collapse: collapse; margin: 1em 0 } caption { text-align: left; font-weight: 600 }"
    "td, th { border-bottom: 1px solid #d0d7de; padding: .3em .9em .3em 0; text-align: left }"
)


def report_page(report: BulkReport, *, title: str = "Bulk job", reasons: Mapping[str, int] | None = None) -> str:
    """Return *report* as an HTML page without scripts and without anything from elsewhere.

    Args:
        report: Of the job.
        title: Heading.
        reasons: Why rows were not stored whole, and how many there are of each; texts of Mautic may repeat values.
    """
    parts = [f"<h1>{escape(title)}</h1>", report._repr_html_()]
    if reasons:
        ordered = sorted(reasons.items(), key=lambda pair: -pair[1])
        parts.append(html_table("Why rows were not stored", ordered, ("reason", "rows")))
    picture = timeline_svg(report.timeline)
    if picture:
        parts += ["<h2>Timeline</h2>", picture]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body>\n</html>\n"
    )
