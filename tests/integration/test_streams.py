"""Jobs over edits, deletes and companies: the same engine, other couriers."""

from __future__ import annotations

from typing import Any

import pytest

from mautic_async import BulkOptions, Company, Contact, Limits, Mautic
from mautic_async.testing import FakeMautic
from tests.integration.test_contacts import FAULTS, collect, play


async def strike(fake: FakeMautic, mautic: Mautic, fault: str, route: str) -> None:
    await mautic.contacts.list(limit=1)
    settings: dict[str, Any] = dict(FAULTS[fault])
    fake.fail(settings.pop("what"), route=route, times=2, **settings)


@pytest.mark.parametrize("fault", FAULTS)
def test_companies_bulk_upsert_finds_by_name_and_never_doubles_or_wipes(fault: str) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.companies.create(Company(companyname="Firm 3", companywebsite="https://keep.example"))
        await strike(fake, mautic, fault, "companies/batch")
        rows = [Company(companyname=f"Firm {number}", companycity="Rome") for number in range(120)]
        rows += [Company(companyname="FIRM 5", companycity="Oslo"), Company(companycity="nameless")]
        outcomes = await collect(mautic.companies.bulk_upsert(rows))
        assert [outcome.status for outcome in outcomes[-2:]] == ["updated", "rejected"]
        assert {outcome.status for outcome in outcomes[:-2]} == {"created", "updated"}
        page = await mautic.companies.list(limit=500)
        stored = {(company.companyname or "").lower(): company for company in page.items}
        assert len(page.items) == len(stored) == 120
        assert stored["firm 3"].companywebsite == "https://keep.example"
        assert stored["firm 3"].companycity == "Rome"
        assert stored["firm 5"].companycity == "Oslo"

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("fault", FAULTS)
def test_contacts_bulk_edit_stores_every_row_under_faults(fault: str) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        made = await mautic.contacts.create_many([Contact(email=f"u{number}@example.com") for number in range(150)])
        await strike(fake, mautic, fault, "batch/edit")
        rows = [Contact(id=outcome.id, city=f"city {outcome.index}") for outcome in made]
        rows += [Contact(id=made[0].id, city="last"), Contact(city="no id"), Contact(id=99_999, city="nobody")]
        outcomes = await collect(mautic.contacts.bulk_edit(rows))
        assert [outcome.status for outcome in outcomes[-3:]] == ["updated", "rejected", "rejected"]
        cities = [str(contact["fields"]["city"]) for contact in fake.contacts]
        assert cities == ["last", *(f"city {number}" for number in range(1, 150))]

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("fault", FAULTS)
def test_contacts_bulk_delete_verifies_lost_deletions(fault: str) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        made = await mautic.contacts.create_many([Contact(email=f"u{number}@example.com") for number in range(150)])
        await strike(fake, mautic, fault, "batch/delete")
        ids = [outcome.id for outcome in made]
        outcomes = await collect(mautic.contacts.bulk_delete([*ids[:140], 99_999, 0]))
        assert {outcome.status for outcome in outcomes[:140]} == {"updated"}
        assert [outcome.status for outcome in outcomes[140:]] == ["rejected", "rejected"]
        assert len(fake.contacts) == 10

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize(("told", "quick"), [(True, True), (False, False)])
def test_bulk_job_within_half_of_the_limit_is_not_spread_over_the_hour(told: bool, quick: bool) -> None:  # noqa: FBT001 - parameters
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [Contact(email=f"u{number}@example.com") for number in range(100)]
        plan = BulkOptions(batch=5, initial_batch=5)
        report = await mautic.contacts.bulk_upsert(rows if told else iter(rows), options=plan)
        assert report.created == 100
        assert (report.seconds < 60) == quick, report.seconds
        assert len(fake.contacts) == 100

    play(scenario, rate_limit=200, limits=Limits(pace="spread"), latency=(0.1, 0.01))
