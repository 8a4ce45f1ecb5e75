"""From the JSON of a body to events. What does not fit its class becomes a plain `WebhookEvent`, never an exception."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from mautic_async.codec import decode
from mautic_async.errors import WebhookRejected
from mautic_async.models import Company
from mautic_async.webhooks.events import (
    ChannelSubscriptionChanged,
    CompanyDeleted,
    CompanySaved,
    ContactCompanyChanged,
    ContactDeleted,
    ContactIdentified,
    ContactUpdated,
    EmailOpened,
    EmailSent,
    FormSubmitted,
    PageHit,
    PointsChanged,
    SegmentMembershipChanged,
    SmsSent,
    WebhookEvent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


EVENTS: Final[Mapping[str, type[WebhookEvent]]] = {
    kind.KEY: kind
    for kind in (
        ContactIdentified,
        ContactUpdated,
        PointsChanged,
        ContactDeleted,
        ChannelSubscriptionChanged,
        ContactCompanyChanged,
        CompanySaved,
        CompanyDeleted,
        SegmentMembershipChanged,
        EmailSent,
        EmailOpened,
        FormSubmitted,
        PageHit,
        SmsSent,
    )
}
"""The class of each trigger of Mautic itself."""

_DECODE_ERRORS: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def parse_timestamp(value: object) -> datetime | None:
    """An ISO 8601 time, or None where *value* is none."""
    if not isinstance(value, str) or not 10 <= len(value) <= 40:
        return None
    try:
        parsed = datetime.fromisoformat(value)
        aware = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
        aware.timestamp()  # at the ends of the calendar an offset leads out of it
    except (ValueError, OverflowError):
        return None
    return aware


def parse_events(body: Mapping[str, Any], limit: int) -> tuple[WebhookEvent, ...]:
    """The events of *body*, in its order.

    Raises:
        WebhookRejected: There are more than *limit*.
    """
    parsed: list[WebhookEvent] = []
    for event in _iter_events(body):
        if len(parsed) == limit:
            raise WebhookRejected(f"a signed webhook of more than {limit} events", reason="unreadable", status=400)
        parsed.append(event)
    return tuple(parsed)


def _iter_events(body: Mapping[str, Any]) -> Iterator[WebhookEvent]:
    body_timestamp = body.get("timestamp")
    test = isinstance(body_timestamp, str)  # only samples are dated as a whole
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
    """A list of objects, a single one, or nothing that is an event."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _split_contacts(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """One payload for each contact, where many changed at once."""
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
        return unparsed


def _normalize(payload: Mapping[str, Any]) -> dict[str, Any]:
    """*payload* in the shapes that the codec knows from answers."""
    normalized = dict(payload)
    if "contact" not in normalized and "lead" in normalized:
        normalized["contact"] = normalized["lead"]  # what samples of old servers call it
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
            normalized[name] = {**normalized[name], "id": normalized["id"]}  # deleted: its own id is null
    if isinstance(normalized.get("points"), dict):
        normalized |= {
            "oldPoints": normalized["points"].get("old_points"),
            "newPoints": normalized["points"].get("new_points"),
        }
    return normalized


def _normalize_contact(raw: Any) -> Any:
    """An id, a flat map of fields, or an entity with groups of fields: the last in any case."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return {"id": raw}
    if isinstance(raw, dict) and not isinstance(raw.get("fields"), dict):
        return {**raw, "fields": {"all": raw}}
    return raw


def _without_separators(name: str) -> str:
    return name.replace("_", "").lower()


_COMPANY_FIELDS: Final[Mapping[str, str]] = {
    _without_separators(field.name.removeprefix("company")): field.name
    for field in attrs.fields(Company)
    if field.name.startswith("company")
}


def _normalize_company(raw: Any) -> Any:
    """An entity whose fields stand at the top without their prefix: ``name`` for ``companyname``."""
    if not isinstance(raw, dict) or isinstance(raw.get("fields"), dict):
        return raw
    values = {
        _COMPANY_FIELDS[_without_separators(key)]: value
        for key, value in raw.items()
        if _without_separators(key) in _COMPANY_FIELDS
    }
    rest = {
        key: value for key, value in raw.items() if _without_separators(key) not in _COMPANY_FIELDS and key != "fields"
    }
    return {**rest, "fields": {"all": {**rest, **values}}} if values else raw
