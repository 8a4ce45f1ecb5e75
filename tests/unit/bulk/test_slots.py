from __future__ import annotations

import asyncio

import pytest
from attrs import evolve

from mautic_async.bulk.slots import SendSlots
from tests.support.flow_steps import make_pacing


@pytest.mark.virtual_time
async def test_serve_waiters_gives_a_free_slot_to_recovery_before_a_new_batch() -> None:
    slots = SendSlots(make_pacing(initial_concurrency=1, concurrency=1), asyncio.Event())
    assert slots.serve_waiters()
    slots.take()
    waiting = asyncio.ensure_future(slots.acquire())
    await asyncio.sleep(0)
    assert not slots.serve_waiters()
    slots.release()
    assert not slots.serve_waiters(), "the waiter has taken it"
    await waiting
    assert slots.in_use == 1


@pytest.mark.virtual_time
async def test_send_slots_skip_a_cancelled_waiter() -> None:
    slots = SendSlots(make_pacing(initial_concurrency=1, concurrency=1), asyncio.Event())
    slots.take()
    waiting = asyncio.ensure_future(slots.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    slots.release()
    assert slots.serve_waiters()
    assert slots.in_use == 0


def test_pause_gives_no_slot_and_a_shorter_one_within_it_adds_nothing() -> None:
    pacing = make_pacing()
    slots = SendSlots(pacing, asyncio.Event())
    assert slots.pause(10.0) == 10.0
    assert slots.pause(4.0) == 0.0
    assert slots.pause(15.0) == 5.0
    assert not slots.serve_waiters()
    assert slots.paused_until == pacing.time() + 15.0


def test_send_slots_release_no_batch_after_stop_or_after_pacing_shrinks() -> None:
    pacing, stopping = make_pacing(initial_concurrency=2), asyncio.Event()
    slots = SendSlots(pacing, stopping)
    slots.take()
    assert slots.serve_waiters()
    pacing.concurrency = evolve(pacing.concurrency, limit=1.0)
    assert not slots.serve_waiters()
    slots.release()
    assert slots.serve_waiters()
    stopping.set()
    assert not slots.serve_waiters()
