"""Work that outlives its caller."""

from __future__ import annotations

import asyncio

import pytest

from mautic_async._background import BackgroundTasks

pytestmark = pytest.mark.virtual_time


async def giving(value: int, seconds: float = 1.0) -> int:
    await asyncio.sleep(seconds)
    return value


async def failing() -> int:
    await asyncio.sleep(1)
    raise ValueError("as it happens")


async def test_run_shielded_returns_the_result_of_the_work() -> None:
    flights = BackgroundTasks()
    assert await flights.run_shielded(giving(5)) == 5
    with pytest.raises(ValueError, match="as it happens"):
        await flights.run_shielded(failing())
    await asyncio.sleep(0)
    assert len(flights) == 0


async def test_run_shielded_continues_the_work_of_a_cancelled_caller() -> None:
    flights, done = BackgroundTasks(), []

    async def work() -> int:
        done.append(await giving(7))
        return 7

    caller = asyncio.ensure_future(flights.run_shielded(work()))
    await asyncio.sleep(0.5)
    caller.cancel()
    await asyncio.wait([caller])
    assert caller.cancelled()
    assert len(flights) == 1
    assert await flights.drain(10) == 0
    assert done == [7]


async def test_background_tasks_log_no_warning_for_a_failure_without_waiter() -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    flights = BackgroundTasks()
    caller = asyncio.ensure_future(flights.run_shielded(failing()))
    await asyncio.sleep(0.5)
    caller.cancel()
    await asyncio.sleep(2)
    del caller
    assert len(flights) == 0
    assert told == []


async def test_background_tasks_close_cancels_late_work_and_informs_its_caller() -> None:
    flights = BackgroundTasks()
    caller = asyncio.ensure_future(flights.run_shielded(giving(1, 100)))
    await asyncio.sleep(0.5)
    assert await flights.drain(2) == 1
    await asyncio.wait([caller])
    assert caller.cancelled()
