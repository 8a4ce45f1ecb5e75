"""The converter, and how it reads lists and maps, each of which PHP may send for the other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Final, TypeAlias, get_args

import attrs
import cattrs

from mautic_async.codec.annotations import core_of, directions, is_json, is_list, is_map, is_mixed
from mautic_async.codec.scalars import (
    is_json_map,
    read_bool,
    read_date,
    read_datetime,
    read_float,
    read_int,
    read_str,
    read_time,
    unfit,
)
from mautic_async.models._base import Direction

Hook: TypeAlias = Callable[[Any, Any], Any]

converter: Final = cattrs.Converter(detailed_validation=False)
for _kind, _hook in {
    int: read_int,
    float: read_float,
    str: read_str,
    bool: read_bool,
    datetime: read_datetime,
    date: read_date,
    time: read_time,
}.items():
    converter.register_structure_hook(_kind, _hook)


@lru_cache(maxsize=1024)
def hook_of(model: type) -> Hook:
    """The hook of a class; what users teach the converter later counts for classes not read before."""
    return converter.get_structure_hook(model)


def _late(core: Any) -> Hook:
    """The hook of a class, fetched when it is first used: classes name each other, and themselves."""
    return lambda value, _: hook_of(core)(value, core)


def _map_hook(kind: Any) -> Hook:
    inside = get_args(kind)[1:] or (Any,)
    core = core_of(inside[0])
    hook = None if is_json(inside[0]) else _late(core) if attrs.has(core) else converter.get_structure_hook(core)

    def structure(value: Any, _: object = None) -> Any:
        if isinstance(value, list):
            value = {str(index): item for index, item in enumerate(value)} if value else {}
        if not is_json_map(value):
            unfit(value)
        if hook is None:
            return dict(value)
        return {key: None if item is None else hook(item, inside[0]) for key, item in value.items()}

    return structure


def _list_hook(kind: Any) -> Hook:
    inside = (get_args(kind) or (Any,))[0]
    core = core_of(inside)
    hook = None if is_json(inside) else _late(core) if attrs.has(core) else converter.get_structure_hook(core)
    by_id = Direction.BY_ID in directions(inside)
    loose = is_mixed(inside)

    def one(item: Any) -> Any:
        if is_json_map(item) or not (loose or by_id):
            return hook(item, inside) if hook is not None else item
        return core_of(inside)(id=read_int(item)) if by_id else item

    def structure(value: Any, _: object = None) -> Any:
        if value.__class__ is not list:
            value = list(value.values()) if is_json_map(value) else unfit(value)  # PHP's list with a gap is a map
        if not value:
            return []
        return list(value) if hook is None else [one(item) for item in value if item is not None]

    return structure


converter.register_structure_hook_factory(is_map, _map_hook)
converter.register_structure_hook_factory(is_list, _list_hook)
