"""What an annotation says: the type of the value itself, whether it may be empty, which way it goes."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import attrs

from mautic_async.codec.scalars import PLAIN
from mautic_async.models._base import Direction, Unset


def is_map(kind: Any) -> bool:
    """Return True if *kind* is a mapping type."""
    return get_origin(kind) in {dict, Mapping}


def is_list(kind: Any) -> bool:
    """Return True if *kind* is a sequence type."""
    return get_origin(kind) in {list, Sequence}


def is_json(kind: Any) -> bool:
    """Return True if *kind* takes any JSON value."""
    return core_of(kind) is Any


def core_of(kind: Any) -> Any:
    """The type without Annotated, None and UNSET; Any for what holds several types of JSON value.

    A class or a plain value (``FieldOption | str``) is the class: the hook of a class lets plain values through there.
    """
    if get_origin(kind) is Annotated:
        return core_of(get_args(kind)[0])
    if get_origin(kind) in {Union, types.UnionType}:
        inner = [part for part in get_args(kind) if part is not types.NoneType and part is not Unset]
        if len(inner) == 1:
            return core_of(inner[0])
        classes = [part for part in inner if attrs.has(part)]
        return classes[0] if len(classes) == 1 else Any
    return Any if kind is object or isinstance(kind, (str, typing.ForwardRef, TypeVar)) else kind


def is_mixed(kind: Any) -> bool:
    """Whether a value may also be plain, beside the class that `core_of` names."""
    if get_origin(kind) is Annotated:
        return is_mixed(get_args(kind)[0])
    return get_origin(kind) in {Union, types.UnionType} and any(
        part in PLAIN for part in get_args(kind) if isinstance(part, type)
    )


def directions(kind: Any) -> set[Direction]:
    """Return the direction markers of *kind* and of the parts of a union."""
    found: set[Direction] = set()
    if get_origin(kind) is Annotated:
        found |= {mark for mark in get_args(kind)[1:] if isinstance(mark, Direction)}
        found |= directions(get_args(kind)[0])
    elif get_origin(kind) in {Union, types.UnionType}:
        for part in get_args(kind):
            found |= directions(part)
    return found


def outer(kind: Any) -> set[Direction]:
    """The marks on the attribute itself, not on what a list of it holds."""
    return (
        {mark for mark in get_args(kind)[1:] if isinstance(mark, Direction)} if get_origin(kind) is Annotated else set()
    )


def is_nullable(kind: Any) -> bool:
    """Return True if *kind* takes None."""
    if get_origin(kind) is Annotated:
        return is_nullable(get_args(kind)[0])
    return get_origin(kind) in {Union, types.UnionType} and types.NoneType in get_args(kind)
