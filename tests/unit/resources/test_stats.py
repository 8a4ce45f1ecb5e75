from __future__ import annotations

from typing import Any

import pytest

from mautic_async import (
    ConfigurationError,
    NotFound,
    UnexpectedResponse,
    where,
)
from tests.support.canned_client import run_with_answers


def test_stats_list_accepts_conditions_and_order() -> None:
    found, server = run_with_answers(
        {"GET stats/email_stats": {"total": "3", "stats": [{"id": "1"}]}},
        lambda m: m.stats.list("email_stats", where=where.eq("lead_id", 12), order=[("id", "desc")], start=2, limit=1),
    )
    assert (found.total, found.items, found.start) == (3, [{"id": "1"}], 2)
    assert ("order[0][dir]", "desc") in server.last.query


def test_stats_iterate_walks_all_rows_by_id() -> None:
    def page(request: Any) -> Any:
        after = int(dict(request.query).get("where[1][val]", 0))
        return {"total": "150", "stats": [{"id": str(n)} for n in range(after + 1, min(after + 101, 151))]}

    async def use(mautic: Any) -> Any:
        return [row["id"] async for row in mautic.stats.iterate("page_hits", where=where.gt("code", 0))]

    found, server = run_with_answers({"GET stats/page_hits": page}, use)
    assert len(found) == 150
    assert len(server.requests) == 2


def test_stats_list_raises_not_found_for_a_table_answered_with_200() -> None:
    with pytest.raises(NotFound, match="the tables are audit_log, email_stats"):
        run_with_answers(
            {"GET stats/leads": {"availableTables": ["audit_log", "email_stats"], "tableColumns": {}}},
            lambda mautic: mautic.stats.list("leads"),
        )


def test_tables_check_columns_and_directions() -> None:
    for order in ([("id; DROP", "asc")], [("id", "up")]):
        with pytest.raises(ConfigurationError):
            run_with_answers({}, lambda mautic, given: mautic.stats.list("page_hits", order=given), order)


@pytest.mark.parametrize("body", ["text", {"stats": 5}, {"stats": ["row"]}, {"total": 1}])
def test_stats_list_raises_for_another_table(body: Any) -> None:
    with pytest.raises(UnexpectedResponse):
        run_with_answers({"GET stats/page_hits": body}, lambda mautic: mautic.stats.list("page_hits"))
