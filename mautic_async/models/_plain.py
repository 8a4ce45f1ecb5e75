"""Entities for readers: a short repr, plain data for JSON, and a schema for pydantic."""

from __future__ import annotations

import enum
import reprlib
from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Any, Final

from mautic_async.models._masking import MaskedStr


class _ShortRepr(reprlib.Repr):
    """`reprlib.Repr` with dates in ISO 8601, and with the limits of an entity's repr."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 80
        self.maxlist = self.maxtuple = self.maxdict = 5

    def repr1(self, x: Any, level: int) -> str:
        if isinstance(x, (date, time)):
            return x.isoformat()
        if isinstance(x, Mapping):
            return self.repr_dict({key: item for key, item in x.items() if item is not None}, level)
        if hasattr(x, "to_dict"):
            return repr(x)  # an entity shortens its values itself
        return super().repr1(x, level)


_SHORT: Final = _ShortRepr()


def short_repr(name: str, values: Iterable[tuple[str, Any]]) -> str:
    """Return ``name(attribute=value, ...)`` of the values that are not empty, each shortened."""
    shown = (f"{key}={_SHORT.repr(value)}" for key, value in values if not _is_empty(value))
    return f"{name}({', '.join(shown)})"


def _is_empty(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(item is None for item in value.values())
    return value is None or value in ("", [])


def to_plain(value: Any) -> Any:
    """Return *value* as JSON data: dates as ISO 8601, entities as their `to_dict`, masked strings as ``***``."""
    if isinstance(value, MaskedStr):
        return "***"
    # A masked string is a str: the test for it comes first.
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return to_plain(value.value)
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item) for item in value]
    return str(value)  # a type of the user's own, such as Decimal


def flat_fields(data: dict[str, Any]) -> dict[str, Any]:
    """Return *data*, the plain data of a contact or company, with its ``fields`` beside its properties."""
    return {**(data.pop("fields", None) or {}), **data}


def pydantic_schema(model: type) -> Any:
    """Return the schema by which pydantic takes instances of *model* and serializes them by `to_dict`."""
    from pydantic_core import core_schema

    plain = core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema())
    serialization = core_schema.plain_serializer_function_ser_schema(to_plain, return_schema=plain)
    return core_schema.is_instance_schema(model, serialization=serialization)
