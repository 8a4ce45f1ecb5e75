from __future__ import annotations

from datetime import date

from tests.support.canned_client import run_with_answers


def test_widgets_get_returns_a_chart_or_values() -> None:
    answer = {"success": 1, "cached": False, "execution_time": 0.1, "data": {"chartType": "line"}}
    found, server = run_with_answers(
        {"GET data/created.leads.in.time": answer},
        lambda mautic: mautic.data.get(
            "created.leads.in.time",
            date_from=date(2026, 11, 1),
            unit="d",
            format="raw",
            filter={"campaignId": 3},
            dataset=["a"],
            more={"height": 200},
        ),
    )
    assert (found.content, found.cached) == ({"chartType": "line"}, False)
    assert dict(server.last.query) == {
        "dateFrom": "2026-11-01",
        "timeUnit": "d",
        "dataFormat": "raw",
        "filter[campaignId]": "3",
        "dataset[0]": "a",
        "height": "200",
    }
