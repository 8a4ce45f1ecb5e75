"""Field groups."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import FieldGroup
from mautic_async.resources._base import Endpoint, Resource


class FieldGroups(Resource[FieldGroup]):
    """Groups of fields. Mautic 8 or newer: neither 5.1.1 nor 7.0.2 has these routes. Mautic: REST API, Field groups."""

    needs: ClassVar[str] = "Mautic 8 or newer"
    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "field-groups", one="fieldGroup", many="fieldGroups", model=FieldGroup, filters_published=False
    )
