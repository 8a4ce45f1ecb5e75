"""What belongs to a contact: notes, devices, segments, campaigns, companies; and the lists beside the contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import php, query
from mautic_async.testing.contacts import companies, serialize
from mautic_async.testing.replies import Crash, Said, missing

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row


def routes(table: Routes) -> None:
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


def found(ask: Ask, verb: str = "view", message: str = "Item was not found.") -> Row:
    """The contact of the path, if the actor may do this with it."""
    id = ask.path.get("id", ask.path.get("leadId", ask.path.get("contactId")))
    row = ask.table("contacts").get(id)
    if row is None:
        raise missing(message)
    owner = row["owner"] or row["createdBy"]
    ask.need("lead:leads", verb, own=ask.actor.id is not None and owner == ask.actor.id)
    return row


async def notes(ask: Ask) -> Any:
    """The contact's notes, newest first, without nulls and without the contact."""
    return _children(ask, "notes", "n", "dateAdded", ("text", "type", "dateTime"))


_DEVICE = ("clientInfo", "device", "deviceBrand", "deviceModel", "deviceOsName")
_DEVICE_MORE = ("deviceOsShortName", "deviceOsVersion", "deviceOsPlatform")


async def devices(ask: Ask) -> Any:
    """The contact's devices, newest first."""
    return _children(ask, "devices", "d", "dateAdded", _DEVICE + _DEVICE_MORE)


def _children(ask: Ask, name: str, alias: str, newest: str, columns: tuple[str, ...]) -> Said:
    contact = found(ask)

    def column(raw: str) -> query.Column:
        table, _, key = raw.rpartition(".")
        if table != alias or key not in ("id", newest, *columns):
            raise Crash
        return lambda row: row.get(key)

    rows = [row for row in ask.table(name) if row["lead"] == contact["id"]]
    keys = query.order(ask.query, (f"-{alias}.{newest}",), column)
    page = query.sort(reversed(rows), keys)[query.window(ask.query)]
    shown = []
    for row in page:
        one: dict[str, Any] = {"id": row["id"], "lead": {}}
        for key in columns:
            value = row.get(key)
            if value is not None:
                one[key] = php.iso(value) if key == "dateTime" else value
        shown.append(one)
    return Said({"total": len(rows), name: shown})


async def segments(ask: Ask) -> Any:
    """The segments a contact is in."""
    contact = found(ask)
    shown = {}
    for link in ask.table("segment_contacts").where(contact=contact["id"]):
        one = ask.table("segments").get(link["segment"])
        if one is not None and not link["removed"]:
            shown[str(one["id"])] = {
                "id": one["id"],
                "name": one["name"],
                "alias": one["alias"],
                "dateAdded": php.iso(link["date"]),
                "manuallyRemoved": link["removed"],
                "manuallyAdded": link["added"],
            }
    return Said({"total": len(shown), "lists": shown or []})


async def campaigns(ask: Ask) -> Any:
    """The published campaigns a contact is in."""
    contact = found(ask)
    shown = {}
    for link in ask.table("campaign_contacts").where(contact=contact["id"]):
        one = ask.table("campaigns").get(link["campaign"])
        if one is not None and one["isPublished"] and not link["removed"]:
            shown[str(one["id"])] = {
                "id": one["id"],
                "name": one["name"],
                "dateAdded": php.iso(link["date"]),
                "manuallyRemoved": link["removed"],
                "manuallyAdded": link["added"],
                "listMembership": _memberships(one, contact["id"], ask),
            }
    return Said({"total": len(shown), "campaigns": shown or []})


def _memberships(campaign: Row, contact: int, ask: Ask) -> list[int]:
    lists = {php.integer(one) for one in campaign.get("lists") or ()}
    links = ask.table("segment_contacts").where(contact=contact)
    return [link["segment"] for link in links if link["segment"] in lists]  # those it was taken out of, too


async def company_rows(ask: Ask) -> Any:
    """The companies a contact is in, as rows of the database: texts, without nulls."""
    contact = found(ask)
    rows = []
    for link in companies.of(contact["id"], ask):
        one = ask.table("companies").get(link["company"])
        if one is None:
            continue
        rows.append(
            serialize.without_nulls(
                {
                    "company_id": str(one["id"]),
                    "date_associated": php.stamp(link["date"]),
                    "is_primary": str(int(link["primary"])),
                    "id": str(one["id"]),
                    "owner_id": None if one["owner"] is None else str(one["owner"]),
                    "is_published": str(int(one["isPublished"])),
                    "date_added": php.stamp(one["dateAdded"]),
                    "created_by": None if one["createdBy"] is None else str(one["createdBy"]),
                    "created_by_user": one["createdByUser"],
                    "date_modified": None if one["dateModified"] is None else php.stamp(one["dateModified"]),
                    "modified_by": None if one["modifiedBy"] is None else str(one["modifiedBy"]),
                    "modified_by_user": one["modifiedByUser"],
                    "social_cache": "a:0:{}",
                    "score": None if one["score"] is None else str(one["score"]),
                }
                | {alias: php.text(value) for alias, value in one["fields"].items() if value is not None}
            )
        )
    return Said({"total": len(rows), "companies": rows})


# --- lists beside --------------------------------------------------------------------------------------------------


async def owners(ask: Ask) -> Any:
    """Users that may own a contact."""
    wanted = php.text(ask.query.get("filter")).lower()
    people = [row for row in ask.table("users") if row["isPublished"]]
    people.sort(key=lambda row: (row["firstName"].lower(), row["lastName"].lower()))
    shown = [
        {name: row[name] for name in ("id", "firstName", "lastName")}
        for row in people
        if f"{row['firstName']} {row['lastName']}".lower().startswith(wanted)
    ]
    return Said(shown[query.window(ask.query, 10**9)])


async def fields(ask: Ask) -> Any:
    """All published fields by id, those of companies too."""
    published = [row for row in ask.table("fields") if row["isPublished"]]
    rows = sorted(published, key=lambda row: (row["order"], row["object"] != "lead"))
    shown = {}
    for row in rows:
        one = {name: row[name] for name in ("id", "label", "alias", "type", "group", "order", "object")}
        shown[str(row["id"])] = one if row["properties"] else one | {"properties": {}}
    return Said(shown)


async def segment_list(ask: Ask) -> Any:
    """Published segments by id."""
    rows = [row for row in ask.table("segments") if row["isPublished"]]
    rows = query.sort(rows, [(lambda row: row["name"], False)])
    return Said({str(row["id"]): {name: row[name] for name in ("id", "name", "alias")} for row in rows})
