"""One million contacts through ``contacts.iterate``, 200 a page: CPU, wall, and how the memory behaves.

Beside it the bound: the same pages read with the same transport and parsed, with nothing made of them. A contact has
six fields, as a list with ``select`` gives them. Each run is a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from typing import Any

from benchmarks import _measure

CONTACTS = 40_000 if _measure.QUICK else 1_000_000
PAGE = 200


def memory() -> float:
    """Resident memory in MiB; where the system does not tell, the peak."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123 - no path, but a view of the kernel
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def ours(url: str, *, fast: bool) -> dict[str, Any]:
    from mautic_async import ClientCredentials, Mautic
    from mautic_async.transport.client import fast_transport

    transport = fast_transport() if fast else None
    async with Mautic(url, auth=ClientCredentials("id", "secret"), transport=transport) as mautic:
        await mautic.contacts.get(42)
        began, cpu = time.perf_counter(), time.process_time()
        seen, last, early, most = 0, 0, 0.0, 0.0
        async for contact in mautic.contacts.iterate(limit=PAGE):
            seen += 1
            assert contact.id == last + 1
            last = contact.id
            if seen % 20_000 == 0:
                most = max(most, memory())
                early = early or most
        return {"seen": seen, "early": early, "most": most, **_spent(began, cpu)}


async def bound(url: str, *, fast: bool) -> dict[str, Any]:
    from mautic_async.protocol import STDLIB, Request, orjson_library
    from mautic_async.transport.aiohttp import AiohttpTransport
    from mautic_async.transport.client import Timeouts, new_transport

    library = orjson_library() if fast else STDLIB
    transport = new_transport(url, Timeouts(), transport=AiohttpTransport() if fast else None)
    began, cpu = time.perf_counter(), time.process_time()
    seen = 0
    while seen < CONTACTS:
        answer = await transport.exchange(Request("GET", "api/contacts", f"where%5B0%5D%5Bval%5D={seen}"))
        seen += len(library.loads(answer.content)["contacts"])
    await transport.aclose()
    return {"seen": seen, "early": 0.0, "most": 0.0, **_spent(began, cpu)}


def _spent(began: float, cpu: float) -> dict[str, float]:
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


def run() -> None:
    table = []
    with _measure.server("--contacts", str(CONTACTS), "--page", str(PAGE)) as url:
        for name in ("bound", "ours", "bound, [fast]", "ours, [fast]"):
            command = [sys.executable, "-m", "benchmarks.export", "one", name, url, *sys.argv[1:]]
            done = subprocess.run(command, cwd=_measure.HOME, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            found = json.loads(done.stdout)
            assert found["seen"] == CONTACTS
            scale = 1_000_000 / CONTACTS
            table.append([
                name, f"{found['cpu'] * scale:.1f}", f"{found['seconds'] * scale:.1f}",
                f"{found['cpu'] / CONTACTS * 1e6:.1f}", f"{found['most']:.0f}", f"{found['most'] - found['early']:.1f}",
            ])  # fmt: skip
            if name == "ours, [fast]":
                cpu = found["cpu"] * scale
                _measure.figure("export: CPU of a million contacts, [fast]", cpu, 12, unit="s", least=False)
            if name.startswith("ours"):
                growth = found["most"] - found["early"]
                _measure.figure(f"export: growth of memory, {name}", growth, 50, unit="MiB", least=False)
    head = ["client", "CPU s", "wall s", "CPU us/contact", "MiB", "growth MiB"]
    _measure.table("a million contacts, pages of 200 (scaled where fewer were read)", head, table)


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        work = ours if sys.argv[2].startswith("ours") else bound
        print(json.dumps(asyncio.run(work(sys.argv[3], fast="[fast]" in sys.argv[2]))))
    else:
        _measure.main(run)
