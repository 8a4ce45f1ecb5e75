"""Marketing messages: one text, several channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.replies import ControllerError, UnhandledError
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import ID, Property, category, html, schedule
from mautic_async.testing.resources._subforms import EXTRA_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

_TABLES: Final = {"email": "emails", "sms": "smses", "notification": "notifications", "tweet": "tweets"}
_CHANNEL_KEYS: Final = frozenset(("channel", "channelId", "isEnabled", "properties"))


def _serialize_channels(channels: Any, context: RequestContext) -> Any:
    return [
        {name: one[name] for name in ("id", "channel", "channelId")}
        | {"channelName": _name(one, context), "isEnabled": one["isEnabled"]}
        for one in channels
    ]


def _name(channel: Row, context: RequestContext) -> Any:
    row = context.table(_TABLES.get(channel["channel"], "none")).get(channel["channelId"])
    return None if row is None else row["name"]


class Messages(FakeResource):
    """Marketing messages.

    A create binds the channels it lists to rows of their own; an edit binds them by channel, so a list, whose keys are
    numbers, brings a second row of the same channel, which the database refuses: 500.
    """

    path: ClassVar[str] = "messages"
    singular: ClassVar[str] = "message"
    plural: ClassVar[str] = "messages"
    permission = "channel:messages"
    searched_columns: ClassVar[tuple[str, ...]] = ("name",)
    search_commands: ClassVar[tuple[str, ...]] = ()
    audit_name: ClassVar[tuple[str, str]] = ("channel", "message")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        Property("description", html),
        *schedule(),
        Property("channels", serialize=_serialize_channels, default=list, writable=False, minimal=False),
        Property("category", category().parse, category().serialize, minimal=False),
        _parts.projects(),
    )

    def new_row(self, context: RequestContext) -> Row:
        """Return a new message without channels."""
        return super().new_row(context) | {"channels": []}

    def rows(self, context: RequestContext) -> Iterable[Row]:
        """Return the messages with channels, since the list joins them."""
        return [row for row in self.table(context) if row["channels"]]

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Bind the channels."""
        sent = params.get("channels")
        if not isinstance(sent, (list, dict)):
            if row is not None and context.request.method == "PUT":
                draft["channels"] = [one | {"isEnabled": False, "channelId": None} for one in draft["channels"]]
            return
        entries = {key: one for key, one in php.from_json_array(sent).items() if isinstance(one, dict)}
        problems |= _problems(entries)
        if not problems:
            off = row is not None and context.request.method == "PUT"
            draft["channels"] = _bind_channels(draft["channels"], entries, context, edit=row is not None, off=off)

    def deleted_view(self, row: Row) -> Row:
        """Return the message with neither its id nor those of its channels."""
        return row | {"id": None, "channels": [one | {"id": None} for one in row["channels"]]}


def _problems(entries: dict[Any, Row]) -> dict[str, str]:
    """Return what is wrong with the channels; only e-mail is set up, and needs no setting up."""
    problems = {}
    for key, one in entries.items():
        name = key if isinstance(key, str) else php.to_string(one.get("channel"))
        if "." in name:
            raise UnhandledError
        if name != "email" or set(one) - _CHANNEL_KEYS:
            if not isinstance(key, str):  # a form that is bound by number has no name
                raise ControllerError(400, EXTRA_FIELDS, [[EXTRA_FIELDS]])
            problems[name] = EXTRA_FIELDS
        elif not one.get("channelId") and php.form_bool(one.get("isEnabled")):
            problems["channelId"] = "A value is required."
    return problems


def _bind_channels(
    channels: list[Row], entries: dict[Any, Row], context: RequestContext, *, edit: bool, off: bool
) -> list[Row]:
    by_channel = {
        key if isinstance(key, str) else php.to_string(channel.get("channel")): (key, channel)
        for key, channel in entries.items()
    }
    existing = {channel["channel"]: dict(channel) for channel in channels}
    for name, channel in existing.items():
        channel["isEnabled"] = channel["isEnabled"] and (name in by_channel or not off)
    for name, (key, channel) in by_channel.items():
        if name not in existing or (edit and not isinstance(key, str)):
            new = {"id": _parts.next_number(context, "message_channels"), "channel": name}
            if name in existing:
                raise UnhandledError
            existing[name] = new
        existing[name] |= {
            "channelId": None if channel.get("channelId") in (None, "") else php.to_int(channel["channelId"]),
            "isEnabled": php.form_bool(channel.get("isEnabled")),
        }
    return list(existing.values())
