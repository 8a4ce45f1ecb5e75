"""A file from the server has its name only once it is whole, and no planted link leads it elsewhere."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from mautic_async import BasicAuth, ConfigurationError, Mautic, MauticError
from mautic_async.errors import UnexpectedResponse
from tests.support.chunked_transport import ChunkedTransport, make_chunked_transport

ZIP = b"PK\x03\x04 and more"


async def download(to: Path, transport: ChunkedTransport) -> Path:
    async with Mautic("https://m.example.com", auth=BasicAuth("a", "b"), transport=transport) as mautic:
        return await mautic.themes.download("blank", to)


@pytest.mark.parametrize("known", [False, True], ids=["guessed", "known"])
async def test_download_does_not_write_through_a_planted_link(
    known: bool,  # noqa: FBT001 - a table
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    victim, to = tmp_path / "victim", tmp_path / "theme.zip"
    victim.write_text("precious")
    monkeypatch.setattr(secrets, "token_hex", lambda _: "00")  # the attacker guesses right
    names = [".theme.zip.00.part"] if known else ["theme.zip.part", ".theme.zip.part"]
    for name in names:
        (tmp_path / name).symlink_to(victim)
    if known:
        with pytest.raises(ConfigurationError, match="cannot be made"):
            await download(to, make_chunked_transport(ZIP))
        assert not to.exists()
    else:
        await download(to, make_chunked_transport(ZIP))
        assert to.read_bytes() == ZIP
    assert victim.read_text() == "precious"
    assert all((tmp_path / name).is_symlink() for name in names)


async def test_download_replaces_a_link_under_its_own_name(tmp_path: Path) -> None:
    victim, to = tmp_path / "victim", tmp_path / "theme.zip"
    victim.write_text("precious")
    to.symlink_to(victim)
    assert await download(to, make_chunked_transport(ZIP)) == to
    assert victim.read_text() == "precious"
    assert to.read_bytes() == ZIP
    assert not to.is_symlink()


def broken() -> ChunkedTransport:
    return make_chunked_transport(ZIP, headers=[(b"content-encoding", b"gzip")])


@pytest.mark.parametrize(
    "transport",
    [lambda: make_chunked_transport(b"<html>"), broken, lambda: make_chunked_transport(b"{}", status=404)],
    ids=["a page", "broken", "refused"],
)
async def test_download_leaves_no_file_of_an_invalid_response(
    transport: Callable[[], ChunkedTransport], tmp_path: Path
) -> None:
    to = tmp_path / "theme.zip"
    to.write_bytes(b"old")
    with pytest.raises(MauticError):
        await download(to, transport())
    assert to.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [to]


async def test_downloads_of_one_name_do_not_mix(tmp_path: Path) -> None:
    to = tmp_path / "theme.zip"
    await download(to, make_chunked_transport(ZIP))
    with pytest.raises(UnexpectedResponse):
        await download(to, make_chunked_transport(b"no zip"))
    assert to.read_bytes() == ZIP


async def test_download_raises_its_own_error_for_a_full_disk_or_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be made: No such file"):
        await download(tmp_path / "nowhere" / "theme.zip", make_chunked_transport(ZIP))
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        await download(tmp_path / "folder.zip", make_chunked_transport(ZIP))
    assert [path.name for path in tmp_path.iterdir()] == ["folder.zip"]
