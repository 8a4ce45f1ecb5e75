"""The timeline of a job, bounded, and reports as HTML."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

from mautic_async.bulk import BulkReport, RateLimitStatus, TimelinePoint
from mautic_async.bulk.timeline import MAX_POINTS, Timeline, timeline_svg
from tests.support.bulk_jobs import make_rows, run_job


def point(seconds: float) -> TimelinePoint:
    return TimelinePoint(seconds, int(10 * seconds), 50, 2, 1.0 if seconds > 3 else 0.0)


def test_a_timeline_is_bounded_and_evenly_spread() -> None:
    timeline = Timeline()
    for tick in range(20_000):
        timeline.add(point(tick / 2))
    timeline.add(point(10_000.0), is_last=True)
    seconds = [one.seconds for one in timeline.points]
    assert MAX_POINTS / 4 < len(seconds) <= MAX_POINTS
    assert (seconds[0], seconds[-1]) == (0.0, 10_000.0)
    gaps = [after - before for before, after in pairwise(seconds)]
    assert max(gaps) < 4 * 10_000 / len(seconds)


def test_a_report_has_the_timeline_of_its_job() -> None:
    _, report, _ = run_job(make_rows(500))
    assert report.timeline
    rows = [one.rows for one in report.timeline]
    assert rows == sorted(rows)
    assert rows[-1] == report.read == 500
    assert "timeline" not in repr(report)


def test_the_picture_is_well_formed_and_scaled() -> None:
    picture = timeline_svg([point(float(second)) for second in range(10)])
    root = ET.fromstring(picture)
    lines = [one for one in root.iter() if one.tag.endswith("polyline")]
    assert len(lines) == 3
    assert all(len(line.attrib["points"].split()) == 10 for line in lines)
    assert sum(one.tag.endswith("rect") for one in root.iter()) == 2, "a frame and one pause"
    assert timeline_svg([]) == ""


def test_reports_are_tables_in_notebooks_and_pages() -> None:
    report = BulkReport(
        created=1200, unchanged=3, rejected=2, requests=7, seconds=2.0, timeline=(point(0.0), point(2.0))
    )
    table = report._repr_html_()
    assert "1,200" in table
    assert "unchanged" in table
    assert "partial" not in table
    page = report.to_html("Night <1>", {"<script>alert(1)</script>": 2})
    assert "<h1>Night &lt;1&gt;</h1>" in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<svg" in page
    assert not re.findall(r'(?:src|href)="', page), "it loads nothing"
    assert "calls left" in RateLimitStatus(1000, 10, 5.0)._repr_html_()
