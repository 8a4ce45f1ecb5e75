"""E-mails: templates and segment e-mails, their being sent and answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Crash, Said, missing
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    Invalid,
    Prop,
    category,
    choice,
    plain,
    rich,
    schedule,
    switch,
)

if TYPE_CHECKING:
    from mautic_async.testing.query import Test
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row

_NO_LIST: Final = "Either no list was selected or you do not have access to one of the lists that was selected."
_FILTER: Final = {
    "glue": None,
    "field": None,
    "object": None,
    "type": "Symfony\\Component\\Form\\Extension\\Core\\Type\\TextType",
    "operator": None,
    "display": None,
    "filter": None,
}


def _slots() -> list[Any]:
    first = {"tokenName": "Dynamic Content 1", "content": "Default Dynamic Content"}
    return [first | {"filters": [{"content": None, "filters": [dict(_FILTER)]}]}]


def _take_slots(value: Any, ask: Ask) -> Any:
    del ask
    if not isinstance(value, (list, dict)):
        raise Invalid
    made = []
    for slot in php.values(value):
        told = slot if isinstance(slot, dict) else {}
        filters = [_variant(one) for one in php.values(told.get("filters"))]
        made.append({"tokenName": told.get("tokenName"), "content": told.get("content"), "filters": filters})
    return made or _slots()


def _variant(given: Any) -> dict[str, Any]:
    told = given if isinstance(given, dict) else {}
    rules = [_FILTER | one for one in php.values(told.get("filters")) if isinstance(one, dict)]
    return {"content": told.get("content"), "filters": rules}


def _take_headers(value: Any, ask: Ask) -> Any:
    del ask
    if not isinstance(value, (list, dict)):
        raise Invalid
    if isinstance(value, dict) and isinstance(value.get("list"), (list, dict)):
        value = value["list"]
    pairs = {}
    for key, one in php.entries(value).items():
        if isinstance(one, dict):
            pairs[php.text(one.get("label"))] = one.get("value")
        else:
            pairs[key] = one
    return php.array(pairs)


def _take_lists(value: Any, ask: Ask) -> Any:
    ids = _parts.references("segments")(value, ask)
    if not all((ask.table("segments").get(id) or {}).get("isPublished") for id in ids):
        raise Invalid
    return ids


def _show_form(id: Any, ask: Ask) -> Any:
    return next(iter(_parts.show_forms([id], ask)), None) if id else None


class Emails(_parts.Family):
    """E-mails; each save is a revision."""

    path = "emails"
    one, many = "email", "emails"
    permission = "email:emails"
    mapped = True
    order = ("name",)
    searched = ("name", "subject")
    commands = ("is", "category", "lang")
    born = ("dateModified",)
    audit = ("email", "email")
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        Prop("subject", required="A subject is required."),
        Prop("language", plain, default="en", blank=NOT_NULL),
        category(),
        Prop("fromAddress", _parts.mail, minimal=False),
        Prop("fromName", minimal=False),
        Prop("replyToAddress", _parts.mail, minimal=False),
        Prop("bccAddress", _parts.mail, minimal=False),
        Prop("useOwnerAsMailer", switch, minimal=False),
        _parts.utm(),
        Prop("customHtml", rich, minimal=False),
        Prop("plainText", plain, minimal=False),
        Prop("template", plain, minimal=False),
        Prop("emailType", choice("template", "list"), default="template", blank="template", minimal=False),
        *schedule(),
        Prop("publicPreview", switch, default=False, blank=False, minimal=False),
        Prop("readCount", default=0, writable=False, minimal=False),
        Prop("sentCount", default=0, writable=False, minimal=False),
        Prop("revision", default=1, writable=False, minimal=False),
        Prop(
            "assetAttachments", _parts.references("assets"), _parts.show_assets, default=list, blank=[], minimal=False
        ),
        Prop("variantStartDate", writable=False, minimal=False),
        Prop("variantSentCount", default=0, writable=False, minimal=False),
        Prop("variantReadCount", default=0, writable=False, minimal=False),
        Prop("variantParent", _parts.reference("emails"), minimal=False),
        Prop("variantChildren", default=list, writable=False, minimal=False),
        Prop("translationParent", _parts.reference("emails"), minimal=False),
        Prop("translationChildren", default=list, writable=False, minimal=False),
        Prop(
            "unsubscribeForm",
            _parts.reference("forms"),
            _show_form,
            minimal=False,
        ),
        Prop("dynamicContent", _take_slots, default=_slots, blank=None, minimal=False),
        Prop("lists", _take_lists, _parts.show_segments, default=list, blank=[], minimal=False),
        Prop("headers", _take_headers, default=list, blank=[], minimal=False),
        Prop("excludedLists", _parts.references("segments"), default=list, blank=[], hidden=True),
        Prop("preferenceCenter", _parts.reference("pages"), hidden=True),
        Prop("preheaderText", plain, hidden=True),
    )

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """A segment e-mail needs segments; a template has none."""
        del params
        _parts.merge_tags(draft, row, ask)
        draft["dynamicContent"] = draft["dynamicContent"] or _slots()
        if draft["emailType"] == "template":
            draft["lists"] = []
        elif not draft["lists"] and "lists" not in problems and not draft["translationParent"]:
            problems["lists"] = _NO_LIST

    def commit(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """Count the revision."""
        draft["revision"] = 1 if row is None else row["revision"] + 1
        return super().commit(draft, row, params, ask)

    def forced(self, ask: Ask) -> list[Test]:
        """No variants."""
        del ask
        return _parts.alone("variantParent")

    # --- sending ---------------------------------------------------------------------------------------------------

    def special(self, routes: Routes) -> None:
        """To segments, to one contact, and what comes back."""
        routes.add("POST", "/api/emails/{id}/send", self.send)
        routes.add("POST", "/api/emails/{id}/contact/{leadId}/send", self.send_one)
        routes.add("POST", "/api/emails/reply/{trackingHash}", self.reply)

    async def send(self, ask: Ask) -> Any:
        """To everybody in its segments who has not got it yet. Naming segments breaks 5.1.1."""
        row = self.get(ask.path["id"], ask)
        if row is None or not row["isPublished"]:
            raise missing()
        ask.need(self.permission, "view", own=self.own(row, ask))
        body = ask.body if isinstance(ask.body, dict) else {}
        if body.get("lists"):
            raise Crash
        limit = php.integer(body.get("limit"))
        sent = 0
        for contact in _pending(row, ask):
            if limit and sent >= limit:
                break
            await ask.row()
            _sent(row, contact, ask)
            sent += 1
        return Said({"success": 1, "sentCount": sent, "failedRecipients": 0})

    async def send_one(self, ask: Ask) -> Any:
        """To one contact, do-not-contact or not; a failure is a 200."""
        row = self.get(ask.path["id"], ask)
        if row is None:
            raise missing()
        ask.need(self.permission, "view", own=self.own(row, ask))
        contact = ask.table("contacts").get(ask.path["leadId"])
        if contact is None:
            raise missing("Contact not found.")
        ask.need("lead:leads", "edit", own=contact["owner"] is not None and contact["owner"] == ask.actor.id)
        await ask.row()
        if not contact["fields"].get("email"):
            return Said({"success": False, "failed": ["Recipient's email is invalid"]})
        _sent(row, contact, ask)
        return Said({"success": True})

    async def reply(self, ask: Ask) -> Any:
        """Note that a contact answered."""
        hash = ask.path["trackingHash"]
        stat = next((one for one in ask.table("email_stats") if one["hash"] == hash), None)
        if stat is None:
            raise missing(f"Email Stat with tracking hash {hash} was not found")
        ask.table("email_replies").save({"id": None, "stat": stat["id"], "date": ask.now})
        return Said({"success": True}, 201)


def _pending(row: Row, ask: Ask) -> list[Row]:
    if row["emailType"] != "list":
        return []
    served = {one["contact"] for one in ask.table("email_stats") if one["email"] == row["id"]}
    links = ask.table("segment_contacts")
    skipped = {one["contact"] for one in links if one["segment"] in row["excludedLists"] and not one["removed"]}
    members = {one["contact"] for one in links if one["segment"] in row["lists"] and not one["removed"]}
    found = [ask.table("contacts").get(id) for id in sorted(members - skipped - served)]
    return [
        one
        for one in found
        if one and one["fields"].get("email") and not any(dnc["channel"] == "email" for dnc in one["dnc"])
    ]


def _sent(row: Row, contact: Row, ask: Ask) -> None:
    stat = {"id": None, "email": row["id"], "contact": contact["id"], "address": contact["fields"]["email"]}
    ask.table("email_stats").save(stat | {"date": ask.now, "hash": ask.fake.secret()[-23:]})
    row["sentCount"] += 1
    ask.table("emails").save(row)
