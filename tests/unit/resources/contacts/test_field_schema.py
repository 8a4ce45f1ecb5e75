"""What the fields of a Mautic tell about a row before it is sent, as values."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mautic_async.resources.contacts.field_schema import Preflight

LIST = {"list": [{"label": "A", "value": "a"}, {"label": "B", "value": "b"}]}
FIELDS: list[dict[str, Any]] = [
    {"alias": "email", "type": "email", "isUniqueIdentifier": True, "isPublished": True},
    {"alias": "number", "type": "text", "isUniqueIdentifier": "1", "charLengthLimit": 5},
    {"alias": "old", "type": "text", "isUniqueIdentifier": True, "isPublished": False},
    {"alias": "second", "type": "email", "isUniqueIdentifier": 0},
    {"alias": "seats", "type": "number"},
    {"alias": "optin", "type": "boolean"},
    {"alias": "one", "type": "select", "properties": LIST},
    {"alias": "many", "type": "multiselect", "properties": LIST},
    {"alias": "odd", "type": "select", "properties": {"list": []}},
    {"alias": "keyed", "type": "select", "properties": {"list": {"0": {"value": "a"}}}},
    {"alias": "day", "type": "date"},
    {"alias": "moment", "type": "datetime"},
    {"alias": "clock", "type": "time"},
]


def known() -> Preflight:
    preflight = Preflight(cast("Any", None))
    preflight.set_fields(FIELDS)
    return preflight


def test_field_schema_unread_checks_no_field() -> None:
    assert Preflight(cast("Any", None)).check({"nosuch": 1}) == []


def test_field_schema_published_unique_fields_identify_a_contact() -> None:
    assert known().unique == ("email", "number")
    assert known().types["optin"] == "boolean"
    assert known().types["points"] == "number"


GOOD: list[tuple[str, Any]] = [
    ("points", 5),
    ("owner", 3),
    ("tags", ["a"]),
    ("customObjects", {}),
    ("last_active", "2026-01-01"),
    ("seats", 3),
    ("seats", "3.5"),
    ("seats", None),
    ("optin", False),
    ("optin", 0),
    ("optin", "yes"),
    ("one", "a"),
    ("one", ""),
    ("many", "a|b"),
    ("many", ["a", "b"]),
    ("odd", "whatever"),
    ("keyed", "a"),
    ("number", "12345"),
    ("second", "a@b.co"),
    ("day", "2026-02-28"),
    ("day", "28.02.2026"),
    ("day", "2/28/2026"),
    ("day", "2026-02-28 10:00"),
    ("moment", "2026-02-28T10:00:00+02:00"),
    ("moment", "2026-02-28 10:00"),
    ("moment", "2026-02-28T10:00:00.123Z"),
    ("clock", "10:00"),
    ("clock", "9:30 pm"),
]
BAD: list[tuple[str, Any, str]] = [
    ("nosuch", "x", "no such"),
    ("old", "x", "not published"),
    ("seats", "many", "not a number"),
    ("seats", [1], "not a number"),
    ("optin", "maybe", "neither"),
    ("one", "c", "options: c"),
    ("one", "a|b", "options"),
    ("many", "a|c", "options: c"),
    ("many", ["c", "somebody@example.com"], "options: c, <email>"),
    ("keyed", "b", "options"),
    ("number", "123456", "6 characters, of 5"),
    ("second", "Jörg@b.co", "drop"),
    ("day", "garbage", "not a date"),
    ("day", "2026-02-30", "not a date"),
    ("day", "0000-00-00", "not a date"),
    ("day", "2026", "not a date"),
    ("moment", "2026-02-28 25:61", "not a datetime"),
    ("clock", "noon", "not a time"),
]


@pytest.mark.parametrize(("key", "value"), GOOD)
def test_field_schema_accepts_fitting_values(key: str, value: Any) -> None:
    assert known().check({"email": "a@b.co", key: value}) == []


@pytest.mark.parametrize(("key", "value", "why"), BAD)
def test_field_schema_names_values_that_mautic_would_refuse_ignore_or_empty(key: str, value: Any, why: str) -> None:
    (problem,) = known().check({"email": "a@b.co", key: value})
    assert problem.field == key
    assert why in problem.message
