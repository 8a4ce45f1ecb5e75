"""What stands in the server: its nouns, their routes, and how tests look at its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import oauth, php, v2
from mautic_async.testing.contacts import field_schema
from mautic_async.testing.resources import NOUNS, SEEDS, SPECIALS
from mautic_async.testing.resources._standard import Standard

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
    if fake.v2:
        v2.routes(fake.routes)
    for special in SPECIALS:
        special(fake.routes)
    store = fake.store
    store["contacts"].index("unique", lambda row: _unique(row, store))
    store["company_contacts"].index("contact", lambda row: (row["contact"],))
    store["company_contacts"].index("company", lambda row: (row["company"],))
    store["companies"].index("name", lambda row: (php.collate(row["fields"].get("companyname") or ""),))
    store["custom_items"].index("hash", lambda row: (row["hash"],) if row["hash"] else ())
    store["item_contacts"].index("contact", lambda row: (row["contact"],))
    fake.store["tokens"].index("token", lambda row: (row["token"],))
    fake.store["tags"].index("name", lambda row: (php.collate(row["tag"]),))


def _unique(row: Row, store: Store) -> list[tuple[str, str]]:
    kept = row["fields"]
    aliases = field_schema.schema(store, "lead").unique
    return [(alias, php.collate(php.text(kept[alias]))) for alias in aliases if kept.get(alias)]


def seed(fake: FakeMautic) -> None:
    """Let every noun add what Mautic installs of it."""
    for plant in SEEDS:
        plant(fake)


def contacts(fake: FakeMautic) -> list[dict[str, Any]]:
    """See `FakeMautic.contacts`."""
    tags = fake.store["tags"]
    shown = []
    for row in fake.store["contacts"]:
        names = [tag["tag"] for id in row["tags"] if (tag := tags.get(id)) is not None]
        plain = {name: row[name] for name in ("id", "points", "owner", "stage", "dateAdded", "dateModified")}
        shown.append(plain | {"fields": dict(row["fields"]), "tags": names, "dnc": list(row["dnc"])})
    return shown


def custom_items(fake: FakeMautic) -> list[dict[str, Any]]:
    """See `FakeMautic.custom_items`."""
    holders: dict[int, list[int]] = {}
    for link in fake.store["item_contacts"]:
        holders.setdefault(link["item"], []).append(link["contact"])
    objects = fake.store["custom_objects"]
    return [
        {
            "id": row["id"],
            "object": (objects.get(row["object"]) or {}).get("alias"),
            "name": row["name"],
            "attributes": dict(row["values"]),
            "contacts": holders.get(row["id"], []),
            "dateAdded": row["dateAdded"],
        }
        for row in fake.store["custom_items"]
    ]
