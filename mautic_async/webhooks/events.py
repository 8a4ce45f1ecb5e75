"""What Mautic tells: one class for each trigger, and one for all others.

Mautic: Webhooks, events.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from attrs import define, field, frozen

from mautic_async.models import JSON, Company, Contact, Email, Entity, FromServer, IpAddress, Page, Segment, Submission


@frozen(kw_only=True)
class WebhookEvent:
    """Something that happened. Of this class itself where no other fits: a plugin's trigger, an unknown shape.

    Attributes:
        key: Mautic's name of the trigger: ``mautic.lead_post_save_update``.
        timestamp: When it was queued.
        test: It is a sample: somebody pressed the button that tests the webhook.
        payload: All that was said of it, as it came.

    Mautic: Webhooks, events.
    """

    KEY: ClassVar[str] = ""

    key: str
    timestamp: datetime | None = None
    test: bool = False
    payload: Mapping[str, JSON] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class ContactIdentified(WebhookEvent):
    """A contact got a name or an address. Anonymous visitors are never told of.

    Attributes:
        contact: As it is now.

    Mautic: Webhooks, Contact Identified Event.
    """

    KEY = "mautic.lead_post_save_new"

    contact: Contact


@frozen(kw_only=True)
class ContactUpdated(WebhookEvent):
    """A contact changed. One call may cause several of these, and says nothing of what changed.

    Attributes:
        contact: As it is now.

    Mautic: Webhooks, Contact Updated Event.
    """

    KEY = "mautic.lead_post_save_update"

    contact: Contact


@frozen(kw_only=True)
class PointsChanged(WebhookEvent):
    """A contact's points changed.

    Attributes:
        contact: As it is now.
        old_points: Before.
        new_points: Since.

    Mautic: Webhooks, Contact Points Changed Event.
    """

    KEY = "mautic.lead_points_change"

    contact: Contact
    old_points: int
    new_points: int


@frozen(kw_only=True)
class ContactDeleted(WebhookEvent):
    """A contact is gone.

    Attributes:
        id: That it had.
        contact: As it was, or None.

    Mautic: Webhooks, Contact Deleted Event.
    """

    KEY = "mautic.lead_post_delete"

    id: int
    contact: Contact | None = None


@frozen(kw_only=True)
class ChannelSubscriptionChanged(WebhookEvent):
    """A contact may or may not be written to any more.

    Attributes:
        contact: As it is now.
        channel: ``email``, ``sms``, or a plugin's own.
        old_status: ``contactable``, ``unsubscribed``, ``bounced`` or ``manual``.
        new_status: Likewise.

    Mautic: Webhooks, Contact Channel Subscription Change Event.
    """

    KEY = "mautic.lead_channel_subscription_changed"

    contact: Contact
    channel: str
    old_status: str = field(metadata={"json": "old_status"})
    new_status: str = field(metadata={"json": "new_status"})


@frozen(kw_only=True)
class ContactCompanyChanged(WebhookEvent):
    """A contact was added to a company or removed from it.

    Attributes:
        contact: Only its id after changes of many at once.
        company: Which.
        added: Otherwise removed.

    Mautic: Webhooks, Contact Company Subscription Change Event.
    """

    KEY = "mautic.lead_company_change"

    contact: Contact
    company: Company
    added: bool


@frozen(kw_only=True)
class CompanySaved(WebhookEvent):
    """A company was created or changed.

    Attributes:
        company: As it is now.

    Mautic: Webhooks, Company Create/Update Event.
    """

    KEY = "mautic.company_post_save"

    company: Company


@frozen(kw_only=True)
class CompanyDeleted(WebhookEvent):
    """A company is gone.

    Attributes:
        id: That it had.
        company: As it was, or None.

    Mautic: Webhooks, Company Deleted Event.
    """

    KEY = "mautic.company_post_delete"

    id: int
    company: Company | None = None


@frozen(kw_only=True)
class SegmentMembershipChanged(WebhookEvent):
    """A contact came into a segment or left it.

    Attributes:
        contact: As it is now.
        segment: Which.
        action: ``added`` or ``removed``.

    Mautic: Webhooks, Contact Segment Membership Change Event.
    """

    KEY = "mautic.lead_list_change"

    contact: Contact
    segment: Segment
    action: str


@frozen(kw_only=True)
class EmailSent(WebhookEvent):
    """An e-mail went out to a contact.

    Attributes:
        contact: Whom to.
        email: None if it was written for this contact alone.
        content_hash: Of the text.
        id_hash: Of this sending.
        subject: As sent.
        source: What caused it: a kind and an id.
        headers: Further ones, as sent.
        content: HTML as sent; None where ``webhook_email_details`` is off.
        tokens: What was filled in; None where ``webhook_email_details`` is off.

    Mautic: Webhooks, Email Send Event.
    """

    KEY = "mautic.email_on_send"

    contact: Contact
    email: Email | None = None
    content_hash: str | None = None
    id_hash: str | None = None
    subject: str | None = field(default=None, repr=False)
    source: JSON = None
    headers: Mapping[str, JSON] | None = field(default=None, repr=False)
    content: str | None = field(default=None, repr=False)
    tokens: Mapping[str, JSON] | None = field(default=None, repr=False)


@define(kw_only=True)
class EmailStat(Entity):
    """One sending of an e-mail to one contact. Read only.

    Attributes:
        email: Which.
        contact: Whom to; only its core fields.
        email_address: Where it went.
        ip_address: From where it was opened.
        date_sent: When.
        is_read: Opened at least once.
        is_failed: It bounced.
        date_read: First opened.
        retry_count: Attempts to send it, beyond the first.
        source: What caused it.
        source_id: Id of that.
        open_count: Times opened.
        last_opened: When.
        tracking_hash: Of this sending.
        viewed_in_browser: By the link to the web version.

    Mautic: Webhooks, Email Open Event.
    """

    email: FromServer[Email] = None
    contact: FromServer[Contact] = field(default=None, metadata={"json": "lead"})
    email_address: FromServer[str] = field(default=None, repr=False)
    ip_address: FromServer[IpAddress] = field(default=None, repr=False)
    date_sent: FromServer[datetime] = None
    is_read: FromServer[bool] = None
    is_failed: FromServer[bool] = None
    date_read: FromServer[datetime] = None
    retry_count: FromServer[int] = None
    source: FromServer[str] = None
    source_id: FromServer[int] = None
    open_count: FromServer[int] = None
    last_opened: FromServer[datetime] = None
    tracking_hash: FromServer[str] = None
    viewed_in_browser: FromServer[bool] = None


@frozen(kw_only=True)
class EmailOpened(WebhookEvent):
    """A contact opened an e-mail.

    Attributes:
        stat: Which sending.

    Mautic: Webhooks, Email Open Event.
    """

    KEY = "mautic.email_on_open"

    stat: EmailStat


@frozen(kw_only=True)
class FormSubmitted(WebhookEvent):
    """Somebody submitted a form.

    Attributes:
        submission: The answers.

    Mautic: Webhooks, Form Submit Event.
    """

    KEY = "mautic.form_on_submit"

    submission: Submission


@define(kw_only=True)
class Hit(Entity):
    """One visit to a page, or a click on a tracked link. Read only.

    Attributes:
        contact: Who; only its core fields.
        page: If it was a landing page.
        redirect: If it was a tracked link.
        email: With the link.
        ip_address: From where.
        date_hit: When.
        date_left: Until when.
        country: Of the IP address.
        region: Of the IP address.
        city: Of the IP address.
        isp: Of the IP address.
        organization: Of the IP address.
        code: HTTP status.
        referer: URL.
        url: Of the page.
        url_title: Of the page.
        user_agent: Of the browser.
        remote_host: Name of the visitor's machine.
        page_language: Code.
        browser_languages: Codes.
        tracking_id: Of the visitor's device.
        source: What led there.
        source_id: Id of that.
        query: Of the URL.

    Mautic: Webhooks, Page Hit Event.
    """

    contact: FromServer[Contact] = field(default=None, metadata={"json": "lead"})
    page: FromServer[Page] = None
    redirect: FromServer[JSON] = None
    email: FromServer[Email] = None
    ip_address: FromServer[IpAddress] = field(default=None, repr=False)
    date_hit: FromServer[datetime] = None
    date_left: FromServer[datetime] = None
    country: FromServer[str] = None
    region: FromServer[str] = None
    city: FromServer[str] = None
    isp: FromServer[str] = None
    organization: FromServer[str] = None
    code: FromServer[int] = None
    referer: FromServer[str] = field(default=None, repr=False)
    url: FromServer[str] = field(default=None, repr=False)
    url_title: FromServer[str] = None
    user_agent: FromServer[str] = None
    remote_host: FromServer[str] = field(default=None, repr=False)
    page_language: FromServer[str] = None
    browser_languages: FromServer[list[str]] = None
    tracking_id: FromServer[str] = None
    source: FromServer[str] = None
    source_id: FromServer[int] = None
    query: FromServer[Mapping[str, JSON]] = field(default=None, repr=False)


@frozen(kw_only=True)
class PageHit(WebhookEvent):
    """Somebody visited a page. Very frequent.

    Attributes:
        hit: The visit.

    Mautic: Webhooks, Page Hit Event.
    """

    KEY = "mautic.page_on_hit"

    hit: Hit


@frozen(kw_only=True)
class SmsSent(WebhookEvent):
    """A text message went out to a contact.

    Attributes:
        sms_id: Which.
        contact: Whom to.
        content: As sent.

    Mautic: Webhooks, Text Send Event.
    """

    KEY = "mautic.sms_on_send"

    sms_id: int
    contact: Contact
    content: str | None = field(default=None, repr=False)
