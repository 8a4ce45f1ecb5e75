"""The clients that write contacts, each run as a program of its own: ``python _sync.py NAME URL ROWS``.

Run with the standard library and the one client under test, in an environment where nothing else is installed.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _bodies

BATCH = 200


def mautic(url: str, rows: int) -> None:
    """PyPI ``mautic`` 0.2.0: one call per contact, as a form."""
    from mautic import Contacts, MauticBasicAuthClient  # type: ignore[import-not-found]  # only in its environment

    contacts = Contacts(client=MauticBasicAuthClient(base_url=url, username="user", password="secret"))
    for number in range(rows):
        contacts.create(_bodies.contact_body(number))


def mautic_pyhton(url: str, rows: int) -> None:
    """PyPI ``mautic-pyhton`` 0.0.1: raw batches, one after the other."""
    from mautic import Client  # only in its environment

    client = Client(url).basic_auth("user", "secret")
    for start in range(0, rows, BATCH):
        client.contact.createBatch([_bodies.contact_body(number) for number in range(start, min(rows, start + BATCH))])


def gather(url: str, rows: int) -> None:
    """Plain httpx and ``asyncio.gather``: one call per contact, all at once through the client's pool."""
    import asyncio

    import httpx

    async def main() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=None, headers={"authorization": "Bearer canned"}) as client:

            async def send(number: int) -> object:
                return (await client.post("/api/contacts/new", json=_bodies.contact_body(number))).json()

            await asyncio.gather(*map(send, range(rows)))

    asyncio.run(main())


CLIENTS = {"mautic": mautic, "mautic_pyhton": mautic_pyhton, "gather": gather}


def report(seconds: float, cpu: float, **more: Any) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak, **more}), flush=True)


if __name__ == "__main__":
    name, url, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
    began, cpu = time.perf_counter(), time.process_time()
    CLIENTS[name](url, rows)
    report(time.perf_counter() - began, time.process_time() - cpu)
