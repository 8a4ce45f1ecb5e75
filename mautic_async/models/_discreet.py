"""Texts that a traceback must not show: passwords and secrets on their way into a body."""

from __future__ import annotations

from mautic_async.models._base import Unset


class MaskedStr(str):
    """A text like any other, but that its repr is three stars: dictionaries and frames that hold it stay clean."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def mask(value: str | Unset | None) -> str | Unset | None:
    """Hide a text; leave the rest as it is."""
    return MaskedStr(value) if isinstance(value, str) else value


def mask_text(value: str) -> str:
    """Hide a text."""
    return MaskedStr(value)
