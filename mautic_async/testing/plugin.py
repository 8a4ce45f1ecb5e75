"""pytest plugin: the fixtures `fake_mautic` and `mautic`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mautic_async import Mautic
    from mautic_async.testing.server import FakeMautic


@pytest.fixture
def fake_mautic() -> Iterator[FakeMautic]:
    """Yield a simulated Mautic of its own for each test, in process.

    ::

        async def test_import(fake_mautic):
            async with Mautic(fake_mautic.url, auth=fake_mautic.auth, transport=fake_mautic.transport) as mautic:
                await import_customers(mautic)
            assert len(fake_mautic.contacts) == 3
    """
    from mautic_async.testing import FakeMautic

    fake = FakeMautic()
    yield fake
    fake.close()


@pytest.fixture
def mautic(fake_mautic: FakeMautic) -> Mautic:
    """Client of `fake_mautic`, for one event loop.

    It needs no ``async with``, since it holds no connection, and so no plugin for asynchronous fixtures::

        async def test_import(mautic, fake_mautic):
            await import_customers(mautic)
            assert len(fake_mautic.contacts) == 3
    """
    from mautic_async import Mautic

    return Mautic(fake_mautic.url, auth=fake_mautic.auth, transport=fake_mautic.transport)
