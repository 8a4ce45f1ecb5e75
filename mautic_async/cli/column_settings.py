"""Settings of columns, and what a server tells about its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from attrs import field, frozen

Zeros: TypeAlias = Literal["refuse", "drop"]


@frozen(kw_only=True)
class CellFormat:
    """Notation of texts in cells.

    Attributes:
        tag_separator: Between the tags, or the values of a list, in one cell.
        decimal: The decimal mark of numbers, ``.`` or ``,``.
        date_format: How dates are written, as for `datetime.datetime.strptime`; "" if as Mautic wants them.
    """

    tag_separator: str = "|"
    decimal: str = "."
    date_format: str = ""


@frozen(kw_only=True)
class ColumnSettings:
    """Rules by which columns become contacts.

    Attributes:
        mapping: Target by column name; see `mautic_async.cli.column_mapping`.
        unique: Fields by which contacts are found again.
        clear_empty: Whether an empty cell clears its field, instead of leaving it alone.
        ignore_unknown: Whether to leave out columns that lead to no field, instead of refusing the file.
        zeros: Whether a zero in a number field refuses its row, or is left out; Mautic stores none.
        cells: How cells are written.
    """

    mapping: Mapping[str, str] = field(factory=dict)
    unique: Sequence[str] = ("email",)
    clear_empty: bool = False
    ignore_unknown: bool = False
    zeros: Zeros = "refuse"
    cells: CellFormat = field(factory=CellFormat)


@frozen
class KnownFields:
    """The fields of a Mautic, as far as the server told them.

    Attributes:
        contact: Type by alias of the fields of contacts; empty if they are not known.
        objects: Type by alias of the fields of each custom object, by the object's alias; None if not known.
    """

    contact: Mapping[str, str] = field(factory=dict)
    objects: Mapping[str, Mapping[str, str]] | None = None
