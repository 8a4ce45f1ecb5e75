"""Most rows of a bulk job have nothing wrong, and one look at each value says so; only others are checked rule by rule.

The rules of `_checks` and `Preflight` take 15 us a row, because each goes through all values. This look takes 2 and
errs on one side only: what it calls sound breaks none of them, and what it is not sure of it leaves to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mautic_async.resources import _checks

if TYPE_CHECKING:
    from mautic_async.resources._preflight import Preflight

_FREE: Final = 0
"""No field: nothing about its value is checked here."""
_NUMBER: Final = -1
_UNSURE: Final = -2
_ANY_LENGTH: Final = 2**31
_WORDS_FOR_NOTHING: Final = frozenset({"", "0"})
_SIMPLE: Final = frozenset({"text", "textarea", "html", "tel", "url", "lookup"})
"""Types of fields that take any text that is not too long."""


class Screen:
    """What of each property may be taken without another look.

    Args:
        unique: Fields by which contacts are found.
        preflight: The fields of this Mautic, or None where they were not asked for.
    """

    def __init__(self, unique: Sequence[str], preflight: Preflight | None) -> None:
        fields = None if preflight is None else preflight.fields
        self._kinds: dict[str, int] = {
            key: _FREE for key in _checks.NO_FIELD if key not in {"frequencyRules", "companies"}
        }
        self._kinds["points"] = _NUMBER
        self._other = _ANY_LENGTH if fields is None else _UNSURE
        self._unique = tuple(unique)
        if fields is None:
            self._kinds |= {"frequencyRules": _UNSURE, "companies": _UNSURE}
            self._kinds |= dict.fromkeys(_checks.KINDS, _NUMBER)
        for alias, known in (fields or {}).items():
            if known.published and known.options is None:
                if known.type in _SIMPLE or alias == "email":
                    self._kinds[alias] = known.length or _ANY_LENGTH
                elif known.type == "number":
                    self._kinds[alias] = _NUMBER
        self._kinds |= {name: _UNSURE for name in unique if name != "email"}
        self._kinds |= dict.fromkeys(preflight.checked if preflight is not None else (), _UNSURE)

    def is_sound(self, body: Mapping[str, Any], text: bytes) -> bool:
        """Whether an upsert row surely breaks no rule.

        Args:
            body: As encoded.
            text: The same as JSON, in which a NUL stands as an escape.
        """
        if b"\\u0000" in text or body.keys().isdisjoint(self._unique):
            return False
        kinds, other = self._kinds, self._other
        for key, value in body.items():
            kind = kinds.get(key, other)
            if kind == _FREE:
                continue
            if value.__class__ is str:
                if kind < len(value) or value.strip() in _WORDS_FOR_NOTHING:
                    return False
            elif value.__class__ is not int or not value or kind == _UNSURE:
                return False
        email = body.get("email")
        return email is None or (email.__class__ is str and _checks.KEPT.fullmatch(email.strip()) is not None)
