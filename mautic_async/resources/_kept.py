"""Comparison of what a write sent with what Mautic says that it stored.

Mautic answers 200 or 201 also where it drops a value; the answer then shows the old value, a default, or nothing.
`values_not_kept` finds such values for all nouns, from the body of the request and the entity of the answer, both under
the names that requests use.

Mautic also rewrites values on purpose. Such a value counts as kept: a text that was trimmed, changed in case, or freed
from markup; a number or a truth value that was a text; a date in another form or time zone, or without its seconds; a
list in another order, or with more items than were sent. A key that the answer does not show proves nothing: passwords,
and what can only be written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from mautic_async.errors import Problem, ValueNotKept

if TYPE_CHECKING:
    from mautic_async.models import Entity
    from mautic_async.protocol import Call

_MARKUP: Final = re.compile(r"<[^<>]*>")
_SPACE: Final = re.compile(r"[\s\x00-\x1f\u200b-\u200d\ufeff]+")
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off", ""})
_LINKS: Final = frozenset({"id", "parent", "children", "sourceId", "targetId"})
"""Keys under which parts of one body refer to each other. A new part has a text there, such as ``new1``, for which
Mautic stores the id that it gives the part."""


def values_not_kept(sent: Mapping[str, Any], stored: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each value of *sent* that *stored* does not hold; values themselves are not named."""
    common = (key for key in sent if key in stored)
    return list(dict.fromkeys(problem for key in common for problem in _compare(sent[key], stored[key], key)))


def raise_for(problems: Sequence[Problem], call: Call, stored: Entity) -> None:
    """Raise a `ValueNotKept` that names *problems* of the entity that *call* has stored, if there are any."""
    if problems:
        raise ValueNotKept(
            f"{call}: {type(stored).__name__} {stored.id} is stored, but not as sent: {'; '.join(map(str, problems))}",
            problems=problems,
            entity=stored,
            call=str(call),
        )


def _compare(sent: Any, stored: Any, path: str) -> Iterator[Problem]:
    if is_blank(sent):
        # A number that is cleared may read 0 afterwards.
        if not (is_blank(stored) or stored in (0, "0")):
            yield Problem("Mautic did not clear this value", path)
    elif is_blank(stored):
        # False is often stored as nothing, and a text of markup alone may be filtered away.
        if sent is not False and not (isinstance(sent, str) and not _letters(sent)):
            yield Problem("Mautic did not store this value", path)
    elif isinstance(sent, Mapping) and isinstance(stored, Mapping):
        # Keys that the answer does not show prove nothing, and temporary ids are replaced on purpose.
        for key, value in sent.items():
            if key in stored and not (key in _LINKS and isinstance(value, (str, list))):
                yield from _compare(value, stored[key], f"{path}.{key}")
    elif _is_list(sent) or _is_list(stored):
        # Mautic takes some lists as a text with separators, and shows others as a map.
        yield from _compare_lists(_items(sent), _items(stored), path)
    elif not is_same(sent, stored) and not (path.endswith("alias") and _slug(sent) == _slug(stored)):
        # Mautic makes an alias out of what was sent, with other characters.
        yield Problem("Mautic stored another value", path)


def _compare_lists(sent: Sequence[Any], stored: Sequence[Any], path: str) -> Iterator[Problem]:
    """Look for each item sent among the stored ones, in any order; report the differences to the most similar one."""
    # The answer may have other items beside those that were sent; only the latter are looked for.
    for place, item in enumerate(sent):
        at = f"{path}[{place}]" if isinstance(item, Mapping) else path
        yield from min((list(_compare(item, candidate, at)) for candidate in stored), key=len)


def _items(value: Any) -> Sequence[Any]:
    """Return what a list, a map, or a text with separators holds."""
    if isinstance(value, Mapping):
        return list(value.values())
    if _is_list(value):
        return list(value)
    return re.split(r"[|,]", value) if isinstance(value, str) else [value]


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


def is_blank(value: object) -> bool:
    """Return True for None, a text without a visible character, and an empty list or map."""
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], (), {})


def is_same(sent: object, stored: object) -> bool:
    """Return True if *stored* is *sent*, or what Mautic makes of it: of two single values, neither of them blank."""
    # Truth values before numbers: True equals 1 in Python, and PHP answers either of them.
    if isinstance(sent, bool) or isinstance(stored, bool):
        truth = _truth(sent)
        return truth is not None and truth is _truth(stored)
    # Numbers come back as texts, with other digits after the point.
    numbers = _number(sent), _number(stored)
    if None not in numbers:
        return numbers[0] == numbers[1]
    if isinstance(sent, (Mapping, list, tuple)) or isinstance(stored, (Mapping, list, tuple)):
        return False
    texts = str(sent).strip(), str(stored).strip()
    return _letters(texts[0]) == _letters(texts[1]) or is_same_moment(*texts)


def _truth(value: object) -> bool | None:
    text = str(value).strip().lower()
    return True if text in _TRUE else False if text in _FALSE else None


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float, str)) else None
    except ValueError:
        return None


def _letters(text: str) -> str:
    """Return *text* without markup, entities, case, repeated white space and the scheme of a URL."""
    # Markup is removed before and after decoding, since entities may hide a tag.
    plain = _SPACE.sub(" ", _MARKUP.sub("", unescape(_MARKUP.sub("", text)))).strip().casefold()
    return plain.removeprefix("http://").removeprefix("https://")


def _slug(value: object) -> str:
    """Return the ASCII letters and digits of an alias: Mautic replaces all other characters."""
    return "".join(
        char for char in unicodedata.normalize("NFKD", str(value)).casefold() if char.isascii() and char.isalnum()
    )


def is_same_moment(sent: str, stored: str) -> bool:
    """Return True if *stored*, an ISO date or time, may be what Mautic has read from *sent*, to the minute.

    Where a text names no time zone, the server's own one was meant, which the client does not know. Then both may be
    apart by a whole number of quarter hours, up to 14 hours.
    """
    moment = _moment(stored)
    if moment is None:
        clocks = _clock(sent), _clock(stored)
        return None not in clocks and clocks[0] == clocks[1]
    meant = _moment(sent)
    if meant is None:  # a form that only PHP reads, such as 24.12.2026 or 12/24/2026, or the time of a day
        date_parts = sorted(map(int, re.findall(r"\d+", sent)[:3]))
        return _clock(sent) == (moment.hour, moment.minute) or date_parts == sorted(moment.timetuple()[:3])
    # Seconds are not compared: Mautic 5 drops them.
    apart = abs(_to_minute(meant) - _to_minute(moment))
    # Every time zone is a multiple of 15 minutes, and at most 14 hours, away from UTC.
    zones_known = meant.tzinfo is not None and moment.tzinfo is not None
    return not apart or (not zones_known and apart <= timedelta(hours=14) and not apart % timedelta(minutes=15))


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _to_minute(moment: datetime) -> datetime:
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).replace(second=0, microsecond=0)


def _clock(text: str) -> tuple[int, int] | None:
    try:
        clock = time.fromisoformat(text)
    except ValueError:
        return None
    return clock.hour, clock.minute
