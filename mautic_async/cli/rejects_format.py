"""The format of a file of rejected rows: two columns of its own, and cells guarded against spreadsheet formulas."""

from __future__ import annotations

from typing import Final

STATUS: Final = "_status"
PROBLEMS: Final = "_problems"
MARKS: Final = (STATUS, PROBLEMS)

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")
"""First characters that are guarded. The apostrophe is one of them, so that `unguard` reverses `guard`."""


def guard(cell: str) -> str:
    """Return *cell* so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def unguard(cell: str) -> str:
    """Return the cell that `guard` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
