"""Marketing messages: one text, several channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Crash
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import ID, Prop, category, rich, schedule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row

_TABLES: Final = {"email": "emails", "sms": "smses", "notification": "notifications", "tweet": "tweets"}
_SENT: Final = frozenset(("channel", "channelId", "isEnabled", "properties"))
_EXTRA: Final = "This form should not contain extra fields."


def _show_channels(channels: Any, ask: Ask) -> Any:
    return [
        {name: one[name] for name in ("id", "channel", "channelId")}
        | {"channelName": _name(one, ask), "isEnabled": one["isEnabled"]}
        for one in channels
    ]


def _name(channel: Row, ask: Ask) -> Any:
    row = ask.table(_TABLES.get(channel["channel"], "none")).get(channel["channelId"])
    return None if row is None else row["name"]


class Messages(Noun):
    """Marketing messages.

    A create binds the channels it lists to rows of their own; an edit binds them by channel, so a list, whose keys are
    numbers, brings a second row of the same channel, which the database refuses: 500.
    """

    path = "messages"
    one, many = "message", "messages"
    permission = "channel:messages"
    searched = ("name",)
    commands = ()
    audit = ("channel", "message")
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        Prop("description", rich),
        *schedule(),
        Prop("channels", show=_show_channels, default=list, writable=False, minimal=False),
        Prop("category", category().take, category().show, minimal=False),
    )

    def fresh(self, ask: Ask) -> Row:
        """Without channels."""
        return super().fresh(ask) | {"channels": []}

    def rows(self, ask: Ask) -> Iterable[Row]:
        """Only those with channels: the list joins them."""
        return [row for row in self.table(ask) if row["channels"]]

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """Bind the channels."""
        sent = params.get("channels")
        if not isinstance(sent, (list, dict)):
            if row is not None and ask.request.method == "PUT":
                draft["channels"] = [one | {"isEnabled": False} for one in draft["channels"]]
            return
        entries = {key: one for key, one in php.entries(sent).items() if isinstance(one, dict)}
        problems |= _wrong(entries)
        if not problems:
            off = row is not None and ask.request.method == "PUT"
            draft["channels"] = _bound(draft["channels"], entries, ask, edit=row is not None, off=off)

    def gone(self, row: Row) -> Row:
        """Its channels have no ids any more either."""
        return row | {"id": None, "channels": [one | {"id": None} for one in row["channels"]]}


def _wrong(entries: dict[Any, Row]) -> dict[str, str]:
    problems = {}
    for one in entries.values():
        if set(one) - _SENT:
            problems["channels"] = _EXTRA
        elif not php.integer(one.get("channelId")) and php.yes(one.get("isEnabled")):
            problems["channelId"] = "A message is required."
    return problems


def _bound(channels: list[Row], entries: dict[Any, Row], ask: Ask, *, edit: bool, off: bool) -> list[Row]:
    named = {key if isinstance(key, str) else php.text(one.get("channel")): (key, one) for key, one in entries.items()}
    held = {one["channel"]: dict(one) for one in channels}
    for name, one in held.items():
        one["isEnabled"] = one["isEnabled"] and (name in named or not off)
    for name, (key, one) in named.items():
        if name not in held or (edit and not isinstance(key, str)):
            new = {"id": _parts.number(ask, "message_channels"), "channel": name}
            if name in held:
                raise Crash
            held[name] = new
        held[name] |= {
            "channelId": php.integer(one.get("channelId")) or None,
            "isEnabled": php.yes(one.get("isEnabled")),
        }
    return list(held.values())
