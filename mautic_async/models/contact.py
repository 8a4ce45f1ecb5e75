"""Contacts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from attrs import define, field, setters

from mautic_async.models._base import (
    JSON,
    UNSET,
    FieldValue,
    FromServer,
    Maybe,
    Published,
    Ref,
    ToServer,
    Unset,
    as_entity,
)
from mautic_async.models._plain import flat_fields
from mautic_async.models.custom_item import CustomItem
from mautic_async.models.field import ContactField
from mautic_async.models.ip_address import IpAddress
from mautic_async.models.preference import DoNotContact, FrequencyRule
from mautic_async.models.stage import Stage, as_stage
from mautic_async.models.user import User, as_user
from mautic_async.models.utm import UtmTag


@define(kw_only=True, on_setattr=setters.NO_OP)  # else the constructor takes three times as long
class Contact(Published):
    """Person or anonymous visitor known to Mautic.

    Attributes that are not in `PROPERTIES` are aliases of fields, in subclasses too.

    Attributes:
        is_published: Read only.
        points: Absolute number; only PUT stores a 0.
        color: Six hexadecimal digits, from a point trigger; filled in lists. Read only.
        owner: User who owns the contact; None clears it.
        stage: Stage of the contact; None clears it.
        tags: Names. Writing adds tags; ``"-name"`` removes one.
        last_active: Time of the contact's last activity.
        date_identified: Time at which an anonymous contact got a name or an address. Read only.
        preferred_profile_image: ``gravatar``, ``custom`` or the name of a social network.
        ip_addresses: IP addresses that the contact used. Read only.
        ip_address: IP address to add. Write only.
        utm_tags: UTM tags of the contact's visits. Read only; ``contacts.add_utm`` adds some.
        do_not_contact: Channels on which the contact is not contacted. Writing adds; a reason of 0 removes.
        frequency_rules: Limits of messages per channel.
        companies: Ids of all companies of the contact, the primary one first. Write only.
        custom_items: Items of custom objects; read if ``include_custom_objects`` asks for them.
        custom_items_truncated: True if an answer holds 10 items of an object, so that there may be more. Never sent.
        fields: Custom fields that the class does not name, by alias.
        field_groups: Definitions of the fields in the answer, by group and alias. Read only.
        email: Address, by which Mautic finds a known contact.
        company: Name of the primary company, which Mautic creates if it does not exist.
        attribution: Revenue attributed to the contact.
        attribution_date: Date of that revenue.

    Mautic: REST API, Contacts.
    """

    PROPERTIES: ClassVar[frozenset[str]] = frozenset(
        {
            *("extra", "id", "is_published", "date_added", "created_by", "created_by_user"),
            *("date_modified", "modified_by", "modified_by_user", "points", "color", "owner", "stage", "tags"),
            *("last_active", "date_identified", "preferred_profile_image", "ip_addresses", "ip_address", "utm_tags"),
            *("do_not_contact", "frequency_rules", "companies", "custom_items", "custom_items_truncated"),
            *("fields", "field_groups"),
        }
    )

    is_published: FromServer[bool] = None
    points: Maybe[int] = UNSET
    color: FromServer[str] = None
    owner: Maybe[Ref[User]] = field(default=UNSET, converter=as_user)
    stage: Maybe[Ref[Stage]] = field(default=UNSET, converter=as_stage)
    tags: Maybe[list[str]] = field(default=UNSET, metadata={"item": "tag"})
    last_active: Maybe[datetime] = UNSET
    date_identified: FromServer[datetime] = None
    preferred_profile_image: Maybe[str] = field(default=UNSET, metadata={"json_write": "preferred_profile_image"})
    ip_addresses: FromServer[list[IpAddress]] = None
    ip_address: ToServer[str] = UNSET
    utm_tags: FromServer[list[UtmTag]] = field(default=None, metadata={"json": "utmtags"})
    do_not_contact: Maybe[list[DoNotContact]] = UNSET
    frequency_rules: Maybe[list[FrequencyRule]] = field(default=UNSET, metadata={"keyed": "channel"})
    companies: ToServer[list[int]] = UNSET
    custom_items: Maybe[list[CustomItem]] = field(default=UNSET, metadata={"json": "customObjects"})
    custom_items_truncated: bool = False
    fields: Maybe[Mapping[str, FieldValue]] = UNSET
    field_groups: FromServer[Mapping[str, Mapping[str, ContactField]]] = field(default=None, repr=False, eq=False)

    title: Maybe[str] = UNSET
    firstname: Maybe[str] = UNSET
    lastname: Maybe[str] = UNSET
    company: Maybe[str] = UNSET
    position: Maybe[str] = UNSET
    email: Maybe[str] = UNSET
    mobile: Maybe[str] = UNSET
    phone: Maybe[str] = UNSET
    fax: Maybe[str] = UNSET
    address1: Maybe[str] = UNSET
    address2: Maybe[str] = UNSET
    city: Maybe[str] = UNSET
    state: Maybe[str] = UNSET
    zipcode: Maybe[str] = UNSET
    country: Maybe[str] = UNSET
    preferred_locale: Maybe[str] = UNSET
    timezone: Maybe[str] = UNSET
    attribution: Maybe[float] = UNSET
    attribution_date: Maybe[datetime] = UNSET
    website: Maybe[str] = UNSET
    facebook: Maybe[str] = UNSET
    foursquare: Maybe[str] = UNSET
    instagram: Maybe[str] = UNSET
    linkedin: Maybe[str] = UNSET
    skype: Maybe[str] = UNSET
    twitter: Maybe[str] = UNSET

    def to_dict(self) -> dict[str, JSON]:
        """Return the properties that are set as plain JSON data, custom fields among them by alias."""
        return flat_fields(Published.to_dict(self))


def as_contact(value: Contact | int | Unset | None) -> Contact | Unset | None:
    """Return the contact itself for an id."""
    return as_entity(Contact, value)
