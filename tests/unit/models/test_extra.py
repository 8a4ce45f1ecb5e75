"""`extra` holds what no class names: of all that was recorded from Mautic 5.1.1 and 7.0.2, nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import attrs
import pytest

from mautic_async import codec
from mautic_async import models as m
from tests.support.recorded_entities import answered_parts, conversation, exchanges
from tests.support.recordings import Version

ENVELOPE = {("Widget", "success")}
"""Keys of the envelope, which the resource takes out before decoding."""


def extras(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the class and key of everything in the `extra` of *value* and of all that it holds."""
    if attrs.has(type(value)):
        yield from ((type(value).__name__, key) for key in value.extra)
        for attribute in attrs.fields(type(value)):
            if attribute.name != "extra":
                yield from extras(getattr(value, attribute.name))
    elif isinstance(value, (list, Mapping)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from extras(item)


@pytest.mark.parametrize("version", [5, 7])
def test_decode_leaves_no_recorded_key_in_extra(version: Version) -> None:
    found = {
        (*extra, part.source)
        for part in answered_parts(chain(exchanges(version), conversation(version)))
        for extra in extras(codec.decode(part.model, part.value))
        if extra not in ENVELOPE
    }
    assert found == set()


def test_decode_reads_details_of_an_ip_address_without_location() -> None:
    """What 7.0.2 answers where it has looked an address up and found nothing."""
    raw = {
        "ipAddress": "192.0.2.7",
        "ipDetails": {
            "city": "",
            "region": "",
            "zipcode": "",
            "country": "",
            "latitude": "",
            "longitude": "",
            "extra": "",
        },
    }
    address = codec.decode(m.IpAddress, raw)
    assert address.ip_details is not None
    assert (address.ip_details.latitude, address.ip_details.lookup_extra, address.ip_details.extra) == (None, "", {})


def test_decode_reads_the_campaign_in_the_answer_of_edit_log() -> None:
    """The answer of 5.1.1 to ``PUT campaigns/events/2/contact/5/edit``, shortened."""
    campaign = {
        "id": 2,
        "name": "Welcome",
        "category": None,
        "description": None,
        "allowRestart": False,
        "publishUp": None,
        "publishDown": "2027-01-01T00:00:00+00:00",
        "deleted": None,
        "events": [{"id": 4, "name": "page", "type": "page.pagehit", "eventType": "decision", "contactLog": []}],
    }
    event = codec.decode(m.CampaignEvent, {"id": 2, "campaign": campaign})
    assert event.campaign is not None
    assert event.campaign.events is not None
    assert event.campaign.publish_down is not None
    assert (event.campaign.extra, event.campaign.events[0].id, event.campaign.allow_restart) == ({}, 4, False)


def test_decode_reads_the_period_of_a_timeline() -> None:
    filters = {
        "dateFrom": "2026-01-01",
        "dateTo": "2026-12-01",
        "search": "x",
        "includeEvents": [],
        "excludeEvents": [],
    }
    timeline = codec.decode(m.Timeline, {"events": [], "filters": filters, "total": 0})
    assert timeline.filters is not None
    assert timeline.filters.extra == {}
    assert timeline.filters.date_from is not None
    assert timeline.filters.date_from.year == 2026


@pytest.mark.parametrize("answered", ["1970-01-01T10:30:00+00:00", "2026-11-21T10:30:00+01:00", "10:30"])
def test_trigger_hour_is_a_time_of_day(answered: str) -> None:
    """Mautic takes ``10:30`` and answers a time on the day of the request, later one on 1970-01-01."""
    event = codec.decode(m.CampaignEvent, {"id": 1, "triggerHour": answered, "triggerRestrictedStopHour": answered})
    assert (event.trigger_hour, event.trigger_restricted_stop_hour) == ("10:30", "10:30")


def test_an_empty_text_is_no_number() -> None:
    hit = codec.decode(m.IpDetails, {"latitude": "", "longitude": "8.5"})
    assert (hit.latitude, hit.longitude, hit.extra) == (None, 8.5, {})
    assert codec.decode(m.Tag, {"id": "", "tag": "vip"}) == m.Tag(tag="vip")
