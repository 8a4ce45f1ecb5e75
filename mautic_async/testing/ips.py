"""The IP addresses that the server has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

LOCALHOST: Final = "127.0.0.1"
"""The address that all requests come from."""
_DETAILS: Final = "city region zipcode country latitude longitude isp organization timezone extra"


def no_details() -> dict[str, str]:
    """Return what a look-up of the place of an address finds without a database of places."""
    return dict.fromkeys(_DETAILS.split(), "")


def own_address(context: RequestContext) -> Row:
    """Return the row of the address that requests come from; it is looked up once, in vain."""
    ips = context.table("ips")
    found = next(ips.where(ip=LOCALHOST), None)
    return found or ips.save({"id": None, "ip": LOCALHOST, "details": no_details()})
