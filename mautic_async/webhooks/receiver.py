"""Checking what came before anything of it is read: size, signature, form, date, and whether it came before."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

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
"""Bytes; a body of Mautic has up to ten events of some kilobytes each."""
MAX_EVENTS: Final = 10_000
"""In one body; Mautic's setting ``webhook_limit`` is 10."""
MAX_AGE: Final = 48 * 3600.0
MAX_CLOCK_SKEW: Final = 60.0
"""Seconds by which the clocks of machines that share a memory may differ."""
SIGNATURE: Final = "Webhook-Signature"
"""The header that signs the body."""

Body: TypeAlias = "bytes | bytearray | memoryview"


class Webhooks:
    """Takes the webhooks of one Mautic.

    Args:
        secrets: The webhook's secret as Mautic shows it; during a rotation the new one and the old one. Each may be a
            `Secret` or bytes too.
        seen: The memory against repetition; one in this process if not given.
        max_age: How far the newest date in a body may be from now, in seconds. A body is remembered until its date is
            out of this range.
        max_body: Bytes.
        clock: For tests.

    Raises:
        ConfigurationError: No secret is given, or an empty one.

    Mautic: Webhooks.
    """

    def __init__(
        self,
        *secrets: str | bytes | Secret,
        seen: ReplayStore | None = None,
        max_age: float = MAX_AGE,
        max_body: int = MAX_BODY,
        clock: Clock | None = None,
    ) -> None:
        if not secrets:
            raise ConfigurationError("a webhook needs its secret: copy it from the webhook's page in Mautic")
        self._hmacs: Final = tuple(hmac.new(_secret_bytes(secret), digestmod="sha256") for secret in secrets)
        self._clock: Final = clock or Clock()
        self._replay_store: Final = seen if seen is not None else MemoryReplayStore(clock=self._clock)
        self._max_age: Final = max_age
        self._max_body: Final = max_body

    def __repr__(self) -> str:
        """How many secrets it knows, none of them."""
        return f"Webhooks({len(self._hmacs)} secrets)"

    def verify(self, body: Body, signature: str | bytes | None) -> None:
        """Check that *body* comes from somebody who knows a secret. Nothing of it is read.

        Args:
            body: As it came, byte by byte: JSON that was parsed and written again has another signature.
            signature: The header ``Webhook-Signature``.

        Raises:
            WebhookRejected: It does not, or the body is too large.
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
        ]  # all, whichever it is
        if not any(matches):
            raise WebhookRejected("a webhook whose signature is wrong", reason="signature", status=401)

    def read(self, body: Body, signature: str | bytes | None) -> tuple[WebhookEvent, ...]:
        """Verify *body* and read its events, without asking when it was sent and whether it came before.

        For frameworks without asyncio, which then have to see to repetitions themselves.

        Raises:
            WebhookRejected: The signature is wrong, or what is signed is not what Mautic sends.
        """
        self.verify(body, signature)
        return events_of(_parse_object(bytes(body)), MAX_EVENTS)

    @asynccontextmanager
    async def receive(
        self, body: Body | AsyncIterable[bytes], signature: str | bytes | None
    ) -> AsyncIterator[tuple[WebhookEvent, ...]]:
        """Take the events of *body*, once.

        If the block raises, the body is forgotten again, so that it may be sent anew.

        Args:
            body: The raw bytes, or the stream of them, which is read no further than the largest body.
            signature: The header ``Webhook-Signature``.

        Raises:
            WebhookRejected: The body is too large, not signed, not JSON, too old, or came before.

        Mautic: Webhooks.
        """
        content = body if isinstance(body, (bytes, bytearray, memoryview)) else await self._read_body(body)
        self.verify(content, signature)
        parsed = _parse_object(bytes(content))
        events = events_of(parsed, MAX_EVENTS)
        expires_at = self._newest_date(parsed, events) + self._max_age + MAX_CLOCK_SKEW
        digest = hashlib.sha256(content).hexdigest()
        if not await self._replay_store.add(digest, expires_at):
            raise WebhookRejected("a webhook that came before", reason="replay", status=200)
        try:
            yield events
        except (Exception, asyncio.CancelledError):
            await asyncio.shield(self._replay_store.discard(digest))
            raise

    async def _read_body(self, stream: AsyncIterable[bytes]) -> bytes:
        content = bytearray()  # a list of tiny pieces would take twenty times their size, before anything is signed
        async for chunk in stream:
            if len(content) + len(chunk) > self._max_body:
                raise self._too_large()
            content += chunk
        return bytes(content)

    def _newest_date(self, parsed: Mapping[str, Any], events: tuple[WebhookEvent, ...]) -> float:
        """Epoch seconds of the newest date: the body cannot have been signed before it."""
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
        raise ConfigurationError("a webhook's secret must not be empty: anybody could sign with it")
    return key


def _signature(key_hmac: hmac.HMAC, body: Body) -> bytes:
    mac = key_hmac.copy()
    mac.update(body)
    return base64.b64encode(mac.digest())


def _parse_object(body: bytes) -> Mapping[str, Any]:
    """The object that a signed body must be; what signs it may still be broken."""
    try:
        parsed = parse_json(body)
    except ValueError as error:
        raise _malformed("is not JSON, or nested too deeply") from error
    if not isinstance(parsed, dict):
        raise _malformed("is not an object")
    return parsed


def _malformed(reason: str) -> WebhookRejected:
    return WebhookRejected(f"a signed webhook that {reason}", reason="unreadable", status=400)
