"""The way of a call is short, and the architecture page lists it; `tests.support.walk` says how it is counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.support.walk import WALKS, Walk, documented, render, walk_edit, walk_get


async def test_walk_in_the_architecture_page_is_the_measured_one() -> None:
    measured = render({title: await walk() for title, walk in WALKS.items()})
    assert documented() == measured, "run python -m tests.support.walk"


@pytest.mark.parametrize(("walk", "files"), [(walk_get, 16), (walk_edit, 28)], ids=["get", "edit"])
async def test_walk_of_a_call_is_short(walk: Callable[[], Awaitable[Walk]], files: int) -> None:
    found = await walk()
    assert len(found.frames) <= 7
    assert len(found.files) <= files
