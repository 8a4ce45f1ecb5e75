"""Webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Reply
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import ID, Property, category, html, one_of, plain_text

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

TRIGGERS: Final = {
    "mautic.company_post_save": ("Company Create/Update Event", "Triggered when a company is created/updated"),
    "mautic.company_post_delete": ("Company Deleted Event", "Triggered when a company is deleted"),
    "mautic.lead_channel_subscription_changed": (
        "Contact Channel Subscription Change Event",
        "Triggered when a contact's channel subscription status changes.",
    ),
    "mautic.lead_company_change": (
        "Contact Company Subscription Change Event",
        "Triggered when a commpany is added or removed to/from contact",
    ),
    "mautic.lead_post_delete": ("Contact Deleted Event", "Triggered when a contact is deleted."),
    "mautic.lead_post_save_new": ("Contact Identified Event", "Triggered when a contact is identified."),
    "mautic.lead_points_change": ("Contact Points Changed Event", "Triggered when a contact's points are modified."),
    "mautic.lead_list_change": (
        "Contact Segment Membership Change Event",
        "Triggered when a contact segment membership is changed",
    ),
    "mautic.lead_post_save_update": ("Contact Updated Event", "Triggered when a contact is updated."),
    "mautic.email_on_open": ("Email Open Event", "mautic.email.webhook.event.open_desc"),
    "mautic.email_on_send": ("Email Send Event", "mautic.email.webhook.event.send_desc"),
    "mautic.form_on_submit": ("Form Submit Event", "mautic.form.webhook.event.form.submit_desc"),
    "mautic.page_on_hit": ("Page Hit Event", "mautic.page.webhook.event.hit_desc"),
    "mautic.sms_on_send": ("Text Send Event", "mautic.sms.webhook.event.send_desc"),
}
_COMPANY_CHANGE: Final = "mautic.lead_company_change"
_NO_URL: Final = "A valid URL is required."


class Hooks(FakeResource):
    """Webhooks; unknown triggers are kept like known ones. A PUT without a secret makes a new one."""

    path: ClassVar[str] = "hooks"
    singular: ClassVar[str] = "hook"
    plural: ClassVar[str] = "hooks"
    permission = "webhook:webhooks"
    list_is_map = True
    default_order: ClassVar[tuple[str, ...]] = ("name",)
    searched_columns: ClassVar[tuple[str, ...]] = ("name",)
    search_commands: ClassVar[tuple[str, ...]] = ()
    audit_name: ClassVar[tuple[str, str]] = ("webhook", "webhook")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        Property("description", html),
        Property("webhookUrl", _parts.url_or(_NO_URL), required=_NO_URL),
        Property("secret", plain_text),
        Property("eventsOrderbyDir", one_of("ASC", "DESC")),
        category(),
        Property("triggers", default=list, writable=False),
    )

    def new_row(self, context: RequestContext) -> Row:
        """Return a new webhook without triggers."""
        return super().new_row(context) | {"triggers": []}

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Find a secret; PATCH adds triggers, PUT replaces them."""
        del problems
        if not draft["secret"]:
            draft["secret"] = context.state.new_token()[-64:]
        sent = [php.to_string(one) for one in php.array_values(params.get("triggers", params.get("events")))]
        keep = row is not None and context.request.method != "PUT"
        draft["triggers"] = list(dict.fromkeys((draft["triggers"] if keep else []) + sent))

    def extra_routes(self, routes: Router) -> None:
        """Add the route of the event types."""
        routes.add("GET", "/api/hooks/triggers", self.triggers)

    async def triggers(self, context: RequestContext) -> Any:
        """Answer with labels and descriptions by event."""
        entries = {key: {"label": label, "description": text} for key, (label, text) in TRIGGERS.items()}
        if context.is_7:
            entries[_COMPANY_CHANGE]["description"] = "Triggered when a company is added or removed to/from contact"
        return Reply({"triggers": entries})
