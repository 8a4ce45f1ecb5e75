"""Reading answers of namespaces: envelopes, containers in PHP's two forms, and refusals that need a hint."""

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
    """The error of an answer that is JSON and a success, but not the one that Mautic promises."""
    return UnexpectedResponse(f"{call}: an answer {what}", status=200, kind="undecodable-body")


def expect_mapping(call: Call, body: Any, key: str = "") -> Mapping[str, Any]:
    """The answer, or what it holds under *key*, as a map; PHP's empty list counts as an empty one.

    Raises:
        UnexpectedResponse: It is not there, or something else.
    """
    if key:
        body = expect_mapping(call, body).get(key)
    if isinstance(body, Mapping):
        return body
    if isinstance(body, list) and not body:
        return {}
    raise unexpected_response(call, f"without {key!r}" if key else "that is not an object")


def expect_rows(call: Call, container: Any) -> list[Mapping[str, Any]]:
    """What a list or a map holds, in the order of the answer.

    Raises:
        UnexpectedResponse: It is neither, or holds something that is not an object.
    """
    found = list(container.values()) if isinstance(container, Mapping) else container
    if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
        raise unexpected_response(call, "whose list is not one of objects")
    return found


def decode_entity(call: Call, body: Any, key: str, model: type[T]) -> T:
    """The one entity under *key*.

    Raises:
        UnexpectedResponse: It is not there.
    """
    raw = body.get(key) if isinstance(body, Mapping) else None
    if not isinstance(raw, Mapping):
        raise unexpected_response(call, f"without {key!r}")
    return codec.decode(model, raw)


def decode_entities(call: Call, body: Any, key: str, model: type[T]) -> list[T]:
    """The entities under *key*.

    Raises:
        UnexpectedResponse: They are not there.
    """
    if not isinstance(body, Mapping) or key not in body:
        raise unexpected_response(call, f"without {key!r}")
    return [codec.decode(model, row) for row in expect_rows(call, body[key] or [])]


def decode_page(call: Call, body: Any, key: str, model: type[T], start: int = 0) -> ResultPage[T]:
    """The entities under *key*, as a page.

    Raises:
        UnexpectedResponse: They are not there.
    """
    items = decode_entities(call, body, key, model)
    return ResultPage(items=items, total=total(body, len(items)), start=start)


def total(body: Mapping[str, Any], fallback: int) -> int:
    """How many there are: a number, or for tables a text."""
    value = body.get("total")
    return int(value) if isinstance(value, (int, str)) and str(value).isdecimal() else fallback


def field_value(record: Contact | Company, alias: str) -> object:
    """What a contact or company holds in a field; an empty text for nothing."""
    value = getattr(record, alias, None)
    if (value is None or value is UNSET) and isinstance(record.fields, Mapping):
        value = record.fields.get(alias)
    return "" if value is None or value is UNSET else value


def created_at(entity: Any) -> float | None:
    """Return when the entity of an answer was made: epoch seconds of the server's clock."""
    return _timestamp(entity, "dateAdded")


def modified_at(entity: Any) -> float | None:
    """Return when the entity of an answer was last changed, or made: epoch seconds of the server's clock."""
    return _timestamp(entity, "dateModified") or created_at(entity)


def _timestamp(entity: Any, name: str) -> float | None:
    text = entity.get(name) if isinstance(entity, Mapping) else None
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def is_unknown_route(error: NotFound) -> bool:
    """Whether the server does not know the path, rather than the entity."""
    return any("URL not found" in problem.message or "No route found" in problem.message for problem in error.problems)


def with_requirement(error: NotFound, needs: str, version: str | None) -> NotFound:
    """*error* with the reason why this server has no such route."""
    here = f"this one is Mautic {version}" if version else "this one has not told its version yet"
    hinted = NotFound(
        f"{error} -> it needs {needs}; {here}",
        status=error.status,
        problems=error.problems,
        call=error.call,
        deliberate=error.deliberate,
    )
    hinted.verdict, hinted.attempts, hinted.history = error.verdict, error.attempts, error.history
    return hinted
