import ast
import asyncio
import base64
import hashlib
import hmac
import json
import pickle
import random
import string
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mautic_async.webhooks
from mautic_async.clock import Clock
from mautic_async.errors import ConfigurationError, MauticError, Secret
from mautic_async.testing.virtual_time import run_virtual
from mautic_async.webhooks import (
    EVENTS,
    MAX_BODY,
    MAX_EVENTS,
    ContactDeleted,
    MemoryReplayStore,
    WebhookEvent,
    WebhookRejected,
    Webhooks,
)
from tests.support.sizes import sized

SECRET = "s3cr3t"
VECTOR = b'{"mautic.lead_post_delete":[{"id":7,"timestamp":"2026-01-01T00:00:00+00:00"}]}'
VECTOR_SIGNATURE = "ugY8zCWoH9ppbRtSgy4pkcqwzD0t0CWiawDnna/CWVI="
NOW = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)
STAMP = "2026-01-31T10:00:00+00:00"


def sign(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def php(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def at(moment: datetime) -> Clock:
    return Clock(wall_time=moment.timestamp)


async def receive(webhooks: Webhooks, body: bytes, signature: str | None = None) -> tuple[WebhookEvent, ...]:
    async with webhooks.receive(body, sign(body) if signature is None else signature) as events:
        return events


async def refused(webhooks: Webhooks, body: Any, signature: Any = None) -> WebhookRejected:
    with pytest.raises(WebhookRejected) as found:
        await receive(webhooks, body, signature)
    return found.value


def test_receiver_errors_are_all_mautic_errors() -> None:
    assert issubclass(WebhookRejected, MauticError)


# --- signature -----------------------------------------------------------------------------------------------------


def test_receiver_verifies_the_published_test_vector() -> None:
    (event,) = Webhooks(SECRET).read(VECTOR, VECTOR_SIGNATURE)
    assert isinstance(event, ContactDeleted)
    assert event.id == 7
    assert event.timestamp == datetime(2026, 1, 1, tzinfo=UTC)
    assert event.contact is None
    assert event.payload == {"id": 7, "timestamp": "2026-01-01T00:00:00+00:00"}


def test_receiver_signature_covers_the_raw_bytes() -> None:
    spaced = VECTOR.replace(b":", b": ", 1)
    with pytest.raises(WebhookRejected):
        Webhooks(SECRET).read(spaced, VECTOR_SIGNATURE)


def test_receiver_accepts_two_secrets_during_a_rotation() -> None:
    webhooks = Webhooks("new", Secret("old"), b"older")
    for secret in ("new", "old", "older"):
        webhooks.verify(VECTOR, sign(VECTOR, secret))
    with pytest.raises(WebhookRejected):
        webhooks.verify(VECTOR, sign(VECTOR, "other"))


@pytest.mark.parametrize("secrets", [(), ("",), ("good", ""), ("  ",), (b"",), (Secret(""),), (None,), (7,)])
def test_receiver_requires_a_secret(secrets: tuple[Any, ...]) -> None:
    with pytest.raises(ConfigurationError):
        Webhooks(*secrets)


SIGNATURES: list[Any] = [
    *(None, "", b"", "=", "not base64", "\ud800", "\u00e9" * 44, "\r\n", "0" * 100_000, 7, VECTOR_SIGNATURE.lower()),
    *(VECTOR_SIGNATURE + "\n", " " + VECTOR_SIGNATURE, VECTOR_SIGNATURE[:-1], f"sha256={VECTOR_SIGNATURE}"),
    hmac.new(SECRET.encode(), VECTOR, "sha256").hexdigest(),
    sign(VECTOR, ""),
]


@pytest.mark.parametrize("signature", SIGNATURES, ids=range(len(SIGNATURES)))
def test_receiver_refuses_any_other_signature(signature: Any) -> None:
    with pytest.raises(WebhookRejected) as found:
        Webhooks(SECRET).verify(VECTOR, signature)
    assert (found.value.reason, found.value.status) == ("signature", 401)


@pytest.mark.parametrize("body", ["text", {"parsed": "json"}, None, 7])
def test_receiver_raises_configuration_error_for_a_body_of_text(body: Any) -> None:
    with pytest.raises(ConfigurationError, match="raw bytes"):
        Webhooks(SECRET).verify(body, VECTOR_SIGNATURE)


def test_receiver_accepts_any_bytes_type() -> None:
    for body in (VECTOR, bytearray(VECTOR), memoryview(VECTOR)):
        assert len(Webhooks(SECRET).read(body, VECTOR_SIGNATURE.encode())) == 1


def test_receiver_parses_no_body_before_the_signature_is_checked() -> None:
    deep = b"[" * 200_000
    with pytest.raises(WebhookRejected) as found:
        Webhooks(SECRET).read(deep, VECTOR_SIGNATURE)
    assert found.value.reason == "signature"


async def mutations(body: bytes, chance: random.Random) -> AsyncIterator[bytes]:
    kinds = ("flip", "replace", "insert", "delete", "cut", "swap", "double", "spaces", "value")
    while True:
        changed, kind, where = bytearray(body), chance.choice(kinds), chance.randrange(len(body))
        if kind == "flip":
            changed[where] ^= 1 << chance.randrange(8)
        elif kind == "replace":
            changed[where] = chance.randrange(256)
        elif kind == "insert":
            changed[where:where] = chance.randbytes(chance.randint(1, 4))
        elif kind == "delete":
            del changed[where : where + chance.randint(1, 8)]
        elif kind == "cut":
            del changed[where:]
        elif kind == "swap":
            other = chance.randrange(len(body))
            changed[where], changed[other] = changed[other], changed[where]
        elif kind == "double":
            changed += changed[where:]
        elif kind == "spaces":
            changed += chance.choice([b" ", b"\n", b"\0", b"\t"])
        else:
            changed = bytearray(body.replace(b"7", str(chance.randrange(8, 10**6)).encode()))
        if changed != body:
            yield bytes(changed)


async def test_receiver_refuses_10000_changed_bodies(capsys: pytest.CaptureFixture[str]) -> None:
    """Figure 19."""
    webhooks = Webhooks(SECRET, "the old one", clock=at(datetime(2026, 1, 1, tzinfo=UTC)))
    count, passed = 0, 0
    async for body in mutations(VECTOR, random.Random(19)):
        error = await refused(webhooks, body, VECTOR_SIGNATURE)
        passed += error.reason != "signature"
        count += 1
        if count == 10_000:
            break
    assert passed == 0
    assert len(await receive(webhooks, VECTOR, VECTOR_SIGNATURE)) == 1  # the right one is still taken
    with capsys.disabled():
        print(f"\nfigure 19: {count:,} changed webhook bodies, {count - passed:,} refused")


def test_receiver_refuses_10000_changed_signatures() -> None:
    webhooks, chance = Webhooks(SECRET), random.Random(20)
    for _ in range(10_000):
        changed = list(VECTOR_SIGNATURE)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] = chance.choice(string.printable)
        if "".join(changed) == VECTOR_SIGNATURE:
            continue
        with pytest.raises(WebhookRejected):
            webhooks.verify(VECTOR, "".join(changed))


def test_receiver_compares_no_digest_with_an_equals_sign() -> None:
    words = ("digest", "signature", "signed", "mac", "given", "secret", "hash")
    found = []
    for path in sorted(Path(mautic_async.webhooks.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
                sides = [ast.unparse(side).lower() for side in (node.left, *node.comparators)]
                found += [f"{path.name}:{node.lineno}" for side in sides if any(word in side for word in words)]
    assert found == []


def test_receiver_compares_in_constant_time() -> None:
    source = Path(mautic_async.webhooks.__file__).with_name("receiver.py").read_text()
    assert source.count("hmac.compare_digest(") == 1


@given(st.binary(max_size=200), st.one_of(st.none(), st.text(max_size=60), st.binary(max_size=60)))
def test_receiver_raises_only_its_own_errors(body: bytes, signature: Any) -> None:
    with pytest.raises(WebhookRejected):
        Webhooks(SECRET).read(body, signature)


NAMES = st.sampled_from(
    [
        *(
            "contact",
            "company",
            "segment",
            "id",
            "points",
            "old_points",
            "fields",
            "all",
            "core",
            "stat",
            "hit",
            "lead",
        ),
        *("submission", "email", "tags", "timestamp", "channel", "added", "action", "customObjects", "data", "meta"),
    ]
) | st.text(max_size=5)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=30,
)


@settings(max_examples=sized(60, 400), deadline=None)
@given(st.dictionaries(st.sampled_from([*EVENTS, "mautic.other", "timestamp"]), JSONS, max_size=4))
def test_receiver_returns_events_or_its_own_error_for_any_signed_body(body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    for event in Webhooks(SECRET).read(raw, sign(raw)):
        assert isinstance(event, WebhookEvent)
        assert repr(event)


# --- form ----------------------------------------------------------------------------------------------------------


BROKEN = [
    *(b"", b"[]", b'"text"', b"7", b"null", b"{", b"\xff\xfe", b'{"a":NaN}', b'{"a":-Infinity}'),
    b'{"a":' + b"1" * 5000 + b"}",
    b'{"a":' * 65 + b"1" + b"}" * 65,
    b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
]


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_receiver_raises_unreadable_for_a_signed_body_of_another_form(body: bytes) -> None:
    with pytest.raises(WebhookRejected) as found:
        Webhooks(SECRET).read(body, sign(body))
    assert (found.value.reason, found.value.status) == ("unreadable", 400)


def test_receiver_refuses_a_body_over_the_cap_before_hashing() -> None:
    body = b" " * (MAX_BODY + 1)
    with pytest.raises(WebhookRejected) as found:
        Webhooks(SECRET).read(body, sign(body))
    assert (found.value.reason, found.value.status) == ("size", 413)
    with pytest.raises(WebhookRejected) as found:
        Webhooks(SECRET).read(b" " * MAX_BODY, "wrong")
    assert found.value.reason == "signature"


async def test_receiver_reads_a_stream_only_to_the_cap() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 1000

    with pytest.raises(WebhookRejected) as found:
        async with Webhooks(SECRET, max_body=5000).receive(endless(), "any"):
            pass
    assert found.value.reason == "size"
    assert taken == 6


async def test_receiver_joins_a_stream() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(VECTOR), 7):
            yield VECTOR[start : start + 7]

    webhooks = Webhooks(SECRET, clock=at(datetime(2026, 1, 2, tzinfo=UTC)))
    async with webhooks.receive(pieces(), VECTOR_SIGNATURE) as events:
        assert [event.key for event in events] == ["mautic.lead_post_delete"]


async def test_receiver_stores_tiny_pieces_compactly() -> None:
    async def stream() -> AsyncIterator[bytes]:
        for number in range(2**17):
            yield bytes((number & 255, number >> 8 & 255))

    tracemalloc.start()
    try:
        with pytest.raises(WebhookRejected):
            async with Webhooks(SECRET).receive(stream(), "unsigned"):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**20


def test_receiver_refuses_too_many_events() -> None:
    body = php({"a": [{}] * (MAX_EVENTS + 1)})
    with pytest.raises(WebhookRejected, match="more than 10000 events"):
        Webhooks(SECRET).read(body, sign(body))


# --- repetition ----------------------------------------------------------------------------------------------------


async def test_receiver_accepts_a_body_once() -> None:
    webhooks = Webhooks(SECRET, clock=at(datetime(2026, 1, 1, 5, tzinfo=UTC)))
    assert len(await receive(webhooks, VECTOR)) == 1
    error = await refused(webhooks, VECTOR)
    assert (error.reason, error.status) == ("replay", 200)


async def test_receiver_refuses_a_replay_signed_with_the_other_secret() -> None:
    webhooks = Webhooks("new", "old", clock=at(datetime(2026, 1, 1, 5, tzinfo=UTC)))
    await receive(webhooks, VECTOR, sign(VECTOR, "new"))
    assert (await refused(webhooks, VECTOR, sign(VECTOR, "old"))).reason == "replay"


async def test_receiver_refuses_a_replay_at_any_later_time() -> None:
    now = datetime(2026, 1, 1, 5, tzinfo=UTC).timestamp()
    webhooks = Webhooks(SECRET, clock=Clock(wall_time=lambda: now))
    await receive(webhooks, VECTOR)
    reasons = []
    for _ in range(96):
        now += 3600
        reasons.append((await refused(webhooks, VECTOR)).reason)
    assert reasons[:24] == ["replay"] * 24
    assert set(reasons) == {"replay", "date"}
    assert reasons == sorted(reasons, reverse=True)


@pytest.mark.parametrize(("hours", "fine"), [(-47.9, True), (47.9, True), (-48.1, False), (48.1, False), (-9e5, False)])
async def test_receiver_refuses_a_body_older_than_48_hours(hours: float, fine: bool) -> None:  # noqa: FBT001 - a table
    webhooks = Webhooks(SECRET, clock=at(datetime(2026, 1, 1, tzinfo=UTC) - timedelta(hours=hours)))
    if fine:
        await receive(webhooks, VECTOR)
    else:
        assert (await refused(webhooks, VECTOR)).reason == "date"


async def test_receiver_refuses_a_body_without_a_date() -> None:
    for stamp in (None, "", "soon", 7, "2026-13-01T00:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        body = php({"mautic.lead_post_delete": [{"id": 7, "timestamp": stamp}]})
        assert (await refused(Webhooks(SECRET, clock=at(NOW)), body)).reason == "date", stamp


async def test_receiver_dates_a_queue_of_events_by_its_newest() -> None:
    old = (NOW - timedelta(days=5)).isoformat()
    body = php({"mautic.lead_post_delete": [{"id": 1, "timestamp": old}, {"id": 2, "timestamp": STAMP}]})
    assert len(await receive(Webhooks(SECRET, clock=at(NOW)), body)) == 2


async def test_receiver_accepts_a_body_again_that_was_not_processed() -> None:
    webhooks = Webhooks(SECRET, clock=at(NOW))
    body = php({"mautic.lead_post_delete": {"id": 1, "timestamp": STAMP}})
    for failure in (ValueError, asyncio.CancelledError):
        with pytest.raises(failure):
            async with webhooks.receive(body, sign(body)):
                raise failure
    await receive(webhooks, body)
    assert (await refused(webhooks, body)).reason == "replay"


async def test_receiver_does_not_remember_a_refused_body() -> None:
    seen = MemoryReplayStore(clock=at(NOW))
    webhooks = Webhooks(SECRET, seen=seen, clock=at(NOW))
    await refused(webhooks, VECTOR, "wrong")
    await refused(webhooks, VECTOR)
    assert len(seen) == 0


async def test_receiver_uses_a_given_replay_store() -> None:
    class Shared:
        def __init__(self) -> None:
            self.kept: dict[str, float] = {}

        async def add(self, digest: str, until: float) -> bool:
            return self.kept.setdefault(digest, until) is until

        async def discard(self, digest: str) -> None:
            self.kept.pop(digest)

    shared = Shared()
    one_process, another = (Webhooks(SECRET, seen=shared, clock=at(NOW)) for _ in range(2))
    body = php({"mautic.lead_post_delete": {"id": 1, "timestamp": STAMP}})
    await receive(one_process, body)
    assert (await refused(another, body)).reason == "replay"
    assert shared.kept == {hashlib.sha256(body).hexdigest(): NOW.timestamp() + 48 * 3600 + 60}


async def test_memory_replay_store_when_full_drops_the_late_and_admits_no_replay() -> None:
    seen = MemoryReplayStore(3, clock=Clock(wall_time=lambda: 0.0))
    assert [await seen.add(f"{until}", until) for until in (10.0, 50.0, 20.0, 30.0, 40.0)] == [True] * 5
    assert len(seen) == 3
    assert not await seen.add("10.0", 10.0)  # forgotten for lack of room, and yet not believed again
    assert not await seen.add("20.0", 20.0)
    assert not await seen.add("50.0", 50.0)
    assert not await seen.add("late", 15.0)
    assert await seen.add("new", 60.0)


async def test_memory_replay_store_forgets_expired_digests() -> None:
    now = 0.0
    seen = MemoryReplayStore(10, clock=Clock(wall_time=lambda: now))
    for index in range(10):
        await seen.add(str(index), float(index + 1))
    now = 5.5
    await seen.add("new", 20.0)
    assert len(seen) == 6


@settings(max_examples=sized(50, 200), deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ad"), st.integers(0, 20), st.integers(0, 3)), max_size=80), st.integers(1, 6)
)
def test_memory_replay_store_never_accepts_a_digest_twice_in_any_history(
    history: list[tuple[str, int, int]], capacity: int
) -> None:
    async def story() -> None:
        now = 0.0
        seen = MemoryReplayStore(capacity, clock=Clock(wall_time=lambda: now))
        taken: set[int] = set()
        for action, number, pause in history:
            now += pause
            until = float(10 + 3 * number)
            if action == "d":
                await seen.discard(str(number))
                taken.discard(number)
            elif until > now and await seen.add(str(number), until):
                assert number not in taken
                taken.add(number)
            assert len(seen) <= capacity
            assert len(seen._heap) <= 3 * capacity + 65

    run_virtual(story())


async def test_memory_replay_store_does_not_grow_by_released_digests() -> None:
    seen = MemoryReplayStore(10, clock=Clock(wall_time=lambda: 0.0))
    for index in range(10_000):
        assert await seen.add("same", 1.0 + index)
        await seen.discard("same")
    assert len(seen._heap) < 100


def test_memory_replay_store_refuses_a_size_of_zero() -> None:
    with pytest.raises(ConfigurationError):
        MemoryReplayStore(0)


# --- secrets -------------------------------------------------------------------------------------------------------


async def test_receiver_repr_and_errors_show_no_secret_and_no_content() -> None:
    canary = "canary-7f3a"
    webhooks = Webhooks(canary, clock=at(NOW))
    body = php({"mautic.x": [{"email": f"{canary}@example.com"}]})
    errors = [await refused(webhooks, body, signature) for signature in ("wrong", sign(body, canary), "")]
    shown = [repr(webhooks), str(webhooks), repr(vars(webhooks)), *(repr(e) + str(e) + repr(vars(e)) for e in errors)]
    assert canary not in "".join(shown)
    with pytest.raises(TypeError):
        pickle.dumps(webhooks)


async def test_duplicates_accept_lets_two_identical_events_of_one_second_arrive() -> None:
    body = php({"mautic.lead_post_delete": [{"id": 7, "timestamp": STAMP}]})
    accepting = Webhooks(SECRET, duplicates="accept", clock=at(NOW))
    assert len(await receive(accepting, body)) == len(await receive(accepting, body)) == 1
    assert (
        await refused(Webhooks(SECRET, duplicates="accept", clock=at(NOW + timedelta(days=3))), body)
    ).reason == "date"
    rejecting = Webhooks(SECRET, clock=at(NOW))
    await receive(rejecting, body)
    assert (await refused(rejecting, body)).reason == "replay"


def test_duplicates_takes_two_words_and_no_store_beside_accept() -> None:
    with pytest.raises(ConfigurationError, match="'reject' or 'accept'"):
        Webhooks(SECRET, duplicates="ignore")  # type: ignore[arg-type] # the point
    with pytest.raises(ConfigurationError, match="leave out seen"):
        Webhooks(SECRET, duplicates="accept", seen=MemoryReplayStore())
