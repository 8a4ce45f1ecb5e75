"""Properties of nouns: parsers of sent values, serializers of stored ones, defaults."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.testing.request_context import RequestContext

KEEP: Final = "\0keep"
"""As `Property.value_on_put`: a PUT without the property leaves it."""
NOT_NULL: Final = "\0not null"
"""As `Property.value_on_put`: a PUT without the property sets a NOT NULL column to null, which is a 500."""


class InvalidValue(Exception):
    """The form refuses the value; the text is the message.

    Args:
        message: The message of Mautic 5.
        in_7: The message of Mautic 7, where that differs.
    """

    def __init__(self, message: str = "This value is not valid.", in_7: str | None = None) -> None:
        super().__init__(message)
        self._in_7 = in_7

    def words(self, *, is_7: bool) -> str:
        """Return the message as the version of the server says it."""
        return self._in_7 if is_7 and self._in_7 is not None else str(self)


class InvalidChoice(InvalidValue):
    """The value is none of the choices."""

    def __init__(self, message: str = "This value is not valid.") -> None:
        super().__init__(message, "The selected choice is invalid.")


class InvalidNumber(InvalidValue):
    """The value is no number."""

    def __init__(self) -> None:
        super().__init__(in_7="Please enter a number.")


def plain_text(value: Any, context: RequestContext) -> Any:
    """Text without tags; an empty one is null."""
    del context
    if isinstance(value, (list, dict)):
        raise InvalidValue
    return php.strip_text(php.to_string(value)) or None


def html(value: Any, context: RequestContext) -> Any:
    """Text that may be HTML; an empty one is null."""
    del context
    if isinstance(value, (list, dict)):
        raise InvalidValue
    return php.to_string(value) or None


def integer(value: Any, context: RequestContext) -> Any:
    """Parse an integer; an empty text is null."""
    del context
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not php.is_numeric(value):
        raise InvalidNumber
    return php.to_int(value)


def boolean(value: Any, context: RequestContext) -> Any:
    """Parse a boolean."""
    del context
    return php.form_bool(value)


def any_value(value: Any, context: RequestContext) -> Any:
    """Whatever came."""
    del context
    return value


_FILTER_KEYS: Final = frozenset(("glue", "field", "object", "type", "operator", "filter", "display"))


def content_filters(value: Any, context: RequestContext) -> Any:
    """Parse filters of dynamic content, whose values stand beside the other keys."""
    filters = list_or_map(value, context)
    for one in php.array_values(filters):
        if isinstance(one, dict) and not one.keys() <= _FILTER_KEYS:
            raise InvalidValue("This form should not contain extra fields.")
    return filters


def list_or_map(value: Any, context: RequestContext) -> Any:
    """Parse a list or map; any other value is an empty one."""
    del context
    return value if isinstance(value, (list, dict)) else []


_DATE_PICKER: Final = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2})(:\d{2})?(\s*[+-]\d{2}:?\d{2})?")


def publish_date(value: Any, context: RequestContext) -> Any:
    """``publishUp`` and ``publishDown``: ``YYYY-MM-DD HH:MM``; seconds and an offset are dropped unread."""
    if value is None or value == "":
        return None
    match = _DATE_PICKER.fullmatch(value) if isinstance(value, str) else None
    moment = php.strtotime(match[1], context.now) if match else None
    if moment is None:
        raise InvalidValue(in_7="Please enter a valid date and time.")
    return moment


def one_of(*options: Any, message: str = "This value is not valid.") -> Callable[[Any, RequestContext], Any]:
    """Return the parser of one of *options*; an empty value is null."""

    def parse(value: Any, context: RequestContext) -> Any:
        del context
        if value is None or value == "":
            return None
        if value not in options:
            raise InvalidChoice(message)
        return value

    return parse


def iso_text(value: Any, context: RequestContext) -> Any:
    """Return epoch seconds as ISO 8601."""
    del context
    return None if value is None else php.iso_datetime(value)


def identity(value: Any, context: RequestContext) -> Any:
    """Return the stored value."""
    del context
    return value


@dataclass(slots=True)
class Property:
    """One property, in the order in which the server shows it.

    Attributes:
        name: As in JSON.
        parse: Makes the stored value of the sent one (never called for null), or raises `InvalidValue`.
        serialize: Makes JSON of the stored value.
        default: Of a new entity that does not mention it.
        value_on_put: After a PUT on an existing entity that does not mention it, and for a null or an empty text by any
            verb: a value, or `KEEP`, or `NOT_NULL`.
        writable: Whether the form has it.
        minimal: Whether ``minimal=1`` still shows it.
        required: Message when it is empty after the form was filled, or None.
        hidden: Kept, never shown.
        only_in_7: Unknown to Mautic 5.
        shown_in_7: Hidden in Mautic 5 only.
        required_in_7: Message of Mautic 7 when it is empty, where that differs.
    """

    name: str
    parse: Callable[[Any, RequestContext], Any] = plain_text
    serialize: Callable[[Any, RequestContext], Any] = identity
    default: Any = None
    value_on_put: Any = None
    writable: bool = True
    minimal: bool = True
    required: str | None = None
    hidden: bool = False
    only_in_7: bool = False
    shown_in_7: bool = False
    required_in_7: str | None = None


def category() -> Property:
    """Return the property of the nested category, which takes an id and shows an object."""
    return Property("category", _parse_category, serialize_category)


def _parse_category(value: Any, context: RequestContext) -> Any:
    id = 1 if isinstance(value, (list, dict)) else php.to_int(value)
    if not id:
        return None
    if context.table("categories").get(id) is None:
        from mautic_async.testing.replies import UnhandledError

        raise UnhandledError(500, f"Category {id} does not exist")
    return id


def serialize_category(id: Any, context: RequestContext) -> Any:
    """Return a category inside another entity."""
    row = context.table("categories").get(id) if id else None
    if row is None:
        return None
    entity = {"createdByUser": row["createdByUser"], "modifiedByUser": row["modifiedByUser"]}
    return entity | {name: row[name] for name in ("id", "title", "alias", "description", "color", "bundle")}


def schedule(*, minimal: bool = False) -> tuple[Property, Property]:
    """``publishUp`` and ``publishDown``."""
    return (
        Property("publishUp", publish_date, iso_text, minimal=minimal),
        Property("publishDown", publish_date, iso_text, minimal=minimal),
    )


ID: Final = Property("id", writable=False)
