"""Send the contacts of many tenants, each to a Mautic of its own, a few tenants at a time.

    python tenant_fleet.py tenants.json

``tenants.json`` is a list of objects with ``name``, ``base_url``, ``client_id``, ``client_secret`` and ``rows``, the
name of a file of JSON lines with the fields of a contact. A tenant whose Mautic is down, or refuses the credentials,
does not stop the rest.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from mautic_async import (
    BulkOptions,
    BulkReport,
    ClientCredentials,
    Contact,
    FileTokens,
    Journal,
    Limits,
    Mautic,
    MauticError,
)

AT_ONCE = 4
"""Tenants at once. Each has rate limits of its own, so this bounds memory and connections here."""


@frozen
class Tenant:
    """A customer with a Mautic."""

    name: str
    base_url: str
    client_id: str
    client_secret: str
    rows: Path


def read_rows(path: Path) -> Iterator[Contact]:
    """Yield the contacts of a file of JSON lines, one at a time."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield Contact(fields=json.loads(line))


async def send(tenant: Tenant, folder: Path) -> BulkReport:
    """Send the contacts of one tenant."""
    tokens = FileTokens(folder / f"{tenant.name}.token.json")
    auth = ClientCredentials(tenant.client_id, tenant.client_secret, tokens=tokens)
    async with Mautic(tenant.base_url, auth=auth, limits=Limits(concurrency=4)) as mautic:
        return await mautic.contacts.bulk_upsert(
            read_rows(tenant.rows),
            journal=Journal(folder / f"{tenant.name}.db"),
            options=BulkOptions(dead_letters=folder / f"{tenant.name}.rejected.jsonl"),
        )


async def send_all(tenants: Sequence[Tenant], folder: Path) -> Mapping[str, BulkReport | MauticError]:
    """Send the contacts of all tenants; return the report or the error of each."""
    results: dict[str, BulkReport | MauticError] = {}
    free = asyncio.Semaphore(AT_ONCE)

    async def one(tenant: Tenant) -> None:
        async with free:
            try:
                results[tenant.name] = await send(tenant, folder)
            except MauticError as error:
                results[tenant.name] = error

    async with asyncio.TaskGroup() as tasks:
        for tenant in tenants:
            tasks.create_task(one(tenant))
    return results


def main(path: Path) -> int:
    """Send all; return 1 if one of the tenants failed."""
    tenants = [
        Tenant(**{**entry, "rows": path.parent / entry["rows"]}) for entry in json.loads(path.read_text("utf-8"))
    ]
    results = asyncio.run(send_all(tenants, path.parent))
    for name, result in sorted(results.items()):
        print(f"{name}: {result}")
    return int(any(isinstance(result, MauticError) for result in results.values()))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
