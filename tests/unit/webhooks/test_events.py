import base64
import copy
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from mautic_async.errors import ConfigurationError
from mautic_async.webhooks import (
    EVENTS,
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
    Webhooks,
    sample_body,
    sign,
)
from tests.support.recordings import load_exchange

SECRET = "s3cr3t"
NOW = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)
STAMP = "2026-01-31T10:00:00+00:00"


def read(body: Any) -> tuple[WebhookEvent, ...]:
    raw = json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), raw, hashlib.sha256).digest()).decode()
    return Webhooks(SECRET).read(raw, signature)


def one(key: str, **payload: Any) -> WebhookEvent:
    (event,) = read({key: [{**payload, "timestamp": STAMP}]})
    return event


def test_event_repr_shows_no_address() -> None:
    event = one("mautic.lead_post_save_update", contact={"id": 3, "email": "ada@example.com", "fields": []})
    assert isinstance(event, ContactUpdated)
    assert event.contact.email == "ada@example.com"
    assert repr(event) == (
        "ContactUpdated(key='mautic.lead_post_save_update', timestamp=2026-01-31T10:00:00+00:00, contact=Contact(id=3))"
    )


GROUPED: Mapping[str, Any] = {
    "isPublished": True,
    "dateAdded": "2026-01-31T09:00:00+00:00",
    "id": 12,
    "points": 5,
    "color": None,
    "fields": {
        "core": {
            "firstname": {"id": 2, "alias": "firstname", "type": "text", "value": "Ada", "normalizedValue": "Ada"},
            "email": {"id": 6, "alias": "email", "type": "email", "value": "ada@example.com", "properties": {}},
            "seats": {"id": 60, "alias": "seats", "type": "number", "value": 3, "properties": {}},
        },
        "social": {"facebook": {"id": 24, "alias": "facebook", "type": "text", "value": None}},
        "professional": [],
    },
    "owner": None,
    "tags": [{"tag": "vip"}],
    "utmtags": None,
    "doNotContact": [],
    "ipAddresses": [],
}
FULL: Mapping[str, Any] = {**GROUPED, "firstname": "Ada", "email": "ada@example.com", "owner": {"id": 1, "role": {}}}
COMPANY: Mapping[str, Any] = {
    "isPublished": True,
    "dateAdded": "2026-01-31T09:00:00+00:00",
    "createdBy": 1,
    "id": "20",
    "name": "Analytical Engines",
    "email": "office@example.com",
    "address1": "1 Byron Street",
    "city": "London",
    "numberOfEmployees": 3,
    "description": None,
    "score": 2,
}
CORE: Mapping[str, Any] = {"id": 12, "points": 5, "firstname": "Ada", "email": "ada@example.com", "title": None}


def contact_of(event: Any) -> None:
    assert event.contact.id == 12
    assert event.contact.firstname == "Ada"
    assert event.contact.email == "ada@example.com"
    assert event.timestamp == NOW
    assert not event.test


@pytest.mark.parametrize("kind", [ContactIdentified, ContactUpdated])
def test_parse_contact_saved(kind: type[ContactUpdated]) -> None:
    event = one(kind.KEY, contact=GROUPED)
    assert type(event) is kind
    contact_of(event)
    assert event.contact.tags == ["vip"]
    assert event.contact.points == 5
    assert event.contact.facebook is None
    assert dict(event.contact.fields or {}) == {"seats": 3}
    assert event.payload["contact"] == GROUPED


def test_parse_points_changed() -> None:
    event = one("mautic.lead_points_change", contact=GROUPED, points={"old_points": 5, "new_points": 8})
    assert isinstance(event, PointsChanged)
    contact_of(event)
    assert (event.old_points, event.new_points) == (5, 8)


def test_parse_contact_deleted_keeps_the_former_id() -> None:
    event = one("mautic.lead_post_delete", id=12, contact={**GROUPED, "id": None})
    assert isinstance(event, ContactDeleted)
    assert event.id == 12
    contact_of(event)


def test_parse_subscription_changed() -> None:
    words = {"channel": "email", "old_status": "contactable", "new_status": "unsubscribed"}
    event = one("mautic.lead_channel_subscription_changed", contact=GROUPED, **words)
    assert isinstance(event, ChannelSubscriptionChanged)
    contact_of(event)
    assert (event.channel, event.old_status, event.new_status) == ("email", "contactable", "unsubscribed")


def test_parse_company_contact_added() -> None:
    event = one("mautic.lead_company_change", added=True, contact=FULL, company=COMPANY)
    assert isinstance(event, ContactCompanyChanged)
    contact_of(event)
    assert event.added
    assert (event.company.id, event.company.companyname) == (20, "Analytical Engines")


def test_parse_company_of_many_contacts_gives_an_event_each() -> None:
    body = {"mautic.lead_company_change": [{"added": False, "contact": [12, {"id": 13}], "company": COMPANY}]}
    events = read(body)
    assert [(type(e), e.contact.id, e.added) for e in events if isinstance(e, ContactCompanyChanged)] == [
        (ContactCompanyChanged, 12, False),
        (ContactCompanyChanged, 13, False),
    ]


def test_parse_company_saved_has_fields_under_their_aliases() -> None:
    event = one("mautic.company_post_save", company=COMPANY)
    assert isinstance(event, CompanySaved)
    company = event.company
    assert (company.id, company.score, company.is_published) == (20, 2, True)
    assert (company.companyname, company.companyemail) == ("Analytical Engines", "office@example.com")
    assert (company.companycity, company.companynumber_of_employees) == ("London", 3)
    assert company.companydescription is None
    assert "name" not in company.extra


def test_parse_company_deleted_keeps_the_former_id() -> None:
    event = one("mautic.company_post_delete", id=20, company={**COMPANY, "id": None})
    assert isinstance(event, CompanyDeleted)
    assert event.id == 20
    assert event.company is not None
    assert (event.company.id, event.company.companyname) == (20, "Analytical Engines")


@pytest.mark.parametrize("action", ["added", "removed"])
def test_parse_segment_membership_changed(action: str) -> None:
    segment = {"id": 4, "name": "VIP", "alias": "vip", "filters": [], "isPublished": True, "category": None}
    event = one("mautic.lead_list_change", contact=FULL, segment=segment, action=action)
    assert isinstance(event, SegmentMembershipChanged)
    contact_of(event)
    assert (event.segment.id, event.segment.alias, event.action) == (4, "vip", action)


def test_parse_email_sent() -> None:
    event = one(
        "mautic.email_on_send",
        email={"id": 9, "name": "Welcome", "subject": "Hello {contactfield=firstname}", "customHtml": "<p>"},
        contact={**CORE, "seats": 3, "owner_id": None},
        contentHash="c0ffee",
        idHash="65b8",
        subject="Hello Ada",
        source=["campaign.event", 3],
        headers=[],
        content="<p>Hello Ada</p>",
        tokens={"{unsubscribe_url}": "https://m/u"},
    )
    assert isinstance(event, EmailSent)
    contact_of(event)
    assert event.email is not None
    assert (event.email.id, event.email.name) == (9, "Welcome")
    assert (event.content_hash, event.id_hash, event.subject) == ("c0ffee", "65b8", "Hello Ada")
    assert event.source == ["campaign.event", 3]
    assert event.headers == {}
    assert event.content == "<p>Hello Ada</p>"
    assert event.tokens == {"{unsubscribe_url}": "https://m/u"}
    assert (event.contact.fields or {})["seats"] == 3
    assert "Ada" not in repr(event).replace("firstname='Ada'", "")


def test_parse_email_sent_without_details() -> None:
    event = one("mautic.email_on_send", email=None, contact=CORE, contentHash=None, idHash="65b8", subject="Hello")
    assert isinstance(event, EmailSent)
    assert (event.email, event.content, event.tokens, event.content_hash) == (None, None, None, None)


def test_parse_email_opened() -> None:
    stat = {
        "id": "77",
        "emailAddress": "ada@example.com",
        "ipAddress": {"ipAddress": "192.0.2.1"},
        "dateSent": "2026-01-31T09:00:00+00:00",
        "isRead": True,
        "isFailed": False,
        "dateRead": "2026-01-31T09:30:00+00:00",
        "retryCount": 0,
        "source": "email",
        "openCount": 1,
        "lastOpened": None,
        "sourceId": 9,
        "trackingHash": "65b8",
        "viewedInBrowser": False,
        "lead": CORE,
        "email": {"id": 9, "name": "Welcome"},
    }
    event = one("mautic.email_on_open", stat=stat)
    assert isinstance(event, EmailOpened)
    opened = event.stat
    assert (opened.id, opened.is_read, opened.is_failed, opened.open_count, opened.source_id) == (77, True, False, 1, 9)
    assert opened.date_sent == datetime(2026, 1, 31, 9, tzinfo=UTC)
    assert opened.contact is not None
    assert (opened.contact.id, opened.contact.firstname) == (12, "Ada")
    assert opened.email is not None
    assert opened.email.name == "Welcome"
    assert opened.ip_address is not None
    assert opened.ip_address.ip_address == "192.0.2.1"
    assert opened.extra == {}


def test_parse_form_submitted() -> None:
    submission = {
        "id": 3,
        "ipAddress": {"ipAddress": "192.0.2.1"},
        "form": {"id": 2, "name": "Contact us", "alias": "contactus", "category": None},
        "lead": CORE,
        "trackingId": "abc",
        "dateSubmitted": "2026-01-31T09:00:00+00:00",
        "referer": "https://example.com/",
        "page": None,
        "results": {"email": "ada@example.com", "message": "Hello"},
    }
    event = one("mautic.form_on_submit", submission=submission)
    assert isinstance(event, FormSubmitted)
    assert event.submission.form is not None
    assert (event.submission.id, event.submission.form.alias) == (3, "contactus")
    assert event.submission.results == {"email": "ada@example.com", "message": "Hello"}
    assert event.submission.contact is not None
    assert event.submission.contact.firstname == "Ada"


def test_parse_page_visited() -> None:
    hit = {
        "id": 8,
        "dateHit": "2026-01-31T09:00:00+00:00",
        "dateLeft": None,
        "page": {"id": 1, "title": "Welcome", "alias": "welcome"},
        "redirect": None,
        "email": None,
        "lead": CORE,
        "ipAddress": {"ipAddress": "192.0.2.1"},
        "country": "",
        "code": 200,
        "url": "https://example.com/welcome?x=1",
        "urlTitle": "Welcome",
        "userAgent": "Mozilla/5.0",
        "browserLanguages": ["en-GB", "en"],
        "trackingId": "abc",
        "query": {"x": "1"},
    }
    event = one("mautic.page_on_hit", hit=hit)
    assert isinstance(event, PageHit)
    visit = event.hit
    assert (visit.id, visit.code, visit.url_title, visit.tracking_id) == (8, 200, "Welcome", "abc")
    assert visit.browser_languages == ["en-GB", "en"]
    assert visit.query == {"x": "1"}
    assert visit.contact is not None
    assert visit.contact.email == "ada@example.com"
    assert visit.page is not None
    assert visit.page.alias == "welcome"


def test_parse_text_message_sent() -> None:
    event = one("mautic.sms_on_send", smsId=2, contact=FULL, content="Hello Ada")
    assert isinstance(event, SmsSent)
    contact_of(event)
    assert (event.sms_id, event.content) == (2, "Hello Ada")


def test_parse_knows_every_trigger_of_mautic() -> None:
    assert {key: kind.KEY for key, kind in EVENTS.items()} == {key: key for key in KNOWN}


KNOWN = (
    *("mautic.company_post_save", "mautic.company_post_delete", "mautic.lead_channel_subscription_changed"),
    *(
        "mautic.lead_company_change",
        "mautic.lead_post_delete",
        "mautic.lead_post_save_new",
        "mautic.lead_points_change",
    ),
    *("mautic.lead_list_change", "mautic.lead_post_save_update", "mautic.email_on_open", "mautic.email_on_send"),
    *("mautic.form_on_submit", "mautic.page_on_hit", "mautic.sms_on_send"),
)


def test_parse_plugin_trigger_gives_a_plain_event() -> None:
    event = one("plugin.shop_order", order={"id": 5})
    assert type(event) is WebhookEvent
    assert event.key == "plugin.shop_order"
    assert event.timestamp == NOW
    assert event.payload == {"order": {"id": 5}, "timestamp": STAMP}


@pytest.mark.parametrize("key", KNOWN)
@pytest.mark.parametrize(
    "payload",
    [{}, {"contact": "x"}, {"contact": {"id": []}, "company": 7, "segment": "x"}, {"id": "x", "stat": [], "hit": 1}],
)
def test_parse_unexpected_shape_gives_a_plain_event(key: str, payload: dict[str, Any]) -> None:
    event = one(key, **payload)
    assert isinstance(event, WebhookEvent)
    assert event.payload == {**payload, "timestamp": STAMP}


def test_parse_test_button_body_with_single_objects_and_one_date() -> None:
    samples = {
        "mautic.lead_post_save_update": {"contact": GROUPED},
        "mautic.lead_points_change": [{"lead": GROUPED, "points": {"old_points": 0, "new_points": 5}}],
        "mautic.page_on_hit": None,
        "mautic.sms_on_send": "sample",
        "timestamp": STAMP,
    }
    body = samples
    updated, points = read(body)
    assert isinstance(updated, ContactUpdated)
    assert isinstance(points, PointsChanged)
    assert (updated.test, points.test) == (True, True)
    assert updated.timestamp == points.timestamp == NOW


def test_parse_several_triggers_keeps_the_order_of_the_body() -> None:
    body = {
        "mautic.lead_post_save_new": [{"contact": GROUPED}, {"contact": GROUPED}],
        "mautic.company_post_save": [{"company": COMPANY}],
    }
    events = read(body)
    assert [type(event) for event in events] == [ContactIdentified, ContactIdentified, CompanySaved]


def test_event_is_immutable() -> None:
    event = one("mautic.lead_post_save_new", contact=GROUPED)
    with pytest.raises(AttributeError):
        event.key = "other"  # type: ignore[misc] # the point
    assert copy.copy(event) == event


# --- recorded shapes -----------------------------------------------------------------------------------------------


def recorded(name: str) -> Any:
    return load_exchange(name)["response"]["body"]


def test_parse_covers_the_recorded_list_of_triggers() -> None:
    assert set(recorded("hooks-triggers")["triggers"]) == set(EVENTS)


@pytest.mark.parametrize(
    "name", ["contacts-dnc-add", "contacts-dnc-remove", "contacts-utm-add", "contacts-get-with-dnc"]
)
def test_parse_keeps_a_recorded_contact(name: str) -> None:
    contact = recorded(name)["contact"]
    event = one("mautic.lead_post_save_update", contact=contact)
    assert isinstance(event, ContactUpdated)
    assert event.contact.id == contact["id"]
    assert event.contact.email == contact["fields"]["core"]["email"].get("value", event.contact.email)
    assert event.contact.extra == {}


def test_parse_keeps_a_recorded_segment() -> None:
    segment = recorded("segments-get")["list"]
    event = one("mautic.lead_list_change", contact=GROUPED, segment=segment, action="added")
    assert isinstance(event, SegmentMembershipChanged)
    assert (event.segment.id, event.segment.name) == (segment["id"], segment["name"])


def test_saved_company_has_its_fields_once_though_mautic_sends_them_twice() -> None:
    """The shape that Mautic 5.1.1 posts: groups of fields, and copies of them beside the properties."""
    groups = {
        "core": {
            "companyname": {"alias": "companyname", "value": "Analytical Engines"},
            "companyemail": {"alias": "companyemail", "value": "office@example.com"},
            "companycity": {"alias": "companycity", "value": "London"},
            "seats": {"alias": "seats", "value": 3},
        },
        "professional": {"companynumber_of_employees": {"alias": "companynumber_of_employees", "value": 4}},
        "social": [],
        "other": [],
    }
    event = one("mautic.company_post_save", company={**COMPANY, "fields": groups})
    assert isinstance(event, CompanySaved)
    company = event.company
    assert (company.companyname, company.companyemail, company.companycity, company.companynumber_of_employees) == (
        "Analytical Engines",
        "office@example.com",
        "London",
        4,
    )
    assert company.extra == {}
    assert dict(company.fields or {}) == {"seats": 3}
    assert company.field_groups is not None
    assert company.field_groups["core"]["seats"].value == 3


def test_fields_of_flat_entities_are_not_mixed_with_properties() -> None:
    company = one("mautic.company_post_save", company={**COMPANY, "seats": 3})
    assert isinstance(company, CompanySaved)
    assert dict(company.company.fields or {}) == {"seats": 3}
    sent = one("mautic.email_on_send", contact={**CORE, "seats": 3}, idHash="65b8", subject="Hello")
    assert isinstance(sent, EmailSent)
    assert dict(sent.contact.fields or {}) == {"seats": 3}


# --- samples for tests of receivers --------------------------------------------------------------------------------


async def test_sample_body_signed_by_sign_is_accepted_as_an_event_of_each_kind() -> None:
    body = sample_body()
    async with Webhooks(SECRET).receive(body, sign(body, SECRET)) as events:
        assert [type(event) for event in events] == list(EVENTS.values())
    for event in events:
        for name in ("contact", "company", "stat", "hit", "submission", "segment"):
            nested = getattr(event, name, None)
            assert nested is None or nested.extra == {}, (event.key, name)


def test_sample_body_of_some_kinds_with_a_date() -> None:
    body = sample_body(CompanySaved, ContactDeleted, timestamp=NOW)
    saved, deleted = Webhooks(SECRET).read(body, sign(body, SECRET.encode()))
    assert isinstance(saved, CompanySaved)
    assert (saved.company.companyname, saved.timestamp) == ("Analytical Engines", NOW)
    assert isinstance(deleted, ContactDeleted)
    assert deleted.id == 12


def test_sample_body_refuses_a_class_without_sample() -> None:
    with pytest.raises(ConfigurationError, match="no sample of WebhookEvent"):
        sample_body(WebhookEvent)
