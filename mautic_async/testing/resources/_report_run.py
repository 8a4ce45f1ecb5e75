"""Running a report: its columns, its filters, its rows. Contacts are a source; others have no rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import data, php, query
from mautic_async.testing.replies import UnhandledError

if TYPE_CHECKING:
    from mautic_async.testing.query import Predicate
    from mautic_async.testing.request_context import RequestContext
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
_FIXED_IN_7: Final = {
    "dnc_preferences": ("DNC Preferences", "dnc_preferences"),
    "l.generated_email_domain": ("Generated Email Domain", "generated_email_domain"),
}
_CONTACTS: Final = ("leads", "contact")


def _labels(context: RequestContext) -> dict[str, tuple[str, str]]:
    labels = _FIXED | (_FIXED_IN_7 if context.is_7 else {})
    for field in context.table("fields"):
        if field["isPublished"]:
            table = "l" if field["object"] == "lead" else "comp"
            labels[f"{table}.{field['alias']}"] = (field["label"], field["alias"])
    return labels


def columns(row: Row, context: RequestContext) -> dict[str, str]:
    """Return the keys of rows, and the database columns behind them."""
    if row["source"] not in _CONTACTS:
        return _columns_of_source(row["source"], context)
    labels = sorted(_labels(context).items(), key=lambda one: one[1][0].lower())
    return {key: column for column, (_, key) in labels}


def _columns_of_source(source: Any, context: RequestContext) -> dict[str, str]:
    """Return the columns of a source: its own, and those of contacts and companies where they are joined to it."""
    found = next((line.split() for line in data.lines("report_columns") if line.split()[0] == source), [])
    joined = {"+l": "lead", "+comp": "company"}
    own = [token.rpartition("=") for token in found[1:] if token not in joined]
    columns: dict[str, str] = {}
    for mark, object in joined.items():
        if mark in found:
            fields = context.table("fields").where(object=object, isPublished=True)
            columns |= {field["alias"]: f"{mark[1:]}.{field['alias']}" for field in fields}
    return columns | {key or column.rpartition(".")[2]: column for key, _, column in own}


def rows(row: Row, since: int | None, until: int | None, context: RequestContext) -> list[dict[str, Any]]:
    """Everything the report finds.

    Args:
        row: The report.
        since: Epoch seconds, or None.
        until: Epoch seconds, or None.
        context: The request.
    """
    if row["source"] not in _CONTACTS:
        return []
    rows_found = [
        contact
        for contact in context.table("contacts")
        if (since is None or contact["dateAdded"] >= since) and (until is None or contact["dateAdded"] <= until)
    ]
    for predicate in _predicates(row["filters"], context):
        rows_found = [contact for contact in rows_found if predicate(contact)]
    keys = [
        (_reader(names.get("column"), context), names.get("direction") == "DESC")
        for names in php.array_values(row["tableOrder"])
    ]
    rows_found = query.sort(sorted(rows_found, key=lambda contact: int(contact["id"])), keys)
    labels = _labels(context)
    return [_report_row(contact, php.array_values(row["columns"]), labels, context) for contact in rows_found]


def _report_row(
    contact: Row, names: list[str], labels: dict[str, tuple[str, str]], context: RequestContext
) -> dict[str, Any]:
    row_out = {}
    for name in names:
        if name not in labels:
            continue
        value = _reader(name, context)(contact)
        text = "" if value is None and _is_text(name, context) else value
        if text is not None:
            row_out[labels[name][1]] = php.to_string(text)
    return row_out


def _is_text(column: str, context: RequestContext) -> bool:
    if column in _FIXED:
        return False
    alias = column.rpartition(".")[2]
    types = [field["type"] for field in context.table("fields").where(alias=alias)]
    return bool(types) and types[0] not in ("number", "boolean", "date", "datetime", "time")


def _reader(column: Any, context: RequestContext) -> query.ColumnReader:
    table, _, name = php.to_string(column).rpartition(".")
    if table == "l":
        return lambda row: _contact_value(row, name)
    if table == "u":
        keys = {"first_name": "firstName", "last_name": "lastName"}
        return lambda row: (context.table("users").get(row["owner"]) or {}).get(keys.get(name, ""))
    if table == "ss":
        return lambda row: (context.table("stages").get(row["stage"]) or {}).get(name) if name == "name" else None
    if table in ("comp", "companies_lead", "i"):
        return lambda row: _company_value(row, table, name, context)
    raise UnhandledError


def _contact_value(row: Row, name: str) -> Any:
    if name in ("date_added", "date_identified", "last_active"):
        key = {"date_added": "dateAdded", "date_identified": "dateIdentified", "last_active": "lastActive"}[name]
        return None if row[key] is None else php.sql_datetime(row[key])
    column_map = {"id": "id", "points": "points", "owner_id": "owner", "stage_id": "stage"}
    return row[column_map[name]] if name in column_map else row["fields"].get(name)


def _company_value(row: Row, table: str, name: str, context: RequestContext) -> Any:
    if table == "i":
        return (context.table("ips").get(row["ips"][0]) or {}).get("ip") if row["ips"] else None
    link = next(
        (
            company_row
            for company_row in context.table("company_contacts").where(contact=row["id"])
            if company_row["primary"]
        ),
        None,
    )
    if link is None:
        return None
    if table == "companies_lead":
        return int(link["primary"]) if name == "is_primary" else php.sql_datetime(link["date"])
    company = context.table("companies").get(link["company"])
    if company is None:
        return None
    return company["id"] if name == "id" else company["fields"].get(name)


def _predicates(filters: Any, context: RequestContext) -> list[Predicate]:
    predicates: list[Predicate] = []
    for settings in php.array_values(filters):
        if not isinstance(settings, dict):
            continue
        expr = {"notEmpty": "isNotEmpty", "empty": "isEmpty"}.get(
            settings.get("condition", ""), settings.get("condition")
        )
        value = settings.get("value")
        if expr in ("contains", "startsWith", "endsWith"):
            value = {"contains": f"%{value}%", "startsWith": f"{value}%", "endsWith": f"%{value}"}[expr]
            expr = "like"
        clause = {"col": settings.get("column"), "expr": expr, "val": value}
        predicate = query.parse_condition(clause, lambda name: _reader(name, context))
        if predicate is not None:
            predicates.append(predicate)
    return predicates
