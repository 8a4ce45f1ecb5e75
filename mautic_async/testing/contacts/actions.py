"""The special routes of contacts: do not contact, UTM tags, points, memberships, and the lists beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import php, query
from mautic_async.testing.contacts import related_lists, serialize, timeline, update
from mautic_async.testing.replies import Crash, Refused, Said, missing
from mautic_async.testing.resources import triggers
from mautic_async.testing.resources._base import log

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
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
    related_lists.routes(table)
    timeline.routes(table)


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
    row = related_lists.found(ask, "edit")
    reason = ask.param("reason", 3)
    if not php.numeric(reason) or php.integer(reason) == 0:
        raise Refused(400, "Invalid reason code given", ["Reason code needs to be an integer and higher than 0."])
    await ask.row()
    channel = ask.path["channel"]
    given = ask.param("channelId")
    id = php.integer(given) if given is not None else None
    told = {"reason": php.integer(reason), "comments": php.text(ask.param("comments")), "channelId": id}
    row["dnc"] = update.dnc(row["dnc"], channel, told, ask)
    ask.table("contacts").save(row)
    return Said({"contact": serialize.bare(row, ask)})


async def dnc_remove(ask: Ask) -> Any:
    """Remove one; says whether there was one."""
    row = related_lists.found(ask, "edit")
    await ask.row()
    kept = [one for one in row["dnc"] if one["channel"] != ask.path["channel"]]
    was = len(kept) < len(row["dnc"])
    row["dnc"] = kept
    ask.table("contacts").save(row)
    return Said({"recordFound": was, "contact": serialize.bare(row, ask)})


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
    row = related_lists.found(ask, "edit")
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
    shown = serialize.bare(row, ask)
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
    row = related_lists.found(ask, "edit")
    kept = [one for one in row["utm"] if str(one["id"]) != ask.path["utmid"]]
    if len(kept) == len(row["utm"]):
        raise Refused(400, _BAD)
    await ask.row()
    row["utm"] = kept
    ask.table("contacts").save(row)
    return Said({"recordFound": True, "contact": serialize.bare(row, ask)})


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
    row = related_lists.found(ask, "edit", _NO_CONTACT)
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
    row = related_lists.found(ask, "view", _NO_CONTACT)
    table = ask.table("points/groups")
    scores = [_score(one, score) for id, score in row["scores"].items() if (one := table.get(int(id))) is not None]
    return Said({"total": len(scores), "groupScores": scores})


async def group(ask: Ask) -> Any:
    """One score; an empty list where there is none."""
    row = related_lists.found(ask, "view", _NO_CONTACT)
    one = _group_row(ask)
    score = row["scores"].get(str(one["id"]))
    return Said([] if score is None else {"groupScore": _score(one, score)})


async def group_points(ask: Ask) -> Any:
    """Change a score."""
    row = related_lists.found(ask, "edit", _NO_CONTACT)
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
