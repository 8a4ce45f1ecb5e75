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
from mautic_async.protocol import Answer, Call, Effect
from mautic_async.transport.decompression import Body
from mautic_async.webhooks import EVENTS, WebhookRejected, Webhooks
from tests.stress.fuzz import HEADERS, LIMIT, PAGES, Chance

KINDS = [
    kind
    for name in sorted(models.__all__)
    if isinstance(kind := getattr(models, name), type) and issubclass(kind, Entity) and kind is not Entity
]
CALLS = (
    Call("GET", "contacts"),
    Call("POST", "contacts/batch/new", Effect.UPSERT, rows=3, batch=True),
    Call("POST", "campaigns/clone/1", Effect.APPEND, redirect=True),
    Call("GET", "v2/custom_objects", v2=True),
)
STATUSES = (200, 201, 204, 302, 400, 401, 403, 404, 422, 429, 500, 502, 503)
SECRET = "s3cr3t"
RECEIVER = Webhooks(SECRET)
ADDRESS = "ada@example.com"


def envelope(text: bytes) -> None:
    """What an answer means."""
    for number, call in enumerate(CALLS):
        status = STATUSES[(zlib.crc32(text) + number) % len(STATUSES)]
        message = refusal(lambda call=call, status=status: rows_of(call, Answer(status, {}, text)), MauticError)  # type: ignore[misc]  # bound at once
        assert len(message) < 2500, "a long message"
        assert ADDRESS not in message, "an address in a message"


def rows_of(call: Call, answer: Answer) -> None:
    payload = protocol.read(call, answer)
    if call.batch:
        protocol.read_rows(payload.body, "contacts", 3)


def refusal(work: Callable[[], object], kind: type[Exception]) -> str:
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
    given = {name: parts[place % len(parts)] for place, name in enumerate(HEADERS)}
    answer = Answer(429, given, b"")
    rate, wait, date = protocol.rate_of(answer), protocol.retry_after(answer), protocol.date_of(answer)
    assert rate is None or (rate.limit > 0 <= rate.remaining and rate.reset >= 0)
    assert wait is None or 0 <= wait <= protocol.MAX_WAIT
    assert date is None or abs(date) < 1e12
    assert len(protocol.version_of(answer) or "") <= 40


def unpacked(pieces: list[bytes]) -> bytes:
    body = Body("gzip", 200)
    for piece in pieces:
        body.feed(piece, None)
    return body.whole(None)


def outcome_of_gzip(pieces: list[bytes]) -> str:
    return outcome(lambda: unpacked(pieces).hex())


def cut(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def gzip(text: bytes) -> None:
    """However the network cuts it."""
    packed = packing.compress(text, 1, mtime=0)
    spoilt = bytearray(packed)
    spoilt[zlib.crc32(text) % len(spoilt)] ^= 1 + zlib.adler32(text) % 255
    for stream in (text, packed, packed + text, bytes(spoilt), packed[: len(packed) // 2]):
        whole, pieces = outcome_of_gzip([stream]), outcome_of_gzip(cut(stream, 7 + len(stream) // 9))
        assert whole == pieces, f"it depends on the pieces: {whole[:99]} and {pieces[:99]}"
    assert unpacked(cut(packed, 7 + len(packed) // 5)) == text


def webhook(text: bytes) -> None:
    """Unsigned it is nothing; signed it is events, or unreadable."""
    signature = base64.b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest()).decode()
    said = refusal(lambda: [repr(event) for event in RECEIVER.read(text, signature)], WebhookRejected)
    assert not said or said.startswith("unreadable"), said
    for wrong in (signature[::-1], "", None, text[:100]):
        said = refusal(functools.partial(RECEIVER.read, text, wrong), WebhookRejected)
        assert said.startswith("signature"), "a wrong signature was believed"


def entities(text: bytes) -> None:
    """An object is an entity of any kind; what of it can be sent, can be read again."""
    try:
        raw = protocol.parse(text)
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


ROOMS: tuple[Callable[[bytes], None], ...] = (envelope, headers, gzip, webhook, entities)

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


def text(chance: Chance) -> bytes:
    """Something that a stranger may send."""
    if chance.random() < 0.3:
        body: dict[str, Any] = {
            chance.choice([*EVENTS, chance.name()]): chance.choice([[chance.entity()], chance.entity(), chance.value()])
            for _ in range(chance.randint(1, 3))
        }
        return json.dumps({**body, "timestamp": chance.value(1)} if chance.random() < 0.5 else body).encode()
    if chance.random() < 0.2:
        return b"\n".join(chance.header() for _ in range(8))
    if chance.random() < 0.2:
        raw = bytearray(chance.choice(CORPUS)[:2000])
        for _ in range(chance.randint(1, 5) if raw else 0):
            raw[chance.randrange(len(raw))] = chance.choice(b'{}[],:"\\0123456789eE-tfn \x00\xff')
        return bytes(raw)
    return chance.body()


def wrong_with(given: bytes) -> list[str]:
    """What each room did that it must not."""
    found = []
    for room in ROOMS:
        for attempt in (1, 2):  # slow once is nothing, since the machine is not ours alone
            began = time.thread_time()
            try:
                room(given)
            except Exception as error:  # noqa: BLE001 - which is what must not come
                where = traceback.extract_tb(error.__traceback__)[-1]
                found.append(
                    f"{room.__name__}: {type(error).__name__}: {str(error)[:200]} at {where.filename}:{where.lineno}"
                )
                break
            spent = time.thread_time() - began
            if spent < LIMIT * (1 if sys.gettrace() is None else 5):
                break
            if attempt == 2:
                found.append(f"{room.__name__}: {spent * 1000:.0f} ms for {len(given)} bytes")
    return found


def fuzz_rooms(first: int, cases: int) -> list[str]:
    """Run the corpus, and *cases* texts from the *first*."""
    texts = [*CORPUS, *(text(Chance(f"room {number}")) for number in range(first, first + cases))]
    return [f"{line} for {given[:2000]!r}" for given in texts for line in wrong_with(given)]


def guided(arguments: list[str]) -> None:
    """Let Atheris choose; it ends with the first text that is wrong, and prints it."""
    atheris = importlib.import_module("atheris")
    for name, content in ((f"{zlib.crc32(seed):08x}", seed) for seed in CORPUS):
        Path(arguments[0]).mkdir(parents=True, exist_ok=True)
        Path(arguments[0], name).write_bytes(content)

    def one(given: bytes) -> None:
        wrong = wrong_with(given)
        assert not wrong, wrong

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1:2] != ["--guided"] or len(sys.argv) < 3:
        sys.exit(__doc__)
    guided(sys.argv[2:])
