"""UTM tags, which tell where a visit came from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, Maybe, Nested, ToServer


@define(kw_only=True)
class UtmTag(Entity):
    """A set of UTM tags that a contact came with. Added by ``contacts.add_utm``, never by writing the contact.

    Attributes:
        utm_campaign: Name of the campaign.
        utm_source: Who sent the visitor.
        utm_medium: By what means.
        utm_content: Which of several links.
        utm_term: Search words.
        url: Of the page visited.
        referer: The page before.
        query: Parameters of the URL.
        user_agent: Of the browser.
        remote_host: Of the visitor.
        last_active: The time of the visit; the contact is marked active then. Write only.

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
    """The UTM tags that links in an e-mail, message or focus item carry.

    Attributes:
        utm_source: Who sent the visitor.
        utm_medium: By what means.
        utm_campaign: Name of the campaign.
        utm_content: Which of several links.

    Mautic: REST API, Emails.
    """

    utm_source: Maybe[str] = UNSET
    utm_medium: Maybe[str] = UNSET
    utm_campaign: Maybe[str] = UNSET
    utm_content: Maybe[str] = UNSET
