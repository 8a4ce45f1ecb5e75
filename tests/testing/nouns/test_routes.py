"""Every route of the real server is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mautic_async.testing import FakeMautic

TABLE = Path(__file__).resolve().parents[4] / "shared" / "endpoints.tsv"
WORDS = {"object": "contact", "dir": "images", "table": "audit_log", "operator": "plus", "channel": "email"}


def routes() -> list[tuple[str, str]]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()[1:] if TABLE.exists() else []
    rows = [line.split("\t") for line in lines if line.strip()]
    return [(method, row[1]) for row in rows for method in row[0].split("|")]


def test_no_route_of_the_real_server_is_missing() -> None:
    if not TABLE.exists():
        pytest.skip("the route table is not beside this checkout")
    found = FakeMautic().routes.find
    paths = [(method, re.sub(r"\{(\w+)\}", lambda name: WORDS.get(name[1], "7"), path)) for method, path in routes()]
    assert [(method, path) for method, path in paths if found(method, path) is None] == []
    assert len(paths) > 330


@pytest.mark.parametrize(
    "path", ["/api/points/abc", "/api/forms/1/submissions/x", "/api/campaigns/x/contacts", "/api/nosuch"]
)
def test_ids_are_digits(path: str) -> None:
    assert FakeMautic().routes.find("GET", path) is None
