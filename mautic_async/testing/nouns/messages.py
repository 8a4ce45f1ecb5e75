"""Marketing messages: one text, several channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.answers import Crash
from mautic_async.testing.nouns import _parts
from mautic_async.testing.nouns._base import Noun
from mautic_async.testing.nouns._props import ID, Prop, category, rich, schedule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mautic_async.testing.ask import Ask
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
        for one in entries.values():
            if set(one) - _SENT:
                problems["channels"] = _EXTRA
            elif not php.integer(one.get("channelId")) and php.yes(one.get("isEnabled")):
                problems["channelId"] = "A message is required."
        if problems:
            return
        held = {one["channel"]: dict(one) for one in draft["channels"]}
        draft["channels"] = list(held.values())
        for key, one in entries.items():
            self._bind(draft["channels"], held, key, one, row, ask)

    def _bind(self, channels: list[Row], held: dict[str, Row], key: Any, one: Row, row: Row | None, ask: Ask) -> None:
        name = key if isinstance(key, str) else php.text(one.get("channel"))
        if row is not None and not isinstance(key, str) and name in held:
            _parts.number(ask, "message_channels")
            raise Crash
        place = held.get(name)
        if place is None:
            place = held[name] = {"id": _parts.number(ask, "message_channels"), "channel": name}
            channels.append(place)
        place["channelId"] = php.integer(one.get("channelId")) or None
        place["isEnabled"] = php.yes(one.get("isEnabled"))

    def gone(self, row: Row) -> Row:
        """Its channels have no ids any more either."""
        return row | {"id": None, "channels": [one | {"id": None} for one in row["channels"]]}
