"""The stores of a shared budget: one step at a time, whoever else is at it."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from mautic_async import FileBudget, Limits, Mautic, MemoryBudget
from mautic_async._files import let_go
from mautic_async.errors import ConfigurationError
from mautic_async.ratelimit.store import LOCK_PATIENCE, _change, _hold, _wait
from mautic_async.testing import FakeMautic

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and flock")


def one_more(text: str | None) -> str:
    return str(int(text or "0") + 1)


async def test_a_store_hands_over_what_it_keeps_and_keeps_what_comes_back(tmp_path: Path) -> None:
    for store in (MemoryBudget(), FileBudget(tmp_path / "budget.json")):
        seen: list[str | None] = []

        def step(text: str | None, seen: list[str | None] = seen) -> str:
            seen.append(text)
            return one_more(text)

        for _ in range(11):
            await store.change(step)
        assert [text and text.strip() for text in seen] == [None, *map(str, range(1, 11))]


async def test_a_shorter_text_leaves_nothing_of_the_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    store = FileBudget(path)
    await store.change(lambda _: "x" * 5000)
    await store.change(lambda _: "yes")
    assert path.read_text().strip() == "yes"


@posix
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
async def test_the_file_is_its_owners_alone_under_any_umask(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "budget.json"
    before = os.umask(mask)
    try:
        await FileBudget(path).change(one_more)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "pipe", "readable", "no folder"])
async def test_a_place_that_is_not_ours_is_refused_and_left_as_it_is(tmp_path: Path, kind: str) -> None:
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
        await FileBudget(path).change(one_more)
    assert not aside.exists() or aside.read_text() == "7"
    assert kind != "readable" or path.read_text() == "7"


async def test_a_file_too_long_to_be_ours_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    path.touch(0o600)
    path.write_bytes(b"9" * 100_000)
    await FileBudget(path).change(one_more)
    assert path.read_text() == "1"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\0" * 100])
async def test_bytes_that_are_no_text_reach_the_step_as_some_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "budget.json"
    path.touch(0o600)
    path.write_bytes(content)
    await FileBudget(path).change(lambda text: str(type(text).__name__))
    assert path.read_text().strip() == "str"


async def test_a_step_that_fails_changes_nothing_and_leaves_no_lock(tmp_path: Path) -> None:
    store = FileBudget(tmp_path / "budget.json")
    await store.change(one_more)
    with pytest.raises(ValueError, match="no number"):
        await store.change(lambda _: str(int("no number")))
    await store.change(one_more)
    assert (tmp_path / "budget.json").read_text() == "2"


async def test_the_file_is_never_touched_on_the_event_loops_own_thread(tmp_path: Path) -> None:
    threads: list[int] = []

    def step(_: str | None) -> str:
        threads.append(threading.get_ident())
        return ""

    await FileBudget(tmp_path / "budget.json").change(step)
    assert threads
    assert threads != [threading.get_ident()]


async def test_a_change_takes_about_as_long_as_it_says(tmp_path: Path) -> None:
    store, spent = FileBudget(tmp_path / "budget.json"), []
    text = "x" * 1000
    for _ in range(200):
        began = time.perf_counter()
        await store.change(lambda _: text)
        spent.append(time.perf_counter() - began)
    middle = sorted(spent)[100]
    print(
        f"\na change of the shared budget's file: {1e3 * middle:.2f} ms in the middle, {1e3 * max(spent):.2f} at most"
    )
    assert middle < 0.05


@posix
async def test_a_file_that_is_removed_while_somebody_waits_for_it_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    held = _hold(path)
    task = asyncio.create_task(FileBudget(path).change(one_more))
    await asyncio.sleep(0.02)
    assert not task.done()
    path.unlink()
    let_go(held)
    await task
    assert path.read_text() == "1"


@posix
async def test_a_waiter_who_leaves_does_not_wait_for_the_thread_and_the_lock_is_free_after_it(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    held = _hold(path)
    task = asyncio.create_task(FileBudget(path).change(one_more))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task], timeout=1)
    assert task.cancelled()
    let_go(held)
    await FileBudget(path).change(one_more)
    assert path.read_text() in {"1", "2"}


def test_a_lock_that_is_held_for_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"held .*budget.json for {LOCK_PATIENCE:.0f} s"):
        _wait(tmp_path / "budget.json", time.monotonic() - 1)


CHILD = """
import sys
from pathlib import Path
from mautic_async.ratelimit.store import _change

for _ in range(int(sys.argv[2])):
    _change(Path(sys.argv[1]), lambda text: str(int(text or "0") + 1))
"""


async def test_of_many_changes_by_several_processes_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    command = (sys.executable, "-W", "error", "-c", CHILD, str(path), "250")
    children = [await asyncio.create_subprocess_exec(*command) for _ in range(4)]
    assert [await child.wait() for child in children] == [0, 0, 0, 0]
    assert path.read_text() == "1000"


@posix
async def test_a_process_killed_at_any_moment_leaves_a_whole_text_and_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    for delay in (0.0, 0.003, 0.007):
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, str(path), "1000000")
        while not path.exists() or not path.stat().st_size:  # noqa: ASYNC110 - another process tells no event
            await asyncio.sleep(0.005)
        await asyncio.sleep(delay)
        child.kill()
        await child.wait()
        before = int(path.read_text())
        _change(path, one_more)
        assert int(path.read_text()) == before + 1


async def test_a_call_says_what_is_wrong_with_the_shared_budget_and_nothing_is_sent(tmp_path: Path) -> None:
    async with FakeMautic() as fake:
        limits = Limits(budget=FileBudget(tmp_path / "none" / "budget.json"))
        async with Mautic(fake.url, auth=fake.auth, transport=fake.transport, limits=limits) as mautic:
            for _ in range(2):
                with pytest.raises(ConfigurationError, match=r"budget\.json"):
                    await mautic.contacts.list(limit=1)
            assert not fake.requests
            (tmp_path / "none").mkdir()
            await mautic.contacts.list(limit=1)


def test_a_repr_names_the_place() -> None:
    assert repr(FileBudget("budget.json")) == "FileBudget('budget.json')"
    assert repr(MemoryBudget()) == "MemoryBudget()"
