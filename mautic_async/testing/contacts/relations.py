"""The special routes of contacts: do not contact, UTM tags, points, memberships, and the lists beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import php, query
from mautic_async.testing.answers import Crash, Refused, Said, missing
from mautic_async.testing.contacts import companies, show, timeline, write
from mautic_async.testing.nouns import triggers
from mautic_async.testing.nouns._base import log

if TYPE_CHECKING:
    from mautic_async.testing.ask import Ask
    from mautic_async.testing.routes import Routes
    from mautic_async.testing.store import Row

_NO_CONTACT = "Contact not found."
_BAD = "This is a bad request."
_HERE = "127.0.0.1"


def routes(table: Routes) -> None:
    """Add them."""
    base = "/api/contacts/{id}"
    table.add("POST", base + "/dnc/{channel}/add", dnc_add)
    table.add("POST", base + "/dnc/{channel}/remove", dnc_remove)
    table.add("POST", base + "/utm/add", utm_add)
    table.add("POST", base + "/utm/{utmid}/remove", utm_remove)
    table.add("POST", "/api/contacts/{leadId}/points/{operator}/{delta}", points)
    table.add("GET", "/api/contacts/{contactId}/points/groups", groups)
    table.add("GET", "/api/contacts/{contactId}/points/groups/{groupId}", group)
    table.add("POST", "/api/contacts/{contactId}/points/groups/{groupId}/{operator}/{value}", group_points)
    table.add("GET", base + "/notes", notes)
    table.add("GET", base + "/devices", devices)
    table.add("GET", base + "/segments", segments)
    table.add("GET", base + "/campaigns", campaigns)
    table.add("GET", base + "/companies", company_rows)
    table.add("GET", "/api/contacts/list/owners", owners)
    table.add("GET", "/api/contacts/list/fields", fields)
    table.add("GET", "/api/contacts/list/segments", segment_list)
    timeline.routes(table)


def found(ask: Ask, verb: str = "view", message: str = "Item was not found.") -> Row:
    """The contact of the path, if the actor may do this with it."""
    id = ask.path.get("id", ask.path.get("leadId", ask.path.get("contactId")))
    row = ask.table("contacts").get(id)
    if row is None:
        raise missing(message)
    owner = row["owner"] or row["createdBy"]
    ask.need("lead:leads", verb, own=ask.actor.id is not None and owner == ask.actor.id)
    return row


def forget(contact: int, ask: Ask) -> None:
    """A contact is gone: so is what belongs to it alone."""
    for name in ("segment_contacts", "campaign_contacts", "notes", "devices"):
        column = "lead" if name in ("notes", "devices") else "contact"
        for row in list(ask.table(name).where(**{column: contact})):
            ask.table(name).remove(row["id"])
    for link in list(ask.table("item_contacts").find("contact", contact)):
        ask.table("item_contacts").remove(link["id"])


def members(alias: str, ask: Ask) -> set[int]:
    """Ids of the contacts in the segments of this alias."""
    ids = {one["id"] for one in ask.table("segments") if query.like(one["alias"], alias)}
    links = ask.table("segment_contacts")
    return {link["contact"] for link in links if link["segment"] in ids and not link["removed"]}


# --- do not contact, UTM -------------------------------------------------------------------------------------------


async def dnc_add(ask: Ask) -> Any:
    """Add a do-not-contact entry."""
    row = found(ask, "edit")
    reason = ask.param("reason", 3)
    if not php.numeric(reason) or php.integer(reason) == 0:
        raise Refused(400, "Invalid reason code given", ["Reason code needs to be an integer and higher than 0."])
    await ask.row()
    channel = ask.path["channel"]
    given = ask.param("channelId")
    id = php.integer(given) if given is not None else None
    told = {"reason": php.integer(reason), "comments": php.text(ask.param("comments")), "channelId": id}
    row["dnc"] = write.dnc(row["dnc"], channel, told, ask)
    ask.table("contacts").save(row)
    return Said({"contact": show.bare(row, ask)})


async def dnc_remove(ask: Ask) -> Any:
    """Remove one; says whether there was one."""
    row = found(ask, "edit")
    await ask.row()
    kept = [one for one in row["dnc"] if one["channel"] != ask.path["channel"]]
    was = len(kept) < len(row["dnc"])
    row["dnc"] = kept
    ask.table("contacts").save(row)
    return Said({"recordFound": was, "contact": show.bare(row, ask)})


_UTM = {
    "utm_campaign": "utmCampaign",
    "utm_content": "utmContent",
    "utm_medium": "utmMedium",
    "utm_source": "utmSource",
    "utm_term": "utmTerm",
    "useragent": "userAgent",
    "user_agent": "userAgent",
    "remotehost": "remoteHost",
    "remote_host": "remoteHost",
    "url": "url",
    "referer": "referer",
}


async def utm_add(ask: Ask) -> Any:
    """Record UTM tags; ``lastActive`` goes to the contact."""
    row = found(ask, "edit")
    await ask.row()
    body = ask.body if isinstance(ask.body, dict) else {}
    one: Row = {name: php.text(body[key]) for key, name in _UTM.items() if body.get(key)}
    sent = body.get("query")
    one["query"] = php.brackets(sent) if isinstance(sent, str) else (sent or [])
    made = ask.table("utms").save({"id": None, "contact": row["id"]})
    row["utm"] = [*row["utm"], {"id": made["id"]} | one]
    if body.get("lastActive"):
        moment = php.strtotime(body["lastActive"], ask.now)
        if moment is None:
            raise Crash
        row["lastActive"] = moment
    touch(row, ask)
    _track(row, ask)
    shown = show.bare(row, ask)
    if body.get("lastActive"):
        definition = shown["fields"]["core"].get("last_active")
        if definition:
            definition.pop("value", None)
            definition["normalizedValue"] = ""
    return Said({"contact": shown})


def _track(contact: Row, ask: Ask) -> None:
    """UTM tags are a visit, and a visit without a known browser is a device without a name."""
    kept = ask.table("devices")
    if next(kept.where(lead=contact["id"], device="", deviceModel=""), None) is None:
        names = ("deviceOsName", "deviceOsShortName", "deviceOsVersion", "deviceOsPlatform", "clientInfo")
        device = {"id": None, "lead": contact["id"], "dateAdded": ask.now} | dict.fromkeys(names)
        kept.save(device | dict.fromkeys(("device", "deviceBrand", "deviceModel"), ""))


async def utm_remove(ask: Ask) -> Any:
    """Remove one set of UTM tags."""
    row = found(ask, "edit")
    kept = [one for one in row["utm"] if str(one["id"]) != ask.path["utmid"]]
    if len(kept) == len(row["utm"]):
        raise Refused(400, _BAD)
    await ask.row()
    row["utm"] = kept
    ask.table("contacts").save(row)
    return Said({"recordFound": True, "contact": show.bare(row, ask)})


def touch(row: Row, ask: Ask) -> None:
    """Say that the contact was changed just now."""
    row["dateModified"] = ask.now
    row["modifiedBy"], row["modifiedByUser"] = ask.actor.id, ask.actor.name
    ask.table("contacts").save(row)


# --- points --------------------------------------------------------------------------------------------------------


def _changed(value: int, operator: str, delta: int) -> int | None:
    if operator == "plus":
        return value + delta
    if operator == "minus":
        return value - delta
    if operator == "times":
        return value * delta
    if operator == "divide":
        return value if delta == 0 else round(value / delta)
    return None


async def points(ask: Ask) -> Any:
    """Change the points by an operator; nothing changes by zero."""
    row = found(ask, "edit", _NO_CONTACT)
    if _changed(0, ask.path["operator"], 1) is None:
        raise Refused(400, "Invalid operator")
    if not php.numeric(ask.path["delta"]):
        raise Crash
    await ask.row()
    delta = php.integer(ask.path["delta"])
    after = _changed(row["points"], ask.path["operator"], delta) if delta else row["points"]
    if after != row["points"]:
        change = (after or 0) - row["points"]
        body = ask.body if isinstance(ask.body, dict) else {}
        names = {"event": php.text(body.get("eventName")), "action": php.text(body.get("actionName"))}
        _log_points(row, change, names, ask)
        log(ask, ("lead", "lead"), row["id"], "update", {"points": [row["points"], after]})
        row["points"] = after
        ask.table("contacts").save(row)
        triggers.fire(row, ask)
    return Said({"success": 1})


def _log_points(row: Row, change: int, more: dict[str, Any], ask: Ask) -> None:
    ips = ask.table("ips")
    ip = next(ips.where(ip=_HERE), None) or ips.save({"id": None, "ip": _HERE})
    line = {"id": None, "contact": row["id"], "delta": change, "date": ask.now, "type": "API", "ip": ip["id"]}
    ask.table("point_log").save(line | more)


def _group_row(ask: Ask) -> Row:
    row = ask.table("points/groups").get(ask.path["groupId"])
    if row is None:
        raise missing("The specified point group was not found.")
    return row


def _score(row: Row, score: int) -> dict[str, Any]:
    return {"score": score, "group": {"id": row["id"], "name": row["name"]}}


async def groups(ask: Ask) -> Any:
    """The scores of a contact."""
    row = found(ask, "view", _NO_CONTACT)
    table = ask.table("points/groups")
    scores = [_score(one, score) for id, score in row["scores"].items() if (one := table.get(int(id))) is not None]
    return Said({"total": len(scores), "groupScores": scores})


async def group(ask: Ask) -> Any:
    """One score; an empty list where there is none."""
    row = found(ask, "view", _NO_CONTACT)
    one = _group_row(ask)
    score = row["scores"].get(str(one["id"]))
    return Said([] if score is None else {"groupScore": _score(one, score)})


async def group_points(ask: Ask) -> Any:
    """Change a score."""
    row = found(ask, "edit", _NO_CONTACT)
    one = _group_row(ask)
    if not php.numeric(ask.path["value"]) or "." in ask.path["value"]:
        raise Crash
    value = int(ask.path["value"])
    held = row["scores"].get(str(one["id"]), 0)
    operator = ask.path["operator"]
    score = value if operator == "set" else _changed(held, operator, value)
    if score is None:
        raise Refused(400, "Invalid operator")
    await ask.row()
    if score != held:
        body = ask.body if isinstance(ask.body, dict) else {}
        names = {"event": php.text(body.get("eventName")), "action": php.text(body.get("actionName"))}
        _log_points(row, score - held, names | {"group": one["id"]}, ask)
    row["scores"] = row["scores"] | {str(one["id"]): score}
    ask.table("contacts").save(row)
    return Said({"groupScore": _score(one, score)})


# --- what belongs to a contact -------------------------------------------------------------------------------------


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
            show.without_nulls(
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
