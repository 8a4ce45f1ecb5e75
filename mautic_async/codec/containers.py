"""The converter, and its hooks for lists and maps, each of which PHP may send for the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Final, TypeAlias, get_args

import attrs
import cattrs

from mautic_async.codec.annotations import accepts_scalar, base_type, is_json, is_list, is_map, markers
from mautic_async.codec.scalars import (
    copy_json,
    decode_bool,
    decode_date,
    decode_datetime,
    decode_float,
    decode_int,
    decode_str,
    decode_time,
    is_json_map,
    reject,
)
from mautic_async.models._base import PropertyMarker

StructureHook: TypeAlias = Callable[[Any, Any], Any]

converter: Final = cattrs.Converter(detailed_validation=False)
for _kind, _hook in {
    int: decode_int,
    float: decode_float,
    str: decode_str,
    bool: decode_bool,
    datetime: decode_datetime,
    date: decode_date,
    time: decode_time,
}.items():
    converter.register_structure_hook(_kind, _hook)


@lru_cache(maxsize=1024)
def structure_hook_for(model: type) -> StructureHook:
    """Return the hook of a class; a hook that users register later counts for classes not read before."""
    return converter.get_structure_hook(model)


def _lazy_hook(base: Any) -> StructureHook:
    """Return a hook that fetches the one of its class when first used: classes name each other, and themselves."""
    return lambda value, _: structure_hook_for(base)(value, base)


def _map_hook(annotation: Any) -> StructureHook:
    inside = get_args(annotation)[1:] or (Any,)
    base = base_type(inside[0])
    hook = None if is_json(inside[0]) else _lazy_hook(base) if attrs.has(base) else converter.get_structure_hook(base)

    def structure(value: Any, _: object = None) -> Any:
        # PHP writes a map as a list if it is empty or its keys are 0, 1, 2 and so on.
        if isinstance(value, list):
            value = {str(index): item for index, item in enumerate(value)} if value else {}
        if not is_json_map(value):
            reject(value)
        if hook is None:
            return copy_json(dict(value))
        return {key: None if item is None else hook(item, inside[0]) for key, item in value.items()}

    return structure


def _list_hook(annotation: Any) -> StructureHook:
    inside = (get_args(annotation) or (Any,))[0]
    base = base_type(inside)
    hook = None if is_json(inside) else _lazy_hook(base) if attrs.has(base) else converter.get_structure_hook(base)
    by_id = PropertyMarker.BY_ID in markers(inside)
    allow_scalar = accepts_scalar(inside)

    def one(item: Any) -> Any:
        if is_json_map(item) or not (allow_scalar or by_id):
            return hook(item, inside) if hook is not None else item
        # Some answers name a reference by its id alone.
        return base_type(inside)(id=decode_int(item)) if by_id else item

    def structure(value: Any, _: object = None) -> Any:
        if value.__class__ is not list:
            value = list(value.values()) if is_json_map(value) else reject(value)  # PHP's list with a gap is a map
        if not value:
            return []
        return copy_json(list(value)) if hook is None else [one(item) for item in value if item is not None]

    return structure


converter.register_structure_hook_factory(is_map, _map_hook)
converter.register_structure_hook_factory(is_list, _list_hook)
