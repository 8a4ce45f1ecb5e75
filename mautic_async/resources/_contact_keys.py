"""The keys of the rows of a bulk job: those that order rows, and the name under which the journal keeps facts.

Mautic: REST API, Batch create contacts (POST /contacts/batch/new).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mautic_async.models import UNSET, Contact
from mautic_async.protocol import RowAnswer
from mautic_async.resources.contacts import item_identity, validation
from mautic_async.resources.contacts.item_identity import ItemMatching

if TYPE_CHECKING:
    from mautic_async.bulk import WorkItem


def contact_keys(
    row: Contact, body: Mapping[str, Any], unique: Sequence[str], match_items: ItemMatching
) -> list[tuple[Any, ...]]:
    """Return everything by which two rows could meet on the server: unique values, the id, the identity of items."""
    # Values that the database takes for equal share a key: their rows must not be in flight at once.
    keys: list[tuple[Any, ...]] = [
        (name, validation.collation_key(body[name])) for name in unique if not validation.is_blank(body.get(name))
    ]
    if row.id:
        keys.append(("contact", row.id))
    if row.custom_items is not UNSET and row.custom_items:
        keys += [key for item in row.custom_items if (key := item_identity.identify(match_items, item)) is not None]
    return keys


def facts_key(row: Contact, body: Mapping[str, Any], unique: Sequence[str]) -> str:
    """Return the name of a row, the same in every run, or "": a hash, so that the journal holds no address."""
    named = [(name, body[name]) for name in unique if not validation.is_blank(body.get(name))]
    # The id first, since the row itself may change a unique value.
    name, value = ("id", row.id) if row.id else named[0] if named else ("", "")
    text = f"{name}={validation.collation_key(value)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32] if name else ""


def known_id(item: WorkItem[Any]) -> int:
    return int(item.facts.get("id") or item.row.id)  # type: ignore[arg-type]  # an id is all that was noted


def entity_id(row: RowAnswer) -> int:
    return int(row.entity.get("id") or 0) if row.entity is not None else 0
