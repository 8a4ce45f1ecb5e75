"""Items of custom objects (a plugin), without a contact; those of a contact are written with it."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from mautic_async.errors import ConfigurationError
from mautic_async.models import CustomItem
from mautic_async.resources._jsonld import ReplaceableJsonLd

_CONTACT_ONLY: Final = frozenset({"object", "objectId", "attributes"})


class CustomItems(ReplaceableJsonLd[CustomItem]):
    """Items of custom objects, written with `custom_object` and `field_values` instead of `object` and `attributes`.

    Mautic: Custom Objects plugin, API v2.
    """

    path: ClassVar[str] = "v2/custom_items"
    model: ClassVar[type[CustomItem]] = CustomItem

    def _encode(self, entity: CustomItem, *, only_changes: bool = False) -> dict[str, Any]:
        # These name an item in the body of a contact, and would be lost here without a word.
        if entity.object or entity.object_id or entity.attributes:
            raise ConfigurationError(
                "custom_items: /api/v2 names items by their IRI: give custom_object='/api/v2/custom_objects/1' and"
                " field_values=[CustomItemValue(id='/api/v2/custom_fields/7', value=...)]"
            )
        body = super()._encode(entity, only_changes=only_changes)
        # Names that only the contact form of an item has.
        named = {name: value for name, value in body.items() if name not in _CONTACT_ONLY}
        if not named:
            raise ConfigurationError(f"{self.path}: the CustomItem names nothing")
        return named
