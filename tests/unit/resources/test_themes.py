from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mautic_async import (
    ConfigurationError,
    MauticError,
)
from tests.support.canned_client import error_answer, run_with_answers


def test_themes_download_saves_the_bytes_unchanged(tmp_path: Path) -> None:
    saved, _ = run_with_answers(
        {"GET themes/blank": (200, b"PK\x03\x04zip")},
        lambda mautic: mautic.themes.download("blank", tmp_path / "b.zip"),
    )
    assert saved == tmp_path / "b.zip"
    assert saved.read_bytes() == b"PK\x03\x04zip"
    assert [file.name for file in tmp_path.iterdir()] == ["b.zip"]


@pytest.mark.parametrize(
    "answer", [(200, b"<html>log in</html>"), error_answer(500, "no such theme"), ConnectionResetError()]
)
def test_themes_download_leaves_no_file_of_an_invalid_theme(answer: Any, tmp_path: Path) -> None:
    old = tmp_path / "b.zip"
    old.write_bytes(b"PKold")
    with pytest.raises(MauticError):
        run_with_answers({"GET themes/blank": answer}, lambda mautic: mautic.themes.download("blank", old))
    assert old.read_bytes() == b"PKold"
    assert [file.name for file in tmp_path.iterdir()] == ["b.zip"]


def test_themes_upload_requires_a_zip_file() -> None:
    with pytest.raises(ConfigurationError, match="zip"):
        run_with_answers({}, lambda mautic: mautic.themes.upload(b"PK", name="mine.tar"))
    _, server = run_with_answers(
        {"POST themes/new": {"success": True}}, lambda mautic: mautic.themes.upload(b"PK", name="mine.zip")
    )
    assert b'name="file"; filename="mine.zip"' in server.last.content


def test_themes_list_returns_names_and_settings() -> None:
    theme = {"name": "Blank", "key": "blank", "config": {"features": ["page"]}, "visibility": {"hidden": False}}
    found, _ = run_with_answers({"GET themes": {"themes": {"blank": theme}}}, lambda mautic: mautic.themes.list())
    assert (found[0].key, found[0].config.features, found[0].visibility.hidden) == ("blank", ["page"], False)
