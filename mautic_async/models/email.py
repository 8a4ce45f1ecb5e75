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
    """Take an id for the e-mail itself."""
    return as_entity(Email, value)


@define(kw_only=True)
class DynamicContentVariant(Nested):
    """What those contacts see that pass its filters.

    Attributes:
        content: HTML.
        filters: Which contacts.

    Mautic: REST API, Emails.
    """

    content: Maybe[str] = UNSET
    filters: Maybe[list[SegmentFilter]] = UNSET


@define(kw_only=True)
class EmailDynamicContent(Nested):
    """A part of an e-mail that differs from contact to contact.

    Attributes:
        token_name: Its name in the text: ``{dynamiccontent="Dynamic Content 1"}``.
        content: HTML, for everybody else.
        filters: What others see. The server makes an empty one if there is none.

    Mautic: REST API, Emails.
    """

    token_name: Maybe[str] = UNSET
    content: Maybe[str] = UNSET
    filters: Maybe[list[DynamicContentVariant]] = UNSET


@define(kw_only=True)
class Email(Scheduled):
    """An e-mail: a template for single contacts, or one for segments.

    Attributes:
        name: Required to create.
        subject: Required to create.
        email_type: ``template`` or ``list``.
        segments: Whom a ``list`` goes to; published ones, required for it.
        excluded_segments: Whom it does not go to. Write only.
        language: Code.
        category: Of bundle ``email``.
        from_address: Of the sender; the server's own if empty.
        from_name: Of the sender.
        reply_to_address: If it is not the sender's.
        bcc_address: Gets a copy of each.
        use_owner_as_mailer: The contact's owner is the sender.
        utm_tags: On links.
        headers: Further ones.
        preheader_text: Shown beside the subject. Mautic 5.2 or newer.
        custom_html: The text.
        plain_text: The text without HTML.
        template: Name of a theme.
        dynamic_content: Parts that differ from contact to contact.
        asset_attachments: Files to send along.
        unsubscribe_form: Shown to those who leave.
        preference_center: A page where contacts choose what they get. Write only.
        public_preview: Whoever knows the URL may read it.
        read_count: Times read. Read only.
        sent_count: Times sent. Read only.
        revision: Read only.
        variant_settings: Of an A/B test: weight in percent and what wins. Write only.
        variant_start_date: Of the A/B test. Read only.
        variant_sent_count: Times sent since then. Read only.
        variant_read_count: Times read since then. Read only.
        variant_parent: The e-mail that this one is a variant of.
        variant_children: Its variants. Read only.
        translation_parent: The e-mail that this one translates.
        translation_children: Its translations. Read only.
        projects: Mautic 7 or newer.

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
    from_address: Maybe[str] = field(default=UNSET, repr=False)
    from_name: Maybe[str] = UNSET
    reply_to_address: Maybe[str] = field(default=UNSET, repr=False)
    bcc_address: Maybe[str] = field(default=UNSET, repr=False)
    use_owner_as_mailer: Maybe[bool] = UNSET
    utm_tags: Maybe[UtmParameters] = UNSET
    headers: Maybe[Mapping[str, str]] = UNSET
    preheader_text: Maybe[str] = UNSET
    custom_html: Maybe[str] = field(default=UNSET, repr=False)
    plain_text: Maybe[str] = field(default=UNSET, repr=False)
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
    """What became of an e-mail to segments. Read only.

    Attributes:
        sent_count: To so many contacts.
        failed_recipients: To so many it could not be sent.

    Mautic: REST API, Emails (send to segment).
    """

    sent_count: FromServer[int] = None
    failed_recipients: FromServer[int] = None
