"""JSON to attrs: names, dates, PHP's quirks, unknown keys.

One cattrs converter serves all models. Its hook for a class reads the keys that the class names into constructor
arguments, with a conversion only where the JSON value is not yet what the annotation promises, and calls the class.
What a class does not name goes to `extra`; what does not fit its annotation goes there too, rather than raising.
PHP's habits (``[]`` for an empty map, ``"1"`` for 1, a list that became a map) end here.

Users register their own types: ``codec.converter.register_structure_hook(Decimal, lambda value, _:
Decimal(str(value)))``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

import attrs

from mautic_async.codec.annotations import accepts_scalar, base_type
from mautic_async.codec.compiled import Convert, Updater, collect_extra, compile_reader
from mautic_async.codec.containers import converter, structure_hook_for
from mautic_async.codec.fields import JSONField, json_fields
from mautic_async.codec.scalars import decode_int, is_json_map, reject
from mautic_async.models._base import UNSET, set_answer

E = TypeVar("E")


def decode(model: type[E], raw: Any) -> E:
    """Return *raw*, one entity of an answer, as a *model*.

    Raises:
        ValueError: It is not a JSON object.
    """
    entity: E = structure_hook_for(model)(raw, model)  # type: ignore[arg-type]  # a class is hashable, whatever its instances are
    set_answer(entity, raw)
    return entity


def _class_hook(model: Any) -> Callable[[Any, Any], Any]:
    fields = [field for field in json_fields(model) if field.readable]
    read = reader_for(fields)
    known = frozenset(field.key for field in fields)
    construct = constructor_for(model)

    def structure(raw: Any, _: object = None) -> Any:
        if type(raw) is not dict and not isinstance(raw, Mapping):
            reject(raw)
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        if read(raw, values, extra) != len(raw):
            collect_extra(raw, known, extra)
        return construct(values, extra)

    return structure


converter.register_structure_hook_factory(attrs.has, _class_hook)


def reader_for(fields: Iterable[JSONField], elsewhere: Collection[str] = ()) -> Updater:
    """Return the generated function that reads *fields*; see `compile_reader`."""
    return compile_reader(((field, value_decoder(field)) for field in fields), elsewhere)


def constructor_for(model: Any) -> Callable[[dict[str, Any], dict[str, Any]], Any]:
    """Return a function that calls *model* with arguments, and with what is left over if it has ``extra``."""
    keeps_extra = "extra" in attrs.fields_dict(model)

    def construct(values: dict[str, Any], extra: dict[str, Any]) -> Any:
        # Without anything left over, the class creates an empty ``extra`` by itself.
        if extra and keeps_extra:
            values["extra"] = extra
        return model(**values)

    return construct


def value_decoder(field: JSONField) -> Convert:
    """Return the conversion of a JSON value of *field* that is neither plain nor null."""
    core: Any = base_type(field.kind)
    if core is Any:
        return _identity
    if "item" in field.metadata:
        return _list_of(field.metadata["item"])
    if not attrs.has(core):
        return _unary(converter.get_structure_hook(core), core)
    return _entity_decoder(core, by_id=field.by_id, accepts_scalar=accepts_scalar(field.kind))


def _entity_decoder(core: Any, *, by_id: bool, accepts_scalar: bool) -> Convert:
    def convert(value: Any) -> Any:
        if by_id and not value:
            return UNSET  # some lists show the empty shell of a reference
        if is_json_map(value):
            return structure_hook_for(core)(value, core)  # fetched late: classes name each other, and themselves
        if by_id:
            return core(id=decode_int(value))
        if value == []:
            return structure_hook_for(core)({}, core)  # PHP's empty map
        return value if accepts_scalar else reject(value)

    return convert


def _unary(hook: Any, core: Any) -> Convert:
    """Return *hook* as a function of the value alone, which our own hooks are already."""
    ours: Convert = hook
    return ours if hook.__module__.startswith("mautic_async.codec.") else lambda value: hook(value, core)


def _identity(value: Any) -> Any:
    return value


def _list_of(key: str) -> Convert:
    """Return a conversion of a list of objects to the list of one of their properties: tags to their names."""

    def convert(value: Any) -> list[Any]:
        if not value:
            return []
        items = value.values() if is_json_map(value) else value
        return [item[key] if is_json_map(item) else item for item in items]

    return convert
