"""Contacts per second and CPU per contact of a bulk upsert, against its bound and against what one would pick instead.

The bound is workers x batch / latency: no client can be faster on a server that takes so long per request. The server
keeps what it is sent where correctness is asked for, and only counts it where the client's own cost is. Every row has
tags, every fourth a custom item. Each run is a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Self

from benchmarks import _bodies, _charts, _measure, _peers, _sync

QUICK = _measure.QUICK
ROUNDS = 1 if QUICK else 3
# --- our side, in a process of its own -----------------------------------------------------------------------------


def contacts(rows: int, *, items: bool) -> Iterator[Any]:
    from mautic_async import Contact, CustomItem

    for number in range(rows):
        contact = Contact(
            email=_bodies.email(number), firstname=f"First {number}", lastname="Example", city="London",
            tags=["alpha", "beta"],
        )  # fmt: skip
        names = _bodies.item_names(number) if items else ()
        if names:
            contact.custom_items = [
                CustomItem("products", name=name, attributes={"sku": str(number)}) for name in names
            ]
        yield contact


async def ours(url: str, rows: int, options: dict[str, Any]) -> None:
    from mautic_async import ClientCredentials, Limits, Mautic, codec
    from mautic_async.bulk import BulkOptions
    from mautic_async.protocol import Call
    from mautic_async.transport.client import fast_transport

    workers = options.get("workers", 8)
    transport = fast_transport() if options.get("fast") else None
    limits = Limits(concurrency=workers)
    plan = BulkOptions(concurrency=workers, **options.get("plan", {}))
    async with Mautic(url, auth=ClientCredentials("id", "secret"), limits=limits, transport=transport) as mautic:
        codec.encode(next(contacts(1, items=True)))  # what is made once a process is no part of a row
        await mautic._pipeline.send(Call("GET", "contacts/42", background=True))  # noqa: SLF001 - opens the client
        source = contacts(rows, items=options.get("items", False))
        if options.get("made"):
            kept = list(source)  # making them is the caller's business, and so is giving them back
            source = iter(kept)
            gc.collect()
            gc.freeze()
        with _measure.Watchdog() if options.get("watch") else _Idle() as watch:
            began, cpu = time.perf_counter(), time.process_time()
            async with mautic.contacts.bulk_upsert(source, options=plan) as run:
                async for _ in run:
                    pass
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    report = run.report
    _sync.report(
        seconds, cpu, stored=report.created + report.updated, read=report.read, requests=report.requests,
        longest=watch.longest, collecting=watch.collecting, stretches=sorted(watch.stretches)[-5:],
    )  # fmt: skip


async def bare(url: str, rows: int, workers: int) -> None:
    """The same batches from bare sockets, which encode and read nothing: what this server and this loop allow."""
    from urllib.parse import urlsplit

    from mautic_async import codec, protocol

    parts = urlsplit(url)
    body = b"[" + b",".join(protocol.STDLIB.dumps(codec.encode(row)) for row in contacts(200, items=False)) + b"]"
    head = f"POST /api/contacts/batch/new HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
    request = head.encode() + body
    left = rows // 200

    async def worker() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while left > 0:
            left -= 1
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r")[0])
            await reader.readexactly(length)
        writer.close()
        await writer.wait_closed()

    began, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(worker())
    _sync.report(time.perf_counter() - began, time.process_time() - cpu, stored=rows, requests=rows // 200)


class _Idle:
    longest = collecting = 0.0
    stretches: tuple[float, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


# --- the other side ------------------------------------------------------------------------------------------------


def ask(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:
        return json.loads(answer.read())


def run_ours(url: str, rows: int, **options: Any) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.bulk", "ours", url, str(rows), json.dumps(options)]
    return _figures(subprocess.run(command, cwd=_measure.HOME, capture_output=True, text=True, check=False))


def run_bare(url: str, rows: int, workers: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.bulk", "bare", url, str(rows), str(workers)]
    return _figures(subprocess.run(command, cwd=_measure.HOME, capture_output=True, text=True, check=False))


def run_peer(name: str, url: str, rows: int, *requirements: str) -> dict[str, Any] | None:
    python = _peers.environment(*requirements)
    if python is None:
        return None
    command = [str(python), str(_measure.HOME / "benchmarks" / "_sync.py"), name, url, str(rows)]
    return _figures(subprocess.run(command, capture_output=True, text=True, check=False))


def _figures(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def against_peers() -> None:
    """20 ms a request and 5 ms a contact on 8 server workers, which keep what they get."""
    many, few = (2000, 60) if QUICK else (10_000, 400)
    runs: dict[str, tuple[int, Callable[..., Any], tuple[str, ...]]] = {
        "mautic 0.2.0": (few, partial(run_peer, "mautic"), ("mautic==0.2.0",)),
        "mautic-pyhton 0.0.1": (10 * few, partial(run_peer, "mautic_pyhton"), ("mautic-pyhton==0.0.1",)),
        "httpx, gather": (4 * few, partial(run_peer, "gather"), ("httpx==0.28.1",)),
        "ours": (many, lambda url, rows: run_ours(url, rows, items=True), ()),
        "ours [fast]": (many, lambda url, rows: run_ours(url, rows, items=True, fast=True), ()),
    }
    rates: dict[str, float] = {}
    table: list[list[str]] = []
    with _measure.server("--store", "--workers", "8", "--fixed", "0.02", "--each", "0.005") as url:
        for name, (rows, run, needs) in runs.items():
            ask(f"{url}/reset")
            found = run(url, rows, *needs)
            if found is None:
                continue
            audit = ask(f"{url}/audit/{rows}")
            rates[name] = rows / found["seconds"]
            share = {key: f"{100 * audit[key] / rows:.1f} %" for key in ("right", "wrong", "lost", "doubled")}
            table.append([
                name, str(rows), *share.values(), f"{rates[name]:.0f}", str(audit["requests"]),
                f"{found['cpu'] / rows * 1e6:.0f}", f"{found['peak']:.0f}",
            ])  # fmt: skip
            if name.startswith("ours"):
                _measure.figure(f"bulk, {name}: rows right", 100 * audit["right"] / rows, 100, unit="%")
    _measure.table(
        "20 ms + 5 ms a contact, 8 server workers",
        ["client", "rows", "right", "wrong", "lost", "doubled", "rows/s", "requests", "CPU us/row", "peak MiB"],
        table,
    )
    _charts.bars("peers", "Contacts stored per second", "20 ms a request and 5 ms a contact, 8 server workers", rates)
    for name, least in (("mautic 0.2.0", 25), ("mautic-pyhton 0.0.1", 4)):
        if name in rates:
            _measure.figure(f"bulk: rows/s of {name}", rates["ours"] / rates[name], least)


def against_the_bound() -> None:
    """A server with a fixed latency, which only counts the rows."""
    table, shares = [], {}
    pinned = {"batch": 200, "initial_batch": 200}
    for latency, workers, least, most in ((0.1, 8, 0.95, 160_000), (0.25, 32, 0.9, 256_000)):
        rows = most // 10 if QUICK else most
        bound = workers * 200 / latency
        with _measure.server("--fixed", str(latency)) as url:
            floor = _measure.median([rows / run_bare(url, rows, workers)["seconds"] / bound for _ in range(ROUNDS)])
            for fast in (False, True):
                taken = [
                    run_ours(
                        url,
                        rows,
                        workers=workers,
                        fast=fast,
                        made=True,
                        plan={**pinned, "initial_concurrency": workers},
                    )
                    for _ in range(ROUNDS)
                ]
                learning = run_ours(url, rows, workers=workers, fast=fast, made=True)
                share = _measure.median([rows / found["seconds"] / bound for found in taken])
                cpu = _measure.median([found["cpu"] / rows * 1e6 for found in taken])
                shares[f"{'ours [fast]' if fast else 'ours'}, {1000 * latency:.0f} ms x {workers}"] = 100 * share
                shares[f"bare sockets, {1000 * latency:.0f} ms x {workers}"] = 100 * floor
                name = f"{1000 * latency:.0f} ms x {workers} x 200{', [fast]' if fast else ''}"
                table.append([
                    name, f"{bound:.0f}", f"{share * bound:.0f}", f"{share:.3f}", f"{floor:.3f}",
                    f"{rows / learning['seconds'] / bound:.3f}", f"{cpu:.1f}",
                    f"{max(found['peak'] for found in taken):.0f}",
                ])  # fmt: skip
                _measure.figure(f"bulk, {name}: share of the bound", share, least)
                _measure.figure(f"bulk, {name}: share of what bare sockets reach", share / floor, least)
                _measure.figure(f"bulk, {name}: CPU a contact", cpu, 8 if fast else 12, unit="us", least=False)
    _charts.bars("bound", "Share of the bound of a bulk job", "per cent of workers x 200 rows / latency", shares)
    _measure.table(
        "share of workers x batch / latency, lean answers",
        ["server", "bound rows/s", "rows/s", "share", "bare sockets", "share, self-steered", "CPU us/row", "peak MiB"],
        table,
    )


def by_the_size_of_answers() -> None:
    """What a row costs when the server shows little or all of each contact, and how long the loop is held up."""
    rows = 4000 if QUICK else 40_000
    table = []
    plan = {"batch": 200, "initial_batch": 200, "initial_concurrency": 8}
    for kind in ("lean", "full"):
        size = len(_bodies.body(kind))
        bodies = b"[" + b",".join(_bodies.body(kind, number) for number in range(200)) + b"]"
        with _measure.server("--fixed", "0.1", "--row", kind) as url:
            for fast in (False, True):
                import orjson

                loads = orjson.loads if fast else json.loads
                parse = partial(loads, bodies)
                parsing = _measure.median([_measure.spend(parse).cpu / 200 * 1e6 for _ in range(9)])
                plain = [run_ours(url, rows, fast=fast, plan=plan) for _ in range(ROUNDS)]
                made = [run_ours(url, rows, fast=fast, plan=plan, made=True) for _ in range(ROUNDS)]
                watched = [run_ours(url, rows, fast=fast, plan=plan, made=True, watch=True) for _ in range(ROUNDS)]
                longest = 1000 * _measure.median([found["longest"] for found in watched])
                cpu = [_measure.median([one["cpu"] / rows * 1e6 for one in found]) for found in (plain, made)]
                name = f"{kind}{', [fast]' if fast else ''}"
                table.append([
                    name, str(size), f"{cpu[0]:.1f}", f"{cpu[1]:.1f}", f"{parsing:.1f}", f"{longest:.1f}",
                ])  # fmt: skip
                _measure.figure(f"bulk, {name}: longest stretch of the loop", longest, 2, unit="ms", least=False)
    _measure.table(
        "by the size of a contact in the answer, 100 ms x 8 x 200",
        ["answers", "bytes a row", "CPU us/row", "rows made before", "parsing alone", "longest ms"],
        table,
    )


def sweep() -> None:
    """Server workers x cost of a contact; ours with as many connections as the server has workers."""
    table = []
    for workers in (1, 2, 4, 8):
        row = [f"{workers} workers"]
        for each in (0.001, 0.005, 0.05):
            bound = workers * 200 / (0.02 + 200 * each)
            rows = int(bound * (1.5 if QUICK else 4)) + 200 * workers
            options = ("--workers", str(workers), "--fixed", "0.02", "--each", str(each))
            with _measure.server(*options) as url:
                plan = {"batch": 200, "initial_batch": 200, "initial_concurrency": workers, "batch_seconds": 30.0}
                found = run_ours(url, rows, workers=workers, plan=plan)
            row.append(f"{rows / found['seconds']:.0f} of {bound:.0f}")
        table.append(row)
    _measure.table("rows/s, of the bound, by workers and cost a contact", ["", "1 ms", "5 ms", "50 ms"], table)


def run() -> None:
    against_peers()
    against_the_bound()
    by_the_size_of_answers()
    sweep()


if __name__ == "__main__":
    if sys.argv[1:2] == ["ours"]:
        asyncio.run(ours(sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])))
    elif sys.argv[1:2] == ["bare"]:
        asyncio.run(bare(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    else:
        _measure.main(run)
