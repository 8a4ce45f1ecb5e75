"""Custom objects (a plugin)."""

from __future__ import annotations

from typing import ClassVar

from mautic_async.models import CustomObject
from mautic_async.resources._jsonld import JsonLdResource


class CustomObjects(JsonLdResource[CustomObject]):
    """Definitions of custom objects. Mautic: Custom Objects plugin, API v2."""

    path: ClassVar[str] = "v2/custom_objects"
    model: ClassVar[type[CustomObject]] = CustomObject
