"""Figure 17: generated answers, headers and ids go through the whole client; only `MauticError` leaves, and soon.

``python -m tests.stress.fuzz --cases 100000``; a case is found again by its number: ``--from 4711 --cases 1``. The
same number of texts then goes through each room alone: see `fuzz_rooms`, which also knows Atheris.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
from attrs import define, field

from mautic_async import (
    BasicAuth,
    ClientCredentials,
    Company,
    Contact,
    CustomItem,
    Limits,
    Mautic,
    MauticError,
    Segment,
    Tag,
    Timeouts,
)
from mautic_async.protocol import Response
from mautic_async.testing.virtual_time import run_virtual
from mautic_async.transport.decompression import MAX_BODY
from tests.integration.test_addresses import NASTY, ODD_IDS
from tests.integration.test_logs import CONTROL

MAX_CPU_SECONDS = 0.100
"""Seconds of CPU for a case; the measurement of coverage makes all code slower, and gets five times as much."""
REQUESTS = 12

NAMES = (
    *(
        "contact",
        "contacts",
        "company",
        "companies",
        "list",
        "lists",
        "tag",
        "tags",
        "stage",
        "stages",
        "field",
        "fields",
    ),
    *("total", "errors", "error", "error_description", "success", "failed", "status", "statusCodes", "code", "message"),
    *(
        "details",
        "type",
        "id",
        "email",
        "all",
        "core",
        "value",
        "alias",
        "dateAdded",
        "owner",
        "points",
        "customObjects",
    ),
    *(
        "data",
        "meta",
        "page",
        "size",
        "attributes",
        "name",
        "0",
        "1",
        "2",
        "-1",
        "hydra:member",
        "hydra:title",
        "notFound",
    ),
    *("utmtags", "ipAddresses", "doNotContact", "isPublished", "access_token", "refresh_token", "expires_in", "trace"),
)
TEXTS = (
    *(
        "",
        "0",
        "1",
        "-1",
        "true",
        "ada@example.com",
        "2026-01-01T00:00:00+00:00",
        "0000-00-00 00:00:00",
        "9999-99-99",
        "[]",
    ),
    *(
        "\r\n",
        "\x00",
        "\u202e",
        "\ud83d",
        "a" * 3000,
        "1e999",
        "999999999999999999999",
        "Custom Item with ID = 0 was not found",
    ),
    *("a batch of 200", "lock", "unique", "<b>", "%s", "{}", "\\", '"', "2026-02-30", "+1 week", "a:0:{}"),
)
PAGES = (
    *(
        b"",
        b"<html><body>Bad Gateway</body></html>",
        b"null",
        b"true",
        b"0",
        b'""',
        b"[]",
        b"{}",
        b"[[[[",
        b"NaN",
        b"\xff\xfe",
    ),
    *(
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b"[" + b"9" * 5_000 + b"]",
        b'["\\ud800"]',
        b'"{\\"error\\":{\\"message\\":\\"x\\"}}"',
    ),
    *(b"<" * 50_000, b"<a" * 20_000, b" " * 60_000, b"\x00" * 1_000, b'{"errors":[' + b'{"code":1},' * 5_000 + b"{}]}"),
)
ERRORS: tuple[type[httpx.RequestError], ...] = (
    *(
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.ReadError,
        httpx.ReadTimeout,
        httpx.WriteError,
        httpx.WriteTimeout,
    ),
    *(httpx.PoolTimeout, httpx.RemoteProtocolError, httpx.LocalProtocolError, httpx.ProxyError, httpx.DecodingError),
    *(httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.CloseError),
)
HEADERS = (
    *(
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "date",
        "retry-after",
        "mautic-version",
        "location",
    ),
    *("content-type", "content-length", "transfer-encoding", "set-cookie", "www-authenticate", "x"),
)


NOUNS = {
    "contacts": ("contacts", "contact"),
    "companies": ("companies", "company"),
    "segments": ("lists", "list"),
    "tags": ("tags", "tag"),
    "fields": ("fields", "field"),
}


class HostileRandom(random.Random):
    """What a hostile or broken server may think of."""

    nouns = ("contacts", "contact")

    def value(self, depth: int = 4) -> Any:
        kind = self.random()
        if depth == 0 or kind < 0.25:
            return self.choice([None, True, False, 0, 1, -1, 7, 2**53, 10**30, 1.5, 1e300, *TEXTS])
        if kind < 0.5:
            return [self.value(depth - 1) for _ in range(self.choice([0, 1, 1, 2, 3, 12]))]
        return {self.name(): self.value(depth - 1) for _ in range(self.choice([0, 1, 2, 3, 6]))}

    def name(self) -> str:
        return self.choice(NAMES) if self.random() < 0.9 else self.choice(TEXTS)

    def entity(self) -> dict[str, Any]:
        return {
            "id": self.choice([1, 2, "3", 0, None, -1, self.value(1)]),
            **{self.name(): self.value(3) for _ in range(4)},
        }

    def likely(self) -> Any:
        """A body that is nearly Mautic's."""
        many, one = self.nouns if self.random() < 0.9 else ("lists", "contact")
        kind = self.randrange(6)
        if kind == 0:
            return {one: self.entity(), **({self.name(): self.value(2)} if self.random() < 0.3 else {})}
        if kind == 1:
            rows = {str(number): self.entity() for number in range(self.randrange(4))}
            return {"total": self.choice([1, "2", None, self.value(1)]), many: self.choice([rows, list(rows.values())])}
        if kind == 2:
            item = {"message": self.value(1), "code": self.value(1), "type": self.value(1), "details": self.value(3)}
            return {"errors": self.choice([[item], {"0": item}, item, [item] * 3])}
        if kind == 3:
            return {many: self.value(3), "statusCodes": self.value(2), "errors": self.value(3)}
        if kind == 4:
            return {"access_token": self.value(1), "refresh_token": self.value(1), "expires_in": self.value(1)}
        return {self.name(): self.value(4) for _ in range(3)}

    def body(self) -> bytes:
        kind = self.random()
        if kind < 0.65:
            raw = json.dumps(self.likely()).encode()
        elif kind < 0.75:
            raw = json.dumps(self.value()).encode()
        elif kind < 0.9:
            raw = self.choice(PAGES)
        else:
            raw = self.randbytes(self.choice([1, 10, 1000]))
        if self.random() < 0.15 and raw:
            spoilt = bytearray(raw)
            for _ in range(self.randint(1, 5)):
                spoilt[self.randrange(len(spoilt))] = self.randrange(256)
            raw = bytes(spoilt[: self.randint(1, len(spoilt))])
        return raw

    def head(self) -> list[tuple[bytes, bytes]]:
        count = 210 if self.random() < 0.01 else self.choice([0, 1, 3, 8])
        return [(self.choice(HEADERS).encode(), self.header()) for _ in range(count)]

    def header(self) -> bytes:
        number = self.choice([0, 1, 60, 3600, 1_800_000_000, 1_800_003_600, 10**12, -1])
        text = self.choice([str(number), "Sat, 21 Nov 2026 03:28:51 GMT", "gzip", "5.1.1", "application/json", *TEXTS])
        return text.encode("utf-8", "replace") if self.random() < 0.9 else self.randbytes(self.randrange(40))

    def id(self) -> Any:
        return self.randint(1, 9) if self.random() < 0.8 else self.choice([*ODD_IDS, *NASTY])


@define
class HostileTransport(httpx.AsyncBaseTransport):
    """Answers by chance; after a dozen requests always the same refusal, so that no case goes on for ever."""

    rng: HostileRandom
    requests: int = 0
    largest: int = 0
    statuses: list[int] = field(factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        chance = self.rng
        chance.nouns = NOUNS.get(request.url.path.split("/")[3], chance.nouns)
        assert request.url.host == "mautic.example.com"
        assert request.url.raw_path.startswith((b"/sub/api/", b"/sub/oauth/v2/token"))
        if self.requests > REQUESTS:
            return httpx.Response(
                404, json={"errors": [{"code": 404, "message": "Item was not found.", "details": []}]}
            )
        if request.url.path.endswith("/token") and chance.random() < 0.8:
            return httpx.Response(200, json={"access_token": "x", "expires_in": 3600})
        if chance.random() < 0.05:
            raise chance.choice(ERRORS)(chance.choice(TEXTS), request=request)
        status = chance.choice(
            [*[200] * 10, 201, 400, 401, 403, 404, 422, 429, 500, 502, 503, 302, chance.randint(100, 999)]
        )
        self.statuses.append(status)
        body, head = chance.body(), chance.head()
        if chance.random() < 0.2:
            head.append((b"content-encoding", b"gzip"))
            body = gzip.compress(body, 1) if chance.random() < 0.8 else body
            body += b"more" if chance.random() < 0.1 else b""
        elif chance.random() < 0.05:
            head.append((b"content-encoding", chance.header()))
        self.largest = max(self.largest, len(body))
        return httpx.Response(status, headers=head, stream=ChunkedStream(body, chance))


class ChunkedStream(httpx.AsyncByteStream):
    def __init__(self, body: bytes, chance: HostileRandom) -> None:
        self._body = body
        self._chance = chance

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = self._chance.choice([7, 4096, 65_536]) if len(self._body) < 5_000 else 65_536
        for start in range(0, len(self._body), size):
            yield self._body[start : start + size]
        if self._chance.random() < 0.03:
            raise self._chance.choice(ERRORS)("cut")


def some_calls(mautic: Mautic, rng: HostileRandom) -> list[Callable[[], Awaitable[object]]]:
    async def some() -> object:
        return [contact async for contact in mautic.contacts.iterate(limit=2)]

    id = rng.id()
    person = Contact(email="ada@example.com", fields={"seats": 3})
    with_items = Contact(
        email="ada@example.com", custom_items=[CustomItem("products", name="x", attributes={"sku": "1"})]
    )
    return [
        lambda: mautic.contacts.get(id),
        lambda: mautic.contacts.list(search="x", limit=3),
        some,
        lambda: mautic.contacts.create(person),
        lambda: mautic.contacts.edit(id, Contact(firstname="Ada")),
        lambda: mautic.contacts.replace(id, person),
        lambda: mautic.contacts.delete(id),
        lambda: mautic.contacts.upsert(with_items),
        lambda: mautic.contacts.create_many([person, with_items]),
        lambda: mautic.contacts.edit_many([Contact(id=1, firstname="Ada"), Contact(id=2, firstname="Bob")]),
        lambda: mautic.contacts.delete_many([1, 2, 3]),
        lambda: mautic.companies.create(Company(companyname="x")),
        mautic.companies.list,
        lambda: mautic.segments.get(id),
        lambda: mautic.segments.add_contact(id, rng.id()),
        lambda: mautic.segments.create(Segment(name="x")),
        lambda: mautic.tags.create(Tag(tag="x")),
        mautic.contact_fields.list,
        mautic.themes.list,
        mautic.stats.tables,
        lambda: mautic.call(rng.choice(["GET", "POST", "DELETE"]), rng.choice(["contacts", *NASTY]), query={"q": "x"}),
    ]


@define
class FuzzStatistics:
    """What came of the cases."""

    cases: int = 0
    answers: int = 0
    slowest: float = 0.0
    largest: int = 0
    results: Counter[str] = field(factory=Counter)
    failures: list[str] = field(factory=list)


async def run_case(number: int, statistics: FuzzStatistics) -> None:
    """One client, one call."""
    rng = HostileRandom(number)
    hostile = HostileTransport(rng)
    auth = BasicAuth("ada", "x") if rng.random() < 0.8 else ClientCredentials("id", "secret")
    mautic = Mautic(
        "https://mautic.example.com/sub",
        auth=auth,
        transport=hostile,
        limits=Limits(patience=rng.choice([0, 60, 4000])),
        timeouts=Timeouts(drain=0.0),
    )
    call = rng.choice(some_calls(mautic, rng))
    began = time.thread_time()
    try:
        await call()
    except MauticError as error:
        text = str(error)
        statistics.results[type(error).__name__] += 1
        if len(text) > 2500 or CONTROL.search(text) or "ada@example.com" in text:
            statistics.failures.append(f"case {number}: a message of {len(text)} characters: {text[:300]!r}")
    except Exception as error:  # noqa: BLE001 - which is what must not come
        where = traceback.extract_tb(error.__traceback__)[-1]
        statistics.failures.append(
            f"case {number}: {type(error).__name__}: {str(error)[:200]} at {where.filename}:{where.lineno}"
        )
    else:
        statistics.results["an answer"] += 1
    spent = time.thread_time() - began
    await mautic.aclose()
    statistics.cases += 1
    statistics.answers += hostile.requests
    statistics.slowest = max(statistics.slowest, spent)
    statistics.largest = max(statistics.largest, hostile.largest)
    if spent > MAX_CPU_SECONDS * (1 if sys.gettrace() is None else 5):
        statistics.failures.append(f"case {number}: {spent * 1000:.0f} ms for {hostile.requests} answers")


def fuzz(first: int, cases: int, *, loud: bool = False) -> FuzzStatistics:
    """Run *cases* cases from the *first*; one that took long gets a second chance, since the machine is not ours alone."""
    statistics = FuzzStatistics()

    async def some(numbers: range) -> None:
        for number in numbers:
            before = len(statistics.failures)
            await run_case(number, statistics)
            if len(statistics.failures) > before and statistics.failures[-1].endswith("answers"):
                statistics.failures.pop()
                await run_case(number, statistics)
                statistics.cases -= 1

    for start in range(first, first + cases, 1000):
        run_virtual(some(range(start, min(start + 1000, first + cases))))
        if loud:
            sys.stderr.write(
                f"\r{statistics.cases:,} cases, {statistics.answers:,} answers, {len(statistics.failures)} wrong"
            )
    assert statistics.largest <= MAX_BODY
    assert Response(200).content == b""
    return statistics


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument("--from", dest="first", type=int, default=0)
    arguments = parser.parse_args()
    statistics = fuzz(arguments.first, arguments.cases, loud=True)
    print(
        f"\nfigure 17: {statistics.cases:,} cases, {statistics.answers:,} answers; other exceptions, long messages and slow cases:"
        f" {len(statistics.failures)}; slowest {statistics.slowest * 1000:.0f} ms of CPU; {dict(statistics.results.most_common())}"
    )
    from tests.stress.fuzz_parsers import CORPUS, PARSERS, fuzz_parsers  # which takes its chance from here

    failures = [*statistics.failures, *fuzz_parsers(arguments.first, arguments.cases)]
    print(
        f"figure 17: {arguments.cases:,} texts and a corpus of {len(CORPUS)} through {len(PARSERS)} rooms each: wrong"
        f" {len(failures) - len(statistics.failures)}"
    )
    for line in failures[:40]:
        print(line)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
