"""State that is kept in a file, seeded, and read; and the fixture for users."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mautic_async.testing import FakeMautic
from tests.support.raw_client import RawClient


async def test_fake_mautic_state_file_outlives_the_server(tmp_path: Path) -> None:
    file = tmp_path / "mautic.db"
    async with FakeMautic(state=file) as fake:
        api = await RawClient(fake).login()
        await api.contact(email="a@example.com", tags=["x"])
        await api.contact(email="b@example.com")
        await api.delete("contacts/2/delete")
    async with FakeMautic(state=file) as fake:
        again = RawClient(fake, api.headers)
        assert [one["fields"]["email"] for one in fake.contacts] == ["a@example.com"]
        assert (await again.post("contacts/new", {"email": "A@example.com"})).status == 200
        assert await again.contact(email="c@example.com") == 3
        assert len(fake.store["fields"]) == 43


async def test_fake_mautic_exposes_its_state_to_tests(api: RawClient) -> None:
    items = {"data": [{"alias": "products", "data": [{"name": "B", "attributes": {"sku": "1"}}]}]}
    await api.contact(email="a@example.com", tags=["x"], points=3, customObjects=items)
    contact = api.fake.contacts[0]
    assert (contact["id"], contact["fields"], contact["tags"], contact["points"]) == (
        1,
        {"email": "a@example.com"},
        ["x"],
        3,
    )
    item = api.fake.custom_items[0]
    assert (item["object"], item["name"], item["attributes"]["sku"], item["contacts"]) == ("products", "B", "1", [1])
    seen = api.fake.requests[-1]
    assert (seen.method, seen.path, seen.status, seen.rows) == ("POST", "/api/contacts/new", 201, 1)


async def test_fake_mautic_can_be_seeded_by_tests(api: RawClient) -> None:
    api.fake.add_field("Number", "number", "text", isUniqueIdentifier=True)
    api.fake.add_custom_object("cars", {"plate": {"type": "text", "unique": True}, "doors": "int"})
    id = await api.contact(number="N-1")
    assert await api.contact(number="n-1", city="Rome") == id
    car = {"data": [{"alias": "cars", "data": [{"name": "C", "attributes": {"plate": "P"}}]}]}
    await api.contact(number="N-1", customObjects=car)
    assert api.fake.custom_items[0]["attributes"] == {"plate": "P", "doors": 0}


async def test_fake_mautic_two_unique_fields_match_by_either_and_clash_with_both(api: RawClient) -> None:
    api.fake.add_field("Number", "number", "text", isUniqueIdentifier=True)
    await api.contact(email="a@example.com", number="1")
    await api.contact(email="b@example.com", number="2")
    got = await api.post("contacts/new", {"email": "a@example.com", "number": "2"})
    assert got.status == 422
    got = await api.post("contacts/new", {"email": "new@example.com", "number": "1"})
    assert (got.status, got.json["contact"]["id"]) == (200, 1)


async def test_fake_mautic_clean_holds_only_the_installed_entities() -> None:
    async with FakeMautic(initial="clean") as fake:
        api = await RawClient(fake).login()
        assert (await api.get("users")).json["total"] == 1
        assert not list(fake.store["custom_objects"])


def test_fake_mautic_is_built_without_loop_and_optional_packages() -> None:
    code = (
        "import sys; from mautic_async.testing import FakeMautic; FakeMautic();"
        "assert not {'uvicorn', 'starlette', 'httpx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pytest_plugin_imports_little() -> None:
    code = (
        "import sys, mautic_async.testing.plugin;"
        "assert not {'httpx', 'authlib', 'cattrs', 'mautic_async.testing.server'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_fake_mautic_unknown_name_is_no_attribute() -> None:
    import mautic_async.testing as package

    with pytest.raises(AttributeError, match="nothing_like_it"):
        package.nothing_like_it  # noqa: B018 - the asking is the point


async def test_fake_mautic_fixture_is_a_server_of_its_own(fake_mautic: FakeMautic) -> None:
    api = await RawClient(fake_mautic).login()
    assert await api.contact(email="a@example.com") == 1


async def test_email_address_loses_the_characters_the_server_drops(api: RawClient) -> None:
    assert await api.contact(email="ab@example.com") == await api.contact(email="a,b@example.com")
    got = await api.post("contacts/new", {"email": "Jörg@example.com"})
    assert got.json["contact"]["fields"]["all"]["email"] == "Jrg@example.com"


async def test_mautic_client_runs_in_process_and_over_a_socket() -> None:
    from mautic_async import Contact, Mautic

    async with FakeMautic() as fake:
        async with Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
            made = await mautic.contacts.upsert(Contact(email="a@example.com"))
        async with Mautic(fake.url, auth=fake.basic_auth, transport=fake.transport) as mautic:
            assert (await mautic.contacts.get(made.id)).email == "a@example.com"
        async with fake.serve() as url, Mautic(url, auth=fake.auth) as mautic:
            assert (await mautic.contacts.list(limit=5)).total == 1
