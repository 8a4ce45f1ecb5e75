from __future__ import annotations

from typing import Any

import pytest

from mautic_async import (
    ConfigurationError,
)
from mautic_async import models as m
from tests.support.canned_client import run_with_answers


@pytest.mark.parametrize(
    ("name", "entity", "lacking"),
    [
        ("emails", m.Email(name="E", subject="S"), "language"),
        ("points", m.Point(name="P", type="page.hit", delta=1), "repeatable"),
        ("roles", m.Role(name="R"), "is_admin"),
        ("contact_fields", m.Field(label="L"), "is_index, char_length_limit, is_required, is_listable"),
        ("company_fields", m.Field(label="L", is_index=False, char_length_limit=64), "is_required, is_listable"),
        ("messages", m.Message(name="M"), "channels"),
    ],
)
def test_replace_refuses_values_that_mautic_answers_with_a_bare_500(name: str, entity: Any, lacking: str) -> None:
    with pytest.raises(ConfigurationError, match=f"replace.* needs {lacking}"):
        run_with_answers({}, lambda mautic: getattr(mautic, name).replace(1, entity))


@pytest.mark.parametrize(
    ("name", "entity", "lacking"),
    [
        ("tags", m.Tag(description="d"), "tag"),
        ("notes", m.Note(text="t"), "contact"),
        ("devices", m.Device(device="desktop"), "contact"),
    ],
)
def test_create_many_refuses_a_row_that_would_break_its_batch(name: str, entity: Any, lacking: str) -> None:
    with pytest.raises(ConfigurationError, match=f"needs {lacking}"):
        run_with_answers({}, lambda mautic: getattr(mautic, name).create_many([entity]))
