"""Conditions, as Mautic reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from mautic_async import ConfigurationError, where
from mautic_async.protocol import encode_query, query_string
from mautic_async.where import parse, to_clauses


def test_where_writes_the_example_of_the_reference_as_php_reads_it() -> None:
    clauses = [
        where.like("email", "%@example.org"),
        where.any_of(where.gt("points", 10), where.in_("id", [1, 2, 3])),
    ]
    found = query_string(encode_query({"where": [clause.parameters() for clause in clauses]})).replace("%5B", "[")
    assert found.replace("%5D", "]").split("&") == [
        "where[0][col]=email",
        "where[0][expr]=like",
        "where[0][val]=%25%40example.org",
        "where[1][expr]=orX",
        "where[1][val][0][col]=points",
        "where[1][val][0][expr]=gt",
        "where[1][val][0][val]=10",
        "where[1][val][1][col]=id",
        "where[1][val][1][expr]=in",
        "where[1][val][1][val]=1%2C2%2C3",
    ]


@pytest.mark.parametrize(
    ("clause", "written"),
    [
        (where.eq("email", "a@b.c"), {"col": "email", "expr": "eq", "val": "a@b.c"}),
        (where.neq("id", 3), {"col": "id", "expr": "neq", "val": 3}),
        (where.lt("id", 3), {"col": "id", "expr": "lt", "val": 3}),
        (where.lte("id", 3), {"col": "id", "expr": "lte", "val": 3}),
        (where.gte("l.id", 3), {"col": "l.id", "expr": "gte", "val": 3}),
        (where.not_like("email", "%x"), {"col": "email", "expr": "notLike", "val": "%x"}),
        (where.not_in("id", [1]), {"col": "id", "expr": "notIn", "val": "1"}),
        (where.between("id", 1, 5), {"col": "id", "expr": "between", "val": [1, 5]}),
        (where.not_between("id", 1, 5), {"col": "id", "expr": "notBetween", "val": [1, 5]}),
        (where.is_null("email"), {"col": "email", "expr": "isNull"}),
        (where.is_not_null("email"), {"col": "email", "expr": "isNotNull"}),
        (where.is_empty("email"), {"col": "email", "expr": "isEmpty"}),
        (where.is_not_empty("email"), {"col": "email", "expr": "isNotEmpty"}),
        (where.eq("isPublished", False), {"col": "isPublished", "expr": "eq", "val": 0}),
        (where.gt("date_added", date(2026, 1, 2)), {"col": "date_added", "expr": "gt", "val": "2026-01-02"}),
        (
            where.gt("dateAdded", datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))),
            {"col": "dateAdded", "expr": "gt", "val": "2026-01-02 01:04:05"},
        ),
    ],
)
def test_where_expressions_have_the_names_of_mautic(clause: where.Where, written: dict[str, Any]) -> None:
    assert clause.parameters() == written
    assert parse(written).parameters() == written


def test_where_groups_nest() -> None:
    clause = where.all_of(where.eq("a", 1), where.any_of(where.eq("b", 2), where.all_of(where.eq("c", 3))))
    assert parse(clause.parameters()) == clause


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1, 2], "1,2"),
        (["a,b", "c"], '"a,b",c'),
        (['say "x"'], '"say ""x"""'),
        (["a b"], '"a b"'),
        ([datetime(2026, 1, 2, tzinfo=UTC)], '"2026-01-02 00:00:00"'),
    ],
)
def test_where_in_joins_values_with_commas(values: list[Any], text: str) -> None:
    assert where.in_("x", values).value == text


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: where.in_("id", []),
        lambda: where.in_("id", [""]),
        lambda: where.in_("id", "123"),
        lambda: where.eq("", 1),
        lambda: where.eq("a b", 1),
        lambda: where.eq("a.b.c", 1),
        lambda: where.eq("a", None),  # type: ignore[arg-type]
        where.any_of,
        lambda: where.any_of("x"),  # type: ignore[arg-type]
        lambda: parse({"col": "id", "expr": "EQ", "val": 1}),
        lambda: parse({"col": "id", "expr": "eq"}),
        lambda: parse({"col": "id", "expr": "between", "val": [1]}),
        lambda: parse({"expr": "eq", "val": 1}),
        lambda: parse({"expr": "orX", "val": []}),
        lambda: to_clauses("id > 5"),
        lambda: to_clauses(5),
    ],
)
def test_where_refuses_values_that_mautic_drops_silently(wrong: Any) -> None:
    with pytest.raises(ConfigurationError):
        wrong()


def test_where_accepts_one_several_or_raw_conditions() -> None:
    one = where.gt("id", 5)
    assert to_clauses(one) == to_clauses([one]) == to_clauses({"col": "id", "expr": "gt", "val": 5}) == [one]
    assert to_clauses({"column": "id", "expr": "in", "value": [1, 2]}) == [where.in_("id", [1, 2])]
    assert to_clauses(None) == []
