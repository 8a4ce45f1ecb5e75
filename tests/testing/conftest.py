from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mautic_async.testing import FakeMautic
from tests.testing.asking import Asking


@pytest.fixture
async def api() -> AsyncIterator[Asking]:
    async with FakeMautic() as fake:
        yield await Asking(fake).login()
