"""Entities made from the values of an answer.

A class has up to 55 properties and an answer names few of them. Calling the class would pass and convert every one,
which takes as long as all the rest of decoding; so a plain entity is made with its defaults by a function compiled for
its class, and given what the answer holds. Classes that want a say when they are made (an ``__attrs_post_init__``, a
converter or validator of the user's own) are called like everybody calls them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from mautic_async.codec.compiled import Maker, Reader, maker, reader
from mautic_async.models._base import Nested

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mautic_async.codec.fields import Slot


@frozen
class Making:
    """How entities of one class are made.

    Attributes:
        model: The class.
        bare: Whether values are put into the entity itself, or into a map of arguments.
    """

    model: Any
    bare: bool

    def called(self, values: dict[str, Any], extra: dict[str, Any]) -> Any:
        """An entity of a class that is called, with *values* as arguments."""
        if extra and "extra" in attrs.fields_dict(self.model):
            values["extra"] = extra
        return self.model(**values)

    @property
    def store(self) -> Callable[[Any, str, Any], object]:
        """Puts a value where a name belongs that is the same in both."""
        return setattr if self.bare else dict.__setitem__

    def making(self, slots: Iterable[Slot], elsewhere: Collection[str] = ()) -> Maker:
        """A function that makes an entity, or the arguments for it, of what an answer holds under *slots*."""
        return maker(self.model, self._placed(slots), elsewhere, bare=self.bare)

    def reading(self, slots: Iterable[Slot], elsewhere: Collection[str] = ()) -> Reader:
        """A function that adds what something else holds under *slots*, and counts it."""
        return reader(self._placed(slots), elsewhere)

    def _placed(self, slots: Iterable[Slot]) -> list[tuple[str, Slot]]:
        by_key = {slot.key: (self._place(slot.name), slot) for slot in slots}  # or a key would count twice
        return list(by_key.values())

    def _place(self, name: str) -> str:
        return f"made.{name}" if self.bare else f"made[{attrs.fields_dict(self.model)[name].alias or name!r}]"


@lru_cache(maxsize=1024)
def making_of(model: Any) -> Making:
    """How to make entities of *model*."""
    return Making(model, bare=issubclass(model, Nested) and _is_plain(model))


def _is_plain(model: Any) -> bool:
    """Whether nothing would happen when the class is called, but that its properties are set."""
    if hasattr(model, "__attrs_post_init__") or hasattr(model, "__attrs_pre_init__"):
        return False
    if model.__new__ is not object.__new__ or not model.__init__.__code__.co_filename.startswith("<attrs"):
        return False
    if type(model) is not type or any("__init_subclass__" in kind.__dict__ for kind in model.__mro__[:-1]):
        return False
    return _stores_plainly(model) and all(_is_plain_field(field) for field in attrs.fields(model))


def _stores_plainly(model: Any) -> bool:
    """Whether ``__setattr__`` is Python's or attrs' own."""
    kind = next(kind for kind in model.__mro__ if "__setattr__" in kind.__dict__)
    return model.__setattr__ is object.__setattr__ or kind.__dict__.get("__attrs_own_setattr__", False)


def _is_plain_field(field: Any) -> bool:
    """Our own converters take an id for an entity; what has been decoded is one already."""
    if field.validator is not None or getattr(field.default, "takes_self", False):
        return False
    return field.converter is None or str(getattr(field.converter, "__module__", "")).startswith("mautic_async.models.")
