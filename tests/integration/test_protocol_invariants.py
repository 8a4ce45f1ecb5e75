"""Invariants of what leaves the client, seen from the server's side."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from mautic_async import Contact, Limits, LookupName, Mautic, UniqueField
from mautic_async.testing import FakeMautic
from tests.integration.test_contacts import FAULTS, collect, item, play

ROWS = [Contact(email=f"u{number}@example.com", custom_items=[item(f"o{number}")]) for number in range(120)]


def test_upsert_requests_items_by_true_or_not_at_all() -> None:
    """Invariant 8."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        contacts = mautic.contacts
        made = await contacts.create(Contact(email="a@example.com", custom_items=[item("1")]))
        await contacts.get(made.id, include_custom_objects=True)
        await contacts.get(made.id, include_custom_objects=False)
        await contacts.list(include_custom_objects=False)
        await contacts.find(email="a@example.com", include_custom_objects=True)
        await contacts.edit(made.id, Contact(custom_items=[item("2")]))
        await contacts.replace(made.id, Contact(email="a@example.com", custom_items=[item("3")]))
        [_ async for _ in contacts.iterate(include_custom_objects=True)]
        fake.fail("reset", route="batch/new", work="done")
        await contacts.bulk_upsert(ROWS, match_items=LookupName())
        values = [
            value for one in fake.requests for name, value in parse_qsl(one.query) if name == "includeCustomObjects"
        ]
        assert len(values) > 6
        assert set(values) == {"true"}

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("fault", FAULTS)
def test_upsert_never_chooses_put(fault: str) -> None:
    """Invariant 10."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        settings: dict[str, Any] = dict(FAULTS[fault])
        fake.fail(settings.pop("what"), route="batch/new", **settings)
        await mautic.contacts.bulk_upsert(ROWS[:60], match_items=UniqueField("order-number"))
        assert "PUT" not in {one.method for one in fake.requests}

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("fault", FAULTS)
def test_upsert_never_sends_the_flag_that_wipes(fault: str) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.create(Contact(email="u1@example.com", firstname="keep", city="Rome"))
        settings: dict[str, Any] = dict(FAULTS[fault])
        fake.fail(settings.pop("what"), route="batch/", times=2, **settings)
        rows = [Contact(email=f"u{number}@example.com", city=None, lastname="L") for number in range(60)]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows, clear="patch"))
        assert {outcome.status for outcome in outcomes} <= {"created", "updated"}
        wiping = [one for one in fake.requests if one.method == "POST" and not one.path.endswith("/batch/new")]
        assert not any(b"overwriteWithBlank" in one.body for one in wiping)
        (first,) = [one["fields"] for one in fake.contacts if one["fields"]["email"] == "u1@example.com"]
        assert (first["firstname"], first.get("city"), first["lastname"]) == ("keep", None, "L")
        assert len(fake.contacts) == 60

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("fault", ["reset after", "504 still running", "cut short"])
def test_look_ups_send_a_limit_and_stay_below_8000_bytes(fault: str) -> None:
    """Invariant 58."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.add_field("Number", "number", isUniqueIdentifier=True)
        settings: dict[str, Any] = dict(FAULTS[fault])
        fake.fail(settings.pop("what"), route="batch/new", **settings)
        rows = [
            Contact(email=f"{'x' * 50}+{number}@{'y' * 50}.com", fields={"number": f'Nr. {number}, "{"é" * 40}"'})
            for number in range(150)
        ]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows))
        assert {outcome.status for outcome in outcomes} == {"created"}
        await mautic.contacts.delete_many([outcome.id for outcome in outcomes])
        looks = [one for one in fake.requests if one.method == "GET" and "where" in one.query]
        assert len(looks) > 8
        assert all("limit" in dict(parse_qsl(one.query)) for one in looks)
        assert max(len(one.path) + len(one.query) for one in fake.requests) < 8_000

    play(scenario, latency=(0.1, 0.01))


def test_upsert_sends_null_for_owner_and_stage_only_when_asked() -> None:
    """Invariant 62."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        made = await mautic.contacts.create(Contact(email="a@example.com", owner=1))
        await mautic.contacts.upsert(Contact(email="a@example.com", city="Rome"))
        await mautic.contacts.bulk_upsert([Contact(email="a@example.com", firstname="A")])
        await mautic.contacts.edit(made.id, Contact(firstname="B"))
        sent = [json.loads(one.body) for one in fake.requests if one.body.startswith((b"{", b"["))][1:]
        assert not any("owner" in str(body) or "stage" in str(body) for body in sent)
        held = await mautic.contacts.get(made.id)
        assert held.owner
        await mautic.contacts.bulk_upsert([Contact(email="a@example.com", owner=None)])
        assert (await mautic.contacts.get(made.id)).owner is None

    play(scenario)


def test_bulk_upsert_explains_a_unique_value_of_two_contacts_row_by_row() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.list(limit=1)
        twins = [mautic.contacts.create(Contact(email="a@example.com")) for _ in range(2)]
        await asyncio.gather(*twins)
        assert len(fake.contacts) == 2
        rows = [Contact(email="a@example.com", city="Rome"), Contact(email="b@example.com")]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows))
        assert [outcome.status for outcome in outcomes] == ["rejected", "created"]
        assert "merge" in outcomes[0].problems[0].message
        (again,) = await mautic.contacts.create_many(rows[:1])
        assert "merge" in again.problems[0].message

    play(scenario, latency=(0.1, 0.01), limits=Limits(concurrency=8))
