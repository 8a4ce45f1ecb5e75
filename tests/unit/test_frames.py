"""Entities as columns."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pyarrow as pa
import pytest

from mautic_async import Contact, Mautic, frames
from mautic_async.errors import ConfigurationError
from mautic_async.testing import FakeMautic


async def test_batches_are_columns_of_equal_length() -> None:
    async with (
        FakeMautic(initial="clean") as fake,
        Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic,
    ):
        await mautic.contacts.create_many(Contact(email=f"p{number}@example.org", city="Rome") for number in range(5))
        found = [
            batch async for batch in frames.batches(mautic.contacts.iterate(), columns=["id", "email", "none"], size=2)
        ]
        assert [len(batch["id"]) for batch in found] == [2, 2, 1]
        assert [email for batch in found for email in batch["email"]] == [
            f"p{number}@example.org" for number in range(5)
        ]
        assert found[0]["none"] == [None, None]
        (whole,) = [batch async for batch in frames.batches(mautic.contacts.iterate())]
        assert {len(values) for values in whole.values()} == {5}
        assert whole["city"] == ["Rome"] * 5
        assert pa.table({"id": whole["id"], "email": whole["email"]}).num_rows == 5
        with pytest.raises(ConfigurationError, match="size"):
            await anext(frames.batches(mautic.contacts.iterate(), size=0))


async def test_a_key_that_comes_later_is_none_before() -> None:
    async def entities() -> AsyncIterator[Contact]:
        yield Contact(id=1)
        yield Contact(id=2, fields={"seats": 3})

    (batch,) = [found async for found in frames.batches(entities())]
    assert batch["seats"] == [None, 3]


async def test_a_page_of_results_is_a_table_of_set_attributes() -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        await mautic.contacts.create(Contact(email="ada@example.org", firstname="Ada & Bob"))
        page = (await mautic.contacts.list())._repr_html_()
        assert "Ada &amp; Bob" in page or "Ada &amp;amp; Bob" in page
        assert "1 to 1 of 1" in page
        assert "nothing" in (await mautic.contacts.list(search="nobody"))._repr_html_()
