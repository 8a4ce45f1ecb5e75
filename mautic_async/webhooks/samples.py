"""Sample webhook bodies for tests of receivers, in the shapes that Mautic 5.1 posts. All people are invented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from mautic_async.errors import ConfigurationError
from mautic_async.webhooks.parsing import EVENTS

if TYPE_CHECKING:
    from mautic_async.webhooks.events import WebhookEvent

_ADDED: Final = "2026-01-31T09:00:00+00:00"


def _fields(prefix: str = "", **values: str | int | None) -> dict[str, Any]:
    """Return the group of fields that an entity of the API has."""
    return {
        "core": {
            prefix + alias: {"alias": prefix + alias, "value": value, "normalizedValue": "" if value is None else value}
            for alias, value in values.items()
        },
        "social": [],
        "personal": [],
        "professional": [],
    }


_PUBLISHED: Final = {"isPublished": True, "dateAdded": _ADDED, "dateModified": None, "createdBy": 1}
_CORE: Final = {"id": 12, "points": 5, "title": None, "firstname": "Ada", "lastname": "Lovelace"} | {
    "email": "ada@example.com"
}
_CONTACT: Final = {
    **_PUBLISHED,
    "id": 12,
    "points": 5,
    "fields": _fields(firstname="Ada", lastname="Lovelace", email="ada@example.com", company="Analytical Engines"),
    "owner": None,
    "ipAddresses": [],
    "tags": [{"tag": "vip"}],
    "utmtags": None,
    "stage": None,
    "doNotContact": [],
    "frequencyRules": [],
}
_COMPANY_FIELDS: Final = {"name": "Analytical Engines", "email": "office@example.com", "city": "London"}
_COMPANY: Final = {
    **_PUBLISHED,
    "id": 20,
    **_COMPANY_FIELDS,
    "score": 0,
    "fields": _fields("company", **_COMPANY_FIELDS),
}
_SEGMENT: Final = {**_PUBLISHED, "id": 4, "name": "VIP", "alias": "vip", "filters": [], "isGlobal": True}
_EMAIL: Final = {"id": 9, "name": "Welcome", "subject": "Hello {contactfield=firstname}"}
_FORM: Final = {"id": 2, "name": "Contact us", "alias": "contactus", "category": None}
_IP_ADDRESS: Final = {"ipAddress": "192.0.2.1"}
_STAT: Final = {
    "id": 77,
    "email": _EMAIL,
    "lead": _CORE,
    "emailAddress": "ada@example.com",
    "ipAddress": _IP_ADDRESS,
    "dateSent": _ADDED,
    "isRead": True,
    "isFailed": False,
    "dateRead": "2026-01-31T09:30:00+00:00",
    "retryCount": 0,
    "source": "email",
    "sourceId": 9,
    "openCount": 1,
    "trackingHash": "65b8c0ffee",
    "viewedInBrowser": False,
}
_HIT: Final = {
    "id": 8,
    "dateHit": _ADDED,
    "lead": _CORE,
    "page": {"id": 1, "title": "Welcome", "alias": "welcome"},
    "redirect": None,
    "email": None,
    "ipAddress": _IP_ADDRESS,
    "code": 200,
    "urlTitle": "Welcome",
    "url": "https://www.example.com/welcome?x=1",
    "query": {"x": "1"},
    "trackingId": "abc",
}
_SUBMISSION: Final = {
    "id": 3,
    "form": _FORM,
    "lead": _CORE,
    "ipAddress": _IP_ADDRESS,
    "trackingId": "abc",
    "dateSubmitted": _ADDED,
    "referer": "https://www.example.com/",
    "page": None,
    "results": {"email": "ada@example.com", "message": "Hello"},
}

_PAYLOADS: Final[Mapping[str, Mapping[str, Any]]] = {
    "mautic.lead_post_save_new": {"contact": _CONTACT},
    "mautic.lead_post_save_update": {"contact": _CONTACT},
    "mautic.lead_points_change": {"contact": _CONTACT, "points": {"old_points": 0, "new_points": 5}},
    "mautic.lead_post_delete": {"id": 12, "contact": {**_CONTACT, "id": None}},
    "mautic.lead_channel_subscription_changed": {
        "contact": _CONTACT,
        "channel": "email",
        "old_status": "contactable",
        "new_status": "unsubscribed",
    },
    "mautic.lead_company_change": {"added": True, "contact": _CONTACT, "company": _COMPANY},
    "mautic.company_post_save": {"company": _COMPANY},
    "mautic.company_post_delete": {"id": 20, "company": {**_COMPANY, "id": None}},
    "mautic.lead_list_change": {"contact": _CONTACT, "segment": _SEGMENT, "action": "added"},
    "mautic.email_on_send": {
        "email": _EMAIL,
        "contact": _CORE,
        "contentHash": None,
        "idHash": "65b8c0ffee",
        "subject": "Hello Ada",
        "source": ["campaign.event", 3],
        "headers": [],
        "content": "<p>Hello Ada</p>",
        "tokens": [],
    },
    "mautic.email_on_open": {"stat": _STAT},
    "mautic.form_on_submit": {"submission": _SUBMISSION},
    "mautic.page_on_hit": {"hit": _HIT},
    "mautic.sms_on_send": {"smsId": 2, "contact": _CONTACT, "content": "Hello Ada"},
}


def sample_body(*kinds: type[WebhookEvent], timestamp: datetime | None = None) -> bytes:
    """Return the body of a webhook with one sample event of each kind, for tests of receivers.

    Args:
        kinds: Classes of events; all of Mautic's own triggers if none is given.
        timestamp: Date of the events; now if not given. Mautic dates by the second, and so does this: two bodies of one
            second are equal, and a receiver that rejects duplicates accepts the first only.

    Raises:
        ConfigurationError: A class is no trigger of Mautic itself.

    Mautic: Webhooks, events.
    """
    unknown = [kind.__name__ for kind in kinds if kind.KEY not in _PAYLOADS]
    if unknown:
        raise ConfigurationError(f"sample_body: there is no sample of {', '.join(unknown)}")
    stamp = (timestamp or datetime.now(UTC)).isoformat(timespec="seconds")
    keys = [kind.KEY for kind in kinds] or list(EVENTS)
    text = json.dumps({key: [{**_PAYLOADS[key], "timestamp": stamp}] for key in keys}, separators=(",", ":"))
    return text.replace("/", r"\/").encode()  # as PHP escapes it
