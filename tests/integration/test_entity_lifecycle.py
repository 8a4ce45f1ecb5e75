"""Every noun lives through the standard verbs on the simulator, which is held against the recorded server by its own tests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from mautic_async import Company, Contact, Mautic, NotFound, where
from mautic_async import models as m
from mautic_async.testing import FakeMautic
from tests.support.samples import RESOURCES, entity

NEWER = {"projects", "company_segments", "field_groups"}
LIVING = [name for name in RESOURCES if name not in NEWER]


async def grounded(mautic: Mautic, name: str, given: Any) -> Any:
    """*given*, with what it refers to in the place of invented ids."""
    if name in {"notes", "devices"}:
        return evolve(given, contact=(await mautic.contacts.create(Contact(email="host@example.com"))).id)
    if name == "campaigns":
        return evolve(given, segments=[(await mautic.segments.create(m.Segment(name="Source"))).id], events=[EVENT])
    if name == "users":
        return evolve(given, role=(await mautic.roles.create(m.Role(name="R", is_admin=False))).id)
    if name == "point_triggers":
        return evolve(given, color="4e5d9d", trigger_existing_contacts=False, events=[TAGGING])
    return given


EVENT = m.CampaignEvent(
    key="new_1", name="E", type="lead.changepoints", event_type="action", order=1, properties={"points": 1}
)
TAGGING = m.TriggerEvent(name="e", type="lead.changetags", order=1, properties={"add_tags": ["a"], "remove_tags": []})


@pytest.mark.parametrize("name", LIVING)
async def test_resource_creates_reads_changes_and_deletes_an_entity(name: str) -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        space: Any = getattr(mautic, name)
        model = space.endpoint.model
        given = await grounded(mautic, name, entity(model, "create"))
        stored = await space.create(given)
        assert stored.id > 0
        assert type(stored) is model
        assert (await space.get(stored.id)).id == stored.id
        assert stored.id in [item.id for item in (await space.list(limit=50)).items]
        assert [item.id async for item in space.iterate(limit=1)].count(stored.id) == 1
        changes = await grounded(mautic, name, entity(model, "edit"))
        assert (await space.edit(stored.id, changes)).id == stored.id
        assert (await space.delete(stored.id)).id == stored.id
        with pytest.raises(NotFound):
            await space.get(stored.id)


@pytest.mark.parametrize("name", [name for name in LIVING if name not in {"users", "campaigns"}])
async def test_resource_replaces_an_entity_with_the_one_it_read(name: str) -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        space: Any = getattr(mautic, name)
        given = await grounded(mautic, name, entity(space.endpoint.model, "replace"))
        stored = await space.create(given)
        again = await space.replace(stored.id, given)
        assert again.id == stored.id
        assert len([item async for item in space.iterate()]) == len({item.id async for item in space.iterate()})


CHANGED = {
    **dict.fromkeys(("pages", "assets", "categories"), "title"),
    **dict.fromkeys(("contact_fields", "company_fields"), "label"),
    "contacts": "firstname",
    "companies": "companycity",
    "notes": "text",
    "devices": "device",
    "tags": "tag",
    "users": "position",
    "forms": "description",
}
"""A property to change, where it is not the name."""


@pytest.mark.parametrize("name", LIVING)
async def test_read_change_write_sends_only_changed_properties(name: str) -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        space: Any = getattr(mautic, name)
        stored = await space.create(await grounded(mautic, name, entity(space.endpoint.model, "create")))
        read, place = await space.get(stored.id), CHANGED.get(name, "name")
        setattr(read, place, "changed")
        assert getattr(await space.edit(read.id, read), place) == "changed"
        sent = [request for request in fake.requests if request.method == "PATCH"]
        body = json.loads(sent[-1].body)
        assert len(body) == 1 or name in {"forms", "emails"}, body  # these two send along what Mautic would reset
        requests = len(fake.requests)
        again = await space.get(read.id)
        assert (await space.edit(read.id, again)).id == read.id
        assert {request.method for request in fake.requests[requests:]} <= {"GET"} or name in {"forms", "emails"}


async def test_read_change_write_of_a_contact_with_zeros_and_tags() -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        stored = await mautic.contacts.create(Contact(email="ada@example.com", tags=["a", "b"], points=0))
        contact = await mautic.contacts.get(stored.id)
        assert contact.points == 0
        contact.firstname, contact.tags = "Ada", ["b", "c"]
        again = await mautic.contacts.edit(contact.id, contact)
        assert (again.firstname, sorted(again.tags or [])) == ("Ada", ["b", "c"])
        assert (await mautic.contacts.upsert(again)).id == contact.id
        outcomes = await mautic.contacts.edit_many([contact])
        assert [outcome.status for outcome in outcomes] == ["updated"]


async def test_an_entity_read_under_one_id_is_sent_whole_to_another() -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        one = await mautic.stages.create(m.Stage(name="One", description="d", weight=1))
        two = await mautic.stages.create(m.Stage(name="Two", weight=2))
        copied = await mautic.stages.edit(two.id, await mautic.stages.get(one.id))
        assert (copied.id, copied.name, copied.description) == (two.id, "One", "d")


@pytest.mark.parametrize("name", LIVING)
async def test_resource_batches_create_change_and_delete_entities(name: str) -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        space: Any = getattr(mautic, name)
        given = await grounded(mautic, name, entity(space.endpoint.model, "create"))
        changes = await grounded(mautic, name, entity(space.endpoint.model, "edit"))
        made = await space.create_many([given])
        assert [outcome.ok for outcome in made] == [True], made
        changed = await space.edit_many([evolve(changes, id=made[0].id)])
        assert [outcome.status for outcome in changed] == ["updated"], changed
        gone = await space.delete_many([made[0].id, 99999])
        assert [outcome.status for outcome in gone] == ["updated", "rejected"]


async def test_contacts_companies_segments_and_stages_stay_linked() -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        ada = await mautic.contacts.create(Contact(email="ada@example.com"))
        acme = await mautic.companies.upsert(Company(companyname="Acme"))
        segment = await mautic.segments.create(m.Segment(name="VIP", is_published=True))
        stage = await mautic.stages.create(m.Stage(name="S", weight=1))
        await mautic.companies.add_contact(acme.id, ada.id)
        await mautic.stages.add_contact(stage.id, ada.id)
        added = await mautic.segments.add_contacts(segment.id, [ada.id, 99999])
        assert [outcome.status for outcome in added] == ["updated", "rejected"]
        assert [found.id for found in await mautic.contacts.segments(ada.id)] == [segment.id]
        assert [found.companyname for found in await mautic.contacts.companies(ada.id)] == ["Acme"]
        await mautic.segments.remove_contact(segment.id, ada.id)
        assert await mautic.contacts.segments(ada.id) == []
        await mautic.contacts.add_points(ada.id, 5)
        await mautic.contacts.subtract_points(ada.id, 5)
        assert (await mautic.contacts.get(ada.id)).points == 0
        await mautic.contacts.add_dnc(ada.id, comments="asked")
        assert await mautic.contacts.remove_dnc(ada.id)
        assert not await mautic.contacts.remove_dnc(ada.id)
        assert (await mautic.companies.upsert(Company(companyname="ACME", companycity="London"))).id == acme.id
        page = await mautic.contacts.list(where=where.eq("email", "ada@example.com"))
        assert [found.id for found in page.items] == [ada.id]
