"""Arguments that a newcomer gives by mistake: a dict, as other clients take it, or an entity of another namespace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mautic_async import ConfigurationError, Contact, Mautic, Tag
from mautic_async.models import ContactField
from mautic_async.testing import FakeMautic

ROW: Any = {"id": 1, "email": "ada@example.com"}
FIELD: Any = ContactField(label="City", alias="city", type="text")
CONTACT: Any = Contact(email="ada@example.com")


@pytest.mark.parametrize(
    "call",
    [
        lambda mautic: mautic.contacts.create(ROW),
        lambda mautic: mautic.contacts.edit(1, ROW),
        lambda mautic: mautic.contacts.replace(1, ROW),
        lambda mautic: mautic.contacts.upsert(ROW),
        lambda mautic: mautic.contacts.create_many([ROW]),
        lambda mautic: mautic.contacts.edit_many([ROW]),
        lambda mautic: mautic.tags.create(ROW),
        lambda mautic: mautic.tags.replace(1, ROW),
        lambda mautic: mautic.custom_objects.edit(1, ROW),
    ],
)
async def test_a_dict_in_place_of_an_entity_is_named(
    mautic: Mautic, fake_mautic: FakeMautic, call: Callable[[Mautic], Awaitable[object]]
) -> None:
    with pytest.raises(ConfigurationError, match=r"not a dict"):
        await call(mautic)
    assert not [seen for seen in fake_mautic.requests if seen.method in {"POST", "PATCH", "PUT"} and "api" in seen.path]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda mautic: mautic.contact_fields.create(FIELD), "takes a Field, not a ContactField"),
        (lambda mautic: mautic.tags.create(CONTACT), "takes a Tag, not a Contact"),
        (lambda mautic: mautic.tags.edit(1, CONTACT), "takes a Tag, not a Contact"),
        (lambda mautic: mautic.contacts.edit(1, Tag(tag="vip")), "takes a Contact, not a Tag"),
    ],
)
async def test_an_entity_of_another_namespace_is_named(
    mautic: Mautic, call: Callable[[Mautic], Awaitable[object]], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        await call(mautic)


@pytest.mark.parametrize("noun", ["contacts", "tags"])
async def test_a_dict_in_a_bulk_edit_is_rejected_with_its_reason(mautic: Mautic, noun: str) -> None:
    async with getattr(mautic, noun).bulk_edit([ROW]) as job:
        (outcome,) = [outcome async for outcome in job]
    assert outcome.status == "rejected"
    assert "not a dict" in str(outcome.problems[0])
