"""From the bytes of one contact to an object: microseconds, and how many times as fast as cattrs on the same bytes.

lean: what a list with ``select`` gives. full: ``GET contacts/ID`` of a fresh Mautic, 29 fields. wide: 60 fields. items:
the same with five custom items, objects of a class for everybody. Ours keeps what it does not name, with the checks
against hostile answers; peers read what their classes name and drop the rest.

Three comparisons, each with the same work on both sides:

- whole, orjson: bytes to contact, both with orjson. What orjson takes alone bounds what any codec can reach.
- whole, json: bytes to contact, both with the standard library.
- structure: parsed JSON to contact. No parser on either side.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import orjson

from benchmarks import _bodies, _charts, _codecs, _measure, _peers
from mautic_async import Contact, codec, protocol

ROUNDS = 5 if _measure.QUICK else 25
REPEATS = 200 if _measure.QUICK else 1000
FAST = protocol.orjson_library()
NEEDS = ("httpx", "authlib", "attrs", "cattrs", "tenacity", "orjson", "pydantic", "msgspec")
TARGET = 1.0

Works = dict[str, tuple[Callable[[Any], object], list[Any]]]


def timed(work: Callable[[Any], object], inputs: list[Any]) -> float:
    """Microseconds a call, of CPU."""

    def all_of_them() -> None:
        for each in inputs:
            work(each)

    return _measure.spend(all_of_them).cpu / len(inputs) * 1e6


def candidates(fields: int, bodies: list[bytes], parsed: list[Any]) -> Works:
    plain, fast = _codecs.with_cattrs(fields, fast=False), _codecs.with_cattrs(fields, fast=True)
    found: Works = {
        "json.loads alone": (json.loads, bodies),
        "orjson.loads alone": (orjson.loads, bodies),
        "ours, json": (lambda body: codec.decode(Contact, protocol.parse_json(body)), bodies),
        "ours, orjson": (lambda body: codec.decode(Contact, protocol.parse_json(body, FAST)), bodies),
        "cattrs, json": (plain.read, bodies),
        "cattrs, orjson": (fast.read, bodies),
    }
    structures: Works = {
        "structure: ours": (lambda raw: codec.decode(Contact, raw), parsed),
        "structure: cattrs": (plain.structure, parsed),
        "structure: cattrs for orjson": (fast.structure, parsed),
    }
    for name, make in (("pydantic", _codecs.with_pydantic), ("msgspec", _codecs.with_msgspec)):
        try:
            peer = make(fields)
        except ImportError:
            print(f"skipped: {name} is not installed")
            continue
        found[name] = (peer.read, bodies)
        structures[f"structure: {name}"] = (peer.structure, parsed)
    return {**found, **structures}


CHARTED = ("ours, json", "ours, orjson", "cattrs, json", "cattrs, orjson", "pydantic", "msgspec")
DECODED: dict[str, float] = {}
"""Microseconds by client and shape, for the chart."""


def measure() -> None:
    for kind, fields in (("lean", 24), ("full", 24), ("wide", 60), ("items", 60)):
        bodies = [_bodies.body(kind, number) for number in range(1, REPEATS + 1)]
        parsed = [json.loads(body) for body in bodies[:20]] * (REPEATS // 20)  # in the cache, as right after parsing
        works = candidates(fields, bodies, parsed)
        taken: dict[str, list[float]] = {name: [] for name in works}
        for work, inputs in works.values():
            work(inputs[0])
        for _ in range(ROUNDS):
            for name, (work, inputs) in works.items():
                taken[name].append(timed(work, inputs))
        tell(kind, len(bodies[0]), taken)
    _charts.bars("decode", "Decode one contact", "microseconds from bytes to object, by shape: less is better", DECODED)


def tell(kind: str, size: int, taken: dict[str, list[float]]) -> None:
    def against(name: str) -> str:
        return "structure: cattrs for orjson" if name.startswith("structure") else "cattrs, orjson"

    rows = [
        [name, f"{_measure.median(values):.2f}", f"{ratio(taken, against(name), name):.2f}"]
        for name, values in taken.items()
    ]
    _measure.table(f"decode, {kind}, {size} bytes", ["what", "us", "cattrs, orjson / this"], rows)
    DECODED.update({f"{name}, {kind}": _measure.median(taken[name]) for name in CHARTED if name in taken})
    alone = _measure.median(taken["structure: ours"])
    if kind == "lean":
        _measure.figure("decode, lean: parsed JSON to contact", alone, 5, unit="us", least=False)
    pairs = {
        "whole, orjson": ("cattrs, orjson", "ours, orjson", "orjson.loads alone"),
        "whole, json": ("cattrs, json", "ours, json", "json.loads alone"),
        "structure": ("structure: cattrs for orjson", "structure: ours", None),
    }
    for name, (theirs, ours, parser) in pairs.items():
        bound = f" (parsing alone: {ratio(taken, theirs, parser):.2f} x)" if parser else ""
        _measure.figure(f"decode, {kind}, {name}: cattrs / ours{bound}", ratio(taken, theirs, ours), TARGET)
    mixed = ratio(taken, "cattrs, orjson", "ours, json")
    if kind == "lean":
        _measure.figure(f"decode, {kind}: ours by default, with json / cattrs with orjson", mixed, TARGET)


def ratio(taken: dict[str, list[float]], one: str, other: str) -> float:
    return _measure.median([a / b for a, b in zip(taken[one], taken[other], strict=True)])


def run() -> None:
    if not _peers.within("benchmarks.decode", *NEEDS):
        measure()


if __name__ == "__main__":
    _measure.main(measure if "inside" in sys.argv else run)
