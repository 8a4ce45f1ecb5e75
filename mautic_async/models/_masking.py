"""Strings whose repr hides them: passwords and webhook secrets, which tracebacks must not show."""

from __future__ import annotations


class MaskedStr(str):
    """String whose repr is three asterisks, also inside dictionaries."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def mask_text(value: str) -> str:
    """Return a masked string."""
    return MaskedStr(value)
