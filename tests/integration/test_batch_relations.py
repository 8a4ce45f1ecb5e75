"""Batches of rows that share a category, or name an id that is missing: a bare 500 of the whole request."""

from __future__ import annotations

from typing import Any

import pytest

from mautic_async import Mautic
from mautic_async.models import Category, Point
from mautic_async.testing import FakeMautic
from tests.integration.test_contacts import collect, play


async def points_of_one_category(mautic: Mautic, count: int) -> list[int]:
    category = await mautic.categories.create(Category(title="c", bundle="point"))
    points = [Point(name=f"p{number}", type="url.hit", delta=1, category=category) for number in range(count)]
    return [outcome.id for outcome in await mautic.points.create_many(points)]


@pytest.mark.parametrize("bulk", [False, True])
def test_edits_of_rows_with_one_category_are_all_stored(bulk: bool) -> None:  # noqa: FBT001
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        ids = await points_of_one_category(mautic, 5)
        rows = [Point(id=id, delta=7) for id in ids]
        outcomes: Any = await (collect(mautic.points.bulk_edit(rows)) if bulk else mautic.points.edit_many(rows))
        assert [outcome.status for outcome in outcomes] == ["updated"] * 5
        stored = [point async for point in mautic.points.iterate()]
        assert {point.delta for point in stored} == {7}
        assert sum(request.method == "PATCH" for request in fake.requests) <= 4
        assert len({point.category.id for point in stored if point.category}) == 1

    play(scenario)
