"""The parameters of lists of contacts. Mautic: REST API, List contacts (query parameters)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from mautic_async.resources._endpoint import Query
from mautic_async.where import Where


class ContactQuery(Query, total=False):
    """The parameters of lists of contacts, beside those of `Query`.

    Attributes:
        include_custom_objects: Fill `Contact.custom_items`: the newest ten of each object.
    """

    include_custom_objects: bool


class MemberQuery(TypedDict, total=False):
    """The parameters of lists of the contacts of a segment or a company.

    Attributes:
        limit: Contacts a page.
        minimal: Leave out what is related.
        where: Conditions, from `mautic_async.where`.
        select: Columns to fill; the others keep their defaults.
        include_custom_objects: Fill `Contact.custom_items`: the newest ten of each object.
    """

    limit: int
    minimal: bool
    where: Where | Sequence[Where]
    select: Sequence[str]
    include_custom_objects: bool
