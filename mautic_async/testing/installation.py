"""Set-up of the server's nouns, routes and indexes, and snapshots of its state for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import form_submission, oauth, php, tracking, v2, v2_core
from mautic_async.testing.contacts import field_schema
from mautic_async.testing.nouns import EXTRA_ROUTES, RESOURCES
from mautic_async.testing.resources._standard import CrudRoutes

if TYPE_CHECKING:
    from mautic_async.testing.router import Router
    from mautic_async.testing.state import ServerState
    from mautic_async.testing.store import Row, Store


def register_routes(routes: Router, state: ServerState, *, v2_routes: bool) -> None:
    """Add the routes of all nouns to *routes*, and the indexes to the tables."""
    oauth.routes(routes)
    tracking.routes(routes)
    form_submission.routes(routes)
    for noun in RESOURCES:
        resource = noun()
        resource.store = state.store
        resource.declare(is_7=state.settings.is_7)
        CrudRoutes(resource).add_to(routes)
    if state.settings.is_7:
        v2_core.routes(routes)
    if v2_routes:
        v2.routes(routes)
    for special in EXTRA_ROUTES:
        special(routes)
    store = state.store
    store["contacts"].index("unique", lambda row: _unique_keys(row, store))
    store["company_contacts"].index("contact", lambda row: (row["contact"],))
    store["company_contacts"].index("company", lambda row: (row["company"],))
    store["companies"].index("name", lambda row: (php.collate(row["fields"].get("companyname") or ""),))
    store["custom_items"].index("hash", lambda row: (row["hash"],) if row["hash"] else ())
    store["item_contacts"].index("contact", lambda row: (row["contact"],))
    state.store["tokens"].index("token", lambda row: (row["token"],))
    state.store["tags"].index("name", lambda row: (php.collate(row["tag"]),))


def _unique_keys(row: Row, store: Store) -> list[tuple[str, str]]:
    kept = row["fields"]
    aliases = field_schema.schema(store, "lead").unique
    return [(alias, php.collate(php.to_string(kept[alias]))) for alias in aliases if kept.get(alias)]


def snapshot_contacts(state: ServerState) -> list[dict[str, Any]]:
    """Return the value of `FakeMautic.contacts`."""
    tags = state.store["tags"]
    values = []
    for row in state.store["contacts"]:
        names = [tag["tag"] for id in row["tags"] if (tag := tags.get(id)) is not None]
        plain = {name: row[name] for name in ("id", "points", "owner", "stage", "dateAdded", "dateModified")}
        values.append(plain | {"fields": dict(row["fields"]), "tags": names, "dnc": list(row["dnc"])})
    return values


def snapshot_items(state: ServerState) -> list[dict[str, Any]]:
    """Return the value of `FakeMautic.custom_items`."""
    contact_ids: dict[int, list[int]] = {}
    for link in state.store["item_contacts"]:
        contact_ids.setdefault(link["item"], []).append(link["contact"])
    objects = state.store["custom_objects"]
    return [
        {
            "id": row["id"],
            "object": (objects.get(row["object"]) or {}).get("alias"),
            "name": row["name"],
            "attributes": dict(row["values"]),
            "contacts": contact_ids.get(row["id"], []),
            "dateAdded": row["dateAdded"],
        }
        for row in state.store["custom_items"]
    ]
