"""Figure 17, second half: one text goes through each room that reads what strangers send.

The rooms are those of envelopes, headers, gzip, webhooks and the codec. What may leave them is their own error, soon,
and the same whichever way the bytes were cut. ``python -m tests.stress.fuzz`` runs this too, by chance and with a
corpus. Atheris, which has wheels for this Python, chooses texts by the lines that they reach, and keeps in FOLDER those
that reached a new one; it first takes a minute to instrument everything, then goes on at some 1,500 texts a second::

    uv run --with atheris python -m tests.stress.fuzz_parsers --guided FOLDER -runs=1000000 -max_len=4000

It is no part of `.ci/run`, nor of the development tools, for there is not a wheel of it for every Python and system.
"""

from __future__ import annotations

import base64
import functools
import gzip as packing
import hashlib
import hmac
import importlib
import json
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mautic_async import codec, models, protocol
from mautic_async.errors import ConfigurationError, MauticError, TransportError, UnexpectedResponse
from mautic_async.models import Entity
from mautic_async.protocol import Call, Effect, Response
from mautic_async.transport.decompression import BodyDecoder
from mautic_async.webhooks import EVENTS, WebhookRejected, Webhooks
from tests.stress.fuzz import HEADERS, MAX_CPU_SECONDS, PAGES, HostileRandom

KINDS = [
    kind
    for name in sorted(models.__all__)
    if isinstance(kind := getattr(models, name), type) and issubclass(kind, Entity) and kind is not Entity
]
CALLS = (
    Call("GET", "contacts"),
    Call("POST", "contacts/batch/new", Effect.UPSERT, row_count=3, is_batch=True),
    Call("POST", "campaigns/clone/1", Effect.NON_IDEMPOTENT, follow_302_body=True),
    Call("GET", "v2/custom_objects", jsonld=True),
)
STATUSES = (200, 201, 204, 302, 400, 401, 403, 404, 422, 429, 500, 502, 503)
SECRET = "s3cr3t"
WEBHOOKS = Webhooks(SECRET)
ADDRESS = "ada@example.com"


def envelope(text: bytes) -> None:
    """What an answer means."""
    for number, call in enumerate(CALLS):
        status = STATUSES[(zlib.crc32(text) + number) % len(STATUSES)]
        message = error_text(lambda call=call, status=status: parse_rows(call, Response(status, {}, text)), MauticError)  # type: ignore[misc]  # bound at once
        assert len(message) < 2500, "a long message"
        assert ADDRESS not in message, "an address in a message"


def parse_rows(call: Call, answer: Response) -> None:
    payload = protocol.parse_response(call, answer)
    if call.is_batch:
        protocol.parse_batch(payload.body, "contacts", 3)


def error_text(work: Callable[[], object], kind: type[Exception]) -> str:
    """What is said by an error of *kind*; an empty text where there is none."""
    try:
        work()
    except kind as error:
        return f"{getattr(error, 'reason', '')} {error}"
    return ""


def outcome(work: Callable[[], Any]) -> str:
    """What came of it, to be compared: a value as text, or the error's kind."""
    try:
        return json.dumps(work())
    except (ValueError, UnexpectedResponse, TransportError) as error:
        return "ValueError" if isinstance(error, ValueError) else type(error).__name__


def headers(text: bytes) -> None:
    """Every value is one that its reader knows, or None."""
    parts = text[:4000].decode("latin-1").split("\n")
    value = {name: parts[place % len(parts)] for place, name in enumerate(HEADERS)}
    answer = Response(429, value, b"")
    rate, wait, date = (
        protocol.parse_rate_limit(answer),
        protocol.parse_retry_after(answer),
        protocol.parse_date(answer),
    )
    assert rate is None or (rate.limit > 0 <= rate.remaining and rate.reset >= 0)
    assert wait is None or 0 <= wait <= protocol.MAX_WAIT
    assert date is None or abs(date) < 1e12
    assert len(protocol.parse_version(answer) or "") <= 40


def decompress(pieces: list[bytes]) -> bytes:
    body = BodyDecoder("gzip", 200)
    for piece in pieces:
        body.feed(piece, None)
    return body.finish(None)


def outcome_of_gzip(pieces: list[bytes]) -> str:
    return outcome(lambda: decompress(pieces).hex())


def split(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def gzip(text: bytes) -> None:
    """However the network cuts it."""
    compressed = packing.compress(text, 1, mtime=0)
    damaged = bytearray(compressed)
    damaged[zlib.crc32(text) % len(damaged)] ^= 1 + zlib.adler32(text) % 255
    for stream in (text, compressed, compressed + text, bytes(damaged), compressed[: len(compressed) // 2]):
        expected, pieces = outcome_of_gzip([stream]), outcome_of_gzip(split(stream, 7 + len(stream) // 9))
        assert expected == pieces, f"it depends on the pieces: {expected[:99]} and {pieces[:99]}"
    assert decompress(split(compressed, 7 + len(compressed) // 5)) == text


def webhook(text: bytes) -> None:
    """Unsigned it is nothing; signed it is events, or unreadable."""
    signature = base64.b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest()).decode()
    error = error_text(lambda: [repr(event) for event in WEBHOOKS.read(text, signature)], WebhookRejected)
    assert not error or error.startswith("unreadable"), error
    for expected_error in (signature[::-1], "", None, text[:100]):
        error = error_text(functools.partial(WEBHOOKS.read, text, expected_error), WebhookRejected)
        assert error.startswith("signature"), "a wrong signature was believed"


def entities(text: bytes) -> None:
    """An object is an entity of any kind; what of it can be sent, can be read again."""
    try:
        raw = protocol.parse_json(text)
    except ValueError:
        return
    for inner in objects(raw):
        kind = KINDS[zlib.crc32(repr(inner).encode("utf-8", "replace")) % len(KINDS)]
        entity = codec.decode(kind, inner)
        assert repr(entity)
        try:
            sent = codec.encode(entity)
        except ConfigurationError:
            continue
        codec.decode(kind, sent)


def objects(raw: Any, most: int = 6) -> Iterator[dict[str, Any]]:
    level = [raw]
    while level and most > 0:
        value = level.pop(0)
        if isinstance(value, dict):
            most -= 1
            yield value
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        level += list(inside)[:20]


PARSERS: tuple[Callable[[bytes], None], ...] = (envelope, headers, gzip, webhook, entities)

CORPUS = (
    *PAGES,
    b'{"total":"2","contacts":{"1":{"id":1,"x":"\\"},{\\"id\\":"},"2":{"id":2}}}',
    b'{"contacts":[{"id":1},{"id":2}],"statusCodes":{"0":201},"errors":{"0":{"code":400,"message":"ada@example.com"}}}',
    b'{"contacts":[{"id":1},{"id":2}],"contacts":[{"id":3}],"errors":[]}',
    b'{"mautic.lead_post_save_update":[{"lead":7,"timestamp":"9999-12-31T23:59:59-14:00","points":{"old_points":[]}}]}',
    b'{"mautic.company_post_save":{"company":{"fields":[],"companyname":{}},"id":true},"timestamp":[]}',
    b'{"contact":{"id":"0x1","fields":{"all":[],"core":{"email":{"value":[1]}}},"tags":{"a":1},"customObjects":[[]]}}',
    b"10\n-1\n1e3\n\xb2\nSat, 31 Feb 2026 99:99:99 +9999\n" + b"9" * 30,
    b"\x1f\x8b\x08\x1c\xff\xff\xff\xff\x00\xff\xff\xff",
)
"""Texts of odd forms, and those that were wrong once."""


def random_text(rng: HostileRandom) -> bytes:
    """Something that a stranger may send."""
    if rng.random() < 0.3:
        body: dict[str, Any] = {
            rng.choice([*EVENTS, rng.name()]): rng.choice([[rng.entity()], rng.entity(), rng.value()])
            for _ in range(rng.randint(1, 3))
        }
        return json.dumps({**body, "timestamp": rng.value(1)} if rng.random() < 0.5 else body).encode()
    if rng.random() < 0.2:
        return b"\n".join(rng.header() for _ in range(8))
    if rng.random() < 0.2:
        raw = bytearray(rng.choice(CORPUS)[:2000])
        for _ in range(rng.randint(1, 5) if raw else 0):
            raw[rng.randrange(len(raw))] = rng.choice(b'{}[],:"\\0123456789eE-tfn \x00\xff')
        return bytes(raw)
    return rng.body()


def failures_of(content: bytes) -> list[str]:
    """What each room did that it must not."""
    failures = []
    for parser in PARSERS:
        for attempt in (1, 2):  # slow once is nothing, since the machine is not ours alone
            began = time.thread_time()
            try:
                parser(content)
            except Exception as error:  # noqa: BLE001 - which is what must not come
                where = traceback.extract_tb(error.__traceback__)[-1]
                failures.append(
                    f"{parser.__name__}: {type(error).__name__}: {str(error)[:200]} at {where.filename}:{where.lineno}"
                )
                break
            spent = time.thread_time() - began
            if spent < MAX_CPU_SECONDS * (1 if sys.gettrace() is None else 5):
                break
            if attempt == 2:
                failures.append(f"{parser.__name__}: {spent * 1000:.0f} ms for {len(content)} bytes")
    return failures


def fuzz_parsers(first: int, cases: int) -> list[str]:
    """Run the corpus, and *cases* texts from the *first*."""
    texts = [*CORPUS, *(random_text(HostileRandom(f"room {number}")) for number in range(first, first + cases))]
    return [f"{line} for {given[:2000]!r}" for given in texts for line in failures_of(given)]


def fuzz_with_atheris(arguments: list[str]) -> None:
    """Let Atheris choose; it ends with the first text that is wrong, and prints it."""
    atheris = importlib.import_module("atheris")
    for name, content in ((f"{zlib.crc32(seed):08x}", seed) for seed in CORPUS):
        Path(arguments[0]).mkdir(parents=True, exist_ok=True)
        Path(arguments[0], name).write_bytes(content)

    def one(given: bytes) -> None:
        failures = failures_of(given)
        assert not failures, failures

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] != ["--guided"] or len(sys.argv) < 3:
        sys.exit(__doc__)
    fuzz_with_atheris(sys.argv[2:])
