"""Statistics, reports and dashboard widgets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.raw_client import RawClient


async def people(api: RawClient) -> None:
    for name, points in (("Ada", 5), ("Grace", 7), ("Hedy", 0)):
        await api.contact(firstname=name, email=f"{name.lower()}@example.com", points=points, city="Bonn")


async def test_stats_of_an_unknown_table_list_the_available_tables(api: RawClient) -> None:
    tables = (await api.get("stats")).json
    assert (await api.get("stats/leads")).json == tables
    assert (len(tables["availableTables"]), tables["tableColumns"]["ip_addresses"]) == (
        34,
        ["id", "ip_address", "ip_details"],
    )
    assert tables["availableTables"] == sorted(tables["availableTables"])


async def test_stats_rows_are_texts_without_nulls_and_total_is_one(api: RawClient) -> None:
    await people(api)
    for points in (10, 3):
        await api.json("POST", f"contacts/1/points/plus/{points}")
    got = (await api.get("stats/lead_points_change_log")).json
    assert (got["total"], len(got["stats"])) == ("2", 2)
    row = got["stats"][0]
    assert (row["delta"], row["lead_id"], row["event_name"], "group_id" in row) == ("10", "1", "add (+)", False)
    assert len(row["date_added"]) == 19
    assert (await api.get("stats/page_hits")).json == {"total": "0", "stats": []}


async def test_stats_accept_where_order_start_and_limit(api: RawClient) -> None:
    await people(api)
    for contact in (1, 2, 1):
        await api.json("POST", f"contacts/{contact}/points/plus/{contact}")
    path = "stats/lead_points_change_log"
    where = "where[0][col]=lead_id&where[0][expr]=eq&where[0][val]=1"
    assert (await api.get(f"{path}?{where}")).json["total"] == "2"
    rows = (await api.get(f"{path}?order[0][col]=id&order[0][dir]=desc&limit=1&start=1")).json
    assert ([row["id"] for row in rows["stats"]], rows["total"]) == (["2"], "3")
    assert len((await api.get(f"{path}?limit=0")).json["stats"]) == 3


async def test_stats_with_an_unknown_column_are_an_error_with_status_200(api: RawClient) -> None:
    for clause in ("where[0][col]=nope&where[0][expr]=eq&where[0][val]=1", "order[0][col]=nope"):
        got = await api.get(f"stats/audit_log?{clause}")
        assert (got.status, got.error["code"], "Unknown column" in got.error["message"]) == (200, 1054, True)


async def test_audit_log_shows_actions_of_all_users_to_every_user(api: RawClient) -> None:
    await api.post("points/new", {"name": "P", "type": "page.hit"})
    await api.patch("points/1/edit", {"name": "Q"})
    await api.patch("points/1/edit", {"name": "Q"})
    await api.delete("points/1/delete")
    other = RawClient(api.fake)
    other.headers["authorization"] = "Basic bGltaXRlZDpsaW1pdGVk"
    rows = (await other.get("stats/audit_log")).json["stats"]
    assert [row["action"] for row in rows] == ["create", "update", "delete"]
    assert rows[1]["details"] == 'a:1:{s:4:"name";a:2:{i:0;s:1:"P";i:1;s:1:"Q";}}'


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("campaign_leads", "campaign_id"),
        ("companies_leads", "is_primary"),
        ("lead_devices", "device"),
        ("lead_donotcontact", "channel"),
        ("lead_lists_leads", "leadlist_id"),
        ("lead_utmtags", "utm_source"),
        ("ip_addresses", "ip_address"),
    ],
)
async def test_stats_tables_record_contact_activity(api: RawClient, table: str, column: str) -> None:
    await api.contact(email="ada@example.com", company="Acme", ipAddress="192.0.2.7")
    await api.post("segments/new", {"name": "S"})
    await api.json("POST", "segments/1/contact/1/add")
    await api.post(
        "campaigns/new", {"name": "C", "events": [{"id": "new", "name": "x", "type": "y"}], "lists": [{"id": 1}]}
    )
    await api.json("POST", "campaigns/1/contact/1/add")
    await api.post("contacts/1/dnc/email/add", {})
    await api.post("contacts/1/utm/add", {"utm_source": "news"})
    got = (await api.get(f"stats/{table}")).json
    assert (got["total"], column in got["stats"][0]) == (str(len(got["stats"])), True)


# --- reports -----------------------------------------------------------------------------------------------------------


async def report(api: RawClient, **more: Any) -> int:
    body = {"name": "R", "source": "leads", "columns": ["l.id", "l.firstname", "l.lastname", "l.points"]} | more
    got = await api.post("reports/new", body)
    assert got.status == 201, got.body
    id: int = got.json["report"]["id"]
    return id


async def test_report_get_runs_the_report(api: RawClient) -> None:
    await people(api)
    got = (await api.get(f"reports/{await report(api)}")).json
    assert (got["totalResults"], got["limit"], got["page"]) == (3, 0, 1)
    assert got["data"][0] == {"id": "1", "firstname": "Ada", "lastname": "", "points": "5"}
    assert (got["dataColumns"]["companyname"], got["dataColumns"]["date_added1"]) == (
        "comp.companyname",
        "companies_lead.date_added",
    )
    assert ("description" in got["report"], got["report"]["isPublished"], got["report"]["settings"]) == (
        False,
        True,
        [],
    )
    assert "dateFrom" not in got


async def test_report_pages_filters_and_sorts(api: RawClient) -> None:
    await people(api)
    order = [{"column": "l.points", "direction": "DESC"}]
    rules = [{"column": "l.points", "condition": "gt", "value": "1"}]
    id = await report(api, filters=rules, tableOrder=order)
    got = (await api.get(f"reports/{id}", limit=1, page=2)).json
    assert (got["totalResults"], [row["firstname"] for row in got["data"]], got["limit"]) == (2, ["Ada"], 1)
    past = (await api.get(f"reports/{id}", dateFrom="2001-01-01", dateTo="2001-12-31")).json
    assert (past["totalResults"], past["dateFrom"]) == (0, "2001-01-01T00:00:00+00:00")
    assert (await api.get(f"reports/{id}?dateFrom=garbage")).status == 500


async def test_report_joins_company_owner_and_stage(api: RawClient) -> None:
    await api.post("stages/new", {"name": "Lead", "weight": 1})
    await api.contact(email="ada@example.com", company="Acme", owner=1, stage=1, ipAddress="192.0.2.7")
    columns = [
        "comp.companyname",
        "u.first_name",
        "ss.name",
        "i.ip_address",
        "companies_lead.is_primary",
        "l.date_identified",
    ]
    (row,) = (await api.get(f"reports/{await report(api, columns=columns)}")).json["data"]
    assert (row["companyname"], row["first_name"], row["stage_name"], row["is_primary"]) == (
        "Acme",
        "Admin",
        "Lead",
        "1",
    )
    assert (row["ip_address"], len(row["date_identified"])) == ("192.0.2.7", 19)


async def test_report_installed_by_mautic_runs_too(api: RawClient) -> None:
    for id in range(1, 6):
        got = (await api.get(f"reports/{id}")).json
        assert (got["totalResults"], got["data"], got["report"]["system"]) == (0, [], True)
    assert (await api.get("reports")).json["total"] == 5


@pytest.mark.parametrize(
    ("condition", "value", "names"),
    [
        ("contains", "d", ["Ada", "Hedy"]),
        ("startsWith", "gr", ["Grace"]),
        ("endsWith", "a", ["Ada"]),
        ("neq", "Ada", ["Grace", "Hedy"]),
        ("notEmpty", None, ["Ada", "Grace", "Hedy"]),
        ("empty", None, []),
    ],
)
async def test_report_applies_its_conditions(api: RawClient, condition: str, value: Any, names: list[str]) -> None:
    await people(api)
    id = await report(api, filters=[{"column": "l.firstname", "condition": condition, "value": value}])
    assert [row["firstname"] for row in (await api.get(f"reports/{id}")).json["data"]] == names


async def test_report_with_an_unknown_column_is_a_500_or_leaves_it_out(api: RawClient) -> None:
    await people(api)
    rows = (await api.get(f"reports/{await report(api, columns=['l.id', 'x.y'])}?page=1")).json
    assert (rows["data"][0], rows["limit"]) == ({"id": "1"}, 10)
    bad = [{"column": "x.y", "condition": "eq", "value": 1}]
    assert (await api.get(f"reports/{await report(api, filters=bad)}")).status == 500
    assert (await api.get("reports/99")).status == 404


# --- widgets -----------------------------------------------------------------------------------------------------------


async def test_widget_types_are_grouped_with_labels(api: RawClient) -> None:
    types = (await api.get("data")).json["types"]
    assert types["Contact Widgets"]["created.leads.in.time"] == "Created contacts in time"
    for kind in [key for group in types.values() for key in group]:
        got = await api.get(f"data/{kind}")
        if kind != "report":  # whose graph is chosen in the user interface
            assert (kind, got.status, got.json["success"]) == (kind, 200, 1)


async def test_chart_counts_by_unit_of_time(api: RawClient) -> None:
    await people(api)
    got = (await api.get("data/created.leads.in.time", timeUnit="d", dateFrom="-1 day", dateTo="now")).json["data"]
    (line,) = got["chartData"]["datasets"]
    assert (got["chartType"], got["chartHeight"], line["data"][-1], set(line["data"][:-1])) == ("line", 220, "3", {0})
    query = {"timeUnit": "Y", "dataFormat": "raw", "dateFrom": "-1 day"}
    raw = (await api.get("data/created.leads.in.time", **query)).json["data"]
    assert sum(raw["All contacts"].values()) == 3


@pytest.mark.parametrize(
    ("unit", "labels"),
    [
        ("d", ["Dec 30, 25", "Dec 31, 25", "Jan 1, 26"]),
        ("m", ["Dec 2025", "Jan 2026"]),
        ("Y", ["2025", "2026"]),
        ("W", ["W 01"]),
    ],
)
async def test_chart_axis_labels_follow_the_unit(api: RawClient, unit: str, labels: list[str]) -> None:
    query = {"timeUnit": unit, "dateFrom": "2025-12-30", "dateTo": "2026-01-01"}
    got = (await api.get("data/created.leads.in.time", **query)).json["data"]["chartData"]["labels"]
    assert got == labels
    own = (await api.get("data/created.leads.in.time", **query, dateFormat="Y/m")).json["data"]["chartData"]["labels"]
    assert own[0].startswith("2025/")


async def test_widget_with_an_unknown_unit_is_400_and_an_unknown_type_404(api: RawClient) -> None:
    assert (await api.get("data/created.leads.in.time?timeUnit=x")).status == 400
    got = await api.get("data/no.such.widget")
    assert (got.status, got.error["message"]) == (404, "Item was not found.")


async def test_recent_activity_widget_is_the_audit_log_backwards(api: RawClient) -> None:
    await api.contact(email="ada@example.com", firstname="Ada")
    await api.json("POST", "contacts/1/points/plus/3")
    await api.post("notes/new", {"lead": 1, "text": "hello"})
    logs = (await api.get("data/recent.activity?limit=1")).json["data"]["logs"]
    assert (logs[0]["object"], logs[0]["details"], logs[0]["objectId"]) == ("note", {"text": {"1": "hello"}}, "1")
    assert (logs[1]["details"], logs[1]["objectName"]) == ({"points": [0, 3]}, "Ada")


async def test_created_entities_widget_lists_those_of_the_period(api: RawClient) -> None:
    for name in ("One", "Two"):
        await api.post("emails/new", {"name": name, "subject": "s"})
    assert (await api.get("data/created.emails")).json["data"]["bodyItems"] == []  # this second, by default
    items = (await api.get("data/created.emails", dateFrom="-1 day")).json["data"]["bodyItems"]
    assert [row[0] for row in items] == [
        {"value": "One", "type": "link", "link": "/s/emails/view/1"},
        {"value": "Two", "type": "link", "link": "/s/emails/view/2"},
    ]
