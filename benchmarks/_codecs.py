"""The same contact as other libraries would have it: classes written the way each manual says.

They take what an answer holds of a contact: the properties, the fields from ``fields.all``, custom items as objects of
a class. They do less than ours: none of them keeps unknown keys (the definitions of fields among them), reads PHP's
spellings or takes fields that its class does not name; ours does all three.
"""

# ruff: noqa: UP045 - annotations built at run time

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from types import GenericAlias
from typing import Any, Optional

import attrs
from attrs import frozen

TEXTS = (
    *("title", "firstname", "lastname", "company", "position", "email", "mobile", "phone", "fax", "address1"),
    *("address2", "city", "state", "zipcode", "country", "preferred_locale", "timezone", "website", "facebook"),
    *("foursquare", "instagram", "linkedin", "skype", "twitter"),
)
BLOCK: dict[str, Any] = {
    "isPublished": Optional[bool],
    "dateAdded": Optional[datetime],
    "dateModified": Optional[datetime],
    "createdBy": Optional[int],
    "createdByUser": Optional[str],
    "modifiedBy": Optional[int],
    "modifiedByUser": Optional[str],
}
TOP: dict[str, Any] = {
    **BLOCK,
    "id": int,
    "points": Optional[int],
    "color": Optional[str],
    "lastActive": Optional[datetime],
    "dateIdentified": Optional[datetime],
    "preferredProfileImage": Optional[str],
    **dict.fromkeys(("owner", "stage"), Optional[dict[str, Any]]),
    **dict.fromkeys(("tags", "ipAddresses", "utmtags", "doNotContact", "frequencyRules"), list[dict[str, Any]]),
}
FIELDS: dict[str, Any] = {
    **dict.fromkeys(TEXTS, Optional[str]),
    **{f"custom_{number}": Optional[str] if number % 3 else Optional[int] for number in range(60)},
}
LISTS = frozenset(name for name, kind in TOP.items() if kind == list[dict[str, Any]])

ITEM: dict[str, Any] = {
    "id": int,
    "name": str,
    "language": Optional[str],
    "category": Optional[dict[str, Any]],
    "isPublished": bool,
    "dateAdded": Optional[datetime],
    "dateModified": Optional[datetime],
    "createdBy": Optional[int],
    "modifiedBy": Optional[int],
    "attributes": dict[str, Any],
}


@frozen
class Codec:
    """What one library does.

    Attributes:
        read: From the bytes of an answer.
        write: To the bytes of a request.
        structure: From parsed JSON, for comparisons without the parser.
    """

    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    structure: Callable[[Any], Any]


def _nested(made: Callable[[str, dict[str, Any]], Any], fields: int) -> dict[str, Any]:
    """The types of the contact's attributes; *made* makes a class of names with types."""
    item = made("Item", ITEM)
    group = made("Group", {"id": int, "alias": str, "data": GenericAlias(list, (item,))})
    groups = made("Groups", {"all": made("Fields", dict(list(FIELDS.items())[:fields]))})
    return {
        **TOP,
        "fields": Optional[groups],
        "customObjects": Optional[made("Items", {"data": GenericAlias(list, (group,))})],
    }


def _attrs_class(name: str, kinds: dict[str, Any]) -> Any:
    return attrs.make_class(
        name,
        {
            key: attrs.field(factory=list, type=kind) if key in LISTS else attrs.field(default=None, type=kind)
            for key, kind in kinds.items()
        },
    )


def with_cattrs(fields: int, *, fast: bool, omit: bool = False) -> Codec:
    """A `cattrs.Converter` as it comes (or the one for orjson), and a hook for dates, without which it fails."""
    import json

    import cattrs
    from cattrs.preconf.orjson import make_converter

    model = _attrs_class("Contact", _nested(_attrs_class, fields))
    if fast:
        import orjson

        converter = make_converter(omit_if_default=omit)
        return Codec(
            lambda text: converter.structure(orjson.loads(text), model),
            lambda entity: orjson.dumps(converter.unstructure(entity)),
            lambda value: converter.structure(value, model),
        )
    plain = cattrs.Converter(omit_if_default=omit)
    plain.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    plain.register_unstructure_hook(datetime, lambda value: value.isoformat())
    return Codec(
        lambda text: plain.structure(json.loads(text), model),
        lambda entity: json.dumps(plain.unstructure(entity)).encode(),
        lambda value: plain.structure(value, model),
    )


def with_pydantic(fields: int) -> Codec:
    pydantic: Any = import_module("pydantic")  # a peer, of whose types we need none

    def made(name: str, kinds: dict[str, Any]) -> Any:
        return pydantic.create_model(
            name,
            **{
                key: (kind, pydantic.Field(default_factory=list) if key in LISTS else None)
                for key, kind in kinds.items()
            },
        )

    model = made("Contact", _nested(made, fields))
    return Codec(
        model.model_validate_json,
        lambda entity: entity.model_dump_json(exclude_unset=True).encode(),
        model.model_validate,
    )


def with_msgspec(fields: int) -> Codec:
    msgspec: Any = import_module("msgspec")  # a peer, in an environment of its own

    def made(name: str, kinds: dict[str, Any]) -> Any:
        given = [
            (key, kind, msgspec.field(default_factory=list) if key in LISTS else None) for key, kind in kinds.items()
        ]
        return msgspec.defstruct(name, given, omit_defaults=True)

    model = made("Contact", _nested(made, fields))
    return Codec(
        msgspec.json.Decoder(model).decode, msgspec.json.Encoder().encode, lambda value: msgspec.convert(value, model)
    )
