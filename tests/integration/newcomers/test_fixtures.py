"""The fixtures that the package brings, used as a newcomer does."""

from __future__ import annotations

from mautic_async import Contact, Mautic
from mautic_async.testing import FakeMautic


async def test_mautic_fixture_needs_no_async_with(mautic: Mautic, fake_mautic: FakeMautic) -> None:
    contact = await mautic.contacts.upsert(Contact(email="ada@example.com"))
    assert [it["id"] for it in fake_mautic.contacts] == [contact.id]
