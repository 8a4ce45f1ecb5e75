"""attrs to JSON: the properties that are set and may be written, under the names that requests use."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args

import attrs

from mautic_async.codec.annotations import base_type, is_list, markers
from mautic_async.codec.compiled import Convert, Encoder, compile_writer
from mautic_async.codec.containers import converter
from mautic_async.codec.fields import JSONField, json_fields
from mautic_async.codec.scalars import JSON_SCALARS, encode_datetime, encode_minutes
from mautic_async.errors import ConfigurationError
from mautic_async.models._base import Entity, PropertyMarker
from mautic_async.models._masking import MaskedStr

if TYPE_CHECKING:
    from mautic_async.models._base import JSON


def encode_entity(entity: Any) -> dict[str, Any]:
    """Return the properties of a plain *entity* that are set and may be written, under Mautic's names.

    Raises:
        ConfigurationError: A value has no JSON form; the message names the property.
    """
    kind: Any = type(entity)
    return _writer_of(kind)(entity)


@lru_cache(maxsize=1024)
def _writer_of(model: Any) -> Encoder:
    return writer_for(field for field in json_fields(model) if field.writable)


def writer_for(fields: Iterable[JSONField]) -> Encoder:
    """Return the generated function that writes *fields*; see `compile_writer`."""
    converts = [(field, _field_encoder(field)) for field in fields]
    return compile_writer(
        (field.name, field.write_key, _value_encoder(field.name, convert), convert is None)
        for field, convert in converts
    )


def _value_encoder(name: str, convert: Convert | None) -> Convert:
    """Return the conversion of a value that is not plain JSON; its errors name the attribute."""

    def encode(value: Any) -> Any:
        try:
            return to_json(value) if convert is None else convert(value)
        except ConfigurationError as error:
            raise ConfigurationError(f"{name}: {error}") from error

    return encode


def _field_encoder(field: JSONField) -> Convert | None:
    """Return the conversion that *field* needs instead of `to_json`, or None."""
    form = field.metadata.get("form")
    if form == "minutes":
        return encode_minutes
    if form == "segment-filters":
        return lambda value: [_segment_filter(encode_entity(item)) for item in value]
    if form == "content-filters":
        return lambda value: [_content_filter(encode_entity(item)) for item in value]
    if form == "labels":
        return lambda value: {"list": [{"label": str(key), "value": item} for key, item in encode_map(value).items()]}
    if form == "id-object":
        return lambda value: [{"id": _encode_id(item)} for item in value]
    if "keyed" in field.metadata:
        return _keyed(field.metadata["keyed"])
    if PropertyMarker.BY_ID in markers(field.kind):
        return _encode_id
    core = base_type(field.kind)
    inside = get_args(core) if is_list(core) else ()
    if inside and PropertyMarker.BY_ID in markers(inside[0]):
        return lambda value: [_encode_id(item) for item in value]
    return None


def _segment_filter(body: dict[str, Any]) -> dict[str, Any]:
    """Return a filter as segments take it: value and text in ``properties``, the text for references only."""
    properties = {name: body.pop(name) for name in ("filter", "display") if name in body} | (
        body.get("properties") or {}
    )
    if body.get("type") != "lookup_id":
        properties.pop("display", None)
    return {**body, "properties": properties} if properties else body


def _content_filter(body: dict[str, Any]) -> dict[str, Any]:
    """Return a filter as dynamic content takes it: value and text beside the other keys."""
    return (body.pop("properties", None) or {}) | body


def _keyed(name: str) -> Convert:
    """Return a conversion of a list to a map, by one of the properties of its items."""

    def convert(value: Any) -> dict[str, Any]:
        items = value.values() if isinstance(value, Mapping) else value
        body = {str(getattr(item, name) or ""): to_json(item) for item in items}
        # Two items with one key would overwrite each other, and the first be lost.
        if "" in body or len(body) < len(value):
            raise ConfigurationError(f"each needs a {name} of its own")
        return body

    return convert


def _encode_id(value: Any) -> int:
    if isinstance(value, Entity):
        value = value.id
    # True is an int, and would be sent as the id 1.
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ConfigurationError(f"a reference is sent as an id, which {value!r} is not: create the other entity first")
    return value


def encode_map(values: Mapping[Any, Any], body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return *values* of any kind, such as custom fields by alias, as JSON; added to *body* if there is one."""
    body = {} if body is None else body
    for key, value in values.items():
        # `type() in` and not `isinstance`: a subclass, such as an enum of texts, needs a conversion.
        body[key if type(key) is str else str(key)] = value if type(value) in JSON_SCALARS else to_json(value)
    return body


def to_json(value: Any) -> JSON:
    """Return the value of an attribute as JSON.

    Raises:
        ConfigurationError: It has no JSON form.
    """
    if value is None or type(value) in JSON_SCALARS:
        plain: JSON = value
        return plain
    if isinstance(value, MaskedStr):
        return value  # as it is: its repr keeps it out of tracebacks that show the body
    if isinstance(value, datetime):
        return encode_datetime(value)
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
    """Return an entity inside another one; its id goes along only where the class says so (form fields, events)."""
    body = encode_entity(value)
    place = attrs.fields_dict(type(value)).get("id")
    if place is not None and place.metadata.get("sent") and value.id and "id" not in body:
        return {"id": value.id, **body}
    return body


def _by_converter(value: Any) -> JSON:
    """Return a value of the user's own type, such as Decimal, through the hook registered for it."""
    try:
        plain = converter.unstructure(value)
    except Exception as error:
        raise ConfigurationError(f"a {type(value).__name__} cannot be sent: {error}") from error
    # Subclasses of JSON types become their text, so that nothing but plain JSON is sent.
    if isinstance(plain, (str, int, float, bool, list, dict)) or plain is None:
        return to_json(plain) if type(plain) in {*JSON_SCALARS, list, dict} else str(plain)
    raise ConfigurationError(f"a {type(value).__name__} cannot be sent; give Mautic a text, number, date or list")


def text_of(value: Any) -> Iterator[str]:
    """Yield every text inside a JSON value, for checks."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from text_of(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from text_of(item)
