"""The attributes of a class as JSON names them, read from its annotations and metadata."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs
from attrs import frozen

from mautic_async.codec.annotations import accepts_none, base_type, is_list, own_markers
from mautic_async.codec.annotations import markers as directions
from mautic_async.codec.scalars import JSON_SCALARS
from mautic_async.models._base import Entity, PropertyMarker


@frozen
class JSONField:
    """One attribute of a class.

    Attributes:
        name: Name of the attribute.
        argument: The constructor's parameter for it.
        key: Its name in answers.
        write_key: Its name in requests.
        kind: Its annotation.
        metadata: Exceptions from Mautic's usual form; `mautic_async.models._db` lists the keys.
        plain: The class whose values are right as JSON has them; `object` for all, `NoneType` for none.
        nullable: Whether None may stand for a JSON null.
        by_id: Whether it refers to another entity, which requests name by its id.
        readable: Whether answers hold it.
        writable: Whether requests may hold it.
    """

    name: str
    argument: str
    key: str
    write_key: str
    kind: Any
    metadata: Mapping[str, Any]
    plain: type
    nullable: bool
    by_id: bool
    readable: bool
    writable: bool


@lru_cache(maxsize=1024)
def json_fields(model: Any) -> tuple[JSONField, ...]:
    """Return the attributes of *model*, all but ``extra``."""
    hints = typing.get_type_hints(model, include_extras=True)
    own_id = issubclass(model, Entity)  # calls name it themselves; elsewhere an id is a property like any other
    return tuple(
        _json_field(attribute, hints[attribute.name], silent=own_id and attribute.name == "id")
        for attribute in attrs.fields(model)
        if attribute.name != "extra"
    )


def _json_field(attribute: attrs.Attribute[Any], kind: Any, *, silent: bool) -> JSONField:
    core = base_type(kind)
    # The markers of the items of a list do not concern the list itself.
    markers = own_markers(kind) | (set() if is_list(core) else directions(kind))
    key = attribute.metadata.get("json", camel_case(attribute.name))
    write_key = attribute.metadata.get("json_write", key)
    return JSONField(
        name=attribute.name,
        argument=attribute.alias or attribute.name,
        key=key,
        write_key=write_key,
        kind=kind,
        metadata=attribute.metadata,
        plain=core if core in JSON_SCALARS else object if core is Any else types.NoneType,
        nullable=accepts_none(kind),
        by_id=PropertyMarker.BY_ID in markers,
        readable=PropertyMarker.WRITE_ONLY not in markers,
        writable=PropertyMarker.READ_ONLY not in markers and write_key != "" and not silent,
    )


def camel_case(name: str) -> str:
    """Return *name* in camel case: ``is_published`` is ``isPublished``."""
    head, *tail = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)
