"""Receiver of webhooks: checks size, signature, form, date and repetition of a body before it reads the events."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from mautic_async.clock import Clock
from mautic_async.errors import ConfigurationError, Secret, WebhookRejected
from mautic_async.protocol import parse_json
from mautic_async.webhooks.parsing import parse_events as events_of
from mautic_async.webhooks.parsing import parse_timestamp
from mautic_async.webhooks.replay_store import MemoryReplayStore, ReplayStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping

    from mautic_async.webhooks.events import WebhookEvent

MAX_BODY: Final = 10 * 2**20
"""Bytes of a body. Mautic sends up to ten events of some kilobytes each."""
MAX_EVENTS: Final = 10_000
"""Events of a body. Mautic's setting ``webhook_limit`` is 10."""
MAX_AGE: Final = 48 * 3600.0
"""Seconds."""
MAX_CLOCK_SKEW: Final = 60.0
"""Seconds by which the clocks of machines that share a replay store may differ."""
SIGNATURE: Final = "Webhook-Signature"
"""Name of the header that holds the signature of the body."""

Body: TypeAlias = "bytes | bytearray | memoryview"


def sign(body: bytes, secret: str | bytes | Secret) -> str:
    """Return the signature that Mautic sends with *body* in the header ``Webhook-Signature``, for tests of receivers.

    Raises:
        ConfigurationError: *secret* is empty.

    Mautic: Webhooks, signature.
    """
    return _signature(hmac.new(_secret_bytes(secret), digestmod="sha256"), body).decode()


class Webhooks:
    """Receiver for the webhooks of one Mautic.

    Mautic dates events by the second. Where it posts each event by itself (``queue_mode`` is ``immediate_process``),
    two events of one second may have byte-identical bodies. No receiver can tell them from a body that was sent twice,
    so *duplicates* chooses which of the two errors is acceptable.

    Args:
        secrets: Secrets of the webhook as Mautic shows them; during a rotation the new one and the old one.
        seen: Store of accepted bodies; one in the memory of this process if not given.
        duplicates: ``"reject"`` accepts each body once, and loses the second of two identical events. ``"accept"``
            keeps no store: both events arrive, and so does a body that Mautic or an eavesdropper sends again within
            *max_age*. Processing must then be idempotent.
        max_age: Largest distance between the newest date in a body and now, in seconds.
        max_body: Largest body, in bytes.
        clock: Replaces the system clock in tests.

    Raises:
        ConfigurationError: There is no secret, or an empty one; or *duplicates* is neither of the two words, or
            contradicts *seen*.

    Mautic: Webhooks.
    """

    def __init__(
        self,
        *secrets: str | bytes | Secret,
        seen: ReplayStore | None = None,
        duplicates: Literal["reject", "accept"] = "reject",
        max_age: float = MAX_AGE,
        max_body: int = MAX_BODY,
        clock: Clock | None = None,
    ) -> None:
        if not secrets:
            raise ConfigurationError("a webhook needs its secret: copy it from the webhook's page in Mautic")
        if duplicates not in {"reject", "accept"}:
            raise ConfigurationError(f"duplicates must be 'reject' or 'accept', not {duplicates!r}")
        if duplicates == "accept" and seen is not None:
            raise ConfigurationError("duplicates='accept' uses no replay store: leave out seen")
        self._hmacs: Final = tuple(hmac.new(_secret_bytes(secret), digestmod="sha256") for secret in secrets)
        self._clock: Final = clock or Clock()
        self._replay_store: Final = (
            None if duplicates == "accept" else seen if seen is not None else MemoryReplayStore(clock=self._clock)
        )
        self._max_age: Final = max_age
        self._max_body: Final = max_body

    def __repr__(self) -> str:
        """Return the number of secrets, not the secrets."""
        return f"Webhooks({len(self._hmacs)} secrets)"

    def verify(self, body: Body, signature: str | bytes | None) -> None:
        """Check that *body* is signed with one of the secrets, without parsing it.

        Args:
            body: Raw bytes of the request: JSON that was parsed and written again has another signature.
            signature: Value of the header ``Webhook-Signature``.

        Raises:
            WebhookRejected: The signature is missing or wrong, or the body is too large.
            ConfigurationError: The body is not bytes.

        Mautic: Webhooks, signature.
        """
        if not isinstance(body, (bytes, bytearray, memoryview)):
            raise ConfigurationError("verify the raw bytes of the body, not text or parsed JSON")
        if memoryview(body).nbytes > self._max_body:
            raise self._too_large()
        signature_bytes = signature.encode("utf-8", "replace") if isinstance(signature, str) else signature
        if not isinstance(signature_bytes, bytes) or not signature_bytes:
            raise WebhookRejected("a webhook without signature", reason="signature", status=401)
        matches = [
            hmac.compare_digest(_signature(mac, body), signature_bytes) for mac in self._hmacs
        ]  # compare with all of them, so that the time does not tell which one matches
        if not any(matches):
            raise WebhookRejected("a webhook whose signature is wrong", reason="signature", status=401)

    def read(self, body: Body, signature: str | bytes | None) -> tuple[WebhookEvent, ...]:
        """Verify *body* and return its events, without checks of its date and of repetition.

        For frameworks without asyncio. Their programs must detect repeated bodies themselves.

        Raises:
            WebhookRejected: The signature is wrong, or the signed body is not what Mautic sends.

        Mautic: Webhooks.
        """
        self.verify(body, signature)
        return events_of(_parse_object(bytes(body)), MAX_EVENTS)

    @asynccontextmanager
    async def receive(
        self, body: Body | AsyncIterable[bytes], signature: str | bytes | None
    ) -> AsyncIterator[tuple[WebhookEvent, ...]]:
        """Yield the events of *body*, once for each body.

        If the block raises, the body is removed from the replay store, so that Mautic may send it again.

        Args:
            body: Raw bytes, or a stream of them, of which no more than the largest body is read.
            signature: Value of the header ``Webhook-Signature``.

        Raises:
            WebhookRejected: The body is too large, not signed, not JSON, too old, or was accepted before.

        Mautic: Webhooks.
        """
        content = body if isinstance(body, (bytes, bytearray, memoryview)) else await self._read_body(body)
        self.verify(content, signature)
        parsed = _parse_object(bytes(content))
        events = events_of(parsed, MAX_EVENTS)
        # After this time the date check rejects the body, so that the store need not remember it any longer.
        expires_at = self._newest_date(parsed, events) + self._max_age + MAX_CLOCK_SKEW
        store = self._replay_store
        if store is None:
            yield events
            return
        digest = hashlib.sha256(content).hexdigest()
        # The digest is stored before the block runs: of two copies that arrive together only one may pass.
        if not await store.add(digest, expires_at):
            # Status 200: for an error Mautic would send the body yet again.
            raise WebhookRejected("a webhook that came before", reason="replay", status=200)
        try:
            yield events
        except (Exception, asyncio.CancelledError):
            # A second cancellation must not keep the digest stored: Mautic's next attempt would count as a replay.
            await asyncio.shield(store.discard(digest))
            raise

    async def _read_body(self, stream: AsyncIterable[bytes]) -> bytes:
        content = bytearray()  # a list of one-byte chunks would take twenty times their size
        async for chunk in stream:
            if len(content) + len(chunk) > self._max_body:
                raise self._too_large()
            content += chunk
        return bytes(content)

    def _newest_date(self, parsed: Mapping[str, Any], events: tuple[WebhookEvent, ...]) -> float:
        """Return the newest date in epoch seconds: the body cannot have been signed before it."""
        timestamps = [parse_timestamp(parsed.get("timestamp")), *(event.timestamp for event in events)]
        dates = [date.timestamp() for date in timestamps if date is not None]
        if not dates or abs(self._clock.wall_time() - max(dates)) > self._max_age:
            raise WebhookRejected(
                f"a webhook that is not dated within {self._max_age:.0f} s of now", reason="date", status=400
            )
        return max(dates)

    def _too_large(self) -> WebhookRejected:
        return WebhookRejected(f"a webhook of more than {self._max_body} bytes", reason="size", status=413)


def _secret_bytes(secret: object) -> bytes:
    secret = secret.reveal if isinstance(secret, Secret) else secret
    key = secret.encode() if isinstance(secret, str) else secret
    if not isinstance(key, bytes) or not key.strip():
        raise ConfigurationError("a webhook's secret must not be empty: any sender could sign with it")
    return key


def _signature(key_hmac: hmac.HMAC, body: Body) -> bytes:
    # The copy starts from the state after the key, which is hashed once for each secret.
    mac = key_hmac.copy()
    mac.update(body)
    return base64.b64encode(mac.digest())


def _parse_object(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object in a signed body.

    Raises:
        WebhookRejected: The body is not a JSON object.
    """
    try:
        parsed = parse_json(body)
    except ValueError as error:
        raise _malformed("is not JSON, or nested too deeply") from error
    if not isinstance(parsed, dict):
        raise _malformed("is not an object")
    return parsed


def _malformed(reason: str) -> WebhookRejected:
    return WebhookRejected(f"a signed webhook that {reason}", reason="unreadable", status=400)
