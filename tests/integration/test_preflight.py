"""What a job asks before its first row, and what it then refuses unsent."""

from __future__ import annotations

import pytest

from mautic_async import BulkOptions, Contact, CustomItem, Mautic
from mautic_async.models import Stage
from mautic_async.testing import FakeMautic
from tests.integration.test_contacts import collect, play


@pytest.mark.parametrize("v2", [False, True])
def test_bulk_upsert_check_refuses_rows_that_would_fail_or_be_stored_in_part(v2: bool) -> None:  # noqa: FBT001 - a parameter
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        stage = await mautic.stages.create(Stage(name="Lead"))
        rows = [
            Contact(email="a@example.com", stage=stage.id, owner=1),
            Contact(email="b@example.com", stage=999),
            Contact(email="c@example.com", owner=999),
            Contact(email="d@example.com", custom_items=[CustomItem("nosuch", name="x")]),
            Contact(email="e@example.com", custom_items=[CustomItem("orders", name="x", attributes={"nosuch": 1})]),
            Contact(
                email="f@example.com",
                custom_items=[CustomItem("orders", name="x", attributes={"order-number": "1", "amount": "many"})],
            ),
            Contact(
                email="g@example.com",
                custom_items=[CustomItem("orders", name="x", attributes={"order-number": "2", "amount": "7"})],
            ),
        ]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows, preflight="all"))
        fields = [outcome.problems[0].field if outcome.problems else None for outcome in outcomes]
        assert [outcome.status for outcome in outcomes[:3]] == ["created", "rejected", "rejected"]
        assert fields[:3] == [None, "stage", "owner"]
        assert outcomes[6].status == "created"
        if v2:
            assert [outcome.status for outcome in outcomes[3:6]] == ["rejected"] * 3
            assert fields[3:6] == ["custom_items", "nosuch", "amount"]
        asked = [request.path for request in fake.requests if request.method == "GET"]
        again = await collect(mautic.contacts.bulk_upsert(rows[:1], preflight="all"))
        assert again[0].status == "updated"
        assert [request.path for request in fake.requests if request.method == "GET"] == asked, "asked once, and kept"

    play(scenario, v2=v2)


def test_bulk_upsert_removes_a_tag_only_as_it_is_spelled() -> None:
    async def scenario(_: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.create(Contact(email="a@example.com", tags=["Vip", "old"]))
        rows = [
            Contact(email="a@example.com", tags=["-VIP"]),
            Contact(email="b@example.com", tags=["-old", "new"]),
            Contact(email="c@example.com", tags=["-never was"]),
        ]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows, preflight="all"))
        assert [outcome.status for outcome in sorted(outcomes, key=lambda it: it.index)] == [
            "rejected",
            "created",
            "created",
        ]
        (problem,) = next(outcome for outcome in outcomes if outcome.index == 0).problems
        assert (problem.field, "spells the tag Vip" in problem.message) == ("tags", True)

    play(scenario)


def test_bulk_upsert_never_sends_two_requests_with_the_same_new_name() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [
            Contact(email=f"p{number}@example.com", tags=["alpha", "beta"], company=f"Acme {number % 30}")
            for number in range(300)
        ]
        plan = BulkOptions(batch=20, initial_batch=20, initial_concurrency=8)
        report = await mautic.contacts.bulk_upsert(rows, options=plan)
        assert report.created == 300
        first, *rest = (request for request in fake.requests if request.path.endswith("batch/new"))
        assert first.rows == 1, "the tags are made by one row"
        assert len(rest) < 60
        tags = [tag async for tag in mautic.tags.iterate()]
        assert sorted(tag.tag or "" for tag in tags) == ["alpha", "beta"]

    play(scenario)
