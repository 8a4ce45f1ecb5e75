"""Texts of cells as values: lists, numbers with a decimal comma, dates of a country."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeAlias

from mautic_async.cli.column_settings import CellFormat

NUMBER_TYPES: Final = frozenset({"number", "int", "float"})
DATE_TYPES: Final = frozenset({"date", "datetime"})

_COMMA_NUMBER: Final = re.compile(r"[+-]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]+)(,[0-9]+)?")
_POINT_NUMBER: Final = re.compile(r"[+-]?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?")

Conversion: TypeAlias = Callable[[str], str]


def is_empty(value: Any) -> bool:
    """Return True if *value* is a text without a visible character."""
    return isinstance(value, str) and not value.strip()


def split_list(value: Any, separator: str) -> Any:
    """Return the parts of a text, trimmed, without empty ones; other values as they are."""
    return [part.strip() for part in value.split(separator) if part.strip()] if isinstance(value, str) else value


def conversion(field_type: str | None, cells: CellFormat) -> Conversion | None:
    """Return the function that rewrites texts of a field, or None if they stay as they are.

    Args:
        field_type: As Mautic calls it; None if it is not known. Then a text is rewritten only if the whole of it is a
            number with a decimal comma, or a date of the given format.
        cells: How the texts are written.

    The function raises a ValueError for a text that cannot be a value of the field.
    """
    if field_type is None:
        return _guess(cells) if cells.decimal == "," or cells.date_format else None
    if field_type in NUMBER_TYPES:
        return _number_with_comma if cells.decimal == "," else _number_with_point
    if field_type in DATE_TYPES and cells.date_format:
        return lambda text: _date(text, cells.date_format)
    return None


def _number_with_comma(text: str) -> str:
    number = text.strip()
    if _COMMA_NUMBER.fullmatch(number):
        return number.replace(".", "").replace(",", ".")
    if _POINT_NUMBER.fullmatch(number):
        raise ValueError(f"{text[:40]!r} has a decimal point, and --decimal , says that numbers have a comma")
    return text


def _number_with_point(text: str) -> str:
    number = text.strip()
    if "," not in number:
        return text
    if _COMMA_NUMBER.fullmatch(number):
        raise ValueError(f"{text[:40]!r} has a comma: if it is the decimal mark, give --decimal ,")
    return number.replace(",", "") if _POINT_NUMBER.fullmatch(number) else text


def _date(text: str, date_format: str) -> str:
    try:
        found = datetime.strptime(text.strip(), date_format)  # noqa: DTZ007 - Mautic takes local times
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a date written as --date-format {date_format}") from None
    return found.isoformat(" ") if re.search("%[HIcXT]", date_format) else found.date().isoformat()


def _guess(cells: CellFormat) -> Conversion:
    def rewrite(text: str) -> str:
        if cells.decimal == "," and "," in text and _COMMA_NUMBER.fullmatch(text.strip()):
            return _number_with_comma(text)
        if cells.date_format:
            try:
                return _date(text, cells.date_format)
            except ValueError:
                return text
        return text

    return rewrite
