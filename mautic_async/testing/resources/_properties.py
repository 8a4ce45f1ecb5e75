"""What one property of a noun takes, keeps and shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.testing.request_context import Ask

KEEP: Final = "\0keep"
"""As `Prop.blank`: a PUT without the property leaves it."""
NOT_NULL: Final = "\0not null"
"""As `Prop.blank`: a PUT without the property sets a NOT NULL column to null, which is a 500."""


class Invalid(Exception):
    """The form refuses the value; the text is the message."""

    def __init__(self, message: str = "This value is not valid.") -> None:
        super().__init__(message)


def plain(value: Any, ask: Ask) -> Any:
    """Text without tags; an empty one is null."""
    del ask
    if isinstance(value, (list, dict)):
        raise Invalid
    return php.clean(php.text(value)) or None


def rich(value: Any, ask: Ask) -> Any:
    """Text that may be HTML; an empty one is null."""
    del ask
    if isinstance(value, (list, dict)):
        raise Invalid
    return php.text(value) or None


def whole(value: Any, ask: Ask) -> Any:
    """An integer; an empty text is null."""
    del ask
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not php.numeric(value):
        raise Invalid
    return php.integer(value)


def switch(value: Any, ask: Ask) -> Any:
    """A boolean."""
    del ask
    return php.yes(value)


def anything(value: Any, ask: Ask) -> Any:
    """Whatever came."""
    del ask
    return value


def mapping(value: Any, ask: Ask) -> Any:
    """A list or map; anything else is an empty one."""
    del ask
    return value if isinstance(value, (list, dict)) else []


_PICKER: Final = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2})(:\d{2})?(\s*[+-]\d{2}:?\d{2})?")


def picked(value: Any, ask: Ask) -> Any:
    """``publishUp`` and ``publishDown``: ``YYYY-MM-DD HH:MM``; seconds and an offset are dropped unread."""
    if value is None or value == "":
        return None
    match = _PICKER.fullmatch(value) if isinstance(value, str) else None
    moment = php.strtotime(match[1], ask.now) if match else None
    if moment is None:
        raise Invalid
    return moment


def choice(*options: Any, message: str = "This value is not valid.") -> Callable[[Any, Ask], Any]:
    """One of *options*; empty is null."""

    def take(value: Any, ask: Ask) -> Any:
        del ask
        if value is None or value == "":
            return None
        if value not in options:
            raise Invalid(message)
        return value

    return take


def moment(value: Any, ask: Ask) -> Any:
    """Shows epoch seconds as ISO 8601."""
    del ask
    return None if value is None else php.iso(value)


def same(value: Any, ask: Ask) -> Any:
    """Shows what is stored."""
    del ask
    return value


@dataclass(slots=True)
class Prop:
    """One property, in the order in which the server shows it.

    Attributes:
        name: As in JSON.
        take: Makes the stored value of the sent one (never called for null), or raises `Invalid`.
        show: Makes JSON of the stored value.
        default: Of a new entity that does not mention it.
        blank: After a PUT on an existing entity that does not mention it, and for a null or an empty text by any
            verb: a value, or `KEEP`, or `NOT_NULL`.
        writable: Whether the form has it.
        minimal: Whether ``minimal=1`` still shows it.
        required: Message when it is empty after the form was filled, or None.
        hidden: Kept, never shown.
    """

    name: str
    take: Callable[[Any, Ask], Any] = plain
    show: Callable[[Any, Ask], Any] = same
    default: Any = None
    blank: Any = None
    writable: bool = True
    minimal: bool = True
    required: str | None = None
    hidden: bool = False


def category() -> Prop:
    """The nested category: an id goes in, an object comes out."""
    return Prop("category", _take_category, show_category)


def _take_category(value: Any, ask: Ask) -> Any:
    id = 1 if isinstance(value, (list, dict)) else php.integer(value)
    if not id:
        return None
    if ask.table("categories").get(id) is None:
        from mautic_async.testing.replies import Crash

        raise Crash(500, f"Category {id} does not exist")
    return id


def show_category(id: Any, ask: Ask) -> Any:
    """A category inside another entity."""
    row = ask.table("categories").get(id) if id else None
    if row is None:
        return None
    shown = {"createdByUser": row["createdByUser"], "modifiedByUser": row["modifiedByUser"]}
    return shown | {name: row[name] for name in ("id", "title", "alias", "description", "color", "bundle")}


def schedule(*, minimal: bool = False) -> tuple[Prop, Prop]:
    """``publishUp`` and ``publishDown``."""
    return (
        Prop("publishUp", picked, moment, minimal=minimal),
        Prop("publishDown", picked, moment, minimal=minimal),
    )


ID: Final = Prop("id", writable=False)
