"""Events from the JSON of a body. A payload that does not fit its class becomes a plain `WebhookEvent`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from mautic_async.codec import decode
from mautic_async.codec.fields import camel_case
from mautic_async.errors import WebhookRejected
from mautic_async.models import Company, Contact
from mautic_async.webhooks import events
from mautic_async.webhooks.events import WebhookEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


EVENTS: Final[Mapping[str, type[WebhookEvent]]] = {
    kind.KEY: kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, WebhookEvent) and kind.KEY
}
"""Class of each of Mautic's own triggers, by the key of the trigger."""

_DECODE_ERRORS: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def parse_timestamp(value: object) -> datetime | None:
    """Return an ISO 8601 time with its zone, UTC if it has none; None if *value* is no time."""
    if not isinstance(value, str) or not 10 <= len(value) <= 40:
        return None
    try:
        parsed = datetime.fromisoformat(value)
        aware = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
        aware.timestamp()  # raises if the offset leads out of the calendar
    except (ValueError, OverflowError):
        return None
    return aware


def parse_events(body: Mapping[str, Any], limit: int) -> tuple[WebhookEvent, ...]:
    """Return the events of *body*, in its order.

    Raises:
        WebhookRejected: The body holds more than *limit* events.
    """
    parsed: list[WebhookEvent] = []
    for event in _iter_events(body):
        if len(parsed) == limit:
            raise WebhookRejected(f"a signed webhook of more than {limit} events", reason="unreadable", status=400)
        parsed.append(event)
    return tuple(parsed)


def _iter_events(body: Mapping[str, Any]) -> Iterator[WebhookEvent]:
    body_timestamp = body.get("timestamp")
    test = isinstance(body_timestamp, str)  # only samples have one date for the whole body
    for key, value in body.items():
        for item in _iter_objects(value):
            for payload in _split_contacts(item):
                yield _build_event(
                    key,
                    payload,
                    parse_timestamp(payload.get("timestamp")) or parse_timestamp(body_timestamp),
                    test=test,
                )


def _iter_objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list, or a single object; anything else holds no event."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _split_contacts(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield one payload for each contact of an event about many."""
    contacts = item.get("contact")
    if not isinstance(contacts, list) or not contacts:
        yield item
        return
    for contact in contacts:
        yield {**item, "contact": contact}


def _build_event(key: str, payload: Mapping[str, Any], timestamp: datetime | None, *, test: bool) -> WebhookEvent:
    unparsed = WebhookEvent(key=key, timestamp=timestamp, test=test, payload=payload)
    kind = EVENTS.get(key)
    if kind is None:
        return unparsed
    try:
        event = decode(kind, {**_normalize(payload), "key": key, "test": test, "payload": {}})
        return attrs.evolve(event, timestamp=timestamp, payload=payload)
    except _DECODE_ERRORS:
        # The signature was right, so Mautic itself sent this payload: the caller gets it as it is.
        return unparsed


def _normalize(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return *payload* in the shapes that the codec knows from answers of the API."""
    normalized = dict(payload)
    if "contact" not in normalized and "lead" in normalized:
        normalized["contact"] = normalized["lead"]  # the key in samples of old servers
    if "contact" in normalized:
        normalized["contact"] = _normalize_contact(normalized["contact"])
    if "company" in normalized:
        normalized["company"] = _normalize_company(normalized["company"])
    for name in ("stat", "hit", "submission"):
        nested = normalized.get(name)
        if isinstance(nested, dict) and "lead" in nested:
            normalized[name] = {**nested, "lead": _normalize_contact(nested["lead"])}
    for name in ("contact", "company"):
        if isinstance(normalized.get(name), dict) and isinstance(normalized.get("id"), int):
            normalized[name] = {**normalized[name], "id": normalized["id"]}  # the id inside a deleted entity is null
    if isinstance(normalized.get("points"), dict):
        normalized |= {
            "oldPoints": normalized["points"].get("old_points"),
            "newPoints": normalized["points"].get("new_points"),
        }
    return normalized


def _normalize_contact(raw: Any) -> Any:
    """Return an id, a flat map of fields, or an entity with groups of fields as the last of these."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return {"id": raw}
    if isinstance(raw, dict) and not isinstance(raw.get("fields"), dict):
        return {**raw, "fields": {"all": _custom_values(raw, Contact)}}
    return raw


def _without_separators(name: str) -> str:
    return name.replace("_", "").lower()


_COMPANY_FIELDS: Final[Mapping[str, str]] = {
    _without_separators(field.name.removeprefix("company")): field.name
    for field in attrs.fields(Company)
    if field.name.startswith("company")
}


def _normalize_company(raw: Any) -> Any:
    """Return a company without the copies of its fields beside its properties (``name`` for ``companyname``).

    Saved companies have their fields in groups, too. Others have only the copies, which then serve as the fields.
    """
    if not isinstance(raw, dict):
        return raw
    copies = {key: name for key in raw if (name := _COMPANY_FIELDS.get(_without_separators(key)))}
    entity = {key: value for key, value in raw.items() if key not in copies}
    groups: dict[str, Any] = raw["fields"] if isinstance(raw.get("fields"), dict) else {}
    stored = groups.get("all") or {
        alias: definition.get("value")
        for group in groups.values()
        if isinstance(group, dict)
        for alias, definition in group.items()
        if isinstance(definition, dict)
    }
    if not groups:
        stored = _custom_values(entity, Company)
    return {**entity, "fields": {**groups, "all": {**{name: raw[key] for key, name in copies.items()}, **stored}}}


def _custom_values(raw: Mapping[str, Any], model: type[Contact | Company]) -> dict[str, Any]:
    """Return what is no property of *model*: fields that stand beside the properties."""
    properties = {camel_case(name) for name in model.PROPERTIES} | {"utmtags"}
    return {key: value for key, value in raw.items() if key not in properties}
