"""Every route of the real server is there."""

from __future__ import annotations

import re

import pytest

from mautic_async.testing import FakeMautic
from tests.support.recordings import load_routes

WORDS = {"object": "contact", "dir": "images", "table": "audit_log", "operator": "plus", "channel": "email"}


def routes() -> list[tuple[str, str]]:
    return [(method, path) for methods, path in load_routes() for method in methods.split("|")]


def test_router_has_every_route_of_the_real_server() -> None:
    found = FakeMautic().routes.find
    paths = [(method, re.sub(r"\{(\w+)\}", lambda name: WORDS.get(name[1], "7"), path)) for method, path in routes()]
    assert [(method, path) for method, path in paths if found(method, path) is None] == []
    assert len(paths) > 330


@pytest.mark.parametrize(
    "path", ["/api/points/abc", "/api/forms/1/submissions/x", "/api/campaigns/x/contacts", "/api/nosuch"]
)
def test_router_matches_ids_of_digits_only(path: str) -> None:
    assert FakeMautic().routes.find("GET", path) is None
