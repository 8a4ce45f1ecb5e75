"""UTM tags, which record the origin of visits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, Maybe, Nested, ToServer


@define(kw_only=True)
class UtmTag(Entity):
    """UTM tags of a visit of a contact. ``contacts.add_utm`` adds them; writing a contact does not.

    Attributes:
        utm_campaign: Name of the campaign.
        utm_source: Origin, such as a newsletter.
        utm_medium: Medium, such as ``email``.
        utm_content: Distinguishes links of one page or message.
        utm_term: Search terms.
        url: URL of the visited page.
        referer: URL of the page before.
        query: Query parameters of the URL.
        user_agent: User agent of the browser.
        remote_host: Host name of the visitor.
        last_active: Time of the visit, which becomes `Contact.last_active`. Write only.

    Mautic: REST API, Contacts (add UTM tags).
    """

    utm_campaign: Maybe[str] = field(default=UNSET, metadata={"json_write": "utm_campaign"})
    utm_source: Maybe[str] = field(default=UNSET, metadata={"json_write": "utm_source"})
    utm_medium: Maybe[str] = field(default=UNSET, metadata={"json_write": "utm_medium"})
    utm_content: Maybe[str] = field(default=UNSET, metadata={"json_write": "utm_content"})
    utm_term: Maybe[str] = field(default=UNSET, metadata={"json_write": "utm_term"})
    url: Maybe[str] = UNSET
    referer: Maybe[str] = UNSET
    query: Maybe[Mapping[str, JSON]] = UNSET
    user_agent: Maybe[str] = field(default=UNSET, metadata={"json_write": "useragent"})
    remote_host: Maybe[str] = field(default=UNSET, metadata={"json_write": "remotehost"})
    last_active: ToServer[datetime] = UNSET


@define(kw_only=True)
class UtmParameters(Nested):
    """UTM parameters added to the links of an e-mail, message or focus item.

    Attributes:
        utm_source: Origin, such as a newsletter.
        utm_medium: Medium, such as ``email``.
        utm_campaign: Name of the campaign.
        utm_content: Distinguishes links of one page or message.

    Mautic: REST API, Emails.
    """

    utm_source: Maybe[str] = UNSET
    utm_medium: Maybe[str] = UNSET
    utm_campaign: Maybe[str] = UNSET
    utm_content: Maybe[str] = UNSET
