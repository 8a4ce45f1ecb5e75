"""Columns that lead to no field, told all at once, with the options that would map them."""

from __future__ import annotations

import difflib
import shlex
import unicodedata
from collections.abc import Collection, Sequence
from typing import Final

from attrs import frozen

STANDARD_FIELDS: Final = (
    *("email", "firstname", "lastname", "title", "company", "position", "phone", "mobile", "fax", "website"),
    *("address1", "address2", "city", "state", "zipcode", "country", "timezone", "preferred_locale", "points"),
    *("facebook", "foursquare", "instagram", "linkedin", "skype", "twitter", "attribution", "tags", "owner", "stage"),
)
"""Fields that every Mautic has."""

_SYNONYMS: Final = {
    **dict.fromkeys(("mail", "e-mail-adresse", "emailadresse", "courriel"), "email"),
    **dict.fromkeys(("vorname", "prenom", "given name"), "firstname"),
    **dict.fromkeys(("nachname", "name", "surname", "nom"), "lastname"),
    **dict.fromkeys(("strasse", "straße", "street", "adresse", "rue"), "address1"),
    **dict.fromkeys(("plz", "postleitzahl", "zip", "postal code", "code postal"), "zipcode"),
    **dict.fromkeys(("ort", "stadt", "town", "ville"), "city"),
    **dict.fromkeys(("land", "pays"), "country"),
    **dict.fromkeys(("firma", "unternehmen", "organisation", "societe"), "company"),
    **dict.fromkeys(("telefon", "tel", "telephone"), "phone"),
    **dict.fromkeys(("handy", "mobil", "cell"), "mobile"),
    **dict.fromkeys(("anrede", "salutation"), "title"),
    **dict.fromkeys(("schlagworte", "labels"), "tags"),
}
"""Common headings of columns in English, German and French."""


@frozen
class Misfit:
    """A column that cannot be imported as it is.

    Attributes:
        column: Its name.
        reason: Why.
        mappable: Whether ``--map`` could mend it.
    """

    column: str
    reason: str
    mappable: bool = True

    def remedy(self, fields: Collection[str]) -> str:
        """Return the ``--map`` option that would map the column; it leaves it out if no field has a similar name."""
        return f"--map {shlex.quote(f'{self.column}={nearest_field(self.column, fields)}')}"


def nearest_field(column: str, fields: Collection[str]) -> str:
    """Return the field that *column* most probably means, or "" if none is near."""
    candidates = fields or STANDARD_FIELDS
    folded = unicodedata.normalize("NFKC", column).strip().casefold()
    if (synonym := _SYNONYMS.get(folded, "")) in candidates:
        return synonym
    by_letters = {_letters(name): name for name in candidates}
    near = difflib.get_close_matches(_letters(folded), by_letters, 1, 0.8)
    return by_letters[near[0]] if near else ""


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name))


def misfit_message(misfits: Sequence[Misfit], fields: Collection[str] = ()) -> str:
    """Return one message for all columns: the reasons, then ``--map`` options to copy."""
    count = len(misfits)
    lines = [f"{count} {'column' if count == 1 else 'columns'} cannot be imported:"]
    lines += [f"  column {misfit.column!r}: {misfit.reason}" for misfit in misfits]
    remedies = [f"  {misfit.remedy(fields)}" for misfit in misfits if misfit.mappable]
    if remedies:
        lines += ["Map each to a field, or to nothing to leave it out:", *remedies]
        lines.append("To leave out all columns without a field: --ignore-unknown")
    return "\n".join(lines)
