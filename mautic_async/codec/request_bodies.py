"""Entities from what was to be sent of them: dead letters, and rows that a journal keeps.

The way back of `encode`: under the names that requests use, with what only requests hold, and with any other name a
custom field.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import attrs

from mautic_async.codec.fields import Slot, decode, slots_of

E = TypeVar("E")


def decode_request(model: type[E], body: Mapping[str, Any]) -> E:
    """Read *body*, as it would be sent (with the ``id`` that calls name elsewhere), as a *model*.

    Things inside things are read as answers show them; the few that requests spell otherwise (frequency rules) are not
    found again. Who has to be sure encodes the result and compares.

    Raises:
        ValueError: A value is not what the model's annotation promises.
    """
    by_write_key = _written(model)  # type: ignore[arg-type]  # a class is hashable, whatever its instances are
    shown: dict[str, Any] = {}
    unshown: dict[str, Any] = {}
    for key, value in body.items():
        slot = by_write_key.get(key)
        if slot is None:
            shown[key] = value
        elif slot.readable:
            shown[slot.key] = value
        else:
            unshown[slot.name] = None if value is None else slot.decode(value)
    entity = decode(model, shown)
    for name, value in unshown.items():
        setattr(entity, name, value)
    _take_fields(entity)
    return entity


@lru_cache(maxsize=256)
def _written(model: Any) -> Mapping[str, Slot]:
    return {slot.write_key: slot for slot in slots_of(model) if slot.writable}


def _take_fields(entity: Any) -> None:
    """What no property has is a custom field, of those who have such."""
    left = getattr(entity, "extra", None)
    if left and "fields" in attrs.fields_dict(type(entity)):
        entity.fields = dict(left)
        entity.extra = {}
