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

_UNFIT: Final = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def moment(value: object) -> datetime | None:
    """An ISO 8601 time, or None where *value* is none."""
    if not isinstance(value, str) or not 10 <= len(value) <= 40:
        return None
    try:
        read = datetime.fromisoformat(value)
        aware = read if read.tzinfo is not None else read.replace(tzinfo=UTC)
        aware.timestamp()  # at the ends of the calendar an offset leads out of it
    except (ValueError, OverflowError):
        return None
    return aware


def events(body: Mapping[str, Any], limit: int) -> tuple[WebhookEvent, ...]:
    """The events of *body*, in its order.

    Raises:
        WebhookRejected: There are more than *limit*.
    """
    found: list[WebhookEvent] = []
    for event in _each(body):
        if len(found) == limit:
            raise WebhookRejected(f"a signed webhook of more than {limit} events", reason="unreadable", status=400)
        found.append(event)
    return tuple(found)


def _each(body: Mapping[str, Any]) -> Iterator[WebhookEvent]:
    whole = body.get("timestamp")
    test = isinstance(whole, str)  # only samples are dated as a whole
    for key, value in body.items():
        for item in _items(value):
            for payload in _contacts(item):
                yield _event(key, payload, moment(payload.get("timestamp")) or moment(whole), test=test)


def _items(value: Any) -> Iterator[Mapping[str, Any]]:
    """A list of objects, a single one, or nothing that is an event."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _contacts(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """One payload for each contact, where many changed at once."""
    several = item.get("contact")
    if not isinstance(several, list) or not several:
        yield item
        return
    for one in several:
        yield {**item, "contact": one}


def _event(key: str, payload: Mapping[str, Any], timestamp: datetime | None, *, test: bool) -> WebhookEvent:
    plain = WebhookEvent(key=key, timestamp=timestamp, test=test, payload=payload)
    kind = EVENTS.get(key)
    if kind is None:
        return plain
    try:
        event = decode(kind, {**_usual(payload), "key": key, "test": test, "payload": {}})
        return attrs.evolve(event, timestamp=timestamp, payload=payload)
    except _UNFIT:
        return plain


def _usual(payload: Mapping[str, Any]) -> dict[str, Any]:
    """*payload* in the shapes that the codec knows from answers."""
    usual = dict(payload)
    if "contact" not in usual and "lead" in usual:
        usual["contact"] = usual["lead"]  # what samples of old servers call it
    if "contact" in usual:
        usual["contact"] = _contact(usual["contact"])
    if "company" in usual:
        usual["company"] = _company(usual["company"])
    for name in ("stat", "hit", "submission"):
        inside = usual.get(name)
        if isinstance(inside, dict) and "lead" in inside:
            usual[name] = {**inside, "lead": _contact(inside["lead"])}
    for name in ("contact", "company"):
        if isinstance(usual.get(name), dict) and isinstance(usual.get("id"), int):
            usual[name] = {**usual[name], "id": usual["id"]}  # deleted: its own id is null
    if isinstance(usual.get("points"), dict):
        usual |= {"oldPoints": usual["points"].get("old_points"), "newPoints": usual["points"].get("new_points")}
    return usual


def _contact(raw: Any) -> Any:
    """An id, a flat map of fields, or an entity with groups of fields: the last in any case."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return {"id": raw}
    if isinstance(raw, dict) and not isinstance(raw.get("fields"), dict):
        return {**raw, "fields": {"all": raw}}
    return raw


def _bare(name: str) -> str:
    return name.replace("_", "").lower()


_COMPANY: Final[Mapping[str, str]] = {
    _bare(field.name.removeprefix("company")): field.name
    for field in attrs.fields(Company)
    if field.name.startswith("company")
}


def _company(raw: Any) -> Any:
    """An entity whose fields stand at the top without their prefix: ``name`` for ``companyname``."""
    if not isinstance(raw, dict) or isinstance(raw.get("fields"), dict):
        return raw
    values = {_COMPANY[_bare(key)]: value for key, value in raw.items() if _bare(key) in _COMPANY}
    rest = {key: value for key, value in raw.items() if _bare(key) not in _COMPANY and key != "fields"}
    return {**rest, "fields": {"all": {**rest, **values}}} if values else raw
