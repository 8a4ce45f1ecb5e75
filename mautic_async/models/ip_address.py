"""Where a contact came from, as far as an IP address tells."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import Entity, FromServer, Nested


@define(kw_only=True)
class IpDetails(Nested):
    """What a geographic database knows of an address. Read only.

    Attributes:
        city: Name.
        region: Name.
        zipcode: Postal code.
        country: Name.
        latitude: Degrees.
        longitude: Degrees.
        isp: Provider.
        organization: Whom the address belongs to.
        timezone: Name of a zone.

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


@define(kw_only=True)
class IpAddress(Entity):
    """An address that a contact used. Read only; write `Contact.ip_address` to add one.

    Attributes:
        ip_address: The address itself.
        ip_details: None without a geographic database.

    Mautic: REST API, Contacts.
    """

    ip_address: FromServer[str] = None
    ip_details: FromServer[IpDetails] = None
