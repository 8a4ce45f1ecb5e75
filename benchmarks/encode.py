"""From a contact to the bytes of a request: microseconds, and how many times as fast as cattrs with ``json.dumps``.

lean: five fields. wide: 24 standard and 30 custom ones. items: the same with five custom items. Ours leaves out what
was never set, sends references as ids and custom fields by alias; cattrs as it comes sends every attribute of its
class, and with ``omit_if_default`` leaves out what was not set, as ours does.

The writer of JSON bounds what any codec can reach: "our JSON alone" writes the finished dictionary, and the share says
how much of that bound is reached. `json.dumps` is slower than it, because it makes an encoder for each call.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import orjson

from benchmarks import _codecs, _measure, _peers
from benchmarks.decode import NEEDS, ratio
from mautic_async import Contact, CustomItem, codec, protocol

ROUNDS = 5 if _measure.QUICK else 25
REPEATS = 200 if _measure.QUICK else 1000
FAST = protocol.orjson_library()

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
    values = LEAN if kind == "lean" else {**dict.fromkeys(_codecs.TEXTS, "text"), **LEAN, **CUSTOM}
    body: dict[str, Any] = {"points": 5, "fields": {"all": values}}
    if kind == "items":
        body["customObjects"] = codec.encode(ours(kind))["customObjects"]
    return json.dumps(body).encode()


def candidates(kind: str) -> dict[str, Callable[[], bytes]]:
    contact, text = ours(kind), theirs(kind)
    plain = codec.encode(contact)
    found: dict[str, Callable[[], bytes]] = {
        "json.dumps alone": lambda: json.dumps(plain).encode(),
        "our JSON alone": lambda: protocol.STDLIB.dumps(plain),
        "orjson.dumps alone": lambda: orjson.dumps(plain),
        "ours, json": lambda: protocol.STDLIB.dumps(codec.encode(contact)),
        "ours, orjson": lambda: FAST.dumps(codec.encode(contact)),
    }
    peers: dict[str, Callable[[int], _codecs.Codec]] = {
        "cattrs, json": lambda fields: _codecs.with_cattrs(fields, fast=False),
        "cattrs, json, omit_if_default": lambda fields: _codecs.with_cattrs(fields, fast=False, omit=True),
        "cattrs, orjson": lambda fields: _codecs.with_cattrs(fields, fast=True),
        "cattrs, orjson, omit_if_default": lambda fields: _codecs.with_cattrs(fields, fast=True, omit=True),
        "pydantic": _codecs.with_pydantic,
        "msgspec": _codecs.with_msgspec,
    }
    for name, make in peers.items():
        try:
            peer = make(24 if kind == "lean" else 54)
        except ImportError:
            print(f"skipped: {name} is not installed")
            continue
        entity = peer.read(text)
        found[name] = lambda peer=peer, entity=entity: peer.write(entity)  # type: ignore[misc]  # bound now
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
            [name, f"{_measure.median(values):.2f}", f"{ratio(taken, 'cattrs, json', name):.2f}"]
            for name, values in taken.items()
        ]
        _measure.table(f"encode, {kind}", ["what", "us", "cattrs, json / this"], rows)
        times, bound = (ratio(taken, "cattrs, json", name) for name in ("ours, json", "our JSON alone"))
        reached = f"{bound:.2f} x, of which {times / bound:.0%} reached"
        _measure.figure(f"encode, {kind}, json: cattrs / ours (JSON alone: {reached})", times, 4)


def run() -> None:
    if not _peers.within("benchmarks.encode", *NEEDS):
        measure()


if __name__ == "__main__":
    _measure.main(measure if "inside" in sys.argv else run)
