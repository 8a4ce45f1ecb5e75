from __future__ import annotations

import pytest

from mautic_async import (
    ValueNotKept,
)
from mautic_async import models as m
from tests.support.canned_client import run_with_answers


def test_tags_find_matches_the_whole_name() -> None:
    rows = {"3": {"id": 3, "tag": "VIP"}}
    found, server = run_with_answers({"GET tags": {"total": 1, "tags": rows}}, lambda mautic: mautic.tags.find("vip"))
    assert found.id == 3
    assert ("where[0][expr]", "in") in server.last.query
    found, _ = run_with_answers({"GET tags": {"total": 1, "tags": rows}}, lambda mautic: mautic.tags.find("vip2"))
    assert found is None


def test_tags_create_raises_for_a_dropped_description() -> None:
    answer = {"tag": {"id": 33, "tag": "t", "description": None}}
    for way, use in (
        ("POST tags/new", lambda mautic: mautic.tags.create(m.Tag(tag="t", description="d"))),
        ("PATCH tags/33/edit", lambda mautic: mautic.tags.edit(33, m.Tag(description="d"))),
    ):
        with pytest.raises(ValueNotKept, match=r"Tag 33 is stored, but not as sent: description"):
            run_with_answers({way: answer}, use)
    stored, _ = run_with_answers(
        {"POST tags/new": answer}, lambda mautic: mautic.tags.create(m.Tag(tag="t", description=None))
    )
    assert stored.id == 33
