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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar, Union, get_args, get_origin

import attrs
import cattrs
from attrs import frozen

from mautic_async.errors import ConfigurationError
from mautic_async.models._base import UNSET, Direction, Entity, Unset

if TYPE_CHECKING:
    from mautic_async.models._base import JSON

E = TypeVar("E")
Convert: TypeAlias = Callable[[Any], Any]
Hook: TypeAlias = Callable[[Any, Any], Any]

_UNFIT: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, cattrs.BaseValidationError)


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


# --- scalars -------------------------------------------------------------------------------------------------------


def _int(value: Any, _: object = None) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        if len(text) >= 20:
            _unfit(value)
        value = float(text) if "." in text else int(text)
    if isinstance(value, float) and not value.is_integer():
        return _unfit(value)
    return int(value)


def _float(value: Any, _: object = None) -> float:
    return float(value) if isinstance(value, (int, float, str)) else _unfit(value)


def _str(value: Any, _: object = None) -> str:
    if isinstance(value, (str, int, float)):
        return str(value)
    return _unfit(value)


_TRUTHS: Final = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


def _bool(value: Any, _: object = None) -> bool | None:
    if isinstance(value, str):
        return _TRUTHS[value.lower()] if value else None
    return bool(value) if value in {0, 1} else _unfit(value)


def _datetime(value: Any, _: object = None) -> datetime | None:
    if isinstance(value, str):
        if not value or value.startswith("0000-"):
            return None
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return datetime.fromtimestamp(value, UTC)


def _date(value: Any, _: object = None) -> date | None:
    return date.fromisoformat(value[:10]) if value and not value.startswith("0000-") else None


def _time(value: Any, _: object = None) -> time | None:
    return time.fromisoformat(value) if value else None


def _unfit(value: object) -> typing.NoReturn:
    raise ValueError(f"a {type(value).__name__} does not fit")


def _put_datetime(value: datetime) -> str:
    """ISO with its offset: right in every server time zone."""
    return _aware(value).isoformat(timespec="seconds")


def _put_minutes(value: datetime) -> str:
    """The only form that Mautic's publish dates take; it reads them in the server's time zone, UTC by default."""
    return _aware(value).astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ConfigurationError(f"{value} has no time zone: say which, for example datetime(..., tzinfo=UTC)")
    return value


converter: Final = cattrs.Converter(detailed_validation=False)
for _kind, _hook in {
    int: _int,
    float: _float,
    str: _str,
    bool: _bool,
    datetime: _datetime,
    date: _date,
    time: _time,
}.items():
    converter.register_structure_hook(_kind, _hook)


def _late(core: Any) -> Hook:
    """The hook of a class, fetched when it is first used: classes name each other, and themselves."""
    return lambda value, _: _hook_of(core)(value, core)


def _map_hook(kind: Any) -> Hook:
    inside = get_args(kind)[1:] or (Any,)
    core = _core(inside[0])
    hook = None if _is_json(inside[0]) else _late(core) if attrs.has(core) else converter.get_structure_hook(core)

    def structure(value: Any, _: object = None) -> Any:
        if isinstance(value, list):
            value = {str(index): item for index, item in enumerate(value)} if value else {}
        if not isinstance(value, Mapping):
            _unfit(value)
        if hook is None:
            return dict(value)
        return {key: None if item is None else hook(item, inside[0]) for key, item in value.items()}

    return structure


def _list_hook(kind: Any) -> Hook:
    inside = (get_args(kind) or (Any,))[0]
    core = _core(inside)
    hook = None if _is_json(inside) else _late(core) if attrs.has(core) else converter.get_structure_hook(core)
    by_id = Direction.BY_ID in _directions(inside)
    loose = _mixed(inside)

    def one(item: Any) -> Any:
        if isinstance(item, Mapping) or not (loose or by_id):
            return hook(item, inside) if hook is not None else item
        return _core(inside)(id=_int(item)) if by_id else item

    def structure(value: Any, _: object = None) -> Any:
        if isinstance(value, Mapping):
            value = list(value.values())  # PHP makes an object of a list with a gap
        if not isinstance(value, list):
            _unfit(value)
        return list(value) if hook is None else [one(item) for item in value if item is not None]

    return structure


def _is_map(kind: Any) -> bool:
    return get_origin(kind) in {dict, Mapping}


def _is_list(kind: Any) -> bool:
    return get_origin(kind) in {list, Sequence}


converter.register_structure_hook_factory(_is_map, _map_hook)
converter.register_structure_hook_factory(_is_list, _list_hook)


# --- annotations ---------------------------------------------------------------------------------------------------


def _is_json(kind: Any) -> bool:
    return _core(kind) is Any


def _core(kind: Any) -> Any:
    """The type without Annotated, None and UNSET; Any for what holds several types of JSON value.

    A class or a plain value (``FieldOption | str``) is the class: the hook of a class lets plain values through there.
    """
    if get_origin(kind) is Annotated:
        return _core(get_args(kind)[0])
    if get_origin(kind) in {Union, types.UnionType}:
        inner = [part for part in get_args(kind) if part is not types.NoneType and part is not Unset]
        if len(inner) == 1:
            return _core(inner[0])
        classes = [part for part in inner if attrs.has(part)]
        return classes[0] if len(classes) == 1 else Any
    return Any if kind is object or isinstance(kind, (str, typing.ForwardRef, TypeVar)) else kind


def _mixed(kind: Any) -> bool:
    """Whether a value may also be plain, beside the class that `_core` names."""
    if get_origin(kind) is Annotated:
        return _mixed(get_args(kind)[0])
    return get_origin(kind) in {Union, types.UnionType} and any(
        part in _PLAIN for part in get_args(kind) if isinstance(part, type)
    )


def _directions(kind: Any) -> set[Direction]:
    found: set[Direction] = set()
    if get_origin(kind) is Annotated:
        found |= {mark for mark in get_args(kind)[1:] if isinstance(mark, Direction)}
        found |= _directions(get_args(kind)[0])
    elif get_origin(kind) in {Union, types.UnionType}:
        for part in get_args(kind):
            found |= _directions(part)
    return found


def _outer(kind: Any) -> set[Direction]:
    """The marks on the attribute itself, not on what a list of it holds."""
    return (
        {mark for mark in get_args(kind)[1:] if isinstance(mark, Direction)} if get_origin(kind) is Annotated else set()
    )


def _nullable(kind: Any) -> bool:
    if get_origin(kind) is Annotated:
        return _nullable(get_args(kind)[0])
    return get_origin(kind) in {Union, types.UnionType} and types.NoneType in get_args(kind)


_PLAIN: Final = (str, int, bool, float)


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
    core, marks = _core(kind), set() if _is_list(_core(kind)) else _directions(kind)
    marks |= _outer(kind)
    key = metadata.get("json", camel(name))
    by_id = Direction.BY_ID in marks
    return Slot(
        name=name,
        key=key,
        write_key=metadata.get("json_write", key),
        plain=core if core in _PLAIN else object if core is Any else types.NoneType,
        decode=_decoder(core, metadata, by_id=by_id, loose=_mixed(kind)),
        encode=_encoder(kind, metadata),
        nullable=_nullable(kind),
        readable=Direction.WRITE_ONLY not in marks,
        writable=Direction.READ_ONLY not in marks and metadata.get("json_write", key) != "" and not silent,
    )


def _encoder(kind: Any, metadata: Mapping[str, Any]) -> Convert | None:
    """What a value needs on its way out, beyond `to_json`."""
    form = metadata.get("form")
    if form == "minutes":
        return _put_minutes
    if form == "id-object":
        return lambda value: [{"id": _put_id(item)} for item in value]
    if "keyed" in metadata:
        return _keyed(metadata["keyed"])
    if Direction.BY_ID in _directions(kind):
        return _put_id
    inside = get_args(_core(kind)) if _is_list(_core(kind)) else ()
    if inside and Direction.BY_ID in _directions(inside[0]):
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
        pick = _list_of(metadata["item"])
        return lambda value: pick(value, core)
    make: Any = core
    if not attrs.has(core):
        hook = converter.get_structure_hook(core)
        return lambda value: hook(value, core)

    def structured(value: Any) -> Any:
        if by_id and not value:
            return UNSET  # some lists show the empty shell of a reference
        return whole(value)

    def whole(value: Any) -> Any:  # the hook of a class is fetched late: classes name each other, and themselves
        if isinstance(value, Mapping):
            return _hook_of(core)(value, core)
        if by_id:
            return make(id=_int(value))
        if value == []:
            return _hook_of(core)({}, core)  # PHP's empty map
        return value if loose else _unfit(value)

    return structured


def _as_is(value: Any) -> Any:
    return value


def _list_of(key: str) -> Callable[[Any, Any], Any]:
    """Read a list of objects as the list of one of their properties: a contact's tags as their names."""

    def structure(value: Any, _: object = None) -> list[Any]:
        items = value.values() if isinstance(value, Mapping) else value
        return [item[key] if isinstance(item, Mapping) else item for item in items]

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


@lru_cache(maxsize=1024)
def _readers(model: type) -> Mapping[str, Slot]:
    return {slot.key: slot for slot in slots_of(model) if slot.readable}


def read_slots(
    slots: Mapping[str, Slot], raw: Mapping[str, Any], values: dict[str, Any], extra: dict[str, Any]
) -> None:
    """Convert the properties of *raw* that *slots* names into *values*, and collect the rest in *extra*."""
    for key, value in raw.items():
        slot = slots.get(key)
        if slot is None:
            extra[key] = value
        elif value.__class__ is slot.plain or slot.plain is object:
            values[slot.name] = value
        elif value is None:
            if slot.nullable:
                values[slot.name] = None
        else:
            try:
                values[slot.name] = slot.decode(value)
            except _UNFIT:
                extra[key] = value


def _structure(model: type[E]) -> Callable[[Any, Any], E]:
    special = _SPECIAL.get(next((kind for kind in model.__mro__ if kind in _SPECIAL), model))
    if special is not None:
        built: Callable[[Any, Any], E] = special(model)
        return built
    slots = _readers(_any(model))
    has_extra = "extra" in attrs.fields_dict(model)  # type: ignore[arg-type]  # an attrs class

    def structure(raw: Any, _: object = None) -> E:
        if not isinstance(raw, Mapping):
            _unfit(raw)
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        read_slots(slots, raw, values, extra)
        if extra and has_extra:
            values["extra"] = extra
        return model(**values)

    return structure


_SPECIAL: Final[dict[type, Callable[[Any], Any]]] = {}
"""Classes whose JSON is more than a map of properties; see `special`."""


def special(base: type, factory: Callable[[Any], Any]) -> None:
    """Give *base* and its subclasses a structure of their own."""
    _SPECIAL[base] = factory


converter.register_structure_hook_factory(attrs.has, _structure)


@lru_cache(maxsize=1024)
def _hook_of(model: type) -> Callable[[Any, Any], Any]:
    return converter.get_structure_hook(model)


def decode(model: type[E], raw: Any) -> E:
    """Read *raw*, one entity of an answer, as a *model*.

    Raises:
        ValueError: It is not a JSON object.
    """
    result: E = _hook_of(_any(model))(raw, model)
    return result


# --- encoding ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _writers(model: type) -> tuple[tuple[str, str, Convert | None], ...]:
    return tuple((slot.name, slot.write_key, slot.encode) for slot in slots_of(model) if slot.writable)


def encode(entity: Any) -> dict[str, Any]:
    """The properties of a plain *entity* that are set and may be written, under Mautic's names.

    Raises:
        ConfigurationError: A value has no JSON form; the message names the property.
    """
    return encode_with(entity, _writers(_any(type(entity))))


def encode_with(entity: Any, plan: Iterable[tuple[str, str, Convert | None]]) -> dict[str, Any]:
    """The same for the attributes that *plan* names: (attribute, JSON name, conversion)."""
    body: dict[str, Any] = {}
    for name, key, put in plan:
        value = getattr(entity, name)
        if value is UNSET:
            continue
        if value is None or (put is None and value.__class__ in _PLAIN):
            body[key] = value
        else:
            body.update(_pieces(name, key, value, put))
    return body


def _pieces(name: str, key: str, value: Any, put: Convert | None) -> Mapping[str, Any]:
    try:
        if put is not None:
            return {key: put(value)}
        return {key: to_json(value)}
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error}") from error


def to_json(value: Any) -> JSON:
    """A value of an attribute as JSON.

    Raises:
        ConfigurationError: It has none.
    """
    if value is None or value.__class__ in _PLAIN:
        plain: JSON = value
        return plain
    if isinstance(value, datetime):
        return _put_datetime(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return to_json(value.value)
    if attrs.has(type(value)):
        return _nested(value)
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
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
        return to_json(plain) if type(plain) in {*_PLAIN, list, dict} else str(plain)
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
