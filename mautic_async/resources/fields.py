"""Definitions of custom fields."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Field
from mautic_async.resources._base import Endpoint, Resource


class _Fields(Resource[Field]):
    """Definitions of contact or company fields, of which a new one may have to wait for its column."""

    def _after_read(self, entity: Field, status: int | None) -> Field:
        entity.pending = status == 202
        return entity


class ContactFields(_Fields):
    """Fields of contacts; deleting one of Mautic's own is a 500. Mautic: REST API, Fields."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        *("fields/contact", "field", "fields", Field),
        keyset=False,
        filters_published=False,
        replace_requires=("isIndex", "charLengthLimit"),
    )


class CompanyFields(_Fields):
    """Fields of companies; deleting one of Mautic's own is a 500. Mautic: REST API, Fields."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        *("fields/company", "field", "fields", Field),
        keyset=False,
        filters_published=False,
        replace_requires=("isIndex", "charLengthLimit"),
    )
