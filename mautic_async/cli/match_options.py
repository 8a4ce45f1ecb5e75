"""The options of ``import`` that say how new custom items are recognised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from mautic_async import ConfigurationError, LookupField, LookupName, UniqueField

MatchStrategy: TypeAlias = UniqueField | LookupField | LookupName


def parse_match_options(unique: Sequence[str], lookup: Sequence[str]) -> dict[str, MatchStrategy]:
    """Read the ``OBJECT.ATTRIBUTE`` arguments of ``--item-unique`` and ``--item-marker``.

    Several unique attributes of one object count together.

    Raises:
        ConfigurationError: One has no dot, or an object has both options.
    """
    fields: dict[str, list[str]] = {}
    for text in unique:
        alias, attribute = _split_option("--item-unique", text)
        fields.setdefault(alias, []).append(attribute)
    strategies: dict[str, MatchStrategy] = {alias: UniqueField(names) for alias, names in fields.items()}
    for text in lookup:
        alias, attribute = _split_option("--item-marker", text)
        if alias in strategies:
            raise ConfigurationError(f"--item-marker {text}: {alias} is recognised by another option already")
        strategies[alias] = LookupName() if attribute == "name" else LookupField(attribute)
    return strategies


def no_key_message(alias: str) -> str:
    """Return why new items of an object without any of the options are refused, and what to give."""
    return (
        f"new items of {alias!r} would be doubled when the file is imported again: give --item-unique"
        f" {alias}.ATTRIBUTE or --item-marker {alias}.ATTRIBUTE, or --items-append to add them each time"
    )


def _split_option(option: str, text: str) -> tuple[str, str]:
    alias, dot, attribute = text.partition(".")
    if not (alias and dot and attribute):
        raise ConfigurationError(f"{option} {text}: write it as OBJECT.ATTRIBUTE, such as orders.order-number")
    return alias, attribute
