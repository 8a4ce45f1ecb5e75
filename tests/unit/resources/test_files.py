from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mautic_async import (
    ConfigurationError,
    Rejected,
)
from tests.support.canned_client import error_answer, run_with_answers


def test_files_list_reads_a_list_with_gaps() -> None:
    for answer, names in (({"files": {"3": "a.txt", "4": "sub"}}, ["a.txt", "sub"]), ({"files": []}, [])):
        found, server = run_with_answers(
            {"GET files/images": answer}, lambda m: m.files.list("images", subfolder="a/b")
        )
        assert found == names
        assert server.last.query == [("subdir", "a/b")]


def test_files_upload_sends_a_multipart_form(tmp_path: Path) -> None:
    file = tmp_path / "hello.txt"
    file.write_text("hello lab")
    for source, name in ((file, ""), (b"hello lab", "hello.txt")):
        found, server = run_with_answers(
            {"POST files/media/new": {"file": {"name": "abc.txt"}}},
            lambda mautic, given, named: mautic.files.upload("media", given, name=named),
            source,
            name,
        )
        assert found.name == "abc.txt"
        assert server.last.headers["content-type"].startswith("multipart/form-data; boundary=")
        assert (
            b'name="file"; filename="hello.txt"\r\nContent-Type: text/plain\r\n\r\nhello lab\r\n' in server.last.content
        )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [({"file": []}, "not stored"), ({"file": {"name": "abc.txt"}}, "stored as abc.txt: .* the extension .php")],
)
def test_files_upload_raises_another_result_answered_with_200(answer: Any, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        run_with_answers(
            {"POST files/images/new": answer}, lambda mautic: mautic.files.upload("images", b"x", name="x.php")
        )


def test_files_upload_refuses_unreadable_files(tmp_path: Path) -> None:
    for source in (b"x", tmp_path / "missing.txt"):
        with pytest.raises(ConfigurationError):
            run_with_answers({}, lambda mautic, given: mautic.files.upload("media", given), source)


def test_files_list_raises_rejected_for_an_unknown_folder() -> None:
    with pytest.raises(Rejected, match="406"):
        run_with_answers(
            {"GET files/assets": error_answer(406, "assets not found. Only media or images options are possible.")},
            lambda mautic: mautic.files.list("assets"),
        )


def test_files_delete_quotes_a_name_inside_its_folder() -> None:
    _, server = run_with_answers(
        {"DELETE files/images/..%2F..%2Fconfig/delete": {"success": True}},
        lambda mautic: mautic.files.delete("images", "../../config"),
    )
    assert server.calls == ["DELETE files/images/..%2F..%2Fconfig/delete"]
    with pytest.raises(ConfigurationError):
        run_with_answers({}, lambda mautic: mautic.files.delete("images", ".."))
