"""Push notifications, text messages and tweets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mautic_async.testing.replies import Said, denied, missing
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import Noun
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
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row

_TWEET = 280
"""Characters."""


class Notifications(Noun):
    """Web and mobile push notifications."""

    path = "notifications"
    one, many = "notification", "notifications"
    permission = "notification:notifications"
    mapped = True
    order = ("name",)
    searched = ("name",)
    commands = ("is", "category", "lang")
    audit = ("notification", "notification")
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        Prop("heading", required=_parts.TITLE),
        Prop("message", required="A message is required."),
        Prop("url", plain),
        Prop("language", plain, default="en", blank=NOT_NULL),
        category(),
        Prop("button", plain),
        _parts.utm(),
        *schedule(),
        Prop("readCount", default=0, writable=False),
        Prop("sentCount", default=0, writable=False),
        Prop("description", rich, hidden=True),
        Prop("mobile", switch, default=False, blank=False, hidden=True),
    )

    def show(self, row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False) -> Any:
        """As a whole, ``minimal`` or not."""
        del minimal
        return super().show(row, ask, fresh=fresh)

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """Fill up the UTM tags."""
        del params, problems
        _parts.merge_tags(draft, row, ask)


class Smses(Noun):
    """Text messages. No transport is set up, so none is sent."""

    path = "smses"
    one, many = "sms", "smses"
    permission = "sms:smses"
    mapped = True
    order = ("name",)
    searched = ("name",)
    commands = ("is", "category", "lang")
    audit = ("sms", "sms")
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        Prop("message", plain, default="", blank=""),
        Prop("language", plain, default="en", blank=NOT_NULL),
        category(),
        *schedule(minimal=True),
        Prop("sentCount", default=0, writable=False),
        Prop("description", rich, hidden=True),
        Prop("smsType", choice("template", "list"), default="template", blank="template", hidden=True),
        Prop("lists", _parts.references("segments"), default=list, blank=[], hidden=True),
    )

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """One for segments needs segments."""
        del row, params, ask
        if draft["smsType"] == "list" and not draft["lists"] and "lists" not in problems:
            problems["lists"] = "This value should not be blank."

    def special(self, routes: Routes) -> None:
        """The GET that sends."""
        routes.add("GET", "/api/smses/{id}/contact/{contactId}/send", self.send)

    async def send(self, ask: Ask) -> Any:
        """Says, as JSON inside a JSON text, that there is no transport."""
        row = self.get(ask.path["id"], ask)
        if row is None:
            raise missing()
        contact = ask.table("contacts").get(ask.path["contactId"])
        if contact is None:
            raise denied()
        ask.need("lead:leads", "edit", own=contact["owner"] is not None and contact["owner"] == ask.actor.id)
        error = {"error": {"message": "SMS transport is disabled.", "code": 417}}
        return Said(json.dumps(error, separators=(",", ":")), versioned=False)


def _tweet(value: Any, ask: Ask) -> Any:
    text = plain(value, ask)
    if text is not None and len(text) > _TWEET:
        raise Invalid(f"This value is too long. It should have {_TWEET} characters or less.")
    return text


class Tweets(Noun):
    """Tweets of the social plugin; the form knows neither ``isPublished`` nor the language."""

    path = "tweets"
    one, many = "tweet", "tweets"
    permission = "mauticSocial:tweets"
    mapped = True
    searched = ("name", "text")
    audit = ("social", "tweet")
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        Prop("text", _tweet, required=_parts.VALUE),
        Prop("language", default="en", writable=False),
        category(),
        Prop("mediaId", plain),
        Prop("mediaPath", plain),
        Prop("sentCount", default=0, writable=False),
        Prop("favoriteCount", default=0, writable=False),
        Prop("retweetCount", default=0, writable=False),
        Prop("description", rich),
        Prop("asset", _parts.reference("assets"), hidden=True),
        Prop("page", _parts.reference("pages"), hidden=True),
    )

    def _publish(self, draft: Row, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> None:
        """Always published."""
