"""Items of custom objects (a plugin), without a contact; those of a contact are written with it."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from mautic_async import codec
from mautic_async.errors import ConfigurationError
from mautic_async.models import CustomItem
from mautic_async.resources._jsonld import ReplaceableJsonLd

_CONTACT_ONLY: Final = frozenset({"object", "objectId", "attributes"})


class CustomItems(ReplaceableJsonLd[CustomItem]):
    """Items of custom objects: here `custom_object` and `field_values` count, not `object` and `attributes`.

    Mautic: Custom Objects plugin, API v2.
    """

    path: ClassVar[str] = "v2/custom_items"
    model: ClassVar[type[CustomItem]] = CustomItem

    def _encode(self, entity: CustomItem) -> dict[str, Any]:
        if entity.object or entity.object_id or entity.attributes:
            raise ConfigurationError(
                "custom_items: /api/v2 knows items by address: give custom_object='/api/v2/custom_objects/1' and"
                " field_values=[CustomItemValue(id='/api/v2/custom_fields/7', value=...)]"
            )
        body = {name: value for name, value in codec.encode(entity).items() if name not in _CONTACT_ONLY}
        if not body:
            raise ConfigurationError(f"{self.path}: the CustomItem names nothing")
        return body
