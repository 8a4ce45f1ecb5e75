"""The special routes of contacts: do not contact, UTM tags, points, memberships, and the lists beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import ips, php, query, user_agents
from mautic_async.testing.contacts import companies, event_log, related_lists, serialize, timeline, update
from mautic_async.testing.contacts.save import mark_changed
from mautic_async.testing.replies import ControllerError, Reply, UnhandledError, not_found
from mautic_async.testing.resources import triggers
from mautic_async.testing.resources._base import write_audit_log

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_NO_CONTACT = "Contact not found."
_BAD_REQUEST = "This is a bad request."


def routes(table: Router) -> None:
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


_DELETED_WITH: Final = {
    "segment_contacts": "contact",
    "campaign_contacts": "contact",
    "campaign_log": "contact",
    "item_contacts": "contact",
    "item_events": "contact",
    "notes": "lead",
    "devices": "lead",
    "point_log": "contact",
    "stage_log": "contact",
    event_log.TABLE: "contact",
}
_KEPT: Final = {"email_stats": "contact", "page_hits": "contact", "submissions": "lead"}


def delete_related(contact: int, context: RequestContext) -> None:
    """Delete what belongs to a deleted contact alone; statistics stay and forget the contact."""
    for name, column in _DELETED_WITH.items():
        for row in list(context.table(name).where(**{column: contact})):
            context.table(name).remove(row["id"])
    for name, column in _KEPT.items():
        for row in list(context.table(name).where(**{column: contact})):
            context.table(name).save(row | {column: None})


def move_related(source: int, target: int, context: RequestContext) -> None:
    """Give all that belongs to the contact *source* to the contact *target*."""
    for name, column in (_DELETED_WITH | _KEPT | {companies.TABLE: "contact"}).items():
        for row in list(context.table(name).where(**{column: source})):
            context.table(name).save(row | {column: target})


def segment_members(alias: str, context: RequestContext) -> set[int]:
    """Return the ids of the contacts in the segments of this alias."""
    ids = {segment["id"] for segment in context.table("segments") if query.like(segment["alias"], alias)}
    links = context.table("segment_contacts")
    return {link["contact"] for link in links if link["segment"] in ids and not link["removed"]}


# --- do not contact, UTM -------------------------------------------------------------------------------------------


async def dnc_add(context: RequestContext) -> Any:
    """Add a do-not-contact entry."""
    row = related_lists.require_contact(context, "edit")
    reason = context.param("reason", 3)
    if not php.is_numeric(reason) or php.to_int(reason) == 0:
        raise ControllerError(
            400, "Invalid reason code given", ["Reason code needs to be an integer and higher than 0."]
        )
    await context.charge_row()
    channel = context.path["channel"]
    reason_value = context.param("channelId")
    id = php.to_int(reason_value) if reason_value is not None else None
    entry = {"reason": php.to_int(reason), "comments": php.to_string(context.param("comments")), "channelId": id}
    entries = update.dnc(row["dnc"], channel, entry, context)
    if entries != row["dnc"]:
        old = next((one["reason"] for one in row["dnc"] if one["channel"] == channel), None)
        row["dnc"] = entries
        mark_changed(row, context)
        status = {"reason": entry["reason"]} | ({} if old is None else {"old_reason": old})
        _log_channel(row, channel, status | {"comments": entry["comments"]}, context)
    return Reply({"contact": serialize.plain_view(row, context)})


async def dnc_remove(context: RequestContext) -> Any:
    """Remove one; says whether there was one."""
    row = related_lists.require_contact(context, "edit")
    await context.charge_row()
    remaining = [entry for entry in row["dnc"] if entry["channel"] != context.path["channel"]]
    existed = len(remaining) < len(row["dnc"])
    for entry in row["dnc"]:
        if entry not in remaining:
            status = {"reason": 0, "old_reason": entry["reason"], "comments": entry["comments"]}
            _log_channel(row, entry["channel"], status, context)
    if existed:
        row["dnc"] = remaining
        mark_changed(row, context)
    return Reply({"recordFound": existed, "contact": serialize.plain_view(row, context)})


def _log_channel(contact: Row, channel: str, status: dict[str, Any], context: RequestContext) -> None:
    write_audit_log(context, ("lead", "lead"), contact["id"], "update", {"dnc_channel_status": {channel: status}})


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


async def utm_add(context: RequestContext) -> Any:
    """Record UTM tags; ``lastActive`` goes to the contact."""
    row = related_lists.require_contact(context, "edit")
    await context.charge_row()
    body = context.body if isinstance(context.body, dict) else {}
    entry: Row = {name: php.to_string(body[key]) for key, name in _UTM.items() if body.get(key)}
    sent = body.get("query")
    entry["query"] = php.parse_brackets(sent) if isinstance(sent, str) else (sent or [])
    created = context.table("utms").save({"id": None, "contact": row["id"]})
    row["utm"] = [*row["utm"], {"id": created["id"], "date": context.now} | entry]
    if body.get("lastActive"):
        moment = php.strtotime(body["lastActive"], context.now)
        if moment is None:
            raise UnhandledError
        row["lastActive"] = moment
    mark_changed(row, context)
    _record_device(row, php.to_string(body.get("useragent") or body.get("user_agent")), context)
    reply_contact = serialize.plain_view(row, context)
    if body.get("lastActive"):
        definition = reply_contact["fields"]["core"].get("last_active")
        if definition:
            definition.pop("value", None)
            definition["normalizedValue"] = ""
    return Reply({"contact": reply_contact})


def _record_device(contact: Row, user_agent: str, context: RequestContext) -> None:
    """Note the device of the user agent that UTM tags came with."""
    devices, parsed = context.table("devices"), user_agents.parse(user_agent)
    names = ("device", "deviceBrand", "deviceModel")
    if next(devices.where(lead=contact["id"], **{name: parsed[name] for name in names}), None) is None:
        devices.save({"id": None, "lead": contact["id"], "dateAdded": context.now} | parsed)


async def utm_remove(context: RequestContext) -> Any:
    """Remove one set of UTM tags."""
    row = related_lists.require_contact(context, "edit")
    remaining = [entry for entry in row["utm"] if str(entry["id"]) != context.path["utmid"]]
    if len(remaining) == len(row["utm"]):
        raise ControllerError(400, _BAD_REQUEST)
    await context.charge_row()
    row["utm"] = remaining
    context.table("contacts").save(row)
    return Reply({"recordFound": True, "contact": serialize.plain_view(row, context)})


# --- points --------------------------------------------------------------------------------------------------------


def _round(value: float) -> int:
    """Return *value* rounded as PHP does: halves away from zero."""
    return int(value + 0.5) if value >= 0 else -int(-value + 0.5)


def _changed(value: int, operator: str, delta: int) -> int | None:
    if operator == "plus":
        return value + delta
    if operator == "minus":
        return value - delta
    if operator == "times":
        return value * delta
    if operator == "divide":
        return value if delta == 0 else _round(value / delta)
    return None


async def points(context: RequestContext) -> Any:
    """Change the points by an operator; nothing changes by zero."""
    row = related_lists.require_contact(context, "edit", _NO_CONTACT)
    if _changed(0, context.path["operator"], 1) is None:
        raise ControllerError(400, "Invalid operator")
    if not php.is_numeric(context.path["delta"]):
        raise UnhandledError
    await context.charge_row()
    delta = php.to_int(context.path["delta"])
    after = _changed(row["points"], context.path["operator"], delta) if delta else row["points"]
    if after != row["points"]:
        change = (after or 0) - row["points"]
        body = context.body if isinstance(context.body, dict) else {}
        names = {"event": php.to_string(body.get("eventName")), "action": php.to_string(body.get("actionName"))}
        _log_points(row, change, names, context)
        write_audit_log(context, ("lead", "lead"), row["id"], "update", {"points": [row["points"], after]})
        row["points"] = after
        mark_changed(row, context)
        triggers.fire_triggers(row, context)
    return Reply({"success": 1})


def _log_points(row: Row, change: int, more: dict[str, Any], context: RequestContext) -> None:
    ip = ips.own_address(context)
    line = {"id": None, "contact": row["id"], "delta": change, "date": context.now, "type": "API", "ip": ip["id"]}
    context.table("point_log").save(line | more)


def _group_row(context: RequestContext) -> Row:
    row = context.table("points/groups").get(context.path["groupId"])
    if row is None:
        raise not_found("The specified point group was not found.")
    return row


def _score(row: Row, score: int) -> dict[str, Any]:
    return {"score": score, "group": {"id": row["id"], "name": row["name"]}}


async def groups(context: RequestContext) -> Any:
    """Answer with the scores of a contact."""
    row = related_lists.require_contact(context, "view", _NO_CONTACT)
    table = context.table("points/groups")
    scores = [
        _score(point_group, score)
        for id, score in row["scores"].items()
        if (point_group := table.get(int(id))) is not None
    ]
    return Reply({"total": len(scores), "groupScores": scores})


async def group(context: RequestContext) -> Any:
    """Answer with one score, or with an empty list if there is none."""
    row = related_lists.require_contact(context, "view", _NO_CONTACT)
    group_row = _group_row(context)
    score = row["scores"].get(str(group_row["id"]))
    return Reply([] if score is None else {"groupScore": _score(group_row, score)})


async def group_points(context: RequestContext) -> Any:
    """Change a score."""
    row = related_lists.require_contact(context, "edit", _NO_CONTACT)
    group_row = _group_row(context)
    if not php.is_numeric(context.path["value"]) or "." in context.path["value"]:
        raise UnhandledError
    value = int(context.path["value"])
    current = row["scores"].get(str(group_row["id"]), 0)
    operator = context.path["operator"]
    score = value if operator == "set" else _changed(current, operator, value)
    if score is None:
        raise ControllerError(400, "Invalid operator")
    await context.charge_row()
    if score != current:
        body = context.body if isinstance(context.body, dict) else {}
        names = {"event": php.to_string(body.get("eventName")), "action": php.to_string(body.get("actionName"))}
        _log_points(row, score - current, names | {"group": group_row["id"]}, context)
    row["scores"] = row["scores"] | {str(group_row["id"]): score}
    row["modifiedBy"], row["modifiedByUser"] = context.user.id, context.user.name
    context.table("contacts").save(row)
    return Reply({"groupScore": _score(group_row, score)})
