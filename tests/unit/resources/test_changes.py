"""`iterate(changed_since=)`: the condition of each namespace, and the watermark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mautic_async import Company, Contact, Mautic, Segment, where
from mautic_async.errors import ConfigurationError
from mautic_async.models import Published, Stage
from mautic_async.resources._base import ReadOnlyResource
from mautic_async.testing import FakeMautic
from tests.support.samples import namespaces


def client(fake: FakeMautic) -> Mautic:
    return Mautic(fake.url, auth=fake.auth, transport=fake.transport)


async def test_new_and_changed_contacts_are_read_once_and_others_not() -> None:
    async with FakeMautic(initial="clean") as fake, client(fake) as mautic:
        old = [(await mautic.contacts.create(Contact(email=f"p{number}@example.org"))).id for number in range(4)]
        first = mautic.contacts.iterate(limit=2)
        everyone = [contact.id async for contact in first]
        assert sorted(everyone) == old
        assert first.watermark is not None
        assert timedelta(minutes=10) <= datetime.now(UTC) - first.watermark < timedelta(minutes=11)
        fake.settings.skew += 3600
        since = datetime.now(UTC) + timedelta(minutes=30)
        assert [contact.id async for contact in mautic.contacts.iterate(changed_since=since)] == []
        new = (await mautic.contacts.create(Contact(email="new@example.org"))).id
        await mautic.contacts.edit(old[1], Contact(city="Oslo"))
        found = [contact async for contact in mautic.contacts.iterate(changed_since=since, limit=1)]
        assert [contact.id for contact in found] == [old[1], new]
        narrowed = mautic.contacts.iterate(changed_since=since, where=where.eq("city", "Oslo"), read_ahead=True)
        assert [contact.id async for contact in narrowed] == [old[1]]


async def test_other_nouns_are_read_by_their_dates_too() -> None:
    async with FakeMautic(initial="clean") as fake, client(fake) as mautic:
        now = datetime.now(UTC)
        await mautic.companies.create(Company(companyname="Acme"))
        await mautic.segments.create(Segment(name="VIP"))
        await mautic.stages.create(Stage(name="Won"))
        spaces: list[ReadOnlyResource[Any]] = [mautic.companies, mautic.segments, mautic.stages]
        for space in spaces:
            recent = space.iterate(changed_since=now - timedelta(hours=1))
            assert len([one async for one in recent]) == 1
            later = space.iterate(changed_since=now + timedelta(hours=1))
            assert len([one async for one in later]) == 0


def test_changes_can_be_read_of_every_namespace_with_dates() -> None:
    fake = FakeMautic()
    mautic = client(fake)
    dated = set()
    for name, kind in namespaces().items():
        if issubclass(kind, ReadOnlyResource):
            if issubclass(kind.endpoint.model, Published):
                getattr(mautic, name).iterate(changed_since=datetime.now(UTC))
                dated.add(name)
            else:
                with pytest.raises(ConfigurationError, match="no dates"):
                    getattr(mautic, name).iterate(changed_since=datetime.now(UTC))
    assert {"contacts", "companies", "segments", "campaigns", "emails", "forms", "reports", "users"} < dated
    with pytest.raises(ConfigurationError, match="time zone"):
        mautic.contacts.iterate(changed_since=datetime(2026, 1, 1))  # noqa: DTZ001


async def test_an_iteration_that_is_left_early_has_no_watermark() -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        for number in range(3):
            await mautic.contacts.create(Contact(email=f"p{number}@example.org"))
        contacts = mautic.contacts.iterate(limit=1, read_ahead=True)
        await anext(contacts)
        await contacts.aclose()
        assert contacts.watermark is None
