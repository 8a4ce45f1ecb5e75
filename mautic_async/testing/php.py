"""Values as PHP treats them: arrays that are lists or maps, bracketed names, casts, dates, filtered text."""

from __future__ import annotations

import datetime as dt
import html
import re
import unicodedata
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

_NUMBER: Final = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_TAG: Final = re.compile(r"<(?=[a-zA-Z/!?])[^>]*>?")
_ISO: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?"
    r"\s*(Z|UTC|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?$")
_RELATIVE: Final = re.compile(r"([+-]?\d+)\s*(second|sec|minute|min|hour|day|week|month|year)s?(\s+ago)?$")


def to_json_array(entries: dict[Any, Any]) -> Any:
    """Return a PHP array as JSON shows it: a list when its keys are 0..n-1 in order, else a map."""
    if all(key == place for place, key in enumerate(entries)):
        return list(entries.values())
    return {str(key): value for key, value in entries.items()}


def from_json_array(value: Any) -> dict[Any, Any]:
    """Return a decoded JSON list or map as the PHP array it becomes."""
    if isinstance(value, list):
        return dict(enumerate(value))
    return {int(key) if key.isdigit() and str(int(key)) == key else key: item for key, item in value.items()}


def array_values(value: Any) -> list[Any]:
    """Return the values of a list or map; a scalar counts as one value, null as none."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, dict) else [value]


def is_truthy(value: Any) -> bool:
    """Return True if PHP takes *value* for true."""
    return bool(value) and value != "0"


def to_int(value: Any) -> int:
    """Return *value* after PHP's ``(int)`` cast."""
    if isinstance(value, (bool, int, float)):
        return int(value)
    if isinstance(value, str):
        match = _NUMBER.match(value)
        return int(float(match[0])) if match else 0
    return 1 if value else 0


def is_numeric(value: Any) -> bool:
    """Return the result of PHP's ``is_numeric``."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, (int, float)):
        return True
    return isinstance(value, str) and bool(_NUMBER.fullmatch(value.rstrip()))


def to_string(value: Any) -> str:
    """Return *value* after PHP's ``(string)`` cast."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "Array" if isinstance(value, (list, dict)) else str(value)


def form_bool(value: Any) -> bool:
    """Return True for true, 1, on and yes, as the switches of a form do."""
    if isinstance(value, str):
        return value.strip().lower() in {"1", "true", "on", "yes"}
    return is_truthy(value)


def strip_text(value: Any) -> Any:
    """Plain text as Mautic stores it: tags stripped, entities decoded, trimmed."""
    if not isinstance(value, str):
        return value
    if "<" in value:
        value = _TAG.sub("", value)
    if "&" in value:
        value = html.unescape(value)
    return value.strip()


@lru_cache(maxsize=4096)
def collate(value: str) -> str:
    """Return a key that is equal where the database's collation finds two texts equal: no case, no accents."""
    if value.isascii():
        return value.lower().rstrip()
    folded = unicodedata.normalize("NFKD", value)
    return "".join(c for c in folded if not unicodedata.combining(c)).casefold().rstrip()


def parse_brackets(raw: str) -> dict[str, Any]:
    """Return a query string or form body as PHP's ``$_GET``: ``a[b][]=x`` nests."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        set_bracketed(tree, name, value)
    return {key: normalize_arrays(value) for key, value in tree.items()}


_MAX_DEPTH: Final = 64
"""PHP's ``max_input_nesting_level``: what is nested deeper is dropped."""


def set_bracketed(tree: dict[str, Any], name: str, value: Any) -> None:
    """Store one bracketed name in *tree*, whose maps are settled later."""
    base = name.partition("[")[0]
    path = [base.replace(".", "_").replace(" ", "_"), *_bracket_parts(name)]
    if len(path) > _MAX_DEPTH + 1:
        return
    node = tree
    for step in path[:-1]:
        key = _next_key(node) if step == "" else step
        inner = node.get(key)
        if not isinstance(inner, dict):
            inner = node[key] = {}
        node = inner
    node[_next_key(node) if path[-1] == "" and len(path) > 1 else path[-1]] = value


def _bracket_parts(name: str) -> list[str]:
    """Return the texts in brackets, in one pass; a pattern would start again from each open bracket."""
    steps: list[str] = []
    position = 0
    while len(steps) <= _MAX_DEPTH and (opened := name.find("[", position)) >= 0:
        closed = name.find("]", opened)
        if closed < 0:
            break
        steps.append(name[opened + 1 : closed])
        position = closed + 1
    return steps


def _next_key(node: dict[str, Any]) -> str:
    numbers = [int(key) for key in node if key.isdigit()]
    return str(max(numbers) + 1 if numbers else 0)


def normalize_arrays(value: Any) -> Any:
    """Return maps of bracketed names as lists where PHP would have a list."""
    if not isinstance(value, dict):
        return value
    return to_json_array({int(k) if k.isdigit() else k: normalize_arrays(v) for k, v in value.items()})


@lru_cache(maxsize=4096)
def iso_datetime(seconds: int) -> str:
    """Epoch seconds as PHP's ``c`` format, in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()


@lru_cache(maxsize=4096)
def sql_datetime(seconds: int) -> str:
    """Epoch seconds as a database column shows them."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def long_date(seconds: int) -> str:
    """Return epoch seconds as Mautic writes a date for people, such as ``November 21, 2026 9:16 pm UTC``."""
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    half = "am" if moment.hour < 12 else "pm"
    return f"{moment:%B} {moment.day}, {moment.year} {moment.hour % 12 or 12}:{moment:%M} {half} UTC"


def strtotime(value: Any, now: float) -> int | None:
    """Epoch seconds of a date text PHP can read, or None."""
    if not isinstance(value, str):
        return None
    word = value.strip()
    match = _ISO.match(word)
    if match:
        return _parse_iso(match)
    match = _CLOCK.match(word)
    today = dt.datetime.fromtimestamp(now, dt.UTC)
    if match:
        midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
        return int(midnight.timestamp()) + int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)
    return _parse_relative(word.lower(), today)


def _parse_iso(match: re.Match[str]) -> int | None:
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        moment = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError:
        return None
    zone = match[7]
    shift = 0
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        shift = (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (1 if zone[0] == "+" else -1)
    return int(moment.timestamp()) - shift


_DAYS: Final = {"today": 0, "midnight": 0, "tomorrow": 1, "yesterday": -1}
_UNITS: Final = {"sec": 1, "second": 1, "min": 60, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_OTHER: Final = ("%d.%m.%Y", "%d.%m.%Y %H:%M", "%m/%d/%Y", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%B %d %Y", "%Y/%m/%d")


def _parse_relative(word: str, today: dt.datetime) -> int | None:
    if word == "now":
        return int(today.timestamp())
    if word in _DAYS:
        midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
        return int(midnight.timestamp()) + 86400 * _DAYS[word]
    match = _RELATIVE.match(word)
    if match and match[2] in _UNITS:
        step = int(match[1]) * _UNITS[match[2]]
        return int(today.timestamp()) + (-step if match[3] else step)
    if match:
        days = int(match[1]) * (30 if match[2] == "month" else 365)
        return int(today.timestamp()) + 86400 * (-days if match[3] else days)
    for form in _OTHER:
        try:
            return int(dt.datetime.strptime(word, form).replace(tzinfo=dt.UTC).timestamp())
        except ValueError:
            continue
    return None


def serialized(value: Any) -> str:
    """Return the result of PHP's ``serialize``, as raw database columns show it."""
    if value is None:
        return "N;"
    if isinstance(value, bool):
        return f"b:{int(value)};"
    if isinstance(value, int):
        return f"i:{value};"
    if isinstance(value, float):
        return f"d:{value:g};"
    if isinstance(value, str):
        return f's:{len(value.encode())}:"{value}";'
    pairs = from_json_array(value) if value else {}
    inner = "".join(serialized(key) + serialized(item) for key, item in pairs.items())
    return f"a:{len(pairs)}:{{{inner}}}"


def has_nul(value: Any) -> bool:
    """Return True if a text in *value* holds a NUL."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(has_nul(item) for item in value.values())
    return isinstance(value, list) and any(has_nul(item) for item in value)
