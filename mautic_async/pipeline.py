"""The one path of a request: retry > rate limit > auth > transport.

`Pipeline.send` retries, `Attempt.run` waits for the rate limiter, `Attempt._send_handling_auth` adds the token and
refreshes it once after a 401. No layer calls the one above it. Mautic: REST API, Getting started.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import define, evolve, field

from mautic_async import protocol
from mautic_async._background import BackgroundTasks
from mautic_async._client_state import Lifetime, Observations, deadline_in, remaining_seconds
from mautic_async.auth.refresh import AuthorizationHeader, check_not_refreshing
from mautic_async.errors import (
    ConfigurationError,
    DeadlineExceeded,
    MauticError,
    NotFound,
    RateLimited,
    ServerError,
    TransportError,
    Unavailable,
    UnexpectedResponse,
)
from mautic_async.events import CallEvents, EventDispatcher, Hook, logger
from mautic_async.protocol import STDLIB, Call, Effect, JsonLibrary, Payload, Request, Response
from mautic_async.ratelimit.decision import TooLong
from mautic_async.ratelimit.limiter import RateLimiter, Slot
from mautic_async.retry.budget import RetryBudget
from mautic_async.retry.circuit_breaker import CircuitBreaker
from mautic_async.retry.policy import RetryPolicy, classify, may_have_applied
from mautic_async.transport.base_url import host_and_port

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from contextlib import AbstractAsyncContextManager

    from mautic_async.auth.authorization_code import Auth
    from mautic_async.clock import Clock
    from mautic_async.ratelimit.settings import Limits
    from mautic_async.transport.client import Transport

T = TypeVar("T")

_UPSTREAM_DOWN: Final = frozenset({502, 503, 504, *range(520, 525)})


@define
class _AuthContext:
    """The part of the client that credentials may use: unsigned requests, the clock, tasks that outlive a caller."""

    clock: Clock
    transport: Transport
    background: BackgroundTasks

    async def __call__(self, request: Request) -> Response:
        return await self.transport.exchange(request)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self.background.spawn(work)


class Pipeline:
    """The sender of calls: it retries where that is safe, stays within the rate limit, and signs each request.

    Args:
        transport: Sends one request.
        auth: Gives the Authorization header.
        limits: The settings of the rate limiter.
        clock: Time and randomness.
        json: The JSON library for request and response bodies.
        hooks: Callables that get each `Event`.
    """

    def __init__(
        self,
        transport: Transport,
        auth: Auth,
        limits: Limits,
        clock: Clock,
        *,
        json: JsonLibrary = STDLIB,
        hooks: tuple[Hook, ...] = (),
    ) -> None:
        self.transport = transport
        self.auth = auth
        self.clock = clock
        self.json = json
        self.rate_limiter: RateLimiter = RateLimiter(
            limits, clock, spread=bool(getattr(auth, "shares_site_limit", False))
        )
        self.background: BackgroundTasks = BackgroundTasks()
        self.auth_context: _AuthContext = _AuthContext(clock, transport, self.background)
        self.breaker: CircuitBreaker = CircuitBreaker(clock.random)
        self.observations: Observations = Observations()
        self._retry_policy = RetryPolicy(clock, RetryBudget())
        self._dispatcher = EventDispatcher(hooks, host_and_port(transport.base))
        self._lifetime = Lifetime()

    async def send(self, call: Call) -> Payload:
        """Send *call* until it succeeds or is not worth repeating.

        Raises:
            MauticError: The last failure, with `verdict`, `attempts` and the earlier failures in `history`.
        """
        self._lifetime.check()
        check_not_refreshing(self.auth)
        timeouts = self.transport.timeouts
        # A write may take longer: giving it up does not stop PHP, and its outcome would be unknown.
        default = timeouts.read if call.effect is Effect.READ else timeouts.server
        request = protocol.build_request(call, self.json, call.timeout or default)
        events = self._dispatcher.for_call(call)
        began = self.clock.monotonic()
        failures: list[MauticError] = []
        payload = Payload(0)
        try:
            on_pause = None if events is None else events.retrying
            async for attempt in self._retry_policy.attempts(failures, self.remaining, on_pause):
                with attempt:
                    payload = await Attempt(self, call, request, failures, events).run()
        except BaseException as error:
            if events is not None:
                known = error if isinstance(error, MauticError) else None
                events.emit("done", events.attempts, seconds=self.clock.monotonic() - began, error=known)
            raise
        if events is not None:
            events.emit("done", events.attempts, status=payload.status, seconds=self.clock.monotonic() - began)
        return payload

    def record_success(self, call: Call, seconds: float) -> None:
        """Add to the retry budget, and to the known latency of such calls."""
        self._retry_policy.budget.deposit()
        self.observations.record_latency(call, seconds)

    def record_response(self, slot: Slot, response: Response | None, token: str, *, failed: bool | None) -> None:
        """Give *slot* back, and let the circuit breaker and the rate limiter learn from *response*.

        Args:
            slot: The slot of the attempt.
            response: The response, or None if there was none.
            token: The Authorization header of the request.
            failed: Whether the server seems to be down; None if the attempt says nothing about that.
        """
        # The attempt says nothing about the server, so the next call may probe instead.
        if failed is None:
            self.breaker.cancel_probe()
        else:
            self.breaker.record(self.clock.monotonic(), failed=failed)
        if response is None:
            slot.complete(status=None, token=token)
            return
        self.observations.version = protocol.parse_version(response) or self.observations.version
        date = protocol.parse_date(response)
        if date is not None:
            self.observations.clock_difference = date - self.clock.wall_time()
        slot.complete(
            status=response.status,
            reading=protocol.parse_rate_limit(response),
            retry_after=protocol.parse_retry_after(response),
            token=token,
        )

    @property
    def version(self) -> str | None:
        """Mautic's version, from the last response that named it; None before."""
        return self.observations.version

    @property
    def concurrency(self) -> int:
        """Requests that may be in flight at once."""
        return self.rate_limiter.concurrency

    def bind_loop(self) -> None:
        """Bind the client to the running event loop; raise ConfigurationError if the client belongs to another."""
        self._lifetime.check()

    async def authorize(self, callback: str, state: str | None) -> None:
        """Let the credentials exchange the code from a browser's redirect for a token; see `Mautic.authorize`."""
        self._lifetime.check()
        exchange_code = getattr(self.auth, "exchange_code", None)
        if exchange_code is None:
            raise ConfigurationError(
                "authorize() needs AuthorizationCode credentials; with other credentials no user logs in"
            )
        await self.background.run_shielded(exchange_code(callback, state, self.auth_context))

    def deadline(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Give all calls inside the block *seconds* in total; see `Mautic.deadline`."""
        return deadline_in(self.clock, seconds)

    def remaining(self) -> float | None:
        """Return the seconds until the caller's deadline, or None if it has none."""
        return remaining_seconds(self.clock)

    async def aclose(self) -> None:
        """Refuse new calls, wait for those in flight, close the transport. A second call does nothing."""
        if self._lifetime.is_closed:
            return
        self._lifetime.is_closed = True
        # First the calls that wait, of which nothing was sent; then the requests in flight get time to end.
        self.rate_limiter.close(
            ConfigurationError("this Mautic client was closed while the call waited; it was not sent")
        )
        try:
            cut = await self.background.drain(self.transport.timeouts.drain)
            if cut:
                logger.warning("%d requests were cut at the end; their outcome is unknown", cut, extra={"cut": cut})
            await self.rate_limiter.aclose()
        finally:
            await self.transport.aclose()


@define(eq=False)
class Attempt:
    """One attempt of a call: a slot of the rate limiter, the signed request, the parsed response.

    Attributes:
        pipeline: The pipeline that sends the call.
        call: The call.
        request: The HTTP request, not signed yet.
        failures: The failures of the earlier attempts; a failure of this attempt is added.
        events: Receives the events of the call; None if no hook and no log wants them.
        number: Number of the attempt, from 1.
        sent_at: Epoch seconds at which the attempt got its slot; None before.
        began: Time of the event loop at the same moment.
    """

    pipeline: Pipeline
    call: Call
    request: Request
    failures: list[MauticError]
    events: CallEvents | None
    number: int = field(init=False)
    sent_at: float | None = field(default=None, init=False)
    began: float = field(default=0.0, init=False)

    def __attrs_post_init__(self) -> None:
        self.number = len(self.failures) + 1

    async def run(self) -> Payload:
        """Wait for a slot, send in a task that survives its caller, and parse the response.

        Raises:
            MauticError: The attempt failed; `verdict` says whether another one is safe.
        """
        pipeline, call = self.pipeline, self.call
        try:
            # In this order: a call that its deadline stops must not have taken the probe of the circuit breaker.
            self._apply_deadline()
            self._check_circuit()
            slot = (
                pipeline.rate_limiter.try_acquire(background=call.background, job_requests_left=call.job_requests_left)
                or await self._acquire_slot()
            )
            self.sent_at, self.began = pipeline.clock.wall_time(), pipeline.clock.monotonic()
            self._emit("before")
            # In a task of its own: a request whose caller is cancelled still ends, and gives its connection back.
            response = await pipeline.background.run_shielded(self._send_handling_auth(slot))
            payload = protocol.parse_response(call, response, pipeline.json, pipeline.clock.monotonic() - self.began)
        except MauticError as error:
            if isinstance(error, NotFound) and call.method == "DELETE" and any(map(may_have_applied, self.failures)):
                return Payload(200, None, attempts=self.number)  # an earlier attempt has deleted it
            raise self._failed(error) from error.__cause__
        pipeline.record_success(call, payload.seconds)
        self._emit("after", status=payload.status)
        return payload if self.number == 1 else evolve(payload, attempts=self.number)

    def _failed(self, error: MauticError) -> MauticError:
        """Return *error* with its verdict, and add it to the failures of the call."""
        outcome = classify(error, self.call, self.number, self.sent_at or 0.0)
        outcome.history = tuple(self.failures)
        if self.sent_at is not None:
            self._emit("after", status=getattr(error, "status", None), error=outcome)
        self.failures.append(outcome)
        return outcome

    def _emit(self, kind: str, **more: Any) -> None:
        if self.events is not None:
            seconds = self.pipeline.clock.monotonic() - self.began if kind == "after" else 0.0
            self.events.emit(kind, self.number, seconds=seconds, **more)

    def _apply_deadline(self) -> None:
        """Let a read end with the caller's deadline. A write is not cut short: PHP would go on with it.

        Raises:
            DeadlineExceeded: Such a call takes longer than the time left.
        """
        left = self.pipeline.remaining()
        if left is None:
            return
        if left <= self.pipeline.observations.expected_latency(self.call):
            raise DeadlineExceeded(
                f"{self.call}: not sent; such a call takes longer than the {max(0.0, left):.1f} s left"
            )
        if self.call.effect is Effect.READ and self.request.timeout is not None:
            self.request = evolve(self.request, timeout=min(self.request.timeout, left))

    def _check_circuit(self) -> None:
        wait = self.pipeline.breaker.try_acquire(self.pipeline.clock.monotonic())
        if wait > 0:
            raise Unavailable(
                f"{self.call}: not sent; the server was down a moment ago, the next probe goes in {wait:.0f} s",
                retry_after=wait,
            )

    async def _acquire_slot(self) -> Slot:
        """Wait until the rate limiter and the concurrency let the request go.

        Raises:
            RateLimited: The wait would be longer than the caller's patience or deadline; nothing was sent.
        """
        pipeline, call = self.pipeline, self.call
        began = pipeline.clock.monotonic()
        try:
            slot = await pipeline.rate_limiter.acquire(
                background=call.background, patience=pipeline.remaining(), job_requests_left=call.job_requests_left
            )
        except TooLong as error:
            pipeline.breaker.cancel_probe()
            refused = RateLimited(
                f"{call}: not sent; the rate limit allows the next call in {error.seconds:.0f} s",
                status=429,
                call=str(call),
                retry_after=error.seconds,
            )
            refused.sent = False
            raise refused from error
        except BaseException:  # cancelled, closed, or a store that cannot be reached
            pipeline.breaker.cancel_probe()
            raise
        if self.events is not None:
            self.events.emit("wait", self.number, seconds=pipeline.clock.monotonic() - began)
        return slot

    async def _send_handling_auth(self, slot: Slot) -> Response:
        """Add the token and send; refresh the token after a 401. In the end, give *slot* back.

        The token is refreshed once, or twice if the first refresh only found a token of another process in the store.
        """
        pipeline = self.pipeline
        response: Response | None = None
        token = ""
        failed: bool | None = None
        try:
            token = await self._authorization()
            response = await pipeline.transport.exchange(self._sign(token))
            # Some versions refuse every OAuth 2 token below ``/api/v2``, so a new one would not help.
            may_renew = not protocol.refuses_all_tokens(self.call, response)
            while response.status == 401 and may_renew:
                refused, may_renew = token, await self._renew(token)
                token = await self._authorization()
                if token == refused:
                    break
                response = await pipeline.transport.exchange(self._sign(token))
            # A 500 is not among these: Mautic is up, and one bad row must not stop all calls.
            failed = response.status in _UPSTREAM_DOWN
        except TransportError as error:
            failed = error.kind != "certificate"
            raise
        except asyncio.CancelledError:  # only the end of the client cancels this task
            raise TransportError(f"{self.call}: the client was closed before the response came") from None
        else:
            return protocol.redact(response, token)
        finally:
            # Nothing here awaits, so no cancellation can lose the slot.
            pipeline.record_response(slot, response, token, failed=failed)

    async def _authorization(self) -> str:
        """Return the Authorization header, after a refresh if there is no valid token."""
        pipeline = self.pipeline
        with _not_sent():
            return AuthorizationHeader(await pipeline.auth.header(pipeline.auth_context))

    async def _renew(self, refused: str) -> bool:
        """Refresh the token that the server refused; return True if the next one may be worth another refresh."""
        pipeline = self.pipeline
        with _not_sent():
            return bool(await pipeline.auth.renew(refused, pipeline.auth_context))

    def _sign(self, header: str) -> Request:
        """Return the request with its Authorization header, and count it as sent."""
        self.pipeline.observations.requests += 1
        return protocol.sign_request(self.request, header)


@contextmanager
def _not_sent() -> Iterator[None]:
    """Mark a failed token request with ``sent=False``: the call itself was never sent, so retrying it is safe."""
    try:
        yield
    except (TransportError, ServerError, UnexpectedResponse) as error:
        error.sent = False
        raise
