"""IP addresses of contacts."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import JSON, Entity, FromServer, Nested


@define(kw_only=True)
class IpDetails(Nested):
    """Location of an IP address, from a geographic database. Read only.

    Attributes:
        city: Name.
        region: Name.
        zipcode: Postal code.
        country: Name.
        latitude: Degrees.
        longitude: Degrees.
        isp: Provider.
        organization: Owner of the address.
        timezone: Name of a time zone.
        lookup_extra: Further data of the database, under the key ``extra``; usually an empty text.

    Mautic: REST API, Contacts.
    """

    city: FromServer[str] = None
    region: FromServer[str] = None
    zipcode: FromServer[str] = None
    country: FromServer[str] = None
    latitude: FromServer[float] = None
    longitude: FromServer[float] = None
    isp: FromServer[str] = None
    organization: FromServer[str] = None
    timezone: FromServer[str] = None
    lookup_extra: FromServer[JSON] = field(default=None, metadata={"json": "extra"})


@define(kw_only=True)
class IpAddress(Entity):
    """IP address that a contact used. Read only; `Contact.ip_address` adds one.

    Attributes:
        ip_address: Address as text.
        ip_details: Location; empty without a geographic database.

    Mautic: REST API, Contacts.
    """

    ip_address: FromServer[str] = None
    ip_details: FromServer[IpDetails] = None
