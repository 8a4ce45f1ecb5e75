"""Questions to a server about its fields and custom objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mautic_async import MauticError, NotFound, PermissionDenied
from mautic_async.cli.column_settings import KnownFields

if TYPE_CHECKING:
    from mautic_async import Mautic

MAX_FIELDS: Final = 1000
"""Fields asked for in one request; Mautic stops at the columns of one database table long before."""


async def ask_fields(mautic: Mautic) -> KnownFields:
    """Return the fields of contacts and of custom objects, as far as the user's role may see them."""
    try:
        page = await mautic.contact_fields.list(limit=MAX_FIELDS)
    except (PermissionDenied, NotFound):
        return KnownFields({}, await _ask_objects(mautic))
    fields = {str(field.alias): str(field.type) for field in page.items if field.is_published is not False}
    return KnownFields(fields, await _ask_objects(mautic))


async def _ask_objects(mautic: Mautic) -> dict[str, dict[str, str]] | None:
    """Return the types of fields by custom object; None where there is no ``/api/v2``, or not for this token."""
    try:
        if not await mautic.custom_objects.available():
            return None
        objects = {str(item.id): str(item.alias) async for item in mautic.custom_objects.iterate()}
        types: dict[str, dict[str, str]] = {alias: {} for alias in objects.values()}
        async for field in mautic.custom_fields.iterate():
            alias = objects.get(str(field.custom_object).rpartition("/")[2])  # an address such as /api/v2/.../3
            if alias is not None and field.alias:
                types[alias][str(field.alias)] = str(field.type)
    except MauticError:
        return None  # older plugins answer these routes in ways of their own
    return types or None
