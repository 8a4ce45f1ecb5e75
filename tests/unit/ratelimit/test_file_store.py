"""The stores of a shared budget: one step at a time, whoever else is at it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from mautic_async import FileRateLimitStore, Limits, Mautic
from mautic_async._files import open_locked, unlock_and_close
from mautic_async.errors import ConfigurationError
from mautic_async.protocol.headers import RateLimitHeaders
from mautic_async.ratelimit import file_store
from mautic_async.ratelimit.decision import WaitForResponse
from mautic_async.ratelimit.file_store import _change
from mautic_async.ratelimit.store import Acquired, AcquireRequest, Observation, Permit, RateLimitState
from mautic_async.testing import FakeMautic

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and flock")


def one_more(text: str | None) -> str:
    return str(int(text or "0") + 1)


async def enter(path: Path | FileRateLimitStore) -> Acquired:
    shared = path if isinstance(path, FileRateLimitStore) else FileRateLimitStore(path)
    return await shared.acquire(AcquireRequest(now=time.time()))


def in_flight(path: Path) -> int:
    return len(json.loads(path.read_text())["in_flight"])


async def test_file_rate_limit_store_keeps_acquired_calls_until_observed(tmp_path: Path) -> None:
    for shared in (FileRateLimitStore(tmp_path / "budget.json"),):
        now = time.time()
        permit = await shared.acquire(AcquireRequest(now=now))
        assert isinstance(permit, Permit)
        assert await shared.acquire(AcquireRequest(now=now)) == WaitForResponse()
        headers = RateLimitHeaders(10, 2, int(now) + 3600, now)
        await shared.observe(Observation(now=now, permit=permit, token="t", headers=headers, status=200))
        permits = [await shared.acquire(AcquireRequest(now=now)) for _ in range(3)]
        assert [isinstance(one, Permit) for one in permits] == [True, True, False]


async def test_file_rate_limit_store_truncates_a_longer_text(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    path.touch(0o600)
    path.write_text("x" * 5000)
    await enter(path)
    assert in_flight(path) == 1


@posix
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
async def test_file_rate_limit_store_file_is_owner_only_under_any_umask(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "budget.json"
    before = os.umask(mask)
    try:
        await enter(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "pipe", "readable", "no folder"])
async def test_file_rate_limit_store_refuses_a_foreign_path_and_leaves_it(tmp_path: Path, kind: str) -> None:
    path, aside = tmp_path / "budget.json", tmp_path / "aside"
    match kind:
        case "link":
            aside.write_text("7")
            path.symlink_to(aside)
        case "dangling link":
            path.symlink_to(aside)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "readable":
            path.write_text("7")
            path.chmod(0o644)
        case "no folder":
            path = tmp_path / "none" / "budget.json"
    with pytest.raises(ConfigurationError, match=r"budget\.json"):
        await enter(path)
    assert not aside.exists() or aside.read_text() == "7"
    assert kind != "readable" or path.read_text() == "7"


async def test_file_rate_limit_store_replaces_a_file_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    path.touch(0o600)
    path.write_bytes(b"9" * 100_000)
    await enter(path)
    assert in_flight(path) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\0" * 100])
async def test_file_rate_limit_store_replaces_undecodable_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "budget.json"
    path.touch(0o600)
    path.write_bytes(content)
    await enter(path)
    assert in_flight(path) == 1


def test_file_rate_limit_store_failed_operation_changes_no_byte_and_unlocks(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"

    def fail(state: RateLimitState) -> None:
        state.acquire(AcquireRequest(now=0.0))
        raise ValueError("no number")

    with pytest.raises(ValueError, match="no number"):
        _change(path, 0.0, fail)
    _change(path, 0.0, lambda state: state.acquire(AcquireRequest(now=0.0)))
    assert in_flight(path) == 1


async def test_file_rate_limit_store_never_touches_the_file_on_the_loop_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def read(_: int) -> bytes:
        threads.append(threading.get_ident())
        return b""

    monkeypatch.setattr(file_store, "_read", read)
    await enter(tmp_path / "budget.json")
    assert threads
    assert threads != [threading.get_ident()]


async def test_file_rate_limit_store_transaction_takes_the_documented_time(tmp_path: Path) -> None:
    shared, spent = FileRateLimitStore(tmp_path / "budget.json"), []
    for _ in range(200):
        began = time.perf_counter()
        await enter(shared)
        spent.append(time.perf_counter() - began)
    middle = sorted(spent)[100]
    print(f"\na transaction on the file: {1e3 * middle:.2f} ms in the middle, {1e3 * max(spent):.2f} at most")
    assert middle < 0.05


@posix
async def test_file_rate_limit_store_recreates_a_file_removed_during_a_wait(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    held = open_locked(path)
    task = asyncio.create_task(enter(path))
    await asyncio.sleep(0.02)
    assert not task.done()
    path.unlink()
    unlock_and_close(held)
    await task
    assert in_flight(path) == 1


@posix
async def test_file_rate_limit_store_cancelled_waiter_leaves_the_lock_free(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    held = open_locked(path)
    task = asyncio.create_task(enter(path))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task], timeout=1)
    assert task.cancelled()
    unlock_and_close(held)
    await enter(path)
    unlock_and_close(
        open_locked(path)
    )  # the thread of the waiter who left may still be writing: its permit counts until then
    assert in_flight(path) in {1, 2}


@posix
def test_file_rate_limit_store_raises_when_the_lock_is_held_too_long(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    held = open_locked(path)
    with pytest.raises(ConfigurationError, match=r"budget\.json: another process is using it"):
        open_locked(path, 0.01)
    unlock_and_close(held)
    unlock_and_close(open_locked(path))


CHILD = """
import sys, time
from pathlib import Path
from mautic_async.ratelimit.file_store import _change

for number in range(int(sys.argv[2])):
    token = f"{sys.argv[3]} {number}"
    _change(Path(sys.argv[1]), time.time(), lambda state: state._in_flight.update({token: time.time()}))
"""


async def test_file_rate_limit_store_loses_no_transaction_of_several_processes(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    command = (sys.executable, "-W", "error", "-c", CHILD, str(path), "100")
    children = [await asyncio.create_subprocess_exec(*command, str(number)) for number in range(4)]
    assert [await child.wait() for child in children] == [0, 0, 0, 0]
    assert in_flight(path) == 400


@posix
async def test_file_rate_limit_store_killed_leaves_a_whole_text_and_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    for delay in (0.0, 0.003, 0.007):
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, str(path), "5000", str(delay))
        while not path.exists() or not path.stat().st_size:  # noqa: ASYNC110 - another process tells no event
            await asyncio.sleep(0.005)
        await asyncio.sleep(delay)
        child.kill()
        await child.wait()
        before = in_flight(path)
        _change(path, time.time(), lambda state: state._in_flight.update(one=time.time()))
        assert in_flight(path) == before + 1
        path.unlink()


async def test_file_rate_limit_store_error_fails_the_call_unsent(tmp_path: Path) -> None:
    async with FakeMautic() as fake:
        limits = Limits(store=FileRateLimitStore(tmp_path / "none" / "budget.json"))
        async with Mautic(fake.url, auth=fake.auth, transport=fake.transport, limits=limits) as mautic:
            for _ in range(2):
                with pytest.raises(ConfigurationError, match=r"budget\.json"):
                    await mautic.contacts.list(limit=1)
            assert not fake.requests
            (tmp_path / "none").mkdir()
            await mautic.contacts.list(limit=1)


def test_file_rate_limit_store_repr_names_the_path() -> None:
    assert repr(FileRateLimitStore("budget.json")) == "FileRateLimitStore('budget.json')"
