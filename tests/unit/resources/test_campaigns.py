from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mautic_async import (
    ConfigurationError,
    Rejected,
    where,
)
from mautic_async import models as m
from tests.support.canned_client import error_answer, run_with_answers


def test_campaigns_clone_reads_the_redirect_that_carries_the_copy() -> None:
    found, server = run_with_answers(
        {"POST campaigns/clone/1": (302, {"campaign": {"id": 3, "name": "C", "events": []}})},
        lambda mautic: mautic.campaigns.clone(1),
    )
    assert (found.id, found.name) == (3, "C")
    assert len(server.requests) == 1


@pytest.mark.parametrize("verb", ["create", "edit", "replace"])
def test_campaigns_create_refuses_events_without_canvas_settings(verb: str) -> None:
    campaign = m.Campaign(name="C", segments=[1], events=[m.CampaignEvent(key="new_1", name="E")])
    with pytest.raises(ConfigurationError, match="canvas_settings"):
        run_with_answers(
            {},
            lambda mautic: (
                mautic.campaigns.create(campaign) if verb == "create" else getattr(mautic.campaigns, verb)(1, campaign)
            ),
        )


def test_campaigns_contacts_reads_rows_of_texts_as_numbers() -> None:
    row = {"campaign_id": "1", "lead_id": "12", "date_added": "2026-11-21 03:28:52", "manually_added": "1"}
    found, server = run_with_answers(
        {"GET campaigns/1/contacts": {"total": "1", "contacts": [row]}},
        lambda mautic: mautic.campaigns.contacts(1, where=where.gt("lead_id", 3), order=[("lead_id", "ASC")], limit=5),
    )
    assert (found.total, found.items[0].contact_id, found.items[0].manually_added) == (1, 12, True)
    assert found.items[0].date_added == datetime(2026, 11, 21, 3, 28, 52, tzinfo=UTC)
    assert dict(server.last.query) == {
        "start": "0",
        "limit": "5",
        "where[0][col]": "lead_id",
        "where[0][expr]": "gt",
        "where[0][val]": "3",
        "order[0][col]": "lead_id",
        "order[0][dir]": "asc",
    }


def test_campaigns_iterate_contacts_pages_by_offset_where_conditions_are_refused() -> None:
    ids = list(range(1, 251))

    def page(request: Any) -> Any:
        query = dict(request.query)
        if any(key.startswith(("where", "order")) for key in query):
            return error_answer(400, 'Input value "where" contains a non-scalar value.')
        start, limit = int(query.get("start", 0)), int(query["limit"])
        return {"total": "250", "contacts": [{"lead_id": str(id)} for id in ids[start : start + limit]]}

    async def use(mautic: Any) -> Any:
        return [row.contact_id async for row in mautic.campaigns.iterate_contacts(1)]

    found, server = run_with_answers({"GET campaigns/1/contacts": page}, use)
    assert found == ids
    assert len(server.requests) == 4


def test_campaigns_iterate_contacts_walks_by_id() -> None:
    def page(request: Any) -> Any:
        after = int(dict(request.query)["where[0][val]"])
        return {"total": "150", "contacts": [{"lead_id": str(n)} for n in range(after + 1, min(after + 101, 151))]}

    async def use(mautic: Any) -> list[int]:
        return [row.contact_id async for row in mautic.campaigns.iterate_contacts(1)]

    found, server = run_with_answers({"GET campaigns/1/contacts": page}, use)
    assert found == list(range(1, 151))
    assert len(server.requests) == 2


def test_campaigns_contacts_raises_a_bad_column_answered_with_200() -> None:
    answer = {"errors": [{"message": "Unknown column 'cl.x'", "code": 1054}]}
    with pytest.raises(Rejected, match=r"although with status 200.*Unknown column"):
        run_with_answers({"GET campaigns/1/contacts": answer}, lambda m: m.campaigns.contacts(1, order=[("x", "asc")]))


def test_campaigns_contact_events_include_the_membership() -> None:
    answer = {
        "total": 1,
        "events": [{"id": 1, "name": "Add points", "contactLog": []}],
        "campaign": {"id": 1, "name": "C"},
        "membership": [{"dateAdded": "2026-11-21T03:28:52+00:00", "rotation": 1}],
    }
    found, _ = run_with_answers(
        {"GET campaigns/1/events/contact/12": answer}, lambda m: m.campaigns.contact_events(1, 12)
    )
    assert (found.events[0].name, found.campaign.name, found.membership[0].rotation) == ("Add points", "C", 1)


def test_campaigns_contact_events_raise_conflict_outside_the_campaign() -> None:
    with pytest.raises(Rejected, match="409"):
        run_with_answers(
            {"GET campaigns/1/events/contact/12": error_answer(409, "The contact is not in the campaign.")},
            lambda mautic: mautic.campaigns.contact_events(1, 12),
        )
