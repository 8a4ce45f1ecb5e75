"""Members of segments and do-not-contact entries: read, and made equal to a given set with few calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mautic_async import Company, Contact, Mautic, NotFound, Segment
from mautic_async.errors import ConfigurationError, ServerError
from mautic_async.resources._set_sync import Member, remove_each
from mautic_async.testing import FakeMautic


def client(fake: FakeMautic) -> Mautic:
    return Mautic(fake.url, auth=fake.auth, transport=fake.transport)


async def people(mautic: Mautic, count: int) -> list[int]:
    outcomes = await mautic.contacts.create_many(Contact(email=f"p{number}@example.org") for number in range(count))
    return [outcome.id for outcome in outcomes]


async def members(mautic: Mautic, segment: int) -> list[int]:
    return [contact.id async for contact in mautic.segments.contacts(segment, minimal=True)]


def calls(fake: FakeMautic) -> list[str]:
    made = [f"{seen.method} {seen.path.removeprefix('/api/')}" for seen in fake.requests if "/api/" in seen.path]
    fake.requests.clear()
    return made


async def test_members_are_contacts_each_once() -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        ids = await people(mautic, 7)
        segment = (await mautic.segments.create(Segment(name="VIP"))).id
        await mautic.segments.add_contacts(segment, ids[2:])
        await mautic.segments.remove_contact(segment, ids[3])
        found = [contact async for contact in mautic.segments.contacts(segment, limit=2)]
        assert [contact.id for contact in found] == [ids[2], *ids[4:]]
        assert found[0].email == "p2@example.org"
        with pytest.raises(NotFound):
            await anext(mautic.segments.contacts(999))


async def test_contacts_of_a_company() -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        ids = await people(mautic, 3)
        company = (await mautic.companies.create(Company(companyname="Acme"))).id
        await mautic.companies.add_contact(company, ids[1])
        assert [contact.id async for contact in mautic.companies.contacts(company)] == [ids[1]]


async def test_a_segment_gets_the_given_members_and_no_others() -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        ids = await people(mautic, 10)
        segment = (await mautic.segments.create(Segment(name="VIP"))).id
        await mautic.segments.add_contacts(segment, ids[:6])
        wanted: list[Member] = [ids[1], "P2@example.org", ids[3], "p8@example.org", ids[9], "nobody@example.org", 4711]
        fake.requests.clear()
        plan = await mautic.segments.sync_contacts(segment, wanted, dry_run=True)
        assert (plan.added, plan.removed, plan.kept, plan.missing) == (3, 3, 3, ("nobody@example.org",))
        assert all(call.startswith("GET") for call in calls(fake))
        report = await mautic.segments.sync_contacts(segment, wanted)
        assert (report.added, report.removed, report.kept, report.failed) == (2, 3, 3, ())
        assert report.missing == ("nobody@example.org", 4711)
        assert not report.ok
        assert await members(mautic, segment) == [ids[1], ids[2], ids[3], ids[8], ids[9]]
        again = await mautic.segments.sync_contacts(segment, wanted[:5])
        assert (again.added, again.removed, again.kept, again.ok) == (0, 0, 5, True)


async def test_members_stay_without_remove() -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        ids = await people(mautic, 3)
        segment = (await mautic.segments.create(Segment(name="VIP"))).id
        await mautic.segments.add_contacts(segment, ids[:2])
        report = await mautic.segments.sync_contacts(segment, ids[2:], remove=False)
        assert (report.added, report.removed) == (1, 0)
        assert await members(mautic, segment) == ids


async def test_the_calls_of_a_segment_sync_are_those_of_its_docstring() -> None:
    async with FakeMautic(initial="clean") as fake, client(fake) as mautic:
        count = 5_000
        await mautic.contacts.bulk_upsert(Contact(email=f"p{number}@example.org") for number in range(count + 50))
        address = {contact["id"]: str(contact["fields"]["email"]) for contact in fake.contacts}
        ids = sorted(address)
        segment = (await mautic.segments.create(Segment(name="VIP"))).id
        await mautic.segments.add_contacts(segment, ids[:count])
        fake.requests.clear()
        wanted = [address[id] for id in ids[25:count]] + [address[id] for id in ids[count : count + 25]]
        report = await mautic.segments.sync_contacts(segment, wanted)
        assert (report.added, report.removed, report.kept, report.ok) == (25, 25, count - 25, True)
        made = calls(fake)
        assert len(made) <= 1 + (count // 1000 + 1) + 1 + 1 + 25, made
        assert await members(mautic, segment) == ids[25 : count + 25]


async def test_a_contact_deleted_meanwhile_is_removed() -> None:
    removed: list[int] = []

    async def remove(id: int) -> None:
        removed.append(id)
        if id % 2:
            raise NotFound("contact", status=404)
        if id > 150:
            raise ServerError("server", status=500)

    await remove_each(range(1, 101), remove)
    assert removed == list(range(1, 101))
    with pytest.raises(ServerError):
        await remove_each(range(101, 301), remove)
    assert max(removed) < 250, "it ends with the piece that failed"


async def test_a_member_is_an_id_or_an_address() -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        for odd in ("", None, 0, 1.5):
            with pytest.raises(ConfigurationError):
                await mautic.segments.sync_contacts(1, [odd])  # type: ignore[list-item]
        assert not fake.requests


async def test_do_not_contact_entries_are_read_since_a_watermark() -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        ids = await people(mautic, 3)
        await mautic.contacts.add_dnc(ids[0], reason=1, comments="bye")
        await mautic.contacts.add_dnc(ids[1], "sms")
        entries = mautic.contacts.read_do_not_contact()
        (entry,) = [one async for one in entries]
        assert (entry.contact_id, entry.channel, entry.reason, entry.comments) == (ids[0], "email", 1, "bye")
        assert entry.date_added is not None
        assert entries.watermark is not None
        assert entry.date_added - timedelta(minutes=11) < entries.watermark < entry.date_added
        fake.settings.skew += 7200
        await mautic.contacts.add_dnc(ids[2], reason=2)
        since = entry.date_added + timedelta(minutes=1)
        assert [one.contact_id async for one in mautic.contacts.read_do_not_contact(since=since)] == [ids[2]]
        assert len([one async for one in mautic.contacts.read_do_not_contact(None)]) == 3
        with pytest.raises(ConfigurationError, match="time zone"):
            mautic.contacts.read_do_not_contact(since=datetime(2026, 1, 1))  # noqa: DTZ001


async def test_do_not_contact_is_kept_in_step_and_unsubscribed_contacts_stay() -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        ids = await people(mautic, 6)
        await mautic.contacts.add_dnc(ids[0], reason=1)
        await mautic.contacts.add_dnc(ids[1], reason=3)
        await mautic.contacts.add_dnc(ids[2], reason=3)
        wanted: list[Member] = [ids[2], "p3@example.org", ids[4]]
        plan = await mautic.contacts.sync_do_not_contact("email", wanted, remove=(3,), dry_run=True)
        assert (plan.added, plan.removed, plan.kept) == (2, 1, 1)
        fake.requests.clear()
        report = await mautic.contacts.sync_do_not_contact("email", wanted, remove=(3,))
        assert (report.added, report.removed, report.kept, report.ok) == (2, 1, 1, True)
        assert [call for call in calls(fake) if not call.startswith("GET")] == ["PATCH contacts/batch/edit"]
        entries = {one.contact_id: one.reason async for one in mautic.contacts.read_do_not_contact()}
        assert entries == {ids[0]: 1, ids[2]: 3, ids[3]: 3, ids[4]: 3}
        kept = await mautic.contacts.sync_do_not_contact("email", wanted)
        assert (kept.added, kept.removed, kept.kept) == (0, 0, 3)


async def test_statistics_of_an_email_are_entities() -> None:
    async with FakeMautic() as fake, client(fake) as mautic:
        ids = await people(mautic, 3)
        first, second = [
            (await mautic.call("POST", "emails/new", body={"name": name, "subject": "x", "customHtml": "x"}))["email"][
                "id"
            ]
            for name in ("a", "b")
        ]
        for contact in ids:
            await mautic.emails.send_to_contact(first, contact)
        await mautic.emails.send_to_contact(second, ids[0])
        entries = mautic.emails.statistics(first)
        found = [entry async for entry in entries]
        assert [entry.contact_id for entry in found] == ids
        assert {entry.email_id for entry in found} == {first}
        assert found[0].email_address == "p0@example.org"
        assert found[0].is_read is False
        assert found[0].date_sent is not None
        assert found[0].date_sent.tzinfo is UTC
        assert entries.watermark is not None
        assert len([entry async for entry in mautic.emails.statistics(since=entries.watermark)]) == 4
        late = found[0].date_sent + timedelta(hours=1)
        assert not [entry async for entry in mautic.emails.statistics(first, since=late)]
