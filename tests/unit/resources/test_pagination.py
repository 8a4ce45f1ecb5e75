"""Walks over lists that change under them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from mautic_async import ConfigurationError, where
from mautic_async._background import BackgroundTasks
from mautic_async.resources._endpoint import ResultPage
from mautic_async.resources._pagination import Paginator, iterate, parameters
from mautic_async.testing.virtual_time import run_virtual
from tests.support.sizes import sized

pytestmark = pytest.mark.virtual_time


@define
class Thing:
    id: int
    name: str


@define
class Change:
    """What others do between two pages: how many of the things are deleted from where, and the names of new ones."""

    deletions: list[float]
    names: list[str]


@define
class Moving:
    """A list that others change before each page is asked for, but for the first."""

    things: list[Thing]
    changes: list[Change]
    asked: list[Mapping[str, Any]] = field(factory=list)
    deleted: set[int] = field(factory=set)
    last: int = 0

    def change(self) -> None:
        if not self.asked or len(self.asked) > len(self.changes):
            return
        change = self.changes[len(self.asked) - 1]
        for share in change.deletions:
            if self.things:
                gone = self.things.pop(int(share * len(self.things)))
                self.deleted.add(gone.id)
        for name in change.names:
            self.last += 1
            self.things.append(Thing(self.last, name))

    async def fetch(self, query: Mapping[str, Any]) -> ResultPage[Thing]:
        self.change()
        self.asked.append(query)
        await asyncio.sleep(1)
        after = max([clause.value for clause in query.get("where", [])], default=0)
        columns = query["order_by"].split(",")
        found = sorted(
            (thing for thing in self.things if thing.id > after),
            key=lambda thing: [getattr(thing, column) for column in columns],
            reverse=str(query.get("order_by_dir", "asc")).lower() == "desc",
        )
        start = query.get("start", 0)
        return ResultPage(items=found[start : start + query["limit"]], total=len(found), start=start)


names = st.text("abc", max_size=2)
moving_lists = st.builds(
    lambda things, changes: Moving([Thing(n + 1, name) for n, name in enumerate(things)], changes, last=len(things)),
    st.lists(names, max_size=25),
    st.lists(
        st.builds(
            Change,
            st.lists(st.floats(0, 1, exclude_max=True), max_size=8),
            st.lists(names, max_size=8),
        ),
        max_size=12,
    ),
)


def walk(moving: Moving, size: int, *, keyset: bool, query: Mapping[str, Any] | None = None) -> Paginator[Thing]:
    return Paginator(fetch=moving.fetch, query=query or {}, size=size, get_id=lambda thing: thing.id, keyset=keyset)


async def walked(moving: Moving, way: Paginator[Thing], *, ahead: bool = False) -> list[Thing]:
    flights = BackgroundTasks()
    found = [thing async for thing in iterate(way, flights.spawn if ahead else None)]
    assert not len(flights)
    return found


def check(moving: Moving, before: list[Thing], found: list[Thing]) -> None:
    ids = [thing.id for thing in found]
    assert len(ids) == len(set(ids)), "repeated"
    assert {thing.id for thing in before} - moving.deleted <= set(ids), "missed"


@given(moving=moving_lists, size=st.integers(1, 7), keyset=st.booleans(), ahead=st.booleans())
@settings(max_examples=sized(60, 400), deadline=None)
def test_iterate_by_id_neither_misses_nor_repeats_while_rows_change(
    *, moving: Moving, size: int, keyset: bool, ahead: bool
) -> None:
    before = list(moving.things)
    found = run_virtual(walked(moving, walk(moving, size, keyset=keyset), ahead=ahead))
    check(moving, before, found)
    assert [thing.id for thing in found] == sorted(thing.id for thing in found)


@given(
    moving=moving_lists,
    size=st.integers(1, 7),
    order=st.sampled_from(["name", "name,id", "id"]),
    direction=st.sampled_from(["asc", "desc", "DESC"]),
    ahead=st.booleans(),
)
@settings(max_examples=sized(60, 400), deadline=None)
def test_iterate_in_another_order_neither_misses_nor_repeats(
    *, moving: Moving, size: int, order: str, direction: str, ahead: bool
) -> None:
    before = list(moving.things)
    query = {"order_by": order, "order_by_dir": direction}
    found = run_virtual(walked(moving, walk(moving, size, keyset=True, query=query), ahead=ahead))
    check(moving, before, found)
    assert all(asked["order_by"] in {"name,id", "id"} for asked in moving.asked), "ties would be shuffled"


async def test_iterate_by_key_costs_one_request_a_page_and_keeps_its_size() -> None:
    moving = Moving([Thing(n, "x") for n in range(1, 11)], [])
    await walked(moving, walk(moving, 4, keyset=True))
    assert [asked["where"][-1].value for asked in moving.asked] == [0, 4, 8]
    assert {asked["limit"] for asked in moving.asked} == {4}


async def test_iterate_keeps_conditions_of_the_caller_beside_the_key() -> None:
    moving = Moving([], [])
    own = where.gt("points", 3)
    await walked(moving, walk(moving, 4, keyset=True, query={"where": own}))
    assert [clause.column for clause in moving.asked[0]["where"]] == ["points", "id"]


def test_iterate_reads_the_next_page_ahead_while_the_caller_works() -> None:
    moving = Moving([Thing(n, "x") for n in range(1, 9)], [])

    async def work(*, ahead: bool) -> float:
        flights = BackgroundTasks()
        began = asyncio.get_running_loop().time()
        async for _ in iterate(walk(moving, 4, keyset=True), flights.spawn if ahead else None):
            await asyncio.sleep(0.25)
        return asyncio.get_running_loop().time() - began

    assert run_virtual(work(ahead=False)) == pytest.approx(3 + 8 * 0.25)
    assert run_virtual(work(ahead=True)) == pytest.approx(1 + 8 * 0.25)


@pytest.mark.parametrize("ahead", [False, True])
async def test_iterate_leaves_no_task_after_a_break(*, ahead: bool) -> None:
    flights = BackgroundTasks()
    moving = Moving([Thing(n, "x") for n in range(1, 9)], [])
    items: AsyncIterator[Thing] = iterate(walk(moving, 2, keyset=True), flights.spawn if ahead else None)
    async for _ in items:
        break
    await items.aclose()  # type: ignore[attr-defined]  # an async generator
    await asyncio.sleep(0)
    assert len(flights) == 0


@pytest.mark.parametrize("ahead", [False, True])
async def test_iterate_leaves_no_task_after_a_cancellation(*, ahead: bool) -> None:
    flights = BackgroundTasks()
    moving = Moving([Thing(n, "x") for n in range(1, 9)], [])

    async def use() -> None:
        async for _ in iterate(walk(moving, 2, keyset=True), flights.spawn if ahead else None):
            await asyncio.sleep(10)

    task = asyncio.get_running_loop().create_task(use())
    await asyncio.sleep(1.5)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    del task  # what it holds of the walk is closed by the loop, as for every abandoned generator
    await asyncio.sleep(1)
    assert len(flights) == 0


@pytest.mark.parametrize("ahead", [False, True])
async def test_iterate_raises_a_failure_after_the_entities_read_before(*, ahead: bool) -> None:
    class Breaking(Moving):
        async def fetch(self, query: Mapping[str, Any]) -> ResultPage[Thing]:
            if len(self.asked) == 1:
                raise ConfigurationError("broken")
            return await super().fetch(query)

    moving = Breaking([Thing(n, "x") for n in range(1, 9)], [])
    flights = BackgroundTasks()
    found: list[int] = []
    with pytest.raises(ConfigurationError, match="broken"):
        async for thing in iterate(walk(moving, 2, keyset=True), flights.spawn if ahead else None):
            found += [thing.id]
    assert found == [1, 2]


# --- parameters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"limit": 0}, "iterate"),  # Mautic would answer with all there is
        ({"limit": -1}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": "10"}, "limit"),
        ({"start": -1}, "start"),
        ({"order_by": "id; DROP"}, "order_by"),
        ({"order_by": ""}, "order_by"),
        ({"order_by_dir": "up"}, "order_by_dir"),
        ({"publishedOnly": True}, "publishedOnly"),
        ({"where": [{"col": "id", "expr": "is", "val": 3}]}, "expression"),
    ],
)
def test_parameters_refuse_values_that_mautic_ignores_or_fails_on(query: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        parameters(query)


def test_parameters_have_the_names_of_mautic() -> None:
    query = {"search": "x", "order_by": "dateAdded", "order_by_dir": "desc", "minimal": True, "published": True}
    assert parameters(query) == {
        "search": "x",
        "orderBy": "dateAdded",
        "orderByDir": "desc",
        "minimal": "true",
        "published": 1,
    }


def test_parameters_omit_false_switches() -> None:
    assert parameters({"minimal": False, "include_custom_objects": False, "published": False}) == {}


def test_parameters_write_published_as_a_condition_beside_others() -> None:
    found = parameters({"published": True, "where": where.gt("id", 5)})
    assert found == {
        "where": [{"col": "id", "expr": "gt", "val": 5}, {"col": "isPublished", "expr": "eq", "val": 1}],
    }


def test_parameters_refuse_published_where_mautic_answers_500() -> None:
    with pytest.raises(ConfigurationError, match="published"):
        parameters({"published": True}, filters_published=False)


def test_parameters_select_always_includes_the_id() -> None:
    assert parameters({"select": ["email"]})["select"] == ["id", "email"]


def test_iterate_refuses_a_start() -> None:
    with pytest.raises(ConfigurationError, match="list"):
        walk(Moving([], []), 4, keyset=True, query={"start": 5}).pages()
