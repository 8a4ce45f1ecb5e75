"""The filters of segments: the form that checks them, and the old spelling that an edit brings back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import data, php
from mautic_async.testing.contacts import field_schema
from mautic_async.testing.replies import ControllerError
from mautic_async.testing.resources._subforms import EXTRA_FIELDS

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

_KEYS: Final = ("glue", "field", "object", "type", "operator")
_EDITED: Final = ("object", "glue", "field", "type", "operator", "properties", "filter", "display")
"""Keys in the order in which an edit leaves them."""
_NOT_VALID: Final = "This value is not valid."


def bind(sent: Any, stored: list[Row], context: RequestContext) -> list[Row]:
    """Return the filters of a segment after an edit.

    A filter that takes the place of a stored one keeps its keys, and gets the stored value in the old spelling
    (``filter`` and ``display``) beside ``properties``. Filters that stay what they were are left as they are stored.

    Args:
        sent: What was sent.
        stored: The present filters.
        context: The request.

    Raises:
        ControllerError: 400; the form refuses a filter.
    """
    present = [_with_old_spelling(one) for one in stored]
    bound = []
    for place, one in enumerate(php.array_values(sent)):
        if not isinstance(one, dict):
            raise ControllerError(400, f"filters: {_NOT_VALID}", {"filters": [_NOT_VALID]})
        values = _bind(place, one, context)
        if place < len(present):
            merged = present[place] | values
            values = {name: merged[name] for name in _EDITED if name in merged}
        bound.append(values)
    return stored if _ordered(bound) == _ordered(present) else bound


def _ordered(filters: list[Row]) -> list[list[tuple[str, Any]]]:
    """Return filters for a comparison in which the order of the keys counts, as in PHP."""
    return [list(one.items()) for one in filters]


def _with_old_spelling(stored: Row) -> Row:
    properties = stored["properties"] if isinstance(stored.get("properties"), dict) else {}
    return stored | {name: properties.get(name, stored.get(name)) for name in ("filter", "display")}


def _bind(place: int, sent: Row, context: RequestContext) -> Row:
    if any(key not in (*_KEYS, "properties", "filter", "display") for key in sent):
        raise ControllerError(400, EXTRA_FIELDS, [[EXTRA_FIELDS]] if place == 0 else {str(place): [EXTRA_FIELDS]})
    properties = sent.get("properties")
    names = ("filter", "display") if sent.get("type") == "lookup_id" else ("filter",)
    given = properties if isinstance(properties, dict) and properties else {name: sent.get(name) for name in names}
    problems = {}
    is_known = _is_known(sent, context)
    if not is_known or set(given) - set(names):
        problems["properties"] = EXTRA_FIELDS
    if sent.get("operator") is not None and (
        not is_known or sent["operator"] not in data.names("segment_filter_operators")
    ):
        problems["operator"] = _NOT_VALID
    value = given.get("filter")
    if not problems and "display" in names and not given.get("display"):
        problems["display"] = "A value is required."
    if not problems and not _has_choice(sent, value, context):
        problems["filter"] = "A value is required."
    if problems:
        message = ", ".join(f"{name}: {text}" for name, text in problems.items())
        raise ControllerError(400, message, {name: [text] for name, text in problems.items()})
    if sent.get("type") == "tags":
        value = [php.to_string(one) for one in php.array_values(value)]
    return {name: sent[name] for name in _KEYS if name in sent} | {
        "properties": {name: given.get(name) for name in names} | {"filter": value}
    }


def _is_known(sent: Row, context: RequestContext) -> bool:
    alias = sent.get("field")
    if alias in data.names("segment_filter_fields"):
        return True
    if sent.get("object") not in ("lead", "company"):
        return False
    return alias in field_schema.schema(context.store, sent["object"]).by_alias


def _has_choice(sent: Row, value: Any, context: RequestContext) -> bool:
    """Return False if an operator that needs choices gets none that exist."""
    if sent.get("operator") not in ("in", "!in"):
        return True
    values = php.array_values(value)
    if sent.get("type") == "country":
        values = [one for one in values if one in data.names("countries")]
    if sent.get("type") == "leadlist":
        values = [one for one in values if context.table("segments").get(php.to_int(one)) is not None]
    return bool(values)
