"""Names that a write of a contact makes where they are missing: tags, and companies.

Mautic looks such a name up and then inserts it, without a unique key in its database: eight batches at once that all
bring one new tag make six tags of that name. So a name that is not known yet is a lane of its own, until one row with
it is stored.

Mautic: REST API, Contacts, Create (properties ``tags`` and ``company``).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Any

from mautic_async.resources import _checks


def firsts(body: Mapping[str, Any], known: Collection[str] = ()) -> tuple[Hashable, ...]:
    """The keys of names in *body* that this row may be the first to bring.

    Args:
        body: A contact as it is sent.
        known: Names of tags that are there, as the database compares them.
    """
    tags, company = body.get("tags"), body.get("company")
    if not tags and not company:
        return ()
    names = [_checks.same_for_database(tag) for tag in tags or () if tag.__class__ is str and tag[:1] != "-"]
    found: list[Hashable] = [("tag", name) for name in names if name not in known]
    if company.__class__ is str and company:
        found.append(("company", _checks.same_for_database(company)))
    return tuple(found)
