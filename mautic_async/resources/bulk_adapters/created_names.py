"""The names that a write of a contact creates if they are missing: tags, and companies.

Mautic looks such a name up and then inserts it, without a unique key in its database: eight batches at once that all
bring one new tag make six tags of that name. So a name that is not known yet is a key of its own, see
`EncodedRow.creates`, until one row with it is stored.

Mautic: REST API, Contacts, Create (properties ``tags`` and ``company``).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from functools import lru_cache
from typing import Any

from mautic_async.resources.contacts import validation


def names_created_by(body: Mapping[str, Any], existing_tags: Collection[str] = ()) -> tuple[Hashable, ...]:
    """Return the keys of names in *body* that this row may be the first to bring.

    Args:
        body: A contact as it is sent.
        existing_tags: Names of stored tags, as the database compares them.
    """
    tags, company = body.get("tags"), body.get("company")
    if not tags and not company:
        return ()
    found = _tag_keys(tuple(tags)) if tags.__class__ is list else ()
    # Tags that are stored already cannot be doubled, so rows with them need not wait for each other.
    if existing_tags:
        found = tuple(key for key in found if key[1] not in existing_tags)
    if company.__class__ is str and company:
        found = (*found, ("company", validation.collation_key(company)))
    return found


@lru_cache(maxsize=4096)
def _tag_keys(tags: tuple[Any, ...]) -> tuple[tuple[str, str], ...]:
    # Cached: most rows of a job have one of a few sets of tags.
    # A leading minus takes the tag away, which creates nothing.
    names = (tag for tag in tags if tag.__class__ is str and tag[:1] != "-")
    return tuple(("tag", validation.collation_key(name)) for name in names)
