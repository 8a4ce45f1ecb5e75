"""What stands in the server: its nouns, their routes, and how tests look at its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import oauth, php
from mautic_async.testing.contacts import fields
from mautic_async.testing.nouns import NOUNS, SEEDS, SPECIALS
from mautic_async.testing.nouns._standard import Standard

if TYPE_CHECKING:
    from mautic_async.testing.server import FakeMautic
    from mautic_async.testing.store import Row, Store


def build(fake: FakeMautic) -> None:
    """Route everything; make the indexes."""
    oauth.routes(fake.routes)
    for noun in NOUNS:
        made = noun()
        made.store = fake.store
        Standard(made).add_to(fake.routes)
    for special in SPECIALS:
        special(fake.routes)
    store = fake.store
    store["contacts"].index("unique", lambda row: _unique(row, store))
    store["company_contacts"].index("contact", lambda row: (row["contact"],))
    store["companies"].index("name", lambda row: (php.collate(row["fields"].get("companyname") or ""),))
    store["custom_items"].index("hash", lambda row: (row["hash"],) if row["hash"] else ())
    store["item_contacts"].index("contact", lambda row: (row["contact"],))
    fake.store["tokens"].index("token", lambda row: (row["token"],))
    fake.store["tags"].index("name", lambda row: (php.collate(row["tag"]),))


def _unique(row: Row, store: Store) -> list[tuple[str, str]]:
    kept = row["fields"]
    aliases = fields.schema(store, "lead").unique
    return [(alias, php.collate(php.text(kept[alias]))) for alias in aliases if kept.get(alias)]


def seed(fake: FakeMautic) -> None:
    """Let every noun add what Mautic installs of it."""
    for plant in SEEDS:
        plant(fake)


def contacts(fake: FakeMautic) -> list[dict[str, Any]]:
    """See `FakeMautic.contacts`."""
    return [dict(row) for row in fake.store["contacts"]]


def custom_items(fake: FakeMautic) -> list[dict[str, Any]]:
    """See `FakeMautic.custom_items`."""
    return [dict(row) for row in fake.store["custom_items"]]
