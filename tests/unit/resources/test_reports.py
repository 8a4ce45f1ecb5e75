from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from tests.support.canned_client import run_with_answers


def test_reports_get_pages_between_dates() -> None:
    answer = {
        "totalResults": 19,
        "data": [{"id": "1", "email": "ada@example.com"}],
        "dataColumns": {"id": "l.id"},
        "limit": 2,
        "page": 1,
        "dateFrom": "2026-01-01T00:00:00+00:00",
        "report": {"id": 6, "name": "R"},
    }
    found, server = run_with_answers(
        {"GET reports/6": answer},
        lambda m: m.reports.data(6, date_from=date(2026, 1, 1), date_to=datetime(2026, 2, 1, tzinfo=UTC), limit=2),
    )
    assert (found.total_results, found.rows, found.report.name) == (19, [{"id": "1", "email": "ada@example.com"}], "R")
    assert dict(server.last.query) == {
        "limit": "2",
        "page": "1",
        "dateFrom": "2026-01-01",
        "dateTo": "2026-02-01T00:00:00+00:00",
    }


def test_reports_iterate_rows_page_by_page() -> None:
    def page(request: Any) -> Any:
        number = int(dict(request.query)["page"])
        return {"data": [{"id": str(n)} for n in range(5)][2 * number - 2 : 2 * number]}

    async def use(mautic: Any) -> Any:
        return [row["id"] async for row in mautic.reports.iterate_data(6, limit=2)]

    found, server = run_with_answers({"GET reports/6": page}, use)
    assert found == ["0", "1", "2", "3", "4"]
    assert len(server.requests) == 3


def test_reports_get_definition_reads_one_row() -> None:
    found, server = run_with_answers(
        {"GET reports/6": {"data": [], "report": {"id": 6, "name": "R"}}}, lambda mautic: mautic.reports.get(6)
    )
    assert (found.id, found.name) == (6, "R")
    assert dict(server.last.query) == {"page": "1", "limit": "1"}
