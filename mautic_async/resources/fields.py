"""Definitions of custom fields."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Field
from mautic_async.resources._base import Endpoint, Resource


class ContactFields(Resource[Field]):
    """Fields of contacts. Mautic: REST API, Fields."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "fields/contact", one="field", many="fields", model=Field, keyset=False, filters=False
    )


class CompanyFields(Resource[Field]):
    """Fields of companies. Mautic: REST API, Fields."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "fields/company", one="field", many="fields", model=Field, keyset=False, filters=False
    )
