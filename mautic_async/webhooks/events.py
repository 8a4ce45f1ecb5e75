"""Webhook events: one class for each trigger of Mautic, and one for all others.

Mautic: Webhooks, events.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from attrs import define, field, fields, frozen

from mautic_async.models import JSON, Company, Contact, Email, Entity, FromServer, IpAddress, Page, Segment, Submission
from mautic_async.models._plain import short_repr


@frozen(kw_only=True)
class WebhookEvent:
    """Event of a webhook. Triggers of plugins and payloads of an unknown shape are of this class itself.

    Attributes:
        key: Mautic's name of the trigger: ``mautic.lead_post_save_update``.
        timestamp: Time at which Mautic queued the event.
        test: True if it is a sample, sent by the test button of the webhook's page.
        payload: Payload of the event as it came.

    Mautic: Webhooks, events.
    """

    KEY: ClassVar[str] = ""

    key: str
    timestamp: datetime | None = None
    test: bool = False
    payload: Mapping[str, JSON] = field(factory=dict, repr=False)

    def __repr__(self) -> str:
        """Return what is set, and only the ids of entities: an event may be logged, personal data may not."""
        shown = ((a.name, getattr(self, a.name)) for a in fields(type(self)) if a.repr)
        brief = ((name, type(v)(id=v.id) if isinstance(v, Entity) else v) for name, v in shown if v is not False)
        return short_repr(type(self).__name__, brief)

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        """Keep this repr in subclasses, for which attrs would generate another one."""
        cls.__repr__ = WebhookEvent.__repr__  # type: ignore[method-assign] # the point of the hook


@frozen(kw_only=True)
class ContactIdentified(WebhookEvent):
    """A contact was created or identified. Mautic sends no events for anonymous visitors.

    Attributes:
        contact: Contact after the event.

    Mautic: Webhooks, Contact Identified Event.
    """

    KEY: ClassVar[str] = "mautic.lead_post_save_new"

    contact: Contact


@frozen(kw_only=True)
class ContactUpdated(WebhookEvent):
    """A contact changed. One API call may cause several of these events; none says what changed.

    Attributes:
        contact: Contact after the event.

    Mautic: Webhooks, Contact Updated Event.
    """

    KEY: ClassVar[str] = "mautic.lead_post_save_update"

    contact: Contact


@frozen(kw_only=True)
class PointsChanged(WebhookEvent):
    """A contact's points changed.

    Attributes:
        contact: Contact after the event.
        old_points: Number of points before.
        new_points: Number of points after.

    Mautic: Webhooks, Contact Points Changed Event.
    """

    KEY: ClassVar[str] = "mautic.lead_points_change"

    contact: Contact
    old_points: int
    new_points: int


@frozen(kw_only=True)
class ContactDeleted(WebhookEvent):
    """A contact was deleted.

    Attributes:
        id: Id of the deleted contact.
        contact: Contact before its deletion, or None.

    Mautic: Webhooks, Contact Deleted Event.
    """

    KEY: ClassVar[str] = "mautic.lead_post_delete"

    id: int
    contact: Contact | None = None


@frozen(kw_only=True)
class ChannelSubscriptionChanged(WebhookEvent):
    """A contact subscribed to a channel or unsubscribed from it.

    Attributes:
        contact: Contact after the event.
        channel: ``email``, ``sms``, or a plugin's channel.
        old_status: Status before: ``contactable``, ``unsubscribed``, ``bounced`` or ``manual``.
        new_status: Status after.

    Mautic: Webhooks, Contact Channel Subscription Change Event.
    """

    KEY: ClassVar[str] = "mautic.lead_channel_subscription_changed"

    contact: Contact
    channel: str
    old_status: str = field(metadata={"json": "old_status"})
    new_status: str = field(metadata={"json": "new_status"})


@frozen(kw_only=True)
class ContactCompanyChanged(WebhookEvent):
    """A contact was added to a company or removed from it.

    Attributes:
        contact: Contact; after a change of many contacts at once only its id.
        company: Company.
        added: True if the contact was added, False if removed.

    Mautic: Webhooks, Contact Company Subscription Change Event.
    """

    KEY: ClassVar[str] = "mautic.lead_company_change"

    contact: Contact
    company: Company
    added: bool


@frozen(kw_only=True)
class CompanySaved(WebhookEvent):
    """A company was created or changed.

    Attributes:
        company: Company after the event.

    Mautic: Webhooks, Company Create/Update Event.
    """

    KEY: ClassVar[str] = "mautic.company_post_save"

    company: Company


@frozen(kw_only=True)
class CompanyDeleted(WebhookEvent):
    """A company was deleted.

    Attributes:
        id: Id of the deleted company.
        company: Company before its deletion, or None.

    Mautic: Webhooks, Company Deleted Event.
    """

    KEY: ClassVar[str] = "mautic.company_post_delete"

    id: int
    company: Company | None = None


@frozen(kw_only=True)
class SegmentMembershipChanged(WebhookEvent):
    """A contact was added to a segment or removed from it.

    Attributes:
        contact: Contact after the event.
        segment: Segment.
        action: ``added`` or ``removed``.

    Mautic: Webhooks, Contact Segment Membership Change Event.
    """

    KEY: ClassVar[str] = "mautic.lead_list_change"

    contact: Contact
    segment: Segment
    action: str


@frozen(kw_only=True)
class EmailSent(WebhookEvent):
    """An e-mail was sent to a contact.

    Attributes:
        contact: Recipient.
        email: E-mail; None if it was written for this contact alone.
        content_hash: Hash of the content.
        id_hash: Hash that identifies this sending.
        subject: Subject as sent.
        source: Cause of the sending: a kind and an id.
        headers: Additional mail headers as sent.
        content: HTML as sent; None if Mautic's setting ``webhook_email_details`` is off.
        tokens: Values of the tokens; None if ``webhook_email_details`` is off.

    Mautic: Webhooks, Email Send Event.
    """

    KEY: ClassVar[str] = "mautic.email_on_send"

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
    """Sending of an e-mail to a contact. Read only.

    Attributes:
        email: E-mail.
        contact: Recipient, with its core fields only.
        email_address: Address of the recipient.
        ip_address: Address from which it was opened.
        date_sent: Time of the sending.
        is_read: Opened at least once.
        is_failed: Sending failed or bounced.
        date_read: Time of the first opening.
        retry_count: Number of attempts to send it, beyond the first.
        source: Kind of the cause, such as ``campaign.event``.
        source_id: Id of the cause.
        open_count: Number of openings.
        last_opened: Time of the last opening.
        tracking_hash: Hash that identifies this sending.
        viewed_in_browser: Opened by the link to the web version.

    Mautic: Webhooks, Email Open Event.
    """

    email: FromServer[Email] = None
    contact: FromServer[Contact] = field(default=None, metadata={"json": "lead"})
    email_address: FromServer[str] = None
    ip_address: FromServer[IpAddress] = None
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
        stat: Sending that was opened.

    Mautic: Webhooks, Email Open Event.
    """

    KEY: ClassVar[str] = "mautic.email_on_open"

    stat: EmailStat


@frozen(kw_only=True)
class FormSubmitted(WebhookEvent):
    """A visitor submitted a form.

    Attributes:
        submission: Submission.

    Mautic: Webhooks, Form Submit Event.
    """

    KEY: ClassVar[str] = "mautic.form_on_submit"

    submission: Submission


@define(kw_only=True)
class Hit(Entity):
    """Visit of a page, or click on a tracked link. Read only.

    Attributes:
        contact: Visitor, with the core fields only.
        page: Landing page, if it was one.
        redirect: Tracked link, if it was one.
        email: E-mail that held the link.
        ip_address: Address of the visitor.
        date_hit: Time of the visit.
        date_left: End of the visit.
        country: Country of the IP address.
        region: Region of the IP address.
        city: City of the IP address.
        isp: Internet provider of the IP address.
        organization: Owner of the IP address.
        code: HTTP status of the answer.
        referer: URL of the page before.
        url: URL of the page.
        url_title: Title of the page.
        user_agent: User agent of the browser.
        remote_host: Host name of the visitor.
        page_language: Language code of the page.
        browser_languages: Language codes of the browser.
        tracking_id: Id of the visitor's device.
        source: Kind of the cause, such as ``email``.
        source_id: Id of the cause.
        query: Query parameters of the URL.

    Mautic: Webhooks, Page Hit Event.
    """

    contact: FromServer[Contact] = field(default=None, metadata={"json": "lead"})
    page: FromServer[Page] = None
    redirect: FromServer[JSON] = None
    email: FromServer[Email] = None
    ip_address: FromServer[IpAddress] = None
    date_hit: FromServer[datetime] = None
    date_left: FromServer[datetime] = None
    country: FromServer[str] = None
    region: FromServer[str] = None
    city: FromServer[str] = None
    isp: FromServer[str] = None
    organization: FromServer[str] = None
    code: FromServer[int] = None
    referer: FromServer[str] = None
    url: FromServer[str] = None
    url_title: FromServer[str] = None
    user_agent: FromServer[str] = None
    remote_host: FromServer[str] = None
    page_language: FromServer[str] = None
    browser_languages: FromServer[list[str]] = None
    tracking_id: FromServer[str] = None
    source: FromServer[str] = None
    source_id: FromServer[int] = None
    query: FromServer[Mapping[str, JSON]] = None


@frozen(kw_only=True)
class PageHit(WebhookEvent):
    """A visitor opened a page. Very frequent.

    Attributes:
        hit: Visit.

    Mautic: Webhooks, Page Hit Event.
    """

    KEY: ClassVar[str] = "mautic.page_on_hit"

    hit: Hit


@frozen(kw_only=True)
class SmsSent(WebhookEvent):
    """A text message was sent to a contact.

    Attributes:
        sms_id: Id of the text message.
        contact: Recipient.
        content: Text as sent.

    Mautic: Webhooks, Text Send Event.
    """

    KEY: ClassVar[str] = "mautic.sms_on_send"

    sms_id: int
    contact: Contact
    content: str | None = field(default=None, repr=False)
