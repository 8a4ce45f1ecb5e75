"""Lists: paging with all its oddities, order, where, search, select."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from mautic_async.testing import php, query, search
from tests.support.raw_client import RawClient


async def people(api: RawClient) -> None:
    for number, name in enumerate(["Edith", "Hedy", "Ada", "Grace"]):
        await api.contact(firstname=name, email=f"{name.lower()}@example.com", points=number, tags=["t" + name])


async def ids(api: RawClient, **parameters: Any) -> list[int]:
    found = (await api.get("contacts", orderBy="id", **parameters)).json["contacts"]
    return [int(id) for id in found]


def where(*clauses: tuple[str, str, str]) -> dict[str, str]:
    made: dict[str, str] = {}
    for place, (column, expr, value) in enumerate(clauses):
        made |= {f"where[{place}][col]": column, f"where[{place}][expr]": expr, f"where[{place}][val]": value}
    return made


async def test_list_limit_defaults_to_30_and_limit_0_returns_all(api: RawClient) -> None:
    await api.post("contacts/batch/new", [{"firstname": str(n)} for n in range(40)])
    assert len((await api.get("contacts")).json["contacts"]) == 30
    assert len((await api.get("contacts", limit=0, start=35)).json["contacts"]) == 40
    assert len((await api.get("contacts?limit=")).json["contacts"]) == 40
    assert (await api.get("contacts", start=1000)).json == {"total": "40", "contacts": {}}


@pytest.mark.parametrize(
    "bad",
    [
        "limit=-1",
        "limit=abc",
        "start=-1",
        "orderBy=nosuch",
        "orderBy=dateAdded",
        "orderBy=id&orderByDir=up",
        "where[0][col]=nosuch&where[0][expr]=eq&where[0][val]=1",
        "where[0][col]=id&where[0][val]=1",
        "where[0][col]=id&where[0][expr]=in&where[0][val][]=1",
        "where[0][expr]=eq&where[0][val]=1",
        "order[0][dir]=asc",
    ],
)
async def test_list_with_a_bad_parameter_is_a_bare_500(api: RawClient, bad: str) -> None:
    got = await api.get(f"contacts?{bad}")
    assert (got.status, got.error["type"], "details" in got.error) == (500, None, False)


async def test_list_published_filters_stages_breaks_tags_and_ignores_fields(api: RawClient) -> None:
    await api.post("stages/batch/new", [{"name": "a", "weight": 1}, {"name": "b", "weight": 2, "isPublished": False}])
    assert (await api.get("stages", published=1)).json["total"] == 1
    assert (await api.get("stages", publishedOnly=1)).json["total"] == 2
    assert (await api.get("stages?published=1&where[0][col]=id&where[0][expr]=gt&where[0][val]=0")).json["total"] == 2
    assert (await api.get("tags", published=1)).status == 500
    assert (await api.get("fields/contact", published=1)).json["total"] == 28


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        (("email", "eq", "EDITH@example.com"), [1]),
        (("email", "neq", "edith@example.com"), [2, 3, 4]),
        (("points", "gt", "1"), [3, 4]),
        (("points", "lte", "1"), [1, 2]),
        (("email", "like", "%e%@example.com"), [1, 2, 4]),
        (("firstname", "notLike", "%d%"), [4]),
        (("email", "in", "ada@example.com,hedy@example.com"), [2, 3]),
        (("id", "notIn", "1,2"), [3, 4]),
        (("lastname", "isNull", ""), [1, 2, 3, 4]),
        (("lastname", "isNotNull", ""), []),
        (("firstname", "isEmpty", ""), []),
        (("firstname", "isNotEmpty", ""), [1, 2, 3, 4]),
        (("email", "nonsense", "x"), [1, 2, 3, 4]),
        (("dateAdded", "gt", "2020-01-01"), [1, 2, 3, 4]),
    ],
)
async def test_where_finds(api: RawClient, clause: tuple[str, str, str], found: list[int]) -> None:
    await people(api)
    assert await ids(api, **where(clause)) == found


async def test_where_joins_nests_and_bounds(api: RawClient) -> None:
    await people(api)
    both = where(("points", "gt", "0"), ("points", "lt", "3"))
    assert await ids(api, **both) == [2, 3]
    either = {"where[0][expr]": "orX"}
    for place, id in enumerate("14"):
        base = f"where[0][val][{place}]"
        either |= {f"{base}[col]": "id", f"{base}[expr]": "eq", f"{base}[val]": id}
    assert await ids(api, **either) == [1, 4]
    between = {"where[0][col]": "points", "where[0][expr]": "between", "where[0][val][0]": "1", "where[0][val][1]": "2"}
    assert await ids(api, **between) == [2, 3]
    hidden = where(("id", "eq", "1")) | {"where[0][internal]": "1"}
    assert await ids(api, **hidden) == [1, 2, 3, 4]


async def test_order_by_accepts_columns_and_arrays(api: RawClient) -> None:
    await people(api)
    got = (await api.get("contacts", orderBy="firstname", orderByDir="desc")).json["contacts"]
    assert list(got) == ["2", "4", "1", "3"]
    got = (await api.get("contacts?order[0][col]=points&order[0][dir]=DESC")).json["contacts"]
    assert list(got) == ["4", "3", "2", "1"]
    assert list((await api.get("contacts", orderBy="l.id,points")).json["contacts"]) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("edith", [1]),
        ("edith or hedy", [1, 2]),
        ("example.com !ada", [1, 2, 4]),
        ("+ada", [3]),
        ("+ad", []),
        ('"hedy"', [2]),
        ("(edith or ada) example", [1, 3]),
        ("ids:1,3", [1, 3]),
        ("email:grace", [4]),
        ("email:+grace@example.com", [4]),
        ("!email:grace", [1, 2, 3]),
        ("name:ed", [1, 2]),
        ("tag:tada", [3]),
        ("firstname:hed", [2]),
        ("is:anonymous", []),
        ("!is:anonymous", [1, 2, 3, 4]),
        ("is:unowned", [1, 2, 3, 4]),
        ("is:mine", []),
        ("is:whatever", []),
        ("owner:admin", []),
        ("company:acme", []),
        ("company_id:1", []),
        ("stage:x", []),
        ("ip:1", []),
        ("segment:none", []),
        ("nocommand:edith", []),
        ("edith:", [1]),
        ("zzz", []),
    ],
)
async def test_search_finds_contacts(api: RawClient, text: str, found: list[int]) -> None:
    await people(api)
    assert await ids(api, search=text) == found


async def test_search_of_other_nouns_or_ignored_by_them(api: RawClient) -> None:
    await api.post("stages/batch/new", [{"name": "a", "weight": 1}, {"name": "b", "weight": 2, "isPublished": False}])
    assert (await api.get("stages", search="is:unpublished")).json["total"] == 1
    assert (await api.get("stages", search="is:uncategorized")).json["total"] == 2
    assert (await api.get("stages", search="is:mine")).json["total"] == 0
    assert (await api.get("stages", search="category:x")).json["total"] == 0
    await api.post("tags/batch/new", [{"tag": "x"}, {"tag": "y"}])
    assert (await api.get("tags", search="x")).json["total"] == 2
    assert (await api.get("tags", search="ids:1")).json["total"] == 1


async def test_list_minimal_drops_related_data_of_contacts(api: RawClient) -> None:
    await people(api)
    one = (await api.get("contacts", minimal=1)).json["contacts"]["1"]
    assert not {"tags", "owner", "stage", "utmtags", "doNotContact"} & set(one)


async def test_select_drops_nulls(api: RawClient) -> None:
    await people(api)
    one = (await api.get("contacts?" + quote("select[]", safe="") + "=id&select[]=email")).json["contacts"]["1"]
    assert "owner" not in one
    assert one["fields"]["all"] == {"id": "1", "email": "edith@example.com"}
    text = (await api.get("contacts", select="id,email")).json["contacts"]["1"]
    assert text["fields"]["all"]["firstname"] == "Edith"
    assert "owner" not in text


@pytest.mark.parametrize("column", ["date_added", "date_modified", "l.date_added", "owner_id", "last_active"])
async def test_select_of_a_column_that_is_no_field_fails_where_a_contact_is_found(api: RawClient, column: str) -> None:
    await people(api)
    wanted = quote("select[]", safe="")
    assert (await api.get(f"contacts?{wanted}=id&{wanted}={column}")).status == 500
    assert (await api.get(f"contacts?select={column}")).status == 500
    assert (await api.get(f"contacts?{wanted}=id&{wanted}={column}&search=ids:999")).json["contacts"] == {}
    assert (await api.get(f"contacts?{wanted}=id&{wanted}=dateAdded&{wanted}=points")).status == 200


def test_php_reads_values() -> None:
    whole: list[object] = ["12.7", "abc", " 3x", True, None, [], [1], 2.9]
    assert [php.to_int(value) for value in whole] == [
        12,
        0,
        3,
        1,
        0,
        0,
        1,
        2,
    ]
    switches: list[object] = ["", "0", "00", "false", 0, [], None]
    assert [php.is_truthy(value) for value in switches] == [0, 0, 1, 1, 0, 0, 0]
    assert [php.is_numeric(value) for value in ("1", "1.5e3", ".5", "1x", "", None, True)] == [1, 1, 1, 0, 0, 0, 0]
    texts: list[object] = [None, True, False, 3.0, [1]]
    assert [php.to_string(value) for value in texts] == ["", "1", "", "3", "Array"]
    assert php.to_json_array({0: "a", 1: "b"}) == ["a", "b"]
    assert php.to_json_array({1: "b"}) == {"1": "b"}
    assert php.parse_brackets("a[b][]=1&a[b][]=2&c.d=3&e[5]=x") == {"a": {"b": ["1", "2"]}, "c_d": "3", "e": {"5": "x"}}
    assert php.serialized({"list": [True, None, 1.5]}) == 'a:1:{s:4:"list";a:3:{i:0;b:1;i:1;N;i:2;d:1.5;}}'
    assert php.collate("ÉDITH ") == php.collate("edith")


@pytest.mark.parametrize(
    ("word", "moment"),
    [
        ("2026-05-06", "2026-05-06 00:00:00"),
        ("2026-05-06T07:08:09+02:00", "2026-05-06 05:08:09"),
        ("2026-05-06 07:08:09Z", "2026-05-06 07:08:09"),
        ("06.05.2026", "2026-05-06 00:00:00"),
        ("6 May 2026", "2026-05-06 00:00:00"),
        ("now", "2001-09-09 01:46:40"),
        ("tomorrow", "2001-09-10 00:00:00"),
        ("+1 day", "2001-09-10 01:46:40"),
        ("2 hours ago", "2001-09-08 23:46:40"),
        ("1 month", "2001-10-09 01:46:40"),
        ("13:14", "2001-09-09 13:14:00"),
        ("2026-13-45", None),
        ("yesterday-ish", None),
    ],
)
def test_strtotime_reads(word: str, moment: str | None) -> None:
    found = php.strtotime(word, 1_000_000_000)
    assert (None if found is None else php.sql_datetime(found)) == moment


def test_search_of_blanks_is_no_condition() -> None:
    assert search.parse("   ", lambda _: None) is None
    assert query.compare(None, 1) is None
