"""From the bytes of one contact to an object: microseconds, and how many times plain ``json.loads`` that is.

lean: what a list with ``select`` gives. full: ``GET contacts/ID`` of a fresh Mautic, 29 fields. wide: 60 fields. items:
the same with five custom items. Ours is the whole way: parsing with the checks against hostile answers, and a
`Contact` whose dates, numbers and custom fields are read; peers read what they know and drop the rest.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import orjson

from benchmarks import _bodies, _codecs, _measure, _peers
from mautic_async import Contact, codec, wire

ROUNDS = 5 if _measure.QUICK else 25
REPEATS = 200 if _measure.QUICK else 1000
FAST = wire.orjson()
NEEDS = ("httpx", "authlib", "attrs", "cattrs", "tenacity", "orjson", "pydantic", "msgspec")


def timed(work: Callable[[bytes], object], bodies: list[bytes]) -> float:
    """Microseconds a call, of CPU."""

    def all_of_them() -> None:
        for body in bodies:
            work(body)

    return _measure.spend(all_of_them).cpu / len(bodies) * 1e6


def candidates(fields: int) -> dict[str, Callable[[bytes], Any]]:
    found: dict[str, Callable[[bytes], Any]] = {
        "json.loads alone": json.loads,
        "orjson.loads alone": orjson.loads,
        "ours": lambda body: codec.decode(Contact, wire.parse(body)),
        "ours, orjson": lambda body: codec.decode(Contact, wire.parse(body, FAST)),
        "cattrs, json": _codecs.with_cattrs(fields, fast=False)[0],
        "cattrs, orjson": _codecs.with_cattrs(fields, fast=True)[0],
    }
    for name, make in (("pydantic", _codecs.with_pydantic), ("msgspec", _codecs.with_msgspec)):
        try:
            found[name] = make(fields)[0]
        except ImportError:
            print(f"skipped: {name} is not installed")
    return found


def measure() -> None:
    for kind, fields in (("lean", 24), ("full", 24), ("wide", 60), ("items", 60)):
        bodies = [_bodies.body(kind, number) for number in range(1, REPEATS + 1)]
        parsed = [json.loads(body) for body in bodies]
        works = candidates(fields)
        for work in works.values():
            work(bodies[0])
        taken: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, work in works.items():
                taken.setdefault(name, []).append(timed(work, bodies))
            codec_alone = timed(lambda raw: codec.decode(Contact, raw), parsed)
            taken.setdefault("ours, parsing not counted", []).append(codec_alone)
        rows = [
            [name, f"{_measure.median(values):.1f}", f"{ratio(taken, name, 'json.loads alone'):.2f}",
             f"{ratio(taken, 'cattrs, orjson', name):.2f}"]
            for name, values in taken.items()
        ]  # fmt: skip
        size = len(bodies[0])
        _measure.table(f"decode, {kind}, {size} bytes", ["what", "us", "of json.loads", "cattrs, orjson / this"], rows)
        if kind == "lean":
            alone = _measure.median(taken["ours, parsing not counted"])
            _measure.figure("decode: a lean contact, parsing not counted", alone, 5, unit="us", least=False)
        times = ratio(taken, "cattrs, orjson", "ours")
        _measure.figure(f"decode, {kind}: as fast as cattrs with orjson, ours by default", times, 1.6)
        both = ratio(taken, "cattrs, orjson", "ours, orjson")
        _measure.figure(f"decode, {kind}: the same, ours with orjson", both, 1.6)


def ratio(taken: dict[str, list[float]], one: str, other: str) -> float:
    return _measure.median([a / b for a, b in zip(taken[one], taken[other], strict=True)])


def run() -> None:
    if not _peers.within("benchmarks.decode", *NEEDS):
        measure()


if __name__ == "__main__":
    _measure.main(measure if "inside" in sys.argv else run)
