"""Values of custom items: what each type of field makes of what was sent, and what it refuses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Refused

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL: Final = re.compile(r"(https?|ftp)://[^\s/$.?#].[^\s]*", re.IGNORECASE)
_PHONE: Final = re.compile(r"\+[1-9][\d ()-]{6,18}")
_OFFSET: Final = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")
MULTIPLE: Final = ("multiselect", "checkbox_group")
_TEXTS: Final = ("text", "textarea", "hidden", "select", "radio_group", "country")


def check_date(field: Row, value: Any, ask: Ask) -> None:
    """The one check of a value that is made before the contact is saved: dates must be readable."""
    if field["type"] not in ("date", "datetime") or value is None or value == "":
        return
    if php.strtotime(value, ask.now) is None:
        shown = php.text(value)
        raise Refused(0, f"Failed to parse time string ({shown}) at position 0 ({shown[:1]})")


def take(field: Row, value: Any, ask: Ask) -> Any:
    """The stored value of what was sent.

    Raises:
        Refused: Code 0, which is no HTTP status: a single call becomes a bare 500.
    """
    kind = field["type"]
    if kind == "int":
        return 0 if value is None else _integer(value)
    if kind in MULTIPLE:
        return _several(field, value)
    if kind == "date":
        moment = php.strtotime(value, ask.now)
        return None if moment is None else _day(value, moment)
    if kind == "datetime":
        return php.strtotime(value, ask.now)
    text = php.text(value)
    if kind not in _TEXTS and text:
        _check(kind, text)
    return text


def _integer(value: Any) -> int:
    return php.integer(value)


def _day(value: str, moment: int) -> str:
    written = re.match(r"\s*(\d{4}-\d{2}-\d{2})", value)
    return written[1] if written else php.stamp(moment)[:10]


def _check(kind: str, text: str) -> None:
    if kind == "url" and not _URL.fullmatch(text):
        raise Refused(0, f"'{text}' is not a valid URL address. Maybe you forgot to add the protocol like https://?")
    if kind == "email" and not _EMAIL.fullmatch(text):
        raise Refused(0, f"'{text}' is not a valid email address.")
    if kind == "phone" and not _PHONE.fullmatch(text):
        raise Refused(0, f"'{text}' is not a valid phone number. Use the E.164 format like +420777123456.")


def _several(field: Row, value: Any) -> list[str]:
    known = [php.text(one["value"]) for one in field["options"]]
    chosen = [php.text(one) for one in _listed(value)]
    for one in chosen:
        if one not in known:
            possible = ", ".join(known)
            raise Refused(
                0,
                f"Value '{one}' does not exist in the list of options of field '{field['label']}'({field['alias']})."
                f" Possible values: {possible}",
            )
    return chosen


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, str):
        return php.values(value)
    if not value:
        return []
    try:
        decoded = json.loads(value)
    except ValueError:
        return [one.strip() for one in value.split(",")]
    return decoded if isinstance(decoded, list) else [value]


def spelled(sent: Any, moment: int) -> str:
    """A datetime as the write's own answer repeats it: with the offset as sent."""
    text = php.text(sent).strip()
    match = _OFFSET.search(text)
    if match is None or match[1] == "Z":
        return php.iso(moment)
    offset = match[1] if ":" in match[1] else match[1][:3] + ":" + match[1][3:]
    seconds = (int(offset[1:3]) * 3600 + int(offset[4:6]) * 60) * (1 if offset[0] == "+" else -1)
    return php.iso(moment + seconds)[:19] + offset


def show(field: Row, value: Any) -> Any:
    """A stored value as JSON; what was never set looks empty."""
    kind = field["type"]
    if kind == "datetime":
        return None if value is None else php.iso(value)
    if kind == "date":
        return value
    if kind == "int":
        return 0 if value is None else value
    if kind in MULTIPLE:
        return value or []
    return value or ""
