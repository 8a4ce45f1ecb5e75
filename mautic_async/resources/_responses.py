"""Decoding of answers: envelopes, containers in PHP's two forms, and refusals that need a hint."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from mautic_async import codec
from mautic_async.errors import NotFound, UnexpectedResponse
from mautic_async.models import UNSET
from mautic_async.resources._endpoint import ResultPage

if TYPE_CHECKING:
    from mautic_async.models import Company, Contact
    from mautic_async.protocol import Call

T = TypeVar("T")


def unexpected_response(call: Call, what: str) -> UnexpectedResponse:
    """Return the error of an answer that is JSON and a success, but not the one that Mautic documents."""
    return UnexpectedResponse(f"{call}: an answer {what}", status=200, kind="undecodable-body")


def expect_mapping(call: Call, body: Any, key: str = "") -> Mapping[str, Any]:
    """Return the answer, or its value under *key*, as a map; PHP's empty list is an empty map.

    Raises:
        UnexpectedResponse: The key is missing, or its value is no map.
    """
    if key:
        body = expect_mapping(call, body).get(key)
    if isinstance(body, Mapping):
        return body
    if isinstance(body, list) and not body:
        return {}
    raise unexpected_response(call, f"without {key!r}" if key else "that is not an object")


def expect_rows(call: Call, container: Any) -> list[Mapping[str, Any]]:
    """Return the objects in a list or a map, in the order of the answer.

    Raises:
        UnexpectedResponse: The container is neither, or holds something that is not an object.
    """
    found = list(container.values()) if isinstance(container, Mapping) else container
    if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
        raise unexpected_response(call, "whose list is not one of objects")
    return found


def decode_entity(call: Call, body: Any, key: str, model: type[T]) -> T:
    """Return the one entity under *key*.

    Raises:
        UnexpectedResponse: The key is missing.
    """
    # A missing key means another answer than the documented one, such as that of a proxy.
    raw = body.get(key) if isinstance(body, Mapping) else None
    if not isinstance(raw, Mapping):
        raise unexpected_response(call, f"without {key!r}")
    return codec.decode(model, raw)


def decode_entities(call: Call, body: Any, key: str, model: type[T]) -> list[T]:
    """Return the entities under *key*.

    Raises:
        UnexpectedResponse: The key is missing.
    """
    if not isinstance(body, Mapping) or key not in body:
        raise unexpected_response(call, f"without {key!r}")
    # An empty container may be null.
    return [codec.decode(model, row) for row in expect_rows(call, body[key] or [])]


def decode_page(call: Call, body: Any, key: str, model: type[T], start: int = 0) -> ResultPage[T]:
    """Return the entities under *key* as a page.

    Raises:
        UnexpectedResponse: The key is missing.
    """
    items = decode_entities(call, body, key, model)
    return ResultPage(items=items, total=total(body, len(items)), start=start)


def total(body: Mapping[str, Any], fallback: int) -> int:
    """Return the number of entities on all pages, which is a text for tables."""
    value = body.get("total")
    return int(value) if isinstance(value, (int, str)) and str(value).isdecimal() else fallback


def field_value(record: Contact | Company, alias: str) -> object:
    """Return the value of a contact's or company's field, or an empty text."""
    # Standard fields are attributes; custom fields stand in `fields`, unless a subclass names them.
    value = getattr(record, alias, None)
    if (value is None or value is UNSET) and isinstance(record.fields, Mapping):
        value = record.fields.get(alias)
    return "" if value is None or value is UNSET else value


def created_at(entity: Any) -> float | None:
    """Return the time at which the entity of an answer was created, in epoch seconds of the server's clock."""
    return _timestamp(entity, "dateAdded")


def modified_at(entity: Any) -> float | None:
    """Return the time at which the entity of an answer was last changed, or created, in epoch seconds of its server."""
    return _timestamp(entity, "dateModified") or created_at(entity)


def _timestamp(entity: Any, name: str) -> float | None:
    text = entity.get(name) if isinstance(entity, Mapping) else None
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def is_unknown_route(error: NotFound) -> bool:
    """Return True if the server has no such route; False if the entity is missing."""
    return any("URL not found" in problem.message or "No route found" in problem.message for problem in error.problems)


def with_requirement(error: NotFound, needs: str, version: str | None) -> NotFound:
    """Return *error* with the requirement that this server does not meet."""
    here = f"this one is Mautic {version}" if version else "this one has not told its version yet"
    # A new error, since a message cannot be extended; the facts that retries need move with it.
    hinted = NotFound(
        f"{error} -> it needs {needs}; {here}",
        status=error.status,
        problems=error.problems,
        call=error.call,
        deliberate=error.deliberate,
    )
    hinted.verdict, hinted.attempts, hinted.history = error.verdict, error.attempts, error.history
    return hinted
