"""What stands in the server: its nouns, their routes, and how tests look at its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import oauth, php
from mautic_async.testing.nouns import NOUNS, SEEDS, SPECIALS
from mautic_async.testing.nouns._standard import Standard

if TYPE_CHECKING:
    from mautic_async.testing.server import FakeMautic


def build(fake: FakeMautic) -> None:
    """Route everything; make the indexes."""
    oauth.routes(fake.routes)
    for noun in NOUNS:
        Standard(noun()).add_to(fake.routes)
    for special in SPECIALS:
        special(fake.routes)
    fake.store["tokens"].index("token", lambda row: (row["token"],))
    fake.store["tags"].index("name", lambda row: (php.collate(row["tag"]),))


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
