"""E-mails: templates and segment e-mails, their being sent and answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Reply, UnhandledError, not_found
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    InvalidValue,
    Property,
    boolean,
    category,
    content_filters,
    html,
    one_of,
    plain_text,
    schedule,
)

if TYPE_CHECKING:
    from mautic_async.testing.query import Predicate
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_FILTER: Final = {
    "glue": None,
    "field": None,
    "object": None,
    "type": "Symfony\\Component\\Form\\Extension\\Core\\Type\\TextType",
    "filter": None,
    "display": None,
    "operator": None,
}


def _slots() -> list[Any]:
    first = {"tokenName": "Dynamic Content 1", "content": "Default Dynamic Content"}
    return [first | {"filters": [{"content": None, "filters": [dict(_FILTER)]}]}]


def _parse_slots(value: Any, context: RequestContext) -> Any:
    if not isinstance(value, (list, dict)):
        raise InvalidValue
    slots = []
    for slot in php.array_values(value):
        slot_settings = slot if isinstance(slot, dict) else {}
        filters = [_variant(filter_row, context) for filter_row in php.array_values(slot_settings.get("filters"))]
        slots.append(
            {"tokenName": slot_settings.get("tokenName"), "content": slot_settings.get("content"), "filters": filters}
        )
    return slots or _slots()


def _variant(settings: Any, context: RequestContext) -> dict[str, Any]:
    values = settings if isinstance(settings, dict) else {}
    filters = php.array_values(content_filters(values.get("filters"), context))
    rules = [_FILTER | rule for rule in filters if isinstance(rule, dict)]
    return {"content": values.get("content"), "filters": rules}


def _parse_headers(value: Any, context: RequestContext) -> Any:
    del context
    if not isinstance(value, (list, dict)):
        raise InvalidValue
    if isinstance(value, dict) and value.keys() - {"list"}:
        raise InvalidValue("This form should not contain extra fields.")
    items = php.array_values(value.get("list")) if isinstance(value, dict) else []
    if not all(isinstance(one, dict) for one in items):
        raise InvalidValue
    return php.to_json_array({php.to_string(one.get("label")): one.get("value") for one in items})


def _parse_lists(value: Any, context: RequestContext) -> Any:
    ids = _parts.id_list_of("segments")(value, context)
    if not all((context.table("segments").get(id) or {}).get("isPublished") for id in ids):
        raise InvalidValue
    return ids


def _serialize_form(id: Any, context: RequestContext) -> Any:
    return next(iter(_parts.serialize_forms([id], context)), None) if id else None


class Emails(_parts.VariantFamily):
    """E-mails; each save is a revision."""

    path: ClassVar[str] = "emails"
    singular: ClassVar[str] = "email"
    plural: ClassVar[str] = "emails"
    permission = "email:emails"
    list_is_map = True
    default_order: ClassVar[tuple[str, ...]] = ("name",)
    searched_columns: ClassVar[tuple[str, ...]] = ("name", "subject")
    search_commands: ClassVar[tuple[str, ...]] = ("is", "category", "lang")
    set_on_create: ClassVar[tuple[str, ...]] = ("dateModified",)
    audit_name: ClassVar[tuple[str, str]] = ("email", "email")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        Property("subject", required="A subject is required."),
        Property("preheaderText", plain_text, minimal=False, only_in_7=True),
        Property("language", plain_text, default="en", value_on_put=NOT_NULL),
        category(),
        Property("fromAddress", _parts.email, minimal=False),
        Property("fromName", minimal=False),
        Property("replyToAddress", _parts.email, minimal=False),
        Property("bccAddress", _parts.email, minimal=False),
        Property("useOwnerAsMailer", boolean, minimal=False),
        _parts.utm_property(),
        Property("customHtml", html, minimal=False),
        Property("plainText", plain_text, minimal=False),
        Property("template", plain_text, minimal=False),
        Property("emailType", one_of("template", "list"), default="template", value_on_put="template", minimal=False),
        *schedule(),
        Property("publicPreview", boolean, default=False, value_on_put=False, minimal=False),
        Property("readCount", default=0, writable=False, minimal=False),
        Property("sentCount", default=0, writable=False, minimal=False),
        Property("revision", default=1, writable=False, minimal=False),
        Property(
            "assetAttachments",
            _parts.id_list_of("assets"),
            _parts.serialize_assets,
            default=list,
            value_on_put=[],
            minimal=False,
        ),
        Property("variantStartDate", writable=False, minimal=False),
        Property("variantSentCount", default=0, writable=False, minimal=False),
        Property("variantReadCount", default=0, writable=False, minimal=False),
        Property("variantParent", _parts.id_of("emails"), minimal=False),
        Property("variantChildren", default=list, writable=False, minimal=False),
        Property("translationParent", _parts.id_of("emails"), minimal=False),
        Property("translationChildren", default=list, writable=False, minimal=False),
        Property(
            "unsubscribeForm",
            _parts.id_of("forms"),
            _serialize_form,
            minimal=False,
        ),
        Property("dynamicContent", _parse_slots, default=_slots, value_on_put=None, minimal=False),
        Property("lists", _parse_lists, _parts.serialize_segments, default=list, value_on_put=[], minimal=False),
        Property("headers", _parse_headers, default=list, value_on_put=[], minimal=False),
        _parts.projects(),
        Property("excludedLists", _parts.id_list_of("segments"), default=list, value_on_put=[], hidden=True),
        Property("preferenceCenter", _parts.id_of("pages"), hidden=True),
    )

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Reset what is not sent; a segment e-mail needs segments, a template has none."""
        _parts.merge_tags(draft, row, context)
        if not params.get("dynamicContent"):  # an edit that does not send any, resets it
            draft["dynamicContent"] = _slots()
        if draft["emailType"] == "template":
            draft["lists"] = []
        elif not draft["lists"] and "lists" not in problems and not draft["translationParent"]:
            problems["lists"] = _parts.NO_LIST

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Count the revision."""
        draft["revision"] = 1 if row is None else row["revision"] + 1
        return super().save(draft, row, params, context)

    def deleted_view(self, row: Row) -> Row:
        """Return the e-mail without its id and its segments."""
        return super().deleted_view(row) | {"lists": []}

    def default_filters(self, context: RequestContext) -> list[Predicate]:
        """Hide variants."""
        del context
        return _parts.without_parents("variantParent")

    # --- sending ---------------------------------------------------------------------------------------------------

    def extra_routes(self, routes: Router) -> None:
        """Add the routes that send to segments or to one contact, and the one for replies."""
        routes.add("POST", "/api/emails/{id}/send", self.send)
        routes.add("POST", "/api/emails/{id}/contact/{leadId}/send", self.send_one)
        routes.add("POST", "/api/emails/reply/{trackingHash}", self.reply)

    async def send(self, context: RequestContext) -> Any:
        """Send to the contacts of its segments that have not got it yet. Naming segments breaks 5.1.1."""
        row = self.get(context.path["id"], context)
        if row is None or not row["isPublished"]:
            raise not_found()
        context.require(self.permission, "view", own=self.is_owned_by(row, context))
        body = context.body if isinstance(context.body, dict) else {}
        if body.get("lists"):
            raise UnhandledError
        limit = php.to_int(body.get("limit"))
        sent = 0
        for contact in _pending_contacts(row, context):
            if limit and sent >= limit:
                break
            await context.charge_row()
            _record_sent(row, contact, context, source="email", sourceId=row["id"])
            sent += 1
        return Reply({"success": 1, "sentCount": sent, "failedRecipients": 0})

    async def send_one(self, context: RequestContext) -> Any:
        """Send to one contact, do-not-contact or not; a failure is a 200."""
        row = self.get(context.path["id"], context)
        if row is None:
            raise not_found()
        context.require(self.permission, "view", own=self.is_owned_by(row, context))
        contact = context.table("contacts").get(context.path["leadId"])
        if contact is None:
            raise not_found("Contact not found.")
        context.require("lead:leads", "edit", own=contact["owner"] is not None and contact["owner"] == context.user.id)
        await context.charge_row()
        if not contact["fields"].get("email"):
            return Reply({"success": False, "failed": ["Recipient's email is invalid"]})
        _record_sent(row, contact, context)
        return Reply({"success": True})

    async def reply(self, context: RequestContext) -> Any:
        """Note that a contact answered."""
        hash = context.path["trackingHash"]
        stat = next((one for one in context.table("email_stats") if one["hash"] == hash), None)
        if stat is None:
            raise not_found(f"Email Stat with tracking hash {hash} was not found")
        context.table("email_replies").save({"id": None, "stat": stat["id"], "date": context.now})
        return Reply({"success": True}, 201)


def _pending_contacts(row: Row, context: RequestContext) -> list[Row]:
    if row["emailType"] != "list":
        return []
    already_sent = {segment["contact"] for segment in context.table("email_stats") if segment["email"] == row["id"]}
    links = context.table("segment_contacts")
    skipped = {
        segment["contact"] for segment in links if segment["segment"] in row["excludedLists"] and not segment["removed"]
    }
    members = {segment["contact"] for segment in links if segment["segment"] in row["lists"] and not segment["removed"]}
    contacts = [context.table("contacts").get(id) for id in sorted(members - skipped - already_sent)]
    return [
        segment
        for segment in contacts
        if segment and segment["fields"].get("email") and not any(dnc["channel"] == "email" for dnc in segment["dnc"])
    ]


def _record_sent(row: Row, contact: Row, context: RequestContext, **source: Any) -> None:
    stat = source | {"id": None, "email": row["id"], "contact": contact["id"], "address": contact["fields"]["email"]}
    context.table("email_stats").save(stat | {"date": context.now, "hash": context.state.new_token()[-23:]})
    row["sentCount"] += 1
    context.table("emails").save(row)
