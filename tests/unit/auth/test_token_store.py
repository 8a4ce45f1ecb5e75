from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import multiprocessing
import os
import pickle
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mautic_async.auth import token_store as room
from mautic_async.auth.token_store import FileTokens, MemoryTokens, Token, TokenStore
from mautic_async.errors import ConfigurationError, Secret

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX rights")


def token(
    access: str = "canary-access", refresh: str | None = "canary-refresh", expires_at: int = 1_800_003_600
) -> Token:
    return Token(
        access=Secret(access), refresh=Secret(refresh) if refresh else None, expires_at=expires_at, client_id="1_x"
    )


# --- tokens --------------------------------------------------------------------------------------------------------


@given(
    st.text(min_size=1, max_size=50).filter(lambda text: text.isprintable()),
    st.one_of(st.none(), st.text(min_size=1, max_size=50)),
    st.integers(0, 10**11),
)
def test_token_round_trips_through_json(access: str, refresh: str | None, expires_at: int) -> None:
    before = token(access, refresh, expires_at)
    assert Token.from_json(before.to_json()) == before
    assert Token.from_json(before.to_json().encode()) == before


def test_token_written_by_other_programs_is_read() -> None:
    text = json.dumps(
        {"access_token": "x", "token_type": "bearer", "expires_at": 1.5e9, "refresh_token": "", "scope": None}
    )
    assert Token.from_json(text) == Token(access=Secret("x"), expires_at=1_500_000_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary",
        "null",
        "[]",
        "{}",
        '{"access_token": "canary"}',
        '{"access_token": "", "expires_at": 1}',
        '{"access_token": "canary", "expires_at": "1"}',
        '{"access_token": "canary", "expires_at": true}',
        '{"access_token": "canary", "expires_at": NaN}',
        '{"access_token": "canary", "expires_at": Infinity}',
        '{"access_token": ["canary"], "expires_at": 1}',
        '{"access_token": "canary", "refresh_token": 1, "expires_at": 1}',
        "[" * 100_000,
    ],
)
def test_token_from_invalid_text_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Token.from_json(text)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.binary(max_size=200))
def test_token_from_any_bytes_is_a_token_or_a_configuration_error(content: bytes) -> None:
    with contextlib.suppress(ConfigurationError):
        Token.from_json(content)


def test_token_repr_and_pickle_show_no_secret() -> None:
    assert "canary" not in f"{token()!r} {token()} {MemoryTokens(token())!r}"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(token().access)


# --- in memory -----------------------------------------------------------------------------------------------------


async def test_memory_tokens_keeps_a_token_and_its_lock_excludes_tasks() -> None:
    store = MemoryTokens()
    assert await store.load() is None
    await store.save(token())
    assert await store.load() == token()
    await _one_at_a_time(store, store)


async def _one_at_a_time(*stores: TokenStore) -> None:
    inside = 0

    async def enter(store: TokenStore) -> None:
        nonlocal inside
        async with store.lock():
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.001)
            inside -= 1

    async with asyncio.TaskGroup() as group:
        for store in stores * 3:
            group.create_task(enter(store))


# --- in a file -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=[0o022, 0o000, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
async def test_file_tokens_file_is_readable_by_its_owner_only_under_any_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "token.json"
    store = FileTokens(path)
    await store.save(token())
    async with store.lock():
        pass
    assert mode_of(path) == 0o600
    assert mode_of(tmp_path / "token.json.lock") & 0o077 == 0
    assert await store.load() == token()
    assert await FileTokens(str(path)).load() == token()
    assert names(tmp_path) == ["token.json", "token.json.lock"]


@posix
async def test_file_tokens_creates_a_missing_folder_for_the_owner_only(tmp_path: Path) -> None:
    store = FileTokens(tmp_path / "secrets" / "token.json")
    assert await store.load() is None
    async with store.lock():
        await store.save(token())
    assert mode_of(tmp_path / "secrets") == 0o700


async def test_file_tokens_missing_file_is_no_token(tmp_path: Path) -> None:
    assert await FileTokens(tmp_path / "token.json").load() is None
    assert names(tmp_path) == []


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
async def test_file_tokens_refuses_a_file_other_users_may_read_and_names_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token.json"
    path.write_text(token().to_json())
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=r"others may read.*chmod 600"):
        await FileTokens(path).load()


@posix
async def test_file_tokens_refuses_a_file_of_another_user(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    await FileTokens(path).save(token())
    found = os.stat_result((*path.stat()[:4], os.geteuid() + 1, *path.stat()[5:10]))
    with pytest.raises(ConfigurationError, match="another user"):
        room._check(path, found)


@posix
@pytest.mark.parametrize("target", ["a file", "nothing"])
async def test_file_tokens_neither_reads_nor_writes_a_planted_link(tmp_path: Path, target: str) -> None:
    victim, path = tmp_path / "victim", tmp_path / "token.json"
    if target == "a file":
        victim.write_text(token().to_json())
        victim.chmod(0o600)
    path.symlink_to(victim)
    for attempt in (FileTokens(path).load(), FileTokens(path).save(token("new"))):
        with pytest.raises(ConfigurationError, match="symbolic link"):
            await attempt
    assert path.is_symlink()
    assert not victim.exists() or "new" not in victim.read_text()


@posix
async def test_file_tokens_does_not_follow_a_planted_link_for_the_lock(tmp_path: Path) -> None:
    (tmp_path / "token.json.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(ConfigurationError, match="symbolic link"):
        async with FileTokens(tmp_path / "token.json").lock():
            pass
    assert not (tmp_path / "victim").exists()


@posix
@pytest.mark.parametrize("kind", ["folder", "pipe"])
async def test_file_tokens_refuses_pipes_and_folders_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "token.json"
    path.mkdir(0o700) if kind == "folder" else os.mkfifo(path, 0o600)
    with pytest.raises(ConfigurationError):
        await FileTokens(path).load()


async def test_file_tokens_damaged_file_is_named_and_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    path.write_text('{"access_token": "canary')
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"token\.json.*remove it") as caught:
        await FileTokens(path).load()
    assert "canary" not in str(caught.value)


@posix
async def test_file_tokens_unwritable_file_is_explained_and_keeps_the_old_token(tmp_path: Path) -> None:
    store = FileTokens(tmp_path / "file" / "token.json")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot"):
        await store.save(token())
    with pytest.raises(ConfigurationError, match="cannot"):
        async with store.lock():
            pass


KILLED = """
import os, sys
from mautic_async.auth import token_store
from mautic_async.errors import Secret
point, path = sys.argv[1], sys.argv[2]
def die(*_, **__):
    os.kill(os.getpid(), 9)
if point == "before writing":
    os.fdopen = die
elif point == "before it is on disk":
    os.fsync = die
elif point == "before the rename":
    token_store.Path.replace = die
elif point == "after the rename":
    token_store._fsync_directory = die
import asyncio
asyncio.run(token_store.FileTokens(path).save(token_store.Token(access=Secret("new"), expires_at=2)))
"""


@posix
@pytest.mark.parametrize(
    ("point", "left"),
    [
        ("before writing", "old"),
        ("before it is on disk", "old"),
        ("before the rename", "old"),
        ("after the rename", "new"),
    ],
)
async def test_file_tokens_killed_while_saving_leaves_the_old_or_the_new_token(
    tmp_path: Path, point: str, left: str
) -> None:
    store = FileTokens(tmp_path / "token.json")
    await store.save(token("old"))
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, point, str(tmp_path / "token.json"))
    assert await child.wait() == -9
    found = await store.load()
    assert found is not None
    assert found.access == Secret(left)
    assert {mode_of(tmp_path / name) for name in names(tmp_path)} == {0o600}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writers=st.integers(1, 4))
def test_file_tokens_reader_never_sees_half_a_token(tmp_path: Path, writers: int) -> None:
    path = tmp_path / "token.json"
    room._replace(path, token("a" * 5000))
    stop = threading.Event()
    torn: list[Any] = []

    def read() -> None:
        while not stop.is_set():
            try:
                Token.from_json(room._read(path) or b"")
            except ConfigurationError as error:
                torn.append(error)

    reader = threading.Thread(target=read)
    reader.start()

    def write(name: str) -> None:
        for _ in range(20):
            room._replace(path, token(name * 5000))

    threads = [threading.Thread(target=write, args=(name,)) for name in "bcde"[:writers]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    reader.join()
    assert torn == []
    assert names(tmp_path) == ["token.json"]


# --- the lock ------------------------------------------------------------------------------------------------------


async def test_file_tokens_lock_excludes_tasks_of_the_same_process(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    await _one_at_a_time(FileTokens(path), FileTokens(path))


HOLDER = """
import asyncio, sys
from mautic_async.auth.token_store import FileTokens
async def main():
    async with FileTokens(sys.argv[1]).lock():
        print("held", flush=True)
        await asyncio.sleep(3600)
asyncio.run(main())
"""


@posix
async def test_file_tokens_lock_waits_for_another_process_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"held\n"
    waiting = asyncio.ensure_future(_enter(FileTokens(path)))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    child.kill()
    await child.wait()
    assert await waiting == "entered"


async def _enter(store: FileTokens) -> str:
    async with store.lock():
        return "entered"


@posix
async def test_file_tokens_lock_is_not_kept_by_a_forked_child(tmp_path: Path) -> None:
    store = FileTokens(tmp_path / "token.json")
    gate = multiprocessing.get_context("fork").Event()
    child = multiprocessing.get_context("fork").Process(target=gate.wait)
    async with store.lock():
        child.start()
    assert await _enter(store) == "entered"
    gate.set()
    child.join()


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0


@posix
async def test_file_tokens_lock_wait_can_be_cancelled_and_leaves_no_open_file(tmp_path: Path) -> None:
    store = FileTokens(tmp_path / "token.json")
    async with store.lock():
        before = _files()
        waiting = asyncio.ensure_future(_enter(store))
        await asyncio.sleep(0.05)
        assert _files() == before + 1 or sys.platform != "linux"
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert _files() == before
    assert await _enter(store) == "entered"


def test_file_tokens_lock_held_too_long_raises_after_30_seconds(tmp_path: Path) -> None:
    from mautic_async.testing.virtual_time import run_virtual

    async def main() -> float:
        store = FileTokens(tmp_path / "token.json")
        async with store.lock():
            with pytest.raises(ConfigurationError, match=r"another process has held .*token\.json\.lock for 30 s"):
                await _enter(store)
            return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(30, abs=0.1)


def test_token_store_is_importable_without_fcntl() -> None:
    code = "import sys; sys.platform='win32'; sys.modules['msvcrt']=object(); sys.modules['fcntl']=None; import importlib.util as u"
    spec = (
        "; s=u.spec_from_file_location('tokens', sys.argv[1]); m=u.module_from_spec(s); sys.modules['tokens']=m;"
        " s.loader.exec_module(m); print(m.FileTokens('x'))"
    )
    pre = "import asyncio, pathlib, os, contextlib, mautic_async.errors; "
    done = subprocess.run(
        [sys.executable, "-c", pre + code + spec, str(Path(room.__file__))], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("FileTokens('x')\n", "")
