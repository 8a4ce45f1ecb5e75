"""Strings whose repr hides them: passwords and webhook secrets, which tracebacks must not show."""

from __future__ import annotations

from mautic_async.models._base import Unset


class MaskedStr(str):
    """String whose repr is three asterisks, also inside dictionaries."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def mask(value: str | Unset | None) -> str | Unset | None:
    """Return a string masked, and any other value unchanged."""
    return MaskedStr(value) if isinstance(value, str) else value


def mask_text(value: str) -> str:
    """Return a masked string."""
    return MaskedStr(value)
