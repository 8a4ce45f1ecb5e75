"""The same contact as other libraries would have it: one class a library, written the way its manual says.

They take what an answer holds of a contact: the properties, and the fields from ``fields.all``. None of them keeps
unknown keys, reads PHP's spellings or knows custom fields by alias; ours does all three.
"""

# ruff: noqa: UP045 - annotations built at run time

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from typing import Any, Optional

import attrs

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
    **dict.fromkeys(("owner", "stage", "customObjects"), Optional[dict[str, Any]]),
    **dict.fromkeys(("tags", "ipAddresses", "utmtags", "doNotContact", "frequencyRules"), list[dict[str, Any]]),
}
FIELDS: dict[str, Any] = {
    **dict.fromkeys(TEXTS, Optional[str]),
    **{f"custom_{number}": Optional[str] if number % 3 else Optional[int] for number in range(60)},
}
LISTS = frozenset(name for name, kind in TOP.items() if kind == list[dict[str, Any]])

Codec = tuple[Callable[[bytes], Any], Callable[[Any], bytes]]


def _attrs_classes(fields: int) -> tuple[type, type]:
    inner = attrs.make_class(
        "Fields", {name: attrs.field(default=None, type=kind) for name, kind in list(FIELDS.items())[:fields]}
    )
    groups = attrs.make_class("Groups", {"all": attrs.field(type=inner)})
    body: dict[str, Any] = {
        name: attrs.field(factory=list, type=kind)
        if name in LISTS
        else attrs.field(default=0 if name == "id" else None, type=kind)
        for name, kind in TOP.items()
    }
    body["fields"] = attrs.field(default=None, type=groups)
    return attrs.make_class("Contact", body), inner


def with_cattrs(fields: int, *, fast: bool) -> Codec:
    """A `cattrs.Converter` as it comes (or the one for orjson), and a hook for dates, without which it fails."""
    import json

    import cattrs
    from cattrs.preconf.orjson import make_converter

    model, _ = _attrs_classes(fields)
    if fast:
        import orjson

        converter = make_converter()
        return (
            lambda text: converter.structure(orjson.loads(text), model),
            lambda entity: orjson.dumps(converter.unstructure(entity)),
        )
    plain = cattrs.Converter()
    plain.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    plain.register_unstructure_hook(datetime, lambda value: value.isoformat())
    return (
        lambda text: plain.structure(json.loads(text), model),
        lambda entity: json.dumps(plain.unstructure(entity)).encode(),
    )


def with_pydantic(fields: int) -> Codec:
    pydantic: Any = import_module("pydantic")  # a peer, of whose types we need none
    inner = pydantic.create_model("Fields", **{name: (kind, None) for name, kind in list(FIELDS.items())[:fields]})
    groups = pydantic.create_model("Groups", all=(inner, ...))
    top = {name: (kind, pydantic.Field(default_factory=list) if name in LISTS else None) for name, kind in TOP.items()}
    model = pydantic.create_model("Contact", **{**top, "fields": (groups | None, None)})
    return model.model_validate_json, lambda entity: entity.model_dump_json(exclude_unset=True).encode()


def with_msgspec(fields: int) -> Codec:
    msgspec: Any = import_module("msgspec")  # a peer, in an environment of its own
    inner = msgspec.defstruct("Fields", [(name, kind, None) for name, kind in list(FIELDS.items())[:fields]])
    groups = msgspec.defstruct("Groups", [("all", inner)])
    top: list[Any] = [
        (name, kind, msgspec.field(default_factory=list) if name in LISTS else 0 if name == "id" else None)
        for name, kind in TOP.items()
    ]
    model = msgspec.defstruct("Contact", [*top, ("fields", Optional[groups], None)], omit_defaults=True)
    return msgspec.json.Decoder(model).decode, msgspec.json.Encoder().encode
