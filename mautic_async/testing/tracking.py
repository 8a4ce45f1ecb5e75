"""The pages that need no credentials: the tracking pixel and what else records a visit."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from mautic_async.testing import ips, php, user_agents
from mautic_async.testing.contacts import event_log, update
from mautic_async.testing.replies import Reply

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_PIXEL: Final = base64.b64decode("R0lGODlhAQABAJAAAP8AAAAAACH5BAUQAAAALAAAAAABAAEAAAICBAEAOw==")
_DEVICE_COOKIE: Final = "mautic_device_id"
_UTM: Final = ("campaign", "content", "medium", "source", "term")


def routes(table: Router) -> None:
    """Add the routes."""
    table.add("GET", "/mtracking.gif", pixel)
    table.add("GET|POST", "/mtc/event", event)
    table.add("GET", "/{slug}", missing_page)


def home_or_missing(path: str) -> Reply:
    """Answer for a path without a route: redirect from the root to the user interface, which is not simulated."""
    return page("Redirecting to /s/dashboard", 302, location="/s/dashboard") if path == "/" else page("Not Found", 404)


async def pixel(context: RequestContext) -> Reply:
    """Record a visit, and answer with an image of one pixel."""
    reply = Reply(_PIXEL, has_version_header=False, media_type="image/gif")
    _record_visit(context, reply, code=200)
    return reply


async def event(context: RequestContext) -> Reply:
    """Record a visit as the tracking script reports it, and answer with the ids of the contact and its device."""
    reply = Reply({}, has_version_header=False)
    contact, device = _record_visit(context, reply, code=200)
    ids = {"id": contact["id"], "sid": device["trackingId"], "device_id": device["trackingId"]}
    reply.body = {"success": 1} | ids | {"events": []}
    return reply


async def missing_page(context: RequestContext) -> Reply:
    """Answer 404 for a landing page that does not exist, which is a visit all the same."""
    reply = page("Not Found", 404)
    if "." not in context.path["slug"]:
        _record_visit(context, reply, code=404)
    return reply


def page(title: str, status: int, location: str | None = None) -> Reply:
    """Return a page with its title only; *title* is HTML."""
    text = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body>{title}</body></html>"
    return html_reply(text.encode(), status, location)


def html_reply(text: bytes, status: int, location: str | None = None) -> Reply:
    """Return an answer in HTML."""
    media_type = "text/html; charset=UTF-8"
    return Reply(text, status, location=location, has_version_header=False, media_type=media_type)


def _record_visit(context: RequestContext, reply: Reply, *, code: int) -> tuple[Row, Row]:
    params = context.query | (context.body if isinstance(context.body, dict) else {})
    url = php.to_string(params.get("page_url"))
    if not url and not params and context.request.path != "/mtc/event":
        url = context.state.absolute_url(context.request.path)
    params = php.parse_brackets(urlsplit(url).query) | params
    is_new = known_device(context) is None
    contact, device = track(context, reply)
    hit = _save_hit(contact, device, params | {"page_url": url}, code, context)
    if is_new:
        event_log.write(
            context, contact["id"], "page", "hit", "created_contact",
            objectId=hit["id"], properties={"object_description": url},
        )  # fmt: skip
    _add_tags(contact, hit, context)
    contact["lastActive"] = context.now
    context.table("contacts").save(contact)
    if not is_new:
        _set_cookies(reply, {_DEVICE_COOKIE: device["trackingId"], "mtc_id": contact["id"]})
    _set_cookies(reply, {"mautic_referer_id": hit["id"]})
    return contact, device


def _set_cookies(reply: Reply, cookies: dict[str, Any]) -> None:
    reply.headers += [
        ("Set-Cookie", f"{name}={value}; path=/; secure; samesite=none") for name, value in cookies.items()
    ]


def track(context: RequestContext, reply: Reply) -> tuple[Row, Row]:
    """Return the contact and the device of the browser; make an anonymous contact for an unknown browser.

    Args:
        context: The request.
        reply: Gets the cookies of a new device.
    """
    device = known_device(context)
    contact = None if device is None else context.table("contacts").get(device["lead"])
    if device is None or contact is None:
        contact = new_contact(context)
        device = new_device(contact, context, reply)
    return contact, device


def known_device(context: RequestContext) -> Row | None:
    """Return the device that the cookie of the browser names, if its contact still exists."""
    device = next(context.table("devices").where(trackingId=context.cookie(_DEVICE_COOKIE)), None)
    return device if device is not None and context.table("contacts").get(device["lead"]) is not None else None


def new_contact(context: RequestContext) -> Row:
    """Store an anonymous contact."""
    row = update.new_row(context) | {"dateAdded": context.now, "lastActive": context.now, "modifiedByUser": " "}
    row |= {"ips": [ips.own_address(context)["id"]], "image": "gravatar"}
    saved = context.table("contacts").save(row)
    for action, details in (
        ("create", {"ipAddresses": ["", ips.LOCALHOST]}),
        ("ipadded", {"0": "", "1": ips.LOCALHOST}),
    ):
        _write_audit_log(context, saved["id"], action, details)
    return saved


def _write_audit_log(context: RequestContext, contact: int, action: str, details: dict[str, Any]) -> None:
    line = {"bundle": "lead", "object": "lead", "objectId": contact, "action": action, "details": details}
    line |= {"userId": 0, "userName": "System", "dateAdded": context.now, "ipAddress": ips.LOCALHOST}
    context.table("audit_log").save({"id": None} | line)


def new_device(contact: Row, context: RequestContext, reply: Reply) -> Row:
    """Store a device of a contact, and let *reply* set the cookies that name it."""
    agent = context.request.headers.get("user-agent", "")
    row = {"id": None, "lead": contact["id"], "dateAdded": context.now, "trackingId": context.state.new_token()[-23:]}
    _set_cookies(reply, {_DEVICE_COOKIE: row["trackingId"], "mtc_id": contact["id"]})
    return context.table("devices").save(row | user_agents.parse(agent))


def _save_hit(contact: Row, device: Row, params: dict[str, Any], code: int, context: RequestContext) -> Row:
    hit = {"id": None, "contact": contact["id"], "ip": ips.own_address(context)["id"], "device": device["id"]}
    hit |= {"date": context.now, "url": params["page_url"], "urlTitle": params.get("page_title"), "code": code}
    hit |= {"referer": params.get("page_referrer") or params.get("referrer"), "language": params.get("page_language")}
    hit |= {"userAgent": context.request.headers.get("user-agent", ""), "trackingId": device["trackingId"]}
    return context.table("page_hits").save(hit | {"query": params})


def _add_tags(contact: Row, hit: Row, context: RequestContext) -> None:
    tags = {f"utm{name.title()}": hit["query"][f"utm_{name}"] for name in _UTM if hit["query"].get(f"utm_{name}")}
    if not tags:
        return
    created = context.table("utms").save({"id": None, "contact": contact["id"]})
    entry = {"id": created["id"], "date": context.now, "query": hit["query"], "url": hit["url"]} | tags
    contact["utm"] = [*contact["utm"], entry | {"userAgent": hit["userAgent"], "referer": hit["referer"]}]
    contact["dateModified"] = context.now
    details = {"manipulated_by": hit["url"], "manipulator_key": f"page:hit:{hit['id']}"}
    _write_audit_log(context, contact["id"], "update", {"utmtags": ["utm_source", tags.get("utmSource")]} | details)
