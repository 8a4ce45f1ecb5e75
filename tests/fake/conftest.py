from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from mautic_async.testing import FakeMautic
from tests.support.raw_client import RawClient


@pytest.fixture(autouse=True)
def no_bug_hides_behind_a_500(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What breaks the simulator is answered with a 500, as PHP does it, and logged; no test may cause that unawares."""
    yield
    assert not [record.getMessage() for record in caplog.get_records("call") if "broke the simulator" in record.message]


@pytest.fixture
async def api() -> AsyncIterator[RawClient]:
    async with FakeMautic() as fake:
        yield await RawClient(fake).login()
