"""The quick look at a row: what it calls sound breaks no rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mautic_async import wire
from mautic_async.resources import _checks
from mautic_async.resources._preflight import Preflight
from mautic_async.resources._screen import Screen

TYPES = ("text", "textarea", "number", "boolean", "date", "datetime", "select", "multiselect", "email", "url", "tel")
FIELDS = [
    {
        "alias": f"{kind}_{length}" if kind != "email" or length else "email",
        "type": kind,
        "charLengthLimit": length,
        "isPublished": length != 5,
        "isUniqueIdentifier": kind == "email" and not length,
        "properties": {"list": [{"value": "a"}, {"value": "b"}]} if "select" in kind else [],
    }
    for kind in TYPES
    for length in (None, 3, 5)
]
KEYS = [str(row["alias"]) for row in FIELDS] + ["nobody_knows", "points", "attribution", *_checks.NO_FIELD]

texts = st.one_of(
    st.sampled_from(
        ["", " ", "0", " 0 ", "00", "-0", "0.0", "1", "a", "a|b", "<b>", "&amp;", "2026-01-02", "yes", "\x00"]
    ),
    st.sampled_from(["ada@example.com", " ada@example.com ", "ada@exämple.com", "a b@example.com", "\\u0000"]),
    st.text(max_size=6),
)
values = st.one_of(
    texts, st.none(), st.booleans(), st.integers(-2, 2), st.floats(-2, 2), st.lists(texts, max_size=2), st.just({})
)
bodies = st.dictionaries(st.sampled_from(KEYS), values, max_size=5)
LIBRARIES = (wire.STDLIB, wire.orjson())


def known() -> Preflight:
    preflight = Preflight(None)  # type: ignore[arg-type]  # nobody is asked
    preflight.learn(FIELDS)
    return preflight


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("unique", [("email",), ("email", "text_None"), ("text_3",)])
@pytest.mark.parametrize("preflight", [None, known(), Preflight(None)])  # type: ignore[arg-type]  # nobody is asked
def test_what_is_called_sound_breaks_no_rule(
    preflight: Preflight | None, unique: tuple[str, ...], library: wire.Json
) -> None:
    screen = Screen(unique, preflight)
    kinds = _checks.KINDS if preflight is None else preflight.kinds

    @settings(max_examples=400, deadline=None)
    @given(bodies)
    def check(body: dict[str, Any]) -> None:
        try:
            text = library.dumps(body)
        except ValueError:
            return
        if screen.is_sound(body, text):
            assert _checks.upsert(body, unique, kinds=kinds) == []
            assert preflight is None or preflight.problems(body) == []

    check()


@pytest.mark.parametrize("preflight", [None, known()])
def test_common_rows_are_called_sound(preflight: Preflight | None) -> None:
    body = {"email": "ada@example.com", "tags": ["vip"], "points": 5, "text_None": "Ada 0", "tel_None": "+49 1234"}
    assert Screen(("email",), preflight).is_sound(body, wire.STDLIB.dumps(body))
