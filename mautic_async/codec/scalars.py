"""Conversions of single values: numbers, truth values and times as PHP writes and reads them."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final, TypeGuard

from mautic_async.errors import ConfigurationError

JSON_SCALARS: Final = (str, int, bool, float)


def decode_int(value: Any, _: object = None) -> int | None:
    """Return an integer, also from its text; None from an empty text."""
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        # No integer of the database is longer, and `int` takes long for huge texts.
        if len(text) >= 20:
            reject(value)
        value = float(text) if "." in text else int(text)
    if isinstance(value, float) and not value.is_integer():
        return reject(value)
    return int(value)


def decode_float(value: Any, _: object = None) -> float | None:
    """Return a float, also from its text; None from an empty text."""
    if value == "":
        return None
    return float(value) if isinstance(value, (int, float, str)) else reject(value)


def decode_str(value: Any, _: object = None) -> str:
    """Return a text, also of a number."""
    if isinstance(value, (str, int, float)):
        return str(value)
    return reject(value)


_BOOLEANS: Final = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


def decode_bool(value: Any, _: object = None) -> bool | None:
    """Return a truth value, also from PHP's texts for it; None from an empty text."""
    if isinstance(value, str):
        return _BOOLEANS[value.lower()] if value else None
    return bool(value) if value in {0, 1} else reject(value)


_parse_iso: Final = datetime.fromisoformat


def decode_datetime(value: Any, _: object = None) -> datetime | None:
    """Return an aware datetime, UTC where no time zone is named; None from an empty date.

    Raises:
        ValueError: It is not a date, or beyond the range of a datetime.
    """
    if not isinstance(value, str):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OSError, OverflowError) as error:  # which of the two depends on the platform and on how large it is
            raise ValueError("a date beyond the year 9999") from error
    try:
        moment = _parse_iso(value)
    except ValueError:
        # PHP's empty text, and the zero date of MySQL.
        if not value or value.startswith("0000-"):
            return None
        raise
    # Mautic's database holds UTC, also where an answer names no offset.
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def decode_date(value: Any, _: object = None) -> date | None:
    """Return a date; None from an empty one."""
    return date.fromisoformat(value[:10]) if value and not value.startswith("0000-") else None


def decode_time(value: Any, _: object = None) -> time | None:
    """Return a time of day; None from an empty one."""
    return time.fromisoformat(value) if value else None


def is_json_map(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Return True if *value* is a map; most are dictionaries, which is ten times faster to check."""
    return type(value) is dict or isinstance(value, Mapping)


def copy_json(value: Any) -> Any:
    """Return a deep copy of the lists and maps of a JSON value, so that the copy may change and the answer does not."""
    if type(value) is dict:
        return {key: copy_json(item) for key, item in value.items()}
    if type(value) is list:
        return [copy_json(item) for item in value]
    return value


def reject(value: object) -> typing.NoReturn:
    """Raise ValueError: the value has a type that its attribute does not take."""
    raise ValueError(f"a {type(value).__name__} does not fit")


def encode_datetime(value: datetime) -> str:
    """Return the ISO form with its offset, which is right in every time zone of a server."""
    return _require_time_zone(value).isoformat(timespec="seconds")


def encode_minutes(value: datetime) -> str:
    """Return the only form that publish dates take; Mautic reads it in the server's time zone, UTC by default."""
    return _require_time_zone(value).astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _require_time_zone(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ConfigurationError(f"{value} has no time zone: say which, for example datetime(..., tzinfo=UTC)")
    return value
