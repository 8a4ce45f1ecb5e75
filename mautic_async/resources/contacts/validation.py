"""Checks of an encoded contact for values that Mautic would drop, wipe other fields with, or fail on.

Every rule was measured on Mautic 5.1.1 and 7.0.2. Single calls raise the problems found here, bulk jobs refuse the row
with them. `collation_key` compares texts as Mautic's database does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from mautic_async import codec
from mautic_async.errors import ConfigurationError, Problem

EMAIL_SAFE: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-=?^_`{|}~@.\[\]]*")
"""Characters that Mautic keeps in an address. It drops all others without a word, and then finds another contact."""

MARKUP: Final = re.compile(r"[<>]|&#?\w+;")
"""Parts of a text that Mautic strips or decodes."""

NON_FIELDS: Final = frozenset(
    {
        *("id", "tags", "owner", "stage", "doNotContact", "frequencyRules", "companies", "customObjects"),
        *("overwriteWithBlank", "ipAddress", "lastActive", "preferred_profile_image"),
    }
)
"""Properties of a contact that are no fields."""

_ZERO_HELP: Final = (
    "Mautic drops a zero that comes by POST or PATCH, and keeps the old value. Leave it out, drop all such zeros with"
    ' zeros="drop", or read the contact and replace() it whole'
)
_BLANK_HELP: Final = (
    'Mautic ignores it in an upsert, or wipes the whole contact. Leave it out, or clear it with clear="patch"'
)


def is_zero(value: object, field_type: str | None = None) -> bool:
    """Return True if Mautic would drop *value*; *field_type* is the type of its field where that is known.

    Mautic drops a number between -1 and 1 and the text ``0``, in a number field also what PHP casts to such a number,
    and nothing in a boolean field.
    """
    if field_type == "boolean":
        return False
    # Before numbers, since False equals 0 in Python.
    if isinstance(value, bool):
        return field_type == "number" and not value
    if isinstance(value, (int, float)):
        return abs(value) < 1
    if not isinstance(value, str):
        return False
    return value.strip() == "0" or (field_type == "number" and _casts_to_zero(value))


def _casts_to_zero(text: str) -> bool:
    try:
        return abs(float(text)) < 1
    except ValueError:
        return False


def is_blank(value: object) -> bool:
    """Return True for None, an empty list or map, and a text without a visible character, since Mautic trims."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, (list, tuple, dict)) and not value)


def iter_fields(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Return the entries of an encoded contact that are fields; ``points`` count as one."""
    return ((key, value) for key, value in body.items() if key not in NON_FIELDS)


FIELD_TYPES: Final[Mapping[str, str]] = {"points": "number", "attribution": "number"}
"""Types of those standard fields that are not texts."""


def drop_zeros(body: Mapping[str, Any], field_types: Mapping[str, str] = FIELD_TYPES) -> dict[str, Any]:
    """Return *body* without the zeros that a POST or PATCH would lose."""
    lost = {problem.field for problem in check_zeros(body, field_types)}
    return {key: value for key, value in body.items() if key not in lost}


def check_zeros(
    body: Mapping[str, Any], field_types: Mapping[str, str] = FIELD_TYPES, *, new: bool = False
) -> list[Problem]:
    """Return a problem for each zero that a POST or PATCH would lose.

    Args:
        body: An encoded contact.
        field_types: Known types of fields, by alias.
        new: Whether the contact may be new. Then 0 points pass, since Mautic gives a new contact 0 points anyway.
    """
    return [
        Problem(
            f"{value!r} cannot be written this way: {_ZERO_HELP}"
            + (", or use subtract_points()" if key == "points" else ""),
            key,
        )
        for key, value in iter_fields(body)
        if is_zero(value, field_types.get(key)) and not (new and key == "points")
    ]


def check_crashers(body: Mapping[str, Any], *, new: bool) -> list[Problem]:
    """Return the values on which Mautic fails: NUL, frequency rules, companies of a new contact.

    In a batch the rows before are stored, and the rows behind are not.
    """
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


def check_blanks(body: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each blank value, which in an upsert does not clear its field."""
    return [
        Problem(f"{'None' if value is None else 'an empty value'} does not clear a field: {_BLANK_HELP}", key)
        for key, value in iter_fields(body)
        if is_blank(value)
    ]


def check_email(body: Mapping[str, Any], field: str = "email") -> list[Problem]:
    """Return a problem for an e-mail address with characters that Mautic would drop."""
    email = body.get(field)
    if isinstance(email, str) and not EMAIL_SAFE.fullmatch(email.strip()):
        odd = sorted({char for char in email.strip() if not EMAIL_SAFE.fullmatch(char)})[:5]
        return [
            Problem(
                f"Mautic would silently drop {' '.join(map(repr, odd))} from the address, and could find another"
                " contact; correct it (a domain with accents: in its xn-- form)",
                field,
            )
        ]
    return []


def check_key(body: Mapping[str, Any], unique: Iterable[str]) -> list[Problem]:
    """Return a problem for a row without any unique value: each request with it would create another contact."""
    names = list(unique)
    if any(not is_blank(body.get(name)) for name in names):
        return []
    return [
        Problem(
            f"an upsert needs a unique value ({', '.join(names)}): without one every request creates another contact;"
            ' to allow that, pass without_key="create"'
        )
    ]


def check_rewritten_keys(body: Mapping[str, Any], unique: Iterable[str]) -> list[Problem]:
    """Return a problem for each unique value that Mautic stores in another form, so that it is not found again."""
    return [
        Problem("Mautic strips tags and entities from this unique value, and could find another contact", name)
        for name in unique
        if name != "email" and isinstance(body.get(name), str) and MARKUP.search(body[name])
    ]


def check_upsert(
    body: Mapping[str, Any],
    unique: Sequence[str],
    *,
    by_id: bool = False,
    keyless: bool = False,
    clearing: bool = False,
    field_types: Mapping[str, str] = FIELD_TYPES,
) -> list[Problem]:
    """Return all reasons to refuse an upsert row; a row *by_id* is an edit of that contact."""
    if not body:
        return [Problem("it names nothing, and Mautic would store an empty contact")]
    found = [] if by_id or keyless else check_key(body, unique)
    found += (
        check_email(body)
        + check_rewritten_keys(body, unique)
        + check_zeros(body, field_types, new=not by_id)
        + check_crashers(body, new=not by_id)
    )
    return found if by_id or clearing else found + check_blanks(body)


def raise_for(problems: Sequence[Problem], method: str) -> None:
    """Raise a `ConfigurationError` that names *problems*, if there are any; nothing was sent."""
    if problems:
        raise ConfigurationError(f"{method}: not sent: {'; '.join(map(str, problems))}")


def collation_key(value: object) -> str:
    """Return a key that is equal for all values which the database (utf8mb4_unicode_ci) takes for equal.

    The text is trimmed and normalized; case, accents, strokes, the kind of kana and invisible characters are dropped,
    and all characters beyond U+FFFF become one. The key may be equal for values that the database tells apart, which
    costs a little parallelism. The reverse would cost duplicates.
    """
    text = str(value)
    # Most keys end here, since folding costs more than everything else.
    if text.isascii() and text.isprintable():
        return text.strip().lower()
    # utf8mb4_unicode_ci gives all characters beyond U+FFFF one weight.
    narrow = "".join(char if char <= "\uffff" else "\ufffd" for char in text)
    return _fold(narrow).strip()


def _fold(text: str) -> str:
    # Normalised twice, because case folding may bring composed letters back.
    return "".join(map(_fold_letter, unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())))


_INVISIBLE: Final = frozenset({"Mn", "Me", "Cc", "Cf"})
_LETTER_VARIANT: Final = re.compile(r" WITH .*|\b(SMALL|FINAL|DOTLESS) (?=LETTER |[A-Z]+$)")
_DIGRAPHS: Final = {"\xe6": "ae", "\u0153": "oe", "\xf0": "d", "\xfe": "th", "\u0131": "i"}


@lru_cache(maxsize=4096)
def _fold_letter(char: str) -> str:
    """Return a folded character without its accent, stroke, or other mark."""
    if char.isascii() and char.isprintable():
        return char
    if char > "\uffff":
        return "\ufffd"
    # The collation ignores marks and control characters, and treats all spaces alike.
    category = unicodedata.category(char)
    if category in _INVISIBLE:
        return ""
    if category.startswith("Z"):
        return " "
    if char in _DIGRAPHS:
        return _DIGRAPHS[char]
    name = unicodedata.name(char, "")
    plain = _LETTER_VARIANT.sub("", name).replace("KATAKANA", "HIRAGANA")
    if plain == name:
        return char
    # The pattern has removed SMALL from the name, so the letter is looked up with it, too.
    script, _, rest = plain.partition(" LETTER ")
    for spelling in (plain, f"{script} SMALL LETTER {rest}"):
        try:
            found = unicodedata.lookup(spelling)
        except KeyError:
            continue
        # A letter that is its own base would be folded for ever.
        return char if found.casefold() == char else _fold(found)
    return char
