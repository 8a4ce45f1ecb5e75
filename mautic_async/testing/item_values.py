"""Values of custom items: what each type of field makes of what was sent, and what it refuses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import ControllerError

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL: Final = re.compile(r"(https?|ftp)://[^\s/$.?#].[^\s]*", re.IGNORECASE)
_PHONE: Final = re.compile(r"\+[1-9][\d ()-]{6,18}")
_OFFSET: Final = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")
MULTIPLE: Final = ("multiselect", "checkbox_group")
_TEXTS: Final = ("text", "textarea", "hidden", "select", "radio_group", "country")


def check_date(field: Row, value: Any, context: RequestContext) -> None:
    """Check that a date is readable. No other check of a value is made before the contact is saved."""
    if field["type"] not in ("date", "datetime") or value is None or value == "":
        return
    if php.strtotime(value, context.now) is None:
        text = php.to_string(value)
        raise ControllerError(0, f"Failed to parse time string ({text}) at position 0 ({text[:1]})")


def parse(field: Row, value: Any, context: RequestContext) -> Any:
    """Return the stored value of what was sent.

    Raises:
        ControllerError: Code 0, which is no HTTP status: a single call becomes a bare 500.
    """
    kind = field["type"]
    if kind == "int":
        return 0 if value is None else _integer(value)
    if kind in MULTIPLE:
        return _parse_options(field, value)
    if kind == "date":
        moment = php.strtotime(value, context.now)
        return None if moment is None else _parse_date(value, moment)
    if kind == "datetime":
        return php.strtotime(value, context.now)
    text = php.to_string(value)
    if kind not in _TEXTS and text:
        _check(kind, text)
    return text


def _integer(value: Any) -> int:
    return php.to_int(value)


def _parse_date(value: str, moment: int) -> str:
    written = re.match(r"\s*(\d{4}-\d{2}-\d{2})", value)
    return written[1] if written else php.sql_datetime(moment)[:10]


def _check(kind: str, text: str) -> None:
    if kind == "url" and not _URL.fullmatch(text):
        raise ControllerError(
            0, f"'{text}' is not a valid URL address. Maybe you forgot to add the protocol like https://?"
        )
    if kind == "email" and not _EMAIL.fullmatch(text):
        raise ControllerError(0, f"'{text}' is not a valid email address.")
    if kind == "phone" and not _PHONE.fullmatch(text):
        raise ControllerError(0, f"'{text}' is not a valid phone number. Use the E.164 format like +420777123456.")


def _parse_options(field: Row, value: Any) -> list[str]:
    options = [php.to_string(one["value"]) for one in field["options"]]
    selected = [php.to_string(one) for one in _as_list(value)]
    for one in selected:
        if one not in options:
            possible = ", ".join(options)
            raise ControllerError(
                0,
                f"Value '{one}' does not exist in the list of options of field '{field['label']}'({field['alias']})."
                f" Possible values: {possible}",
            )
    return selected


def _as_list(value: Any) -> list[Any]:
    if not isinstance(value, str):
        return php.array_values(value)
    if not value:
        return []
    try:
        decoded = json.loads(value)
    except ValueError:
        return [option.strip() for option in value.split(",")]
    return decoded if isinstance(decoded, list) else [value]


def as_sent(sent: Any, moment: int) -> str:
    """Return a datetime as the write's own answer repeats it: with the offset as sent."""
    text = php.to_string(sent).strip()
    match = _OFFSET.search(text)
    if match is None or match[1] == "Z":
        return php.iso_datetime(moment)
    offset = match[1] if ":" in match[1] else match[1][:3] + ":" + match[1][3:]
    seconds = (int(offset[1:3]) * 3600 + int(offset[4:6]) * 60) * (1 if offset[0] == "+" else -1)
    return php.iso_datetime(moment + seconds)[:19] + offset


def serialize(field: Row, value: Any) -> Any:
    """Return a stored value as JSON; a value that was never set looks empty."""
    kind = field["type"]
    if kind == "datetime":
        return None if value is None else php.iso_datetime(value)
    if kind == "date":
        return value
    if kind == "int":
        return 0 if value is None else value
    if kind in MULTIPLE:
        return value or []
    return value or ""
