"""Changes of an entity since it was read: an edit sends only these."""

from __future__ import annotations

from typing import Any, TypeVar

from mautic_async.codec.containers import structure_hook_for
from mautic_async.codec.records import encode
from mautic_async.models._base import answer_of

E = TypeVar("E")


def as_read(entity: E) -> E | None:
    """Return *entity* as it was when an answer was decoded to it, or None where it is the caller's own.

    Copies (`attrs.evolve`, `copy.copy`, pickles) are the caller's own.
    """
    answer = answer_of(entity)
    if answer is None:
        return None
    kind: Any = type(entity)
    original: E = structure_hook_for(kind)(answer, kind)
    return original


def encode_changes(entity: Any) -> dict[str, Any]:
    """Return the properties of *entity* that differ from its answer; of a caller's own entity all that are set.

    Raises:
        ConfigurationError: As `encode`.
    """
    body = encode(entity)
    original = as_read(entity)
    if original is None:
        return body
    # Both are compared as JSON: this sees a list that was changed in place, and takes no new spelling for a change.
    before = encode(original)
    return {key: value for key, value in body.items() if key not in before or not _is_equal(value, before[key])}


def _is_equal(value: Any, before: Any) -> bool:
    """Return True if two JSON values are equal; unlike ``==`` it tells True from 1."""
    return bool(value == before) and isinstance(value, bool) == isinstance(before, bool)
