"""The format of a file of rejected rows: its own columns, and cells that a spreadsheet would take for formulas."""

from __future__ import annotations

from typing import Final

STATUS: Final = "_status"
PROBLEMS: Final = "_problems"
MARKS: Final = (STATUS, PROBLEMS)

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")
"""The apostrophe too, so that taking one off always gives back what was there."""


def guard(cell: str) -> str:
    """Return *cell* so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def unguard(cell: str) -> str:
    """Return the cell that `guard` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
