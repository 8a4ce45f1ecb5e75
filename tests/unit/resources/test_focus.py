from __future__ import annotations

from tests.support.canned_client import run_with_answers


def test_focus_script_is_read() -> None:
    found, _ = run_with_answers({"POST focus/3/js": {"js": "alert(1)"}}, lambda mautic: mautic.focus.js(3))
    assert found == "alert(1)"
