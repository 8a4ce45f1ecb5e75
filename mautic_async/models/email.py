"""E-mails."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, FromServer, Maybe, Nested, Ref, Scheduled, ToServer, Unset, as_entity
from mautic_async.models.asset import Asset, as_assets
from mautic_async.models.category import Category, as_category
from mautic_async.models.form import Form, as_form
from mautic_async.models.page import Page, as_page
from mautic_async.models.project import Project, as_projects
from mautic_async.models.segment import Segment, SegmentFilter, as_segments
from mautic_async.models.utm import UtmParameters


def as_email(value: Email | int | Unset | None) -> Email | Unset | None:
    """Return the e-mail itself for an id."""
    return as_entity(Email, value)


@define(kw_only=True)
class DynamicContentVariant(Nested):
    """Alternative content for the contacts that match its filters.

    Attributes:
        content: HTML.
        filters: Conditions on the contacts who see it.

    Mautic: REST API, Emails.
    """

    content: Maybe[str] = UNSET
    filters: Maybe[list[SegmentFilter]] = field(default=UNSET, metadata={"form": "content-filters"})


@define(kw_only=True)
class EmailDynamicContent(Nested):
    """Part of an e-mail that differs from contact to contact.

    Attributes:
        token_name: Name in the text: ``{dynamiccontent="Dynamic Content 1"}``.
        content: Default HTML, for contacts that match no filters.
        filters: Alternatives, in order of preference. Mautic adds an empty one if there is none.

    Mautic: REST API, Emails.
    """

    token_name: Maybe[str] = UNSET
    content: Maybe[str] = UNSET
    filters: Maybe[list[DynamicContentVariant]] = UNSET


@define(kw_only=True)
class Email(Scheduled):
    """E-mail for segments (``list``) or for single contacts (``template``).

    Attributes:
        name: Required to create.
        subject: Required to create.
        email_type: ``template`` or ``list``.
        segments: Published segments that a ``list`` goes to; required for it.
        excluded_segments: Segments whose contacts do not get it. Write only.
        language: Language code, such as ``en``; cannot be cleared.
        category: Category of bundle ``email``.
        from_address: Address of the sender; the server's default if empty.
        from_name: Name of the sender.
        reply_to_address: Address for replies; the sender's if empty.
        bcc_address: Address that gets a blind copy of each.
        use_owner_as_mailer: Send in the name of the contact's owner.
        utm_tags: UTM parameters added to its links.
        headers: Additional mail headers, by name.
        preheader_text: Preview text shown beside the subject. Mautic 5.2 or newer.
        custom_html: HTML version.
        plain_text: Plain text version.
        template: `Theme.key` of a theme.
        dynamic_content: Parts that differ from contact to contact. Mautic resets it in edits that do not name it, so
            `emails.edit` sends the stored one along.
        asset_attachments: Files to attach.
        unsubscribe_form: Form shown to contacts who unsubscribe.
        preference_center: Page on which contacts choose what they get. Write only.
        public_preview: Readable without a login by its URL.
        read_count: Number of times read. Read only.
        sent_count: Number of times sent. Read only.
        revision: Number of changes so far. Read only.
        variant_settings: A/B test: ``weight`` in percent and ``winnerCriteria``. Write only.
        variant_start_date: Start of the A/B test. Read only.
        variant_sent_count: Number of times sent since then. Read only.
        variant_read_count: Number of times read since then. Read only.
        variant_parent: The e-mail that this one is a variant of. Requires `variant_settings`.
        variant_children: Its variants. Read only.
        translation_parent: The e-mail that this one translates. Mautic 5.1 does not store it from the API.
        translation_children: Its translations. Read only.
        projects: Projects that it belongs to. Mautic 7 or newer.

    Mautic: REST API, Emails.
    """

    name: Maybe[str] = UNSET
    subject: Maybe[str] = UNSET
    email_type: Maybe[str] = UNSET
    segments: Maybe[list[Ref[Segment]]] = field(default=UNSET, converter=as_segments, metadata={"json": "lists"})
    excluded_segments: ToServer[list[Ref[Segment]]] = field(
        default=UNSET, converter=as_segments, metadata={"json": "excludedLists"}
    )
    language: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    from_address: Maybe[str] = UNSET
    from_name: Maybe[str] = UNSET
    reply_to_address: Maybe[str] = UNSET
    bcc_address: Maybe[str] = UNSET
    use_owner_as_mailer: Maybe[bool] = UNSET
    utm_tags: Maybe[UtmParameters] = UNSET
    headers: Maybe[Mapping[str, str]] = field(default=UNSET, metadata={"form": "labels"})
    preheader_text: Maybe[str] = UNSET
    custom_html: Maybe[str] = UNSET
    plain_text: Maybe[str] = UNSET
    template: Maybe[str] = UNSET
    dynamic_content: Maybe[list[EmailDynamicContent]] = UNSET
    asset_attachments: Maybe[list[Ref[Asset]]] = field(default=UNSET, converter=as_assets)
    unsubscribe_form: Maybe[Ref[Form]] = field(default=UNSET, converter=as_form)
    preference_center: ToServer[Ref[Page]] = field(default=UNSET, converter=as_page)
    public_preview: Maybe[bool] = UNSET
    read_count: FromServer[int] = None
    sent_count: FromServer[int] = None
    revision: FromServer[int] = None
    variant_settings: ToServer[Mapping[str, JSON]] = UNSET
    variant_start_date: FromServer[datetime] = None
    variant_sent_count: FromServer[int] = None
    variant_read_count: FromServer[int] = None
    variant_parent: Maybe[Ref[Email]] = field(default=UNSET, converter=as_email)
    variant_children: FromServer[list[Email]] = None
    translation_parent: Maybe[Ref[Email]] = field(default=UNSET, converter=as_email)
    translation_children: FromServer[list[Email]] = None
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)


@define(kw_only=True)
class SegmentSend(Nested):
    """Result of sending an e-mail to segments. Read only.

    Attributes:
        sent_count: Number of contacts to whom it was sent.
        failed_recipients: Number of contacts to whom sending failed.

    Mautic: REST API, Emails (send to segment).
    """

    sent_count: FromServer[int] = None
    failed_recipients: FromServer[int] = None
