"""Annotations of models: the type of the value, whether it may be None, and its direction."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import attrs

from mautic_async.codec.scalars import JSON_SCALARS
from mautic_async.models._base import PropertyMarker, Unset


def is_map(annotation: Any) -> bool:
    """Return True if *annotation* is a mapping type."""
    return get_origin(annotation) in {dict, Mapping}


def is_list(annotation: Any) -> bool:
    """Return True if *annotation* is a sequence type."""
    return get_origin(annotation) in {list, Sequence}


def is_json(annotation: Any) -> bool:
    """Return True if *annotation* takes any JSON value."""
    return base_type(annotation) is Any


def base_type(annotation: Any) -> Any:
    """Return the type without Annotated, None and UNSET; Any for a union of several types of JSON value.

    A class or a plain value (``FieldOption | str``) is the class: the hook of a class lets plain values through there.
    """
    if get_origin(annotation) is Annotated:
        return base_type(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        inner = [part for part in get_args(annotation) if part is not types.NoneType and part is not Unset]
        if len(inner) == 1:
            return base_type(inner[0])
        classes = [part for part in inner if attrs.has(part)]
        return classes[0] if len(classes) == 1 else Any
    # An unresolved name or a type variable says nothing about the value.
    return Any if annotation is object or isinstance(annotation, (str, typing.ForwardRef, TypeVar)) else annotation


def accepts_scalar(annotation: Any) -> bool:
    """Return True if a value may also be plain, beside the class that `base_type` names."""
    if get_origin(annotation) is Annotated:
        return accepts_scalar(get_args(annotation)[0])
    return get_origin(annotation) in {Union, types.UnionType} and any(
        part in JSON_SCALARS for part in get_args(annotation) if isinstance(part, type)
    )


def markers(annotation: Any) -> set[PropertyMarker]:
    """Return the direction markers of *annotation* and of the parts of a union."""
    found: set[PropertyMarker] = set()
    if get_origin(annotation) is Annotated:
        found |= {mark for mark in get_args(annotation)[1:] if isinstance(mark, PropertyMarker)}
        found |= markers(get_args(annotation)[0])
    elif get_origin(annotation) in {Union, types.UnionType}:
        for part in get_args(annotation):
            found |= markers(part)
    return found


def own_markers(annotation: Any) -> set[PropertyMarker]:
    """Return the markers of the attribute itself, without those of the items of a list."""
    return (
        {mark for mark in get_args(annotation)[1:] if isinstance(mark, PropertyMarker)}
        if get_origin(annotation) is Annotated
        else set()
    )


def accepts_none(annotation: Any) -> bool:
    """Return True if *annotation* takes None."""
    if get_origin(annotation) is Annotated:
        return accepts_none(get_args(annotation)[0])
    return get_origin(annotation) in {Union, types.UnionType} and types.NoneType in get_args(annotation)
