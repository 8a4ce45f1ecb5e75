"""Definitions of custom fields."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from attrs import evolve

from mautic_async.models import Field
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._sent_along import SentAlong

_NOT_NULL: Final = ("isIndex", "charLengthLimit", "isRequired", "isListable", "isVisible", "isShortVisible")
"""Columns that may not be NULL. A PUT sets those to NULL that it does not name."""

_OPTIONS: Final = SentAlong("properties", ("properties",), beside=("defaultValue",))
"""Mautic checks the default of a select field against the options of the same request."""


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
        replace_requires=_NOT_NULL,
        sent_along=(_OPTIONS,),
    )


class CompanyFields(_Fields):
    """Fields of companies; deleting one of Mautic's own is a 500. Mautic: REST API, Fields."""

    endpoint: ClassVar[Endpoint[Any]] = evolve(ContactFields.endpoint, path="fields/company")
