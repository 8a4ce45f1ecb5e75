"""What is kept on disk is its owner's alone, whatever the umask, and no planted link, pipe or mode changes that."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mautic_async import FileTokens, Journal, Token
from mautic_async.bulk.dead_letters import DeadLetters
from mautic_async.errors import ConfigurationError, Secret
from mautic_async.journal.records import RecordState, RowRecord

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")

OLD = Token(access=Secret("old-token"), refresh=Secret("old-refresh"), expires_at=1_800_000_000)
NEW = Token(access=Secret("new-token"), refresh=Secret("new-refresh"), expires_at=1_800_003_600)
ENTRY = RowRecord(0, b"digest", RecordState.PENDING)


@pytest.fixture(autouse=True, params=[0o000, 0o022, 0o777], ids=lambda mask: f"umask {mask:03o}")
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path, umask: int) -> Path:
    place = tmp_path / "mine"
    place.mkdir()
    place.chmod(0o700)
    return place


async def keep_token(path: Path) -> None:
    tokens = FileTokens(path)
    async with tokens.lock():
        await tokens.load()
        await tokens.save(NEW)
    assert await tokens.load() == NEW


async def keep_journal(path: Path) -> None:
    journal = Journal(path)
    await journal.open()
    try:
        await journal.record_sending([ENTRY])
        check_modes(path.parent)
    finally:
        await journal.close()


async def keep_letters(path: Path) -> None:
    letters = DeadLetters(path)
    letters.add([])
    letters.close()


KEEPERS: dict[str, Callable[[Path], Any]] = {"token": keep_token, "journal": keep_journal, "dead letters": keep_letters}
each_keeper = pytest.mark.parametrize("keep", KEEPERS.values(), ids=KEEPERS.keys())


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.lstat().st_mode) for path in folder.iterdir()}


def check_modes(folder: Path) -> None:
    found = modes(folder)
    assert found
    assert set(found.values()) <= {0o600}, found


@each_keeper
async def test_new_file_is_readable_by_its_owner_only(keep: Callable[[Path], Any], folder: Path) -> None:
    await keep(folder / "kept")
    check_modes(folder)
    await keep(folder / "kept")  # and it can be used again
    check_modes(folder)


async def test_token_folder_is_readable_by_its_owner_only(tmp_path: Path, umask: int) -> None:
    if umask == 0o777:
        return  # nobody could enter such a folder, not even its owner
    await keep_token(tmp_path / "made" / "token.json")
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o700


@each_keeper
async def test_planted_link_is_not_followed(keep: Callable[[Path], Any], folder: Path) -> None:
    treasure = folder / "treasure"
    treasure.write_text("precious")
    treasure.chmod(0o600)
    (folder / "kept").symlink_to(treasure)
    with pytest.raises(ConfigurationError):
        await keep(folder / "kept")
    assert treasure.read_text() == "precious"
    assert (folder / "kept").is_symlink()


@each_keeper
async def test_planted_link_to_a_missing_target_creates_no_file_there(
    keep: Callable[[Path], Any], folder: Path
) -> None:
    (folder / "kept").symlink_to(folder / "nowhere")
    with pytest.raises(ConfigurationError):
        await keep(folder / "kept")
    assert not (folder / "nowhere").exists()


@pytest.mark.parametrize("suffix", [".lock"])
@pytest.mark.parametrize("keep", [keep_token, keep_journal], ids=["token", "journal"])
async def test_planted_link_beside_the_file_is_not_followed(
    keep: Callable[[Path], Any], suffix: str, folder: Path
) -> None:
    (folder / f"kept{suffix}").symlink_to(folder / "nowhere")
    with pytest.raises(ConfigurationError):
        await keep(folder / "kept")
    assert not (folder / "nowhere").exists()


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
async def test_planted_links_for_sqlite_files_are_not_followed(suffix: str, folder: Path) -> None:
    treasure = folder / "treasure"
    treasure.write_bytes(b"precious")
    treasure.chmod(0o600)
    (folder / f"kept{suffix}").symlink_to(treasure)
    with pytest.raises(ConfigurationError):
        await keep_journal(folder / "kept")
    assert treasure.read_bytes() == b"precious"


@each_keeper
async def test_planted_pipe_or_folder_is_refused_at_once(keep: Callable[[Path], Any], folder: Path) -> None:
    for plant in (os.mkfifo, os.mkdir):
        plant(folder / "kept")
        (folder / "kept").chmod(0o700)
        with pytest.raises(ConfigurationError):
            async with asyncio.timeout(5):
                await keep(folder / "kept")
        (folder / "kept").rmdir() if plant is os.mkdir else (folder / "kept").unlink()


@each_keeper
async def test_file_other_users_may_read_is_refused(keep: Callable[[Path], Any], folder: Path) -> None:
    for mode in (0o640, 0o604, 0o660, 0o602, 0o666, 0o644):
        path = folder / f"kept{mode:o}"
        path.write_text(OLD.to_json())
        path.chmod(mode)
        with pytest.raises(ConfigurationError, match=r"others may read|may read or write"):
            await keep(path)
        assert path.read_text() == OLD.to_json()


@each_keeper
async def test_empty_file_with_a_wide_mode_is_narrowed_or_refused(keep: Callable[[Path], Any], folder: Path) -> None:
    path = folder / "kept"
    path.touch()
    path.chmod(0o666)
    try:
        await keep(path)
    except ConfigurationError:
        assert path.read_bytes() == b""
    else:
        check_modes(folder)


async def test_save_that_is_killed_leaves_the_old_token_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "token.json"
    await FileTokens(path).save(OLD)
    for step in ("fsync", "fchmod", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, broken)
            with pytest.raises(ConfigurationError, match="No space left"):
                await FileTokens(path).save(NEW)
        assert await FileTokens(path).load() == OLD
        assert set(modes(folder)) == {"token.json"}


def broken(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


async def test_reader_sees_the_old_or_the_new_token_and_never_half(folder: Path) -> None:
    path = folder / "token.json"
    await FileTokens(path).save(OLD)
    seen = set()

    async def read() -> None:
        for _ in range(200):
            token = await FileTokens(path).load()
            assert token in (OLD, NEW)
            seen.add(token)

    async def write() -> None:
        for index in range(100):
            await FileTokens(path).save((NEW, OLD)[index % 2])

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        tasks.create_task(write())
    assert seen


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"access_token": 7, "expires_at": 1}', "\0" * 100, "[" * 100_000, '{"access_token": "x"}'],
)
async def test_damaged_token_file_is_named_and_not_quoted(content: str, folder: Path) -> None:
    path = folder / "token.json"
    path.write_text(content + "hunter2" if content == "{" else content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match=r"token\.json") as found:
        await FileTokens(path).load()
    assert "hunter2" not in str(found.value)
    assert found.value.__cause__ is None


async def test_token_file_of_gigabytes_is_not_read_whole(folder: Path) -> None:
    path = folder / "token.json"
    with path.open("wb") as file:
        file.truncate(2**40)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError):
        await FileTokens(path).load()


async def test_journal_files_hold_no_credential(folder: Path) -> None:
    await keep_journal(folder / "kept")
    whole = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"token" not in whole.replace(b"tokens", b"")


def test_token_file_is_plain_json(folder: Path) -> None:
    asyncio.run(FileTokens(folder / "token.json").save(NEW))
    held = json.loads((folder / "token.json").read_text())
    assert set(held) == {"access_token", "refresh_token", "expires_at", "client_id"}
