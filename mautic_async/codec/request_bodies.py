"""Entities decoded from request bodies: dead letters, and rows that a journal keeps.

This is the inverse of `encode`: keys are the names that requests use, and an unknown key is a custom field.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import attrs

from mautic_async.codec.compiled import Convert
from mautic_async.codec.containers import structure_hook_for
from mautic_async.codec.decoding import value_decoder
from mautic_async.codec.fields import JSONField, json_fields

E = TypeVar("E")


def decode_request(model: type[E], body: Mapping[str, Any]) -> E:
    """Read *body*, as it would be sent (with the ``id`` that calls name elsewhere), as a *model*.

    Nested values are read in the form of answers. The few that requests spell otherwise (frequency rules) are lost, so
    a caller who has to be sure encodes the result and compares.

    Raises:
        ValueError: A value does not fit the model's annotation.
    """
    by_write_key = _by_write_key(model)  # type: ignore[arg-type]  # a class is hashable, whatever its instances are
    readable: dict[str, Any] = {}
    write_only: dict[str, Any] = {}
    for key, value in body.items():
        field, convert = by_write_key.get(key, (None, None))
        if field is None or convert is None:
            readable[key] = value
        elif field.readable:
            # Requests and answers may name a property differently, and the hook reads answers.
            readable[field.key] = from_labels(value) if field.metadata.get("form") == "labels" else value
        else:
            write_only[field.name] = None if value is None else convert(value)
    kind: Any = model
    entity: E = structure_hook_for(kind)(readable, kind)  # not `decode`: no answer was read
    # No answer holds these properties, so the hook of the class does not read them.
    for name, value in write_only.items():
        setattr(entity, name, value)
    _extra_to_fields(entity)
    return entity


def from_labels(value: Any) -> Any:
    """Return the map that requests spell as a list of labels and values."""
    labels = value.get("list") if isinstance(value, Mapping) else None
    return {item["label"]: item["value"] for item in labels} if isinstance(labels, list) else value


@lru_cache(maxsize=256)
def _by_write_key(model: Any) -> Mapping[str, tuple[JSONField, Convert]]:
    return {field.write_key: (field, value_decoder(field)) for field in json_fields(model) if field.writable}


def _extra_to_fields(entity: Any) -> None:
    """Move values without a property to the custom fields, if the class has any."""
    left = getattr(entity, "extra", None)
    if left and "fields" in attrs.fields_dict(type(entity)):
        entity.fields = dict(left)
        entity.extra = {}
