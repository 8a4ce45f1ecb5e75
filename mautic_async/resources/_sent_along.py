"""Stored values that an edit sends along with its changes, because Mautic needs them or resets them otherwise.

Each rule (`SentAlong`) belongs to the endpoint of a noun. The resource reads the entity just before the edit and adds
the values to the body. A value that another client changes in between is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import frozen

from mautic_async import codec


@frozen
class SentAlong:
    """Rule for properties that an edit sends along.

    Attributes:
        missing: Property whose absence from an edit makes it incomplete; JSON names, like the next two.
        names: Properties to send along. Those that the edit names itself, and empty ones, are left out.
        beside: Properties that need them; all edits do if there are none.
    """

    missing: str
    names: tuple[str, ...]
    beside: tuple[str, ...] = ()

    def applies(self, body: Mapping[str, Any]) -> bool:
        """Return True if an edit with *body* is incomplete."""
        return self.missing not in body and (not self.beside or any(name in body for name in self.beside))


Rules: TypeAlias = tuple[SentAlong, ...]


def incomplete(rules: Rules, body: Mapping[str, Any]) -> str:
    """Return the property without which an edit with *body* is incomplete, or an empty text."""
    return next((rule.missing for rule in rules if rule.applies(body)), "")


def complete(rules: Rules, body: dict[str, Any], stored: object) -> dict[str, Any]:
    """Return *body* with the values of *stored* that an edit sends along."""
    values = codec.encode(stored)
    # What the edit names itself wins over what is stored.
    names = [name for rule in rules if rule.applies(body) for name in rule.names]
    return {**{name: values[name] for name in names if values.get(name)}, **body}
