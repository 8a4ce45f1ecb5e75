"""Routes of a contact's notes, devices, segments, campaigns and companies, and of the lists beside the contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import php, query
from mautic_async.testing.contacts import companies, serialize
from mautic_async.testing.replies import Reply, UnhandledError, not_found

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row


def routes(table: Router) -> None:
    """Add them."""
    base = "/api/contacts/{id}"
    table.add("GET", base + "/notes", notes)
    table.add("GET", base + "/devices", devices)
    table.add("GET", base + "/segments", segments)
    table.add("GET", base + "/campaigns", campaigns)
    table.add("GET", base + "/companies", company_rows)
    table.add("GET", "/api/contacts/list/owners", owners)
    table.add("GET", "/api/contacts/list/fields", fields)
    table.add("GET", "/api/contacts/list/segments", segment_list)


def require_contact(context: RequestContext, verb: str = "view", message: str = "Item was not found.") -> Row:
    """Return the contact of the path, if the user may do this with it."""
    id = context.path.get("id", context.path.get("leadId", context.path.get("contactId")))
    row = context.table("contacts").get(id)
    if row is None:
        raise not_found(message)
    owner = row["owner"] or row["createdBy"]
    context.require("lead:leads", verb, own=context.user.id is not None and owner == context.user.id)
    return row


async def notes(context: RequestContext) -> Any:
    """Answer with the contact's notes, newest first, without nulls and without the contact."""
    return _children(context, "notes", "n", "dateAdded", ("text", "type", "dateTime"))


_DEVICE = ("clientInfo", "device", "deviceBrand", "deviceModel", "deviceOsName")
_DEVICE_MORE = ("deviceOsShortName", "deviceOsVersion", "deviceOsPlatform")


async def devices(context: RequestContext) -> Any:
    """Answer with the contact's devices, newest first."""
    return _children(context, "devices", "d", "dateAdded", _DEVICE + _DEVICE_MORE)


def _children(context: RequestContext, name: str, alias: str, newest: str, columns: tuple[str, ...]) -> Reply:
    contact = require_contact(context)

    def column(raw: str) -> query.ColumnReader:
        table, _, key = raw.rpartition(".")
        if table != alias or key not in ("id", newest, *columns):
            raise UnhandledError
        return lambda row: row.get(key)

    rows = [row for row in context.table(name) if row["lead"] == contact["id"]]
    keys = query.sort_keys(context.query, (f"-{alias}.{newest}",), column)
    page = query.sort(reversed(rows), keys)[query.slice_of(context.query)]
    entries = []
    for row in page:
        entry: dict[str, Any] = {"id": row["id"], "lead": {}}
        for key in columns:
            value = row.get(key)
            if value is not None:
                entry[key] = php.iso_datetime(value) if key == "dateTime" else value
        entries.append(entry)
    return Reply({"total": len(rows), name: entries})


async def segments(context: RequestContext) -> Any:
    """Answer with the segments a contact is in."""
    contact = require_contact(context)
    entries = {}
    for link in context.table("segment_contacts").where(contact=contact["id"]):
        segment = context.table("segments").get(link["segment"])
        if segment is not None and not link["removed"]:
            entries[str(segment["id"])] = {
                "id": segment["id"],
                "name": segment["name"],
                "alias": segment["alias"],
                "dateAdded": php.iso_datetime(link["date"]),
                "manuallyRemoved": link["removed"],
                "manuallyAdded": link["added"],
            }
    return Reply({"total": len(entries), "lists": entries or []})


async def campaigns(context: RequestContext) -> Any:
    """Answer with the published campaigns a contact is in."""
    contact = require_contact(context)
    entries = {}
    for link in context.table("campaign_contacts").where(contact=contact["id"]):
        campaign = context.table("campaigns").get(link["campaign"])
        if campaign is not None and campaign["isPublished"] and not link["removed"]:
            entries[str(campaign["id"])] = {
                "id": campaign["id"],
                "name": campaign["name"],
                "dateAdded": php.iso_datetime(link["date"]),
                "manuallyRemoved": link["removed"],
                "manuallyAdded": link["added"],
                "listMembership": [php.to_int(segment) for segment in campaign["lists"]],
            }
    return Reply({"total": len(entries), "campaigns": entries or []})


async def company_rows(context: RequestContext) -> Any:
    """Answer with the companies a contact is in, as rows of the database: texts, without nulls."""
    contact = require_contact(context)
    rows = []
    for link in companies.memberships(contact["id"], context):
        company = context.table("companies").get(link["company"])
        if company is None:
            continue
        rows.append(
            serialize.without_nulls(
                {
                    "company_id": str(company["id"]),
                    "date_associated": php.sql_datetime(link["date"]),
                    "is_primary": str(int(link["primary"])),
                    "id": str(company["id"]),
                    "owner_id": None if company["owner"] is None else str(company["owner"]),
                    "is_published": str(int(company["isPublished"])),
                    "date_added": php.sql_datetime(company["dateAdded"]),
                    "created_by": None if company["createdBy"] is None else str(company["createdBy"]),
                    "created_by_user": company["createdByUser"],
                    "date_modified": None
                    if company["dateModified"] is None
                    else php.sql_datetime(company["dateModified"]),
                    "modified_by": None if company["modifiedBy"] is None else str(company["modifiedBy"]),
                    "modified_by_user": company["modifiedByUser"],
                    "social_cache": "a:0:{}",
                    "score": None if company["score"] is None else str(company["score"]),
                }
                | {alias: php.to_string(value) for alias, value in company["fields"].items() if value is not None}
            )
        )
    return Reply({"total": len(rows), "companies": rows})


# --- lists beside --------------------------------------------------------------------------------------------------


async def owners(context: RequestContext) -> Any:
    """Answer with the users that may own a contact."""
    search = php.to_string(context.query.get("filter")).lower()
    users = [row for row in context.table("users") if row["isPublished"]]
    users.sort(key=lambda row: (row["firstName"].lower(), row["lastName"].lower()))
    entries = [
        {name: row[name] for name in ("id", "firstName", "lastName", *(("email",) if context.is_7 else ()))}
        for row in users
        if f"{row['firstName']} {row['lastName']}".lower().startswith(search)
    ]
    return Reply(entries[query.slice_of(context.query, 10**9)])


async def fields(context: RequestContext) -> Any:
    """Answer with all published fields by id, those of companies too."""
    published = [row for row in context.table("fields") if row["isPublished"]]
    rows = sorted(published, key=lambda row: (row["order"], row["object"] != "lead"))
    entries = {}
    for row in rows:
        field = {name: row[name] for name in ("id", "label", "alias", "type", "group", "order", "object")}
        entries[str(row["id"])] = field if row["properties"] else field | {"properties": {}}
    return Reply(entries)


async def segment_list(context: RequestContext) -> Any:
    """Published segments by id."""
    rows = [row for row in context.table("segments") if row["isPublished"]]
    rows = query.sort(rows, [(lambda row: row["name"], False)])
    return Reply({str(row["id"]): {name: row[name] for name in ("id", "name", "alias")} for row in rows})
