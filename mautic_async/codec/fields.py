"""attrs <-> JSON: names, dates, PHP's quirks, unknown keys.

One cattrs converter serves all models. Its hook for a class is built once, from the annotations: a table from JSON
key to attribute, with a conversion only where the plain JSON value is not yet what the annotation promises. What a
class does not name goes to `extra`; what does not fit its annotation goes there too, rather than raising or lying.
PHP's habits (``[]`` for an empty map, ``"1"`` for 1, a list that became a map) end here.

Users teach it their own types: ``codec.converter.register_structure_hook(Decimal, lambda value, _:
Decimal(str(value)))``.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, get_args

import attrs
from attrs import frozen

from mautic_async.codec.annotations import core_of, directions, is_list, is_mixed, is_nullable, outer
from mautic_async.codec.compiled import Writer, writer
from mautic_async.codec.construction import making_of
from mautic_async.codec.containers import converter, hook_of
from mautic_async.codec.scalars import (
    PLAIN,
    is_json_map,
    put_datetime,
    put_minutes,
    read_int,
    unfit,
)
from mautic_async.errors import ConfigurationError
from mautic_async.models._base import UNSET, Direction, Entity
from mautic_async.models._discreet import Discreet

if TYPE_CHECKING:
    from mautic_async.models._base import JSON

E = TypeVar("E")
Convert: TypeAlias = Callable[[Any], Any]


@frozen
class Slot:
    """One attribute of a class, as the codec sees it.

    Attributes:
        name: Of the attribute.
        key: In answers.
        write_key: In requests.
        plain: The class that a JSON value needs no conversion from.
        decode: The conversion of any other value.
        encode: The conversion of a value that is not plain JSON, or None.
        nullable: Whether None may stand for a JSON null.
        readable: Whether answers hold it.
        writable: Whether requests may hold it.
    """

    name: str
    key: str
    write_key: str
    plain: type
    decode: Convert
    encode: Convert | None
    nullable: bool
    readable: bool
    writable: bool


def camel(name: str) -> str:
    """``is_published`` -> ``isPublished``."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


# --- attributes ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def slots_of(model: type) -> tuple[Slot, ...]:
    """The attributes of *model* with their JSON names and conversions."""
    hints = typing.get_type_hints(model, include_extras=True)
    fields = attrs.fields_dict(model)
    own_id = issubclass(model, Entity)  # calls name it themselves; elsewhere an id is a property like any other
    return tuple(
        _slot(name, hints[name], fields[name].metadata, silent=own_id and name == "id")
        for name in fields
        if name != "extra"
    )


def _slot(name: str, kind: Any, metadata: Mapping[str, Any], *, silent: bool) -> Slot:
    core, marks = core_of(kind), set() if is_list(core_of(kind)) else directions(kind)
    marks |= outer(kind)
    key = metadata.get("json", camel(name))
    by_id = Direction.BY_ID in marks
    return Slot(
        name=name,
        key=key,
        write_key=metadata.get("json_write", key),
        plain=core if core in PLAIN else object if core is Any else types.NoneType,
        decode=_decoder(core, metadata, by_id=by_id, loose=is_mixed(kind)),
        encode=_encoder(kind, metadata),
        nullable=is_nullable(kind),
        readable=Direction.WRITE_ONLY not in marks,
        writable=Direction.READ_ONLY not in marks and metadata.get("json_write", key) != "" and not silent,
    )


def _encoder(kind: Any, metadata: Mapping[str, Any]) -> Convert | None:
    """What a value needs on its way out, beyond `to_json`."""
    form = metadata.get("form")
    if form == "minutes":
        return put_minutes
    if form == "id-object":
        return lambda value: [{"id": _put_id(item)} for item in value]
    if "keyed" in metadata:
        return _keyed(metadata["keyed"])
    if Direction.BY_ID in directions(kind):
        return _put_id
    inside = get_args(core_of(kind)) if is_list(core_of(kind)) else ()
    if inside and Direction.BY_ID in directions(inside[0]):
        return lambda value: [_put_id(item) for item in value]
    return None


def _keyed(name: str) -> Convert:
    """Send a list as a map, by one of its properties."""

    def put(value: Any) -> dict[str, Any]:
        items = value.values() if isinstance(value, Mapping) else value
        body = {str(getattr(item, name) or ""): to_json(item) for item in items}
        if "" in body or len(body) < len(value):
            raise ConfigurationError(f"each needs a {name} of its own")
        return body

    return put


def _decoder(core: Any, metadata: Mapping[str, Any], *, by_id: bool, loose: bool) -> Convert:
    if core is Any:
        return _as_is
    if "item" in metadata:
        return _list_of(metadata["item"])
    make: Any = core
    if not attrs.has(core):
        return _alone(converter.get_structure_hook(core), core)

    def structured(value: Any) -> Any:
        if by_id and not value:
            return UNSET  # some lists show the empty shell of a reference
        return whole(value)

    def whole(value: Any) -> Any:  # the hook of a class is fetched late: classes name each other, and themselves
        if is_json_map(value):
            return hook_of(core)(value, core)
        if by_id:
            return make(id=read_int(value))
        if value == []:
            return hook_of(core)({}, core)  # PHP's empty map
        return value if loose else unfit(value)

    return structured


def _alone(hook: Any, core: Any) -> Convert:
    """A hook that takes the value alone, as our own can."""
    ours: Convert = hook
    return ours if hook.__module__.startswith("mautic_async.codec.") else lambda value: hook(value, core)


def _as_is(value: Any) -> Any:
    return value


def _list_of(key: str) -> Convert:
    """Read a list of objects as the list of one of their properties: a contact's tags as their names."""

    def structure(value: Any) -> list[Any]:
        if not value:
            return []
        items = value.values() if is_json_map(value) else value
        return [item[key] if is_json_map(item) else item for item in items]

    return structure


def _put_id(value: Any) -> int:
    if isinstance(value, Entity):
        value = value.id
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ConfigurationError(f"a reference is sent as an id, which {value!r} is not: create the other entity first")
    return value


# --- decoding ------------------------------------------------------------------------------------------------------


def _any(model: object) -> Any:
    """*model* as a key of a cache; a class is hashable, whatever its instances are."""
    return model


def _structure(model: type[E]) -> Callable[[Any, Any], E]:
    special = _SPECIAL.get(next((kind for kind in model.__mro__ if kind in _SPECIAL), model))
    if special is not None:
        built: Callable[[Any, Any], E] = special(model)
        return built
    making = making_of(_any(model))
    make, bare = making.making(slot for slot in slots_of(_any(model)) if slot.readable), making.bare

    def structure(raw: Any, _: object = None) -> Any:
        if type(raw) is not dict and not isinstance(raw, Mapping):
            unfit(raw)
        extra: dict[str, Any] = {}
        made = make(raw, extra)
        if not bare:
            return making.called(made, extra)
        made.__class__ = model
        return made

    return structure


_SPECIAL: Final[dict[type, Callable[[Any], Any]]] = {}
"""Classes whose JSON is more than a map of properties; see `special`."""


def special(base: type, factory: Callable[[Any], Any]) -> None:
    """Give *base* and its subclasses a structure of their own."""
    _SPECIAL[base] = factory


converter.register_structure_hook_factory(attrs.has, _structure)


def decode(model: type[E], raw: Any) -> E:
    """Read *raw*, one entity of an answer, as a *model*.

    Raises:
        ValueError: It is not a JSON object.
    """
    entity: E = hook_of(model)(raw, model)  # type: ignore[arg-type]  # a class is hashable, whatever its instances are
    return entity


# --- encoding ------------------------------------------------------------------------------------------------------


def writing(parts: Iterable[tuple[str, str, Convert | None]]) -> Writer:
    """How to write the attributes that *parts* name: (attribute, JSON name, conversion)."""
    return writer((name, key, _part(name, put), put is None) for name, key, put in parts)


def _part(name: str, put: Convert | None) -> Convert:
    """What becomes of a value that is not plain JSON; a refusal names the attribute."""

    def convert(value: Any) -> Any:
        try:
            return to_json(value) if put is None else put(value)
        except ConfigurationError as error:
            raise ConfigurationError(f"{name}: {error}") from error

    return convert


@lru_cache(maxsize=1024)
def _writing_of(model: type) -> Writer:
    return writing((slot.name, slot.write_key, slot.encode) for slot in slots_of(model) if slot.writable)


def encode(entity: Any) -> dict[str, Any]:
    """The properties of a plain *entity* that are set and may be written, under Mautic's names.

    Raises:
        ConfigurationError: A value has no JSON form; the message names the property.
    """
    return _writing_of(_any(type(entity)))(entity)


def encode_map(values: Mapping[Any, Any], body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A map of values of any kind, such as custom fields by alias; added to *body* if there is one."""
    body = {} if body is None else body
    for key, value in values.items():
        body[key if type(key) is str else str(key)] = value if type(value) in PLAIN else to_json(value)
    return body


def to_json(value: Any) -> JSON:
    """A value of an attribute as JSON.

    Raises:
        ConfigurationError: It has none.
    """
    if value is None or type(value) in PLAIN:
        plain: JSON = value
        return plain
    if isinstance(value, Discreet):
        return value  # as it is: its repr keeps it out of tracebacks that show the body
    if isinstance(value, datetime):
        return put_datetime(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return to_json(value.value)
    if attrs.has(type(value)):
        return _nested(value)
    if isinstance(value, Mapping):
        return encode_map(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(item) for item in value]
    return _by_converter(value)


def _nested(value: Any) -> dict[str, Any]:
    """Something inside something else; it goes with its id only where the class says so (form fields, events)."""
    body = encode(value)
    place = attrs.fields_dict(type(value)).get("id")
    if place is not None and place.metadata.get("sent") and value.id and "id" not in body:
        return {"id": value.id, **body}
    return body


def _by_converter(value: Any) -> JSON:
    """A type of the user's own, such as Decimal, through the hook registered for it."""
    try:
        plain = converter.unstructure(value)
    except Exception as error:
        raise ConfigurationError(f"a {type(value).__name__} cannot be sent: {error}") from error
    if isinstance(plain, (str, int, float, bool, list, dict)) or plain is None:
        return to_json(plain) if type(plain) in {*PLAIN, list, dict} else str(plain)
    raise ConfigurationError(f"a {type(value).__name__} cannot be sent; give Mautic a text, number, date or list")


def text_of(value: Any) -> Iterator[str]:
    """Every text inside a JSON value, for checks."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from text_of(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from text_of(item)
