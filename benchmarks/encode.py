"""From a contact to the bytes of a request: microseconds, and how many times as fast as cattrs with ``json.dumps``.

lean: five fields. wide: 30 standard and 30 custom ones. items: the same with five custom items. Ours leaves out what
was never set, sends references as ids and custom fields by alias; cattrs sends every attribute of its class.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from benchmarks import _bodies, _codecs, _measure, _peers
from benchmarks.decode import NEEDS, ratio
from mautic_async import Contact, CustomItem, codec, wire

ROUNDS = 5 if _measure.QUICK else 25
REPEATS = 200 if _measure.QUICK else 1000
FAST = wire.orjson()

LEAN = {"firstname": "Ada", "lastname": "Example", "email": "ada@example.com", "city": "London", "points": 5}
CUSTOM = {f"custom_{number}": f"value {number}" if number % 3 else number + 1 for number in range(30)}


def ours(kind: str) -> Contact:
    if kind == "lean":
        return Contact(**LEAN)  # type: ignore[arg-type]  # plain values
    contact = Contact(**{**dict.fromkeys(_codecs.TEXTS, "text"), **LEAN}, fields=dict(CUSTOM))  # type: ignore[arg-type]
    if kind == "items":
        contact.custom_items = [
            CustomItem("products", name=f"Item {number}", attributes={"sku": f"23{number}", "in-stock": number})
            for number in range(5)
        ]
    return contact


def theirs(kind: str) -> bytes:
    """The same contact in the shape of an answer, for peers to read and write again."""
    if kind == "lean":
        return json.dumps({"points": 5, "fields": {"all": LEAN}}).encode()
    values = {**dict.fromkeys(_codecs.TEXTS, "text"), **LEAN, **CUSTOM}
    body: dict[str, Any] = {"points": 5, "fields": {"all": values}}
    if kind == "items":
        body["customObjects"] = json.loads(_bodies.body("items"))["customObjects"]
    return json.dumps(body).encode()


def candidates(kind: str) -> dict[str, Callable[[], bytes]]:
    contact, text = ours(kind), theirs(kind)
    plain = codec.encode(contact)
    found: dict[str, Callable[[], bytes]] = {
        "json.dumps alone": lambda: json.dumps(plain).encode(),
        "ours": lambda: wire.STDLIB.dumps(codec.encode(contact)),
        "ours, orjson": lambda: FAST.dumps(codec.encode(contact)),
    }
    peers: dict[str, Callable[[int], _codecs.Codec]] = {
        "cattrs, json": lambda fields: _codecs.with_cattrs(fields, fast=False),
        "cattrs, orjson": lambda fields: _codecs.with_cattrs(fields, fast=True),
        "pydantic": _codecs.with_pydantic,
        "msgspec": _codecs.with_msgspec,
    }
    for name, make in peers.items():
        try:
            read, write = make(24 if kind == "lean" else 54)
        except ImportError:
            print(f"skipped: {name} is not installed")
            continue
        entity = read(text)
        found[name] = lambda write=write, entity=entity: write(entity)  # type: ignore[misc]  # bound now
    return found


def measure() -> None:
    for kind in ("lean", "wide", "items"):
        works = candidates(kind)
        taken: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, work in works.items():

                def all_of_them(work: Callable[[], bytes] = work) -> None:
                    for _ in range(REPEATS):
                        work()

                taken.setdefault(name, []).append(_measure.spend(all_of_them).cpu / REPEATS * 1e6)
        rows = [
            [name, f"{_measure.median(values):.1f}", f"{ratio(taken, name, 'json.dumps alone'):.2f}",
             f"{ratio(taken, 'cattrs, json', name):.2f}"]
            for name, values in taken.items()
        ]  # fmt: skip
        _measure.table(f"encode, {kind}", ["what", "us", "of json.dumps", "cattrs, json / this"], rows)
        times = ratio(taken, "cattrs, json", "ours")
        _measure.figure(f"encode, {kind}: as fast as cattrs with json, ours by default", times, 4)


def run() -> None:
    if not _peers.within("benchmarks.encode", *NEEDS):
        measure()


if __name__ == "__main__":
    _measure.main(measure if "inside" in sys.argv else run)
