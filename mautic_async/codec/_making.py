"""Entities made from the values of an answer.

A class has up to 55 properties and an answer names few of them. Calling the class would set every one, which takes as
long as all the rest of decoding; so a plain entity is made bare and given what the answer holds, through the slots
themselves, and `Nested` looks a default up when it is asked for. Classes that want a say when they are made (an
``__attrs_post_init__``, a converter or validator of the user's own) are called like everybody calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import cattrs
from attrs import frozen

from mautic_async.models._base import Nested

if TYPE_CHECKING:
    from collections.abc import Iterable

Put: TypeAlias = Callable[[Any, Any], object]
Step: TypeAlias = tuple[Put, type, bool, Callable[[Any], Any]]
"""What to do with a value: where to put it, the class that fits as it is, whether None may stand, a conversion."""

UNFIT: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, cattrs.BaseValidationError)


@frozen
class Making:
    """How entities of one class are made: `begin`, then any number of puts, then `end`."""

    model: Any
    bare: bool

    @property
    def begin(self) -> Callable[[], Any]:
        """Gives something to put values into."""
        return partial(object.__new__, self.model) if self.bare else dict

    @property
    def end(self) -> Callable[[Any], Any]:
        """Makes an entity of it."""
        return _itself if self.bare else self._called

    def _called(self, values: dict[str, Any]) -> Any:
        return self.model(**values)

    def put(self, name: str) -> Put:
        """Puts a value where *name* belongs."""
        if not self.bare:
            alias = attrs.fields_dict(self.model)[name].alias or name
            return lambda values, value: values.__setitem__(alias, value)
        put: Put | None = getattr(getattr(self.model, name, None), "__set__", None)
        return put or partial(_put_by_name, name)


def _itself(entity: Any) -> Any:
    return entity


def _put_by_name(name: str, entity: Any, value: Any) -> None:
    object.__setattr__(entity, name, value)


@lru_cache(maxsize=1024)
def making_of(model: Any) -> Making:
    """How to make entities of *model*."""
    return Making(model, bare=issubclass(model, Nested) and _is_plain(model))


def _is_plain(model: Any) -> bool:
    """Whether nothing would happen when the class is called, but that its properties are set."""
    if model.__getattr__ is not Nested.__getattr__ or hasattr(model, "__attrs_post_init__"):  # type: ignore[attr-defined]  # hidden from mypy
        return False
    if hasattr(model, "__attrs_pre_init__") or not model.__init__.__code__.co_filename.startswith("<attrs"):
        return False
    if model.__new__ is not object.__new__:
        return False
    return all(field.validator is None and _is_ours(field.converter) for field in attrs.fields(model))


def _is_ours(converter: Any) -> bool:
    """Our own converters take an id for an entity; what has been decoded is one already."""
    return converter is None or str(getattr(converter, "__module__", "")).startswith("mautic_async.models.")


def steps(making: Making, slots: Iterable[tuple[str, Any]]) -> Mapping[str, Step]:
    """What to do with the value under each key; *slots* are keys with their slots."""
    return {
        key: (making.put(slot.name), slot.plain, slot.nullable or slot.plain is object, slot.decode)
        for key, slot in slots
    }


def skipped(*keys: str) -> Mapping[str, Step]:
    """The same for keys that are read elsewhere."""
    return dict.fromkeys(keys, (_drop, object, True, _itself))


def _drop(target: Any, value: Any) -> None:
    """Leave it."""


def fill(target: Any, steps: Mapping[str, Step], raw: Mapping[str, Any], extra: dict[str, Any]) -> bool:
    """Put the values of *raw* that *steps* name into *target*, and collect the rest in *extra*.

    Returns:
        Whether a value that is named did not fit, and is in *extra*, too.
    """
    misfit = False
    find = steps.get
    for key, value in raw.items():
        step = find(key)
        if step is None:
            extra[key] = value
            continue
        put, plain, nullable, convert = step
        if value is None:
            if nullable:
                put(target, None)
        elif value.__class__ is plain or plain is object:
            put(target, value)
        else:
            try:
                put(target, convert(value))
            except UNFIT:
                extra[key] = value
                misfit = True
    return misfit
