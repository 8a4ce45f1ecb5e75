"""Push notifications, text messages and tweets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from mautic_async.testing.replies import Reply, UnhandledError, forbidden, not_found
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    InvalidValue,
    Property,
    boolean,
    category,
    html,
    one_of,
    plain_text,
    schedule,
)

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_TWEET = 280
"""Characters."""


class Notifications(FakeResource):
    """Web and mobile push notifications."""

    path: ClassVar[str] = "notifications"
    singular: ClassVar[str] = "notification"
    plural: ClassVar[str] = "notifications"
    permission = "notification:notifications"
    list_is_map = True
    default_order: ClassVar[tuple[str, ...]] = ("name",)
    searched_columns: ClassVar[tuple[str, ...]] = ("name",)
    search_commands: ClassVar[tuple[str, ...]] = ("is", "category", "lang")
    audit_name: ClassVar[tuple[str, str]] = ("notification", "notification")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        Property("heading", required=_parts.TITLE, required_in_7="A heading is required."),
        Property("message", required="A message is required."),
        Property("url", plain_text),
        Property("language", plain_text, default="en", value_on_put=NOT_NULL),
        category(),
        Property("button", plain_text),
        _parts.utm_property(),
        *schedule(),
        Property("readCount", default=0, writable=False),
        Property("sentCount", default=0, writable=False),
        Property("description", html, hidden=True),
        Property("mobile", boolean, default=False, value_on_put=False, hidden=True),
    )

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the whole notification, with ``minimal`` or without."""
        del minimal
        return super().serialize(row, context, just_created=just_created)

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Fill up the UTM tags."""
        del params, problems
        _parts.merge_tags(draft, row, context)


class Smses(FakeResource):
    """Text messages. No transport is set up, so none is sent."""

    path: ClassVar[str] = "smses"
    singular: ClassVar[str] = "sms"
    plural: ClassVar[str] = "smses"
    permission = "sms:smses"
    list_is_map = True
    default_order: ClassVar[tuple[str, ...]] = ("name",)
    searched_columns: ClassVar[tuple[str, ...]] = ("name",)
    search_commands: ClassVar[tuple[str, ...]] = ("is", "category", "lang")
    audit_name: ClassVar[tuple[str, str]] = ("sms", "sms")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        Property("message", plain_text, default=None, value_on_put=NOT_NULL),
        Property("language", plain_text, default="en", value_on_put=NOT_NULL),
        category(),
        *schedule(minimal=True),
        Property("sentCount", default=0, writable=False),
        _parts.projects(),
        Property("description", html, hidden=True),
        Property("smsType", one_of("template", "list"), default="template", value_on_put="template", hidden=True),
        Property("lists", _parts.id_list_of("segments"), default=list, value_on_put=[], hidden=True),
    )

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the whole entity in Mautic 5, whether ``minimal`` was asked for or not."""
        entity = super().serialize(row, context, minimal=minimal and context.is_7, just_created=just_created)
        hidden = ("publishUp", "publishDown", "sentCount") if minimal and context.is_7 else ()
        return {name: value for name, value in entity.items() if name not in hidden}

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Check that one for segments has segments, and that the message, a NOT NULL column, is set."""
        del row, params, context
        if draft["smsType"] == "list" and not draft["lists"] and "lists" not in problems:
            problems["lists"] = _parts.NO_LIST
        if draft["message"] is None and not problems:
            raise UnhandledError

    def extra_routes(self, routes: Router) -> None:
        """Add the GET route that sends."""
        routes.add("GET", "/api/smses/{id}/contact/{contactId}/send", self.send)

    async def send(self, context: RequestContext) -> Any:
        """Says, as JSON inside a JSON text, that there is no transport."""
        row = self.get(context.path["id"], context)
        if row is None:
            raise not_found()
        contact = context.table("contacts").get(context.path["contactId"])
        if contact is None:
            raise forbidden()
        context.require("lead:leads", "edit", own=contact["owner"] is not None and contact["owner"] == context.user.id)
        error = {"error": {"message": "SMS transport is disabled.", "code": 417}}
        return Reply(json.dumps(error, separators=(",", ":")), has_version_header=False)


def _tweet(value: Any, context: RequestContext) -> Any:
    text = plain_text(value, context)
    if text is not None and len(text) > _TWEET:
        raise InvalidValue(f"This value is too long. It should have {_TWEET} characters or less.")
    return text


class Tweets(FakeResource):
    """Tweets of the social plugin; the form knows neither ``isPublished`` nor the language."""

    path: ClassVar[str] = "tweets"
    singular: ClassVar[str] = "tweet"
    plural: ClassVar[str] = "tweets"
    permission = "mauticSocial:tweets"
    list_is_map = True
    searched_columns: ClassVar[tuple[str, ...]] = ("name", "text")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        Property("text", _tweet, required=_parts.VALUE),
        Property("language", default="en", writable=False),
        category(),
        Property("mediaId", writable=False),
        Property("mediaPath", writable=False),
        Property("sentCount", default=0, writable=False),
        Property("favoriteCount", default=0, writable=False),
        Property("retweetCount", default=0, writable=False),
        Property("description", html),
        Property("asset", _parts.id_of("assets"), hidden=True),
        Property("page", _parts.id_of("pages"), hidden=True),
    )

    def validate(self, row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> Row:
        """Run the form; a PUT fails, since the entity takes no null for its category and PUT begins with one."""
        clears = "category" in params and not params["category"]
        if row is not None and row["category"] and (method == "PUT" or clears):
            raise UnhandledError
        return super().validate(row, params, method, context)

    def _apply_published(
        self, draft: Row, row: Row | None, params: dict[str, Any], method: str, context: RequestContext
    ) -> None:
        """Leave the entity published."""
