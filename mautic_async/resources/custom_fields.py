"""Fields of custom objects (a plugin)."""

from __future__ import annotations

from typing import ClassVar

from mautic_async.models import CustomField
from mautic_async.resources._jsonld import ReplaceableJsonLd


class CustomFields(ReplaceableJsonLd[CustomField]):
    """Fields of custom objects, with the options of a select. Mautic: Custom Objects plugin, API v2."""

    path: ClassVar[str] = "v2/custom_fields"
    model: ClassVar[type[CustomField]] = CustomField
