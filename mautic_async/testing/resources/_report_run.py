"""Running a report: its columns, its filters, its rows. Contacts are a source; others have no rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php, query
from mautic_async.testing.replies import Crash

if TYPE_CHECKING:
    from mautic_async.testing.query import Test
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row

_FIXED: Final = {
    "comp.id": ("Company ID", "comp_id"),
    "l.id": ("Contact ID", "id"),
    "l.date_added": ("Date Added", "date_added"),
    "companies_lead.date_added": ("Date Company Added", "date_added1"),
    "l.date_identified": ("Date Identified", "date_identified"),
    "i.ip_address": ("IP Address", "ip_address"),
    "companies_lead.is_primary": ("Is Primary", "is_primary"),
    "l.owner_id": ("Owner ID", "owner_id"),
    "u.first_name": ("Owner first name", "first_name"),
    "u.last_name": ("Owner last name", "last_name"),
    "ss.date_added": ("Stage Date Added", "stage_date_added"),
    "l.stage_id": ("Stage ID", "stage_id"),
    "ss.name": ("Stage Name", "stage_name"),
}
"""Columns that are no fields: label, and the key in a row."""
_CONTACTS: Final = ("leads", "contact")


def _labels(row: Row, ask: Ask) -> dict[str, tuple[str, str]]:
    if row["source"] not in _CONTACTS:
        return {column: (column, column.rpartition(".")[2]) for column in php.values(row["columns"])}
    made = dict(_FIXED)
    for field in ask.table("fields"):
        if field["isPublished"]:
            table = "l" if field["object"] == "lead" else "comp"
            made[f"{table}.{field['alias']}"] = (field["label"], field["alias"])
    return made


def columns(row: Row, ask: Ask) -> dict[str, str]:
    """The keys of rows, and the database columns behind them."""
    labels = sorted(_labels(row, ask).items(), key=lambda one: one[1][0].lower())
    return {key: column for column, (_, key) in labels}


def rows(row: Row, since: int | None, until: int | None, ask: Ask) -> list[dict[str, Any]]:
    """Everything the report finds.

    Args:
        row: The report.
        since: Epoch seconds, or None.
        until: Epoch seconds, or None.
        ask: The request.
    """
    if row["source"] not in _CONTACTS:
        return []
    found = [
        one
        for one in ask.table("contacts")
        if (since is None or one["dateAdded"] >= since) and (until is None or one["dateAdded"] <= until)
    ]
    for test in _tests(row["filters"], ask):
        found = [one for one in found if test(one)]
    keys = [
        (_reader(told.get("column"), ask), told.get("direction") == "DESC") for told in php.values(row["tableOrder"])
    ]
    found = query.sort(sorted(found, key=lambda one: int(one["id"])), keys)
    labels = _labels(row, ask)
    return [_shown(one, php.values(row["columns"]), labels, ask) for one in found]


def _shown(contact: Row, names: list[str], labels: dict[str, tuple[str, str]], ask: Ask) -> dict[str, Any]:
    shown = {}
    for name in names:
        if name not in labels:
            continue
        value = _reader(name, ask)(contact)
        text = "" if value is None and _is_text(name, ask) else value
        if text is not None:
            shown[labels[name][1]] = php.text(text)
    return shown


def _is_text(column: str, ask: Ask) -> bool:
    if column in _FIXED:
        return False
    alias = column.rpartition(".")[2]
    types = [field["type"] for field in ask.table("fields").where(alias=alias)]
    return bool(types) and types[0] not in ("number", "boolean", "date", "datetime", "time")


def _reader(column: Any, ask: Ask) -> query.Column:
    table, _, name = php.text(column).rpartition(".")
    if table == "l":
        return lambda row: _of_contact(row, name)
    if table == "u":
        keys = {"first_name": "firstName", "last_name": "lastName"}
        return lambda row: (ask.table("users").get(row["owner"]) or {}).get(keys.get(name, ""))
    if table == "ss":
        return lambda row: (ask.table("stages").get(row["stage"]) or {}).get(name) if name == "name" else None
    if table in ("comp", "companies_lead", "i"):
        return lambda row: _of_company(row, table, name, ask)
    raise Crash


def _of_contact(row: Row, name: str) -> Any:
    if name in ("date_added", "date_identified", "last_active"):
        key = {"date_added": "dateAdded", "date_identified": "dateIdentified", "last_active": "lastActive"}[name]
        return None if row[key] is None else php.stamp(row[key])
    kept = {"id": "id", "points": "points", "owner_id": "owner", "stage_id": "stage"}
    return row[kept[name]] if name in kept else row["fields"].get(name)


def _of_company(row: Row, table: str, name: str, ask: Ask) -> Any:
    if table == "i":
        return (ask.table("ips").get(row["ips"][0]) or {}).get("ip") if row["ips"] else None
    link = next((one for one in ask.table("company_contacts").where(contact=row["id"]) if one["primary"]), None)
    if link is None:
        return None
    if table == "companies_lead":
        return int(link["primary"]) if name == "is_primary" else php.stamp(link["date"])
    company = ask.table("companies").get(link["company"])
    if company is None:
        return None
    return company["id"] if name == "id" else company["fields"].get(name)


def _tests(filters: Any, ask: Ask) -> list[Test]:
    made: list[Test] = []
    for told in php.values(filters):
        if not isinstance(told, dict):
            continue
        expr = {"notEmpty": "isNotEmpty", "empty": "isEmpty"}.get(told.get("condition", ""), told.get("condition"))
        value = told.get("value")
        if expr in ("contains", "startsWith", "endsWith"):
            value = {"contains": f"%{value}%", "startsWith": f"{value}%", "endsWith": f"%{value}"}[expr]
            expr = "like"
        clause = {"col": told.get("column"), "expr": expr, "val": value}
        test = query.condition(clause, lambda name: _reader(name, ask))
        if test is not None:
            made.append(test)
    return made
