"""What a contact's row may not hold, because Mautic would drop it, wipe with it, or fall over it.

Every rule was measured on a Mautic 5.1.1. Single calls raise what is found here, bulk jobs refuse the row with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mautic_async import codec
from mautic_async.errors import ConfigurationError, Problem

KEPT: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-=?^_`{|}~@.\[\]]*")
"""Characters that Mautic keeps in an address; it silently drops all others, and so finds somebody else's contact."""

_NO_FIELD: Final = frozenset(
    {
        *("id", "tags", "owner", "stage", "doNotContact", "frequencyRules", "companies", "customObjects"),
        *("overwriteWithBlank", "ipAddress", "lastActive", "preferred_profile_image"),
    }
)
_ZERO_HELP: Final = (
    "Mautic drops a zero that comes by POST or PATCH, and keeps the old value. Leave it out, or read the contact and"
    " replace() it whole"
)
_BLANK_HELP: Final = (
    'Mautic ignores it in an upsert, or wipes the whole contact. Leave it out, or ask for clear="patch", which clears'
    " it by a second request once the id is known"
)


def is_zero(value: object, kind: str | None = None) -> bool:
    """Whether Mautic would drop *value*; *kind* is the type of its field where that is known.

    A number between -1 and 1 is dropped, and the text ``0``; in a number field also other texts that mean zero.
    """
    if isinstance(value, bool):
        return kind == "number" and not value
    if isinstance(value, (int, float)):
        return abs(value) < 1
    if not isinstance(value, str):
        return False
    if value.strip() == "0":
        return kind != "boolean"
    return kind == "number" and bool(re.fullmatch(r"\s*[+-]?0*(\.\d*)?\s*", value)) and any(c.isdigit() for c in value)


def is_blank(value: object) -> bool:
    """None, an empty text or an empty list."""
    return value is None or (isinstance(value, (str, list, tuple, dict)) and not value)


def fields_in(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The entries of an encoded contact that are fields (``points`` included)."""
    return ((key, value) for key, value in body.items() if key not in _NO_FIELD)


def zeros(body: Mapping[str, Any], kinds: Mapping[str, str] | None = None) -> list[Problem]:
    """Zeros that a POST or PATCH would lose."""
    return [
        Problem(
            f"{value!r} cannot be written this way: {_ZERO_HELP}"
            + (", or use subtract_points()" if key == "points" else ""),
            key,
        )
        for key, value in fields_in(body)
        if is_zero(value, (kinds or {}).get(key))
    ]


def unsendable(body: Mapping[str, Any], *, new: bool) -> list[Problem]:
    """What makes Mautic fall over, with the rows before it stored: NUL, frequency rules, companies of a new contact."""
    found = [Problem("a NUL character, at which Mautic fails", key) for key, value in body.items() if _has_nul(value)]
    if body.get("frequencyRules"):
        found.append(
            Problem("Mautic 5.1 answers any frequency rule with a 500; write them in its own pages", "frequencyRules")
        )
    if new and "companies" in body:
        found.append(
            Problem(
                "Mautic answers `companies` of a new contact with a 500; set `company` (a name), or edit() the contact"
                " once its id is known",
                "companies",
            )
        )
    return found


def _has_nul(value: Any) -> bool:
    return any("\x00" in text for text in codec.text_of(value))


def blanks(body: Mapping[str, Any]) -> list[Problem]:
    """Values that mean "clear this" in an upsert row."""
    return [
        Problem(f"{'None' if value is None else 'an empty value'} does not clear a field: {_BLANK_HELP}", key)
        for key, value in fields_in(body)
        if is_blank(value)
    ]


def address(body: Mapping[str, Any]) -> list[Problem]:
    """An e-mail address with characters that Mautic would drop."""
    email = body.get("email")
    if isinstance(email, str) and not KEPT.fullmatch(email.strip()):
        odd = sorted({char for char in email.strip() if not KEPT.fullmatch(char)})
        return [
            Problem(
                f"Mautic would silently drop {' '.join(map(repr, odd))} from the address, and could find another"
                " contact; correct it (a domain with accents: in its xn-- form)",
                "email",
            )
        ]
    return []


def no_unique(body: Mapping[str, Any], unique: Iterable[str]) -> list[Problem]:
    """A row that no stored contact can be found by: each sending would make another contact."""
    names = list(unique)
    if any(not is_blank(body.get(name)) for name in names):
        return []
    return [
        Problem(
            f"an upsert needs a unique value ({', '.join(names)}): without one every sending makes another contact;"
            ' to allow that, say without_key="create"'
        )
    ]


def upsert(
    body: Mapping[str, Any], unique: Iterable[str], *, keyless: bool = False, clearing: bool = False
) -> list[Problem]:
    """All reasons to refuse an upsert row."""
    found = [] if keyless else no_unique(body, unique)
    found += address(body) + zeros(body) + unsendable(body, new=True)
    return found if clearing else found + blanks(body)


def refuse(problems: list[Problem], what: str) -> None:
    """Raise what was found.

    Raises:
        ConfigurationError: There are problems; nothing was sent.
    """
    if problems:
        raise ConfigurationError(f"{what}: not sent: {'; '.join(map(str, problems))}")


def same_for_database(value: object) -> str:
    """A key at least as coarse as the database's comparison: trimmed, one Unicode form, no case, no accents.

    Coarser costs a little parallelism; finer would cost duplicates.
    """
    text = unicodedata.normalize("NFKC", str(value)).strip().casefold()
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return unicodedata.normalize("NFKC", plain).casefold()
