"""Submissions of forms by visitors: ``POST /form/submit``, which needs no credentials.

Simulated are the fields mapped to contacts and the company they name. The actions of a form, its conditional fields and
captchas are not.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from attrs import Factory, define

from mautic_async.testing import ips, php, tracking
from mautic_async.testing.contacts import actions, companies, event_log
from mautic_async.testing.contacts import field_schema as custom
from mautic_async.testing.replies import Reply, to_json
from mautic_async.testing.resources._form_html import TYPES_WITHOUT_INPUT
from mautic_async.testing.resources._properties import InvalidValue

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_UNAVAILABLE: Final = "This form is no longer available."
_SPECIAL: Final = re.compile(r"[\x00-\x1f\"&'<>]")
_URL: Final = re.compile(r"https?://[^\s/]+\S*")
_NUMBER: Final = re.compile(r"\s*[-+]?\d+(?:\.\d+)?")
_TOKEN: Final = re.compile(r"\{(contact|form)field=([^}|]*)(?:\|([^}]*))?\}")
_SESSION: Final = "mautic_session"


@define
class _Submission:
    """The values of one submission.

    Attributes:
        results: Value by alias of the form field, for the fields that keep it.
        values: Value by alias of the form field, for all fields.
        mapped: Value by alias of the contact or company field that a form field is mapped to.
        problems: One message, or a list of them, by alias of the form field that is refused.
    """

    results: dict[str, Any] = Factory(dict)
    values: dict[str, Any] = Factory(dict)
    mapped: dict[str, Any] = Factory(dict)
    problems: dict[str, str | list[str]] = Factory(dict)


def routes(table: Router) -> None:
    """Add the routes."""
    table.add("POST", "/form/submit", submit)
    table.add("GET|PUT|PATCH|DELETE", "/form/submit", refuse)
    table.add("GET", "/form/message", message)


async def refuse(context: RequestContext) -> Reply:
    """Answer 403 to every verb but POST."""
    del context
    return tracking.page("Forbidden", 403)


async def message(context: RequestContext) -> Reply:
    """Show the message that the last submission of this browser left in its session."""
    session = next(context.table("sessions").where(cookie=context.cookie(_SESSION)), {})
    return tracking.page(html.escape(session.get("message") or ""), 200)


async def submit(context: RequestContext) -> Reply:
    """Store a submission and identify its contact, then redirect, show a message, or answer a script in JSON."""
    body = context.body if isinstance(context.body, dict) else {}
    sent = body.get("mauticform")
    sent = sent if isinstance(sent, dict) else {}
    form = context.table("forms").get(php.to_int(sent.get("formId")))
    submission, contact, tracked = _Submission(), None, Reply(b"")
    error = _unavailable(form, context)
    if form is not None and error is None:
        await context.charge_row()
        # A refused submission makes an anonymous contact, too: the visitor is tracked before the values are checked.
        contact, device = tracking.track(context, tracked)
        submission = _read(form, sent, context)
        if not submission.problems:
            contact = _store(form, submission, contact, device, context, tracked)
    text = _with_tokens((form or {}).get("postActionProperty") or "", submission, contact)
    if php.is_truthy(context.query.get("ajax")) or sent.get("messenger"):
        reply = _script_reply(form, sent, submission, error, text, context)
    else:
        reply = _browser_reply(form, _return_url(sent, context), submission, error, text, context)
    reply.headers = tracked.headers + reply.headers
    return reply


def _unavailable(form: Row | None, context: RequestContext) -> str | None:
    """Return the reason why a form takes no submissions, or None if it does."""
    if form is None or not form["isPublished"]:
        return _UNAVAILABLE
    if form["publishUp"] is not None and form["publishUp"] > context.now:
        return f"This form start accepting submissions on {php.long_date(form['publishUp'])}."
    if form["publishDown"] is not None and form["publishDown"] <= context.now:
        return f"This form stopped accepting submissions on {php.long_date(form['publishDown'])}."
    return None


# --- values ----------------------------------------------------------------------------------------------------------


def _read(form: Row, sent: dict[str, Any], context: RequestContext) -> _Submission:
    """Return the values that were sent for the fields of a form; other values are ignored."""
    submission = _Submission()
    for field in sorted(form["fields"], key=lambda field: field["order"]):
        alias, raw = field["alias"], sent.get(field["alias"], "")
        if field["type"] in TYPES_WITHOUT_INPUT:
            continue
        if raw == "" and field["isRequired"]:
            submission.problems[alias] = field["validationMessage"] or f"'{field['label']}' is required."
            continue
        parts = php.array_values(raw) if isinstance(raw, (list, dict)) else [raw]
        cleaned = [_clean(field["type"], php.to_string(part)) if part != "" else "" for part in parts]
        refusal = _refusal(field["type"], cleaned[0], context) if cleaned and cleaned[0] != "" else None
        if refusal:
            submission.problems[alias] = [refusal]
        value = cleaned[0] if len(cleaned) == 1 else ", ".join(map(php.to_string, cleaned))
        submission.values[alias] = value
        if field["saveResult"]:
            submission.results[alias] = value
        if field["mappedField"] and field["mappedObject"] in ("contact", "company"):
            submission.mapped[field["mappedField"]] = html.unescape(php.to_string(value))
    return submission


def _clean(kind: str, text: str) -> Any:
    """Return a value as results keep it: special characters of HTML as numeric entities, numbers as such."""
    if kind == "email":
        return custom.clean_email(text)
    if kind == "number":
        number = _NUMBER.match(text)
        value = float(number[0]) if number else 0.0
        return int(value) if value.is_integer() else value
    return text if kind == "url" else _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text)


def _refusal(kind: str, value: Any, context: RequestContext) -> str | None:
    if kind == "url":
        return None if _URL.fullmatch(value) else "The URL is invalid."
    if kind == "email":
        try:
            custom.parse_value({"type": "email", "alias": "email", "properties": {}}, value, context)
        except InvalidValue:
            return "The email is invalid."
    return None


def _with_tokens(text: str, submission: _Submission, contact: Row | None) -> str:
    """Replace ``{contactfield=alias}`` and ``{formfield=alias}`` in the message or URL of a form."""

    def value(match: re.Match[str]) -> str:
        kind, alias, default = match.groups()
        if kind == "form":
            return php.to_string(submission.values[alias]) if alias in submission.values else match[0]
        return php.to_string((contact or {"fields": {}})["fields"].get(alias) or default or "")

    return _TOKEN.sub(value, text)


# --- the contact -----------------------------------------------------------------------------------------------------


def _store(  # noqa: PLR0917 - called once
    form: Row, submission: _Submission, visitor: Row, device: Row, context: RequestContext, reply: Reply
) -> Row:
    """Store a submission and write its mapped fields into a contact.

    Returns:
        The contact.
    """
    contact = _identify(form, submission.mapped, visitor, context) if submission.mapped else visitor
    if contact["id"] != visitor["id"] and not form["inKioskMode"]:
        device = tracking.new_device(contact, context, reply)
    row = {"id": None, "form": form["id"], "lead": contact["id"], "date": context.now, "results": {}}
    # The results are columns of text in a table of the form's own: a number comes back as text.
    row["results"] = {alias: php.to_string(value) for alias, value in submission.results.items()}
    row |= {"tracking": device["trackingId"], "ip": ips.own_address(context)["id"]}
    sent = context.body["mauticform"]
    context.table("submissions").save(row | {"referer": sent.get("return") or _referer(context)})
    return contact


def _identify(form: Row, mapped: dict[str, Any], visitor: Row, context: RequestContext) -> Row:
    """Return the contact of a submission with the mapped fields written: an existing one, the visitor, or a new one."""
    values = _contact_values(mapped, context)
    schema = custom.schema(context.store, "lead")
    unique = {alias: values[alias] for alias in schema.unique if values.get(alias)}
    table, is_kiosk = context.table("contacts"), bool(form["inKioskMode"])
    found = next(
        (
            row
            for alias, value in unique.items()
            for row in table.find("unique", (alias, php.collate(php.to_string(value))))
            if is_kiosk or row["id"] != visitor["id"]
        ),
        None,
    )
    contact = tracking.new_contact(context) | {"ips": []} if is_kiosk and found is None else visitor
    was_known = (found or contact)["dateIdentified"] is not None and (found is None or is_kiosk)
    if found is not None:
        conflicts = _conflict(found["fields"], visitor["fields"], schema.unique)
        contact = found if is_kiosk or conflicts else _merge(found, visitor, context)
    # A browser that submits another person's address is another person: the tracked contact is left alone.
    if not is_kiosk and _conflict(unique, contact["fields"], schema.unique):
        contact, was_known = tracking.new_contact(context), False
    contact["fields"] = contact["fields"] | {alias: value for alias, value in values.items() if alias != "company"}
    contact["dateIdentified"] = contact["dateIdentified"] or context.now
    contact["lastActive"] = context.now
    contact["dateModified"] = contact["dateModified"] if is_kiosk and found is None else context.now
    table.save(contact)
    if not was_known:
        properties = {"object_description": form["name"]}
        event_log.write(
            context, contact["id"], "form", "submission", "identified_contact",
            objectId=form["id"], properties=properties,
        )  # fmt: skip
    _link_company(contact, mapped.get("company") or mapped.get("companyname"), context)
    return contact


def _contact_values(mapped: dict[str, Any], context: RequestContext) -> dict[str, Any]:
    """Return the mapped values as the contact stores them, without blanks and those that its fields refuse."""
    by_alias = custom.schema(context.store, "lead").by_alias
    values = {}
    for alias in mapped.keys() & by_alias.keys():
        try:
            value = custom.parse_value(by_alias[alias], mapped[alias], context)
        except InvalidValue:
            continue
        if value is not None:
            values[alias] = value
    return values


def _conflict(one: dict[str, Any], other: dict[str, Any], unique: list[Any]) -> bool:
    """Return True if two sets of fields have different values in a unique identifier."""
    pairs = [(php.to_string(one.get(alias)).lower(), php.to_string(other.get(alias)).lower()) for alias in unique]
    return any(left and right and left != right for left, right in pairs)


def _merge(found: Row, visitor: Row, context: RequestContext) -> Row:
    """Merge a known contact into the visitor's.

    The visitor's id survives, as in Mautic, even where its contact was made by this very request: each submission from
    a new browser gives the known contact another id.
    """
    visitor["fields"] = found["fields"] | visitor["fields"]
    for name in ("owner", "stage", "dateIdentified"):
        visitor[name] = found[name] if visitor[name] is None else visitor[name]
    visitor["points"] += found["points"]
    for name in ("tags", "ips", "utm", "dnc"):
        visitor[name] = [*found[name], *(one for one in visitor[name] if one not in found[name])]
    actions.move_related(found["id"], visitor["id"], context)
    context.table("contacts").remove(found["id"])
    return context.table("contacts").save(visitor)


def _link_company(contact: Row, name: Any, context: RequestContext) -> None:
    if not name:
        return
    existing = context.table("companies").find("name", php.collate(name))
    company = existing[0] if existing else companies.create(name, context)
    companies.make_primary(contact["id"], company["id"], context)


# --- answers ---------------------------------------------------------------------------------------------------------


def _referer(context: RequestContext) -> str:
    return context.request.headers.get("referer", "")


def _return_url(sent: dict[str, Any], context: RequestContext) -> str:
    """Return the page that the form stands on, without the messages of an earlier submission."""
    parts = urlsplit(php.to_string(sent.get("return") or _referer(context)))
    names = ("mauticError", "mauticMessage")
    query = "&".join(pair for pair in parts.query.split("&") if pair.partition("=")[0] not in names)
    return urlunsplit(parts._replace(query=query))


def _script_reply(  # noqa: PLR0917 - called once
    form: Row | None, sent: Row, submission: _Submission, error: str | None, text: str, context: RequestContext
) -> Reply:
    """Answer a script: JSON, or a page that posts the JSON to the window around it."""
    data: dict[str, Any] = {"success": 1}
    if error is not None:
        data = {"success": 0, "errorMessage": error}
    elif submission.problems:
        data = {"success": 0, "validationErrors": submission.problems}
    else:
        data["results"] = submission.results
        if form is not None and form["postAction"] == "redirect":
            data["redirect"] = text
        elif text:
            data["successMessage"] = text
    if "formName" in sent:
        data["formName"] = sent["formName"]
    if php.is_truthy(context.query.get("ajax")):
        return Reply(data, has_version_header=False)
    script = b"<script>parent.postMessage(" + to_json(to_json(data).decode()) + b", '*');</script>"
    return tracking.html_reply(b"<html><head>" + script + b"</head><body></body></html>", 200)


def _browser_reply(  # noqa: PLR0917 - called once
    form: Row | None, back: str, submission: _Submission, error: str | None, text: str, context: RequestContext
) -> Reply:
    """Redirect to where the form says, or to the page with a message."""
    if submission.problems:
        # A value that its type refuses has a list of messages, which PHP prints as "Array".
        lines = "</li><li>".join(one if isinstance(one, str) else "Array" for one in submission.problems.values())
        error = f"Errors:<br /><ol><li>{lines}</li></ol>"
    action = "message" if form is None else form["postAction"]
    if error is not None and back:
        anchor = "" if form is None else f"#{form['alias'].lower()}"
        return _redirect(f"{back}{'&' if '?' in back else '?'}mauticError={quote(error, safe='')}{anchor}")
    if error is None and action == "redirect":
        return _redirect(text)
    if error is None and action == "return":
        if back:
            return _redirect(back)
        text = "Thank you!"
    sessions, cookie = context.table("sessions"), context.cookie(_SESSION)
    session = next(sessions.where(cookie=cookie), None)
    session = session or {"id": None, "cookie": context.state.new_token(), "user": None, "asked": ""}
    sessions.save(session | {"message": text if error is None else error})
    reply = _redirect("/form/message")
    reply.headers.append(("Set-Cookie", f"{_SESSION}={session['cookie']}; path=/; httponly; samesite=lax"))
    return reply


def _redirect(location: str) -> Reply:
    return tracking.page(f"Redirecting to {html.escape(location)}", 302, location=location)
