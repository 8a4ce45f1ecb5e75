"""The one path of a request: retry > rate limit > auth > transport.

`Pipeline.send` retries, `Attempt.run` waits for the rate limiter, `Attempt._send_handling_auth` adds the token and
refreshes it once after a 401. No call goes back up. Mautic: REST API, Getting started.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import define, evolve, field

from mautic_async import protocol
from mautic_async._background import BackgroundTasks
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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from mautic_async.auth.authorization_code import Auth
    from mautic_async.clock import Clock
    from mautic_async.ratelimit.settings import Limits
    from mautic_async.transport.client import Transport

T = TypeVar("T")

_DEADLINE: Final[ContextVar[float | None]] = ContextVar("mautic_async_deadline", default=None)
_UPSTREAM_DOWN: Final = frozenset({502, 503, 504, *range(520, 525)})


@define
class _AuthContext:
    """What `Auth` is handed: the transport without a token, the clock, and tasks that outlive their caller."""

    clock: Clock
    transport: Transport
    background: BackgroundTasks

    async def __call__(self, request: Request) -> Response:
        return await self.transport.exchange(request)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self.background.spawn(work)


class Pipeline:
    """Sends calls: retried where that is safe, within the limits, signed.

    Args:
        transport: Bytes out, bytes in.
        auth: Gives the Authorization header.
        limits: Concurrency, patience, pace.
        clock: Time and chance.
        json: The JSON library.
        hooks: Called with each `Event`.
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
        self.concurrency = limits.concurrency
        self.rate_limiter = RateLimiter(limits, clock, spread=bool(getattr(auth, "shares_site_limit", False)))
        self.background = BackgroundTasks()
        self.version: str | None = None
        self.requests = 0
        self.auth_context = _AuthContext(clock, transport, self.background)
        self._retry_budget = RetryBudget()
        self.breaker = CircuitBreaker(clock.random)
        self._retry_policy = RetryPolicy(clock, self._retry_budget)
        self.json = json
        self._dispatcher = EventDispatcher(hooks)
        self.latency: dict[str, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    # --- retry -----------------------------------------------------------------------------------------------------

    async def send(self, call: Call) -> Payload:
        """Send *call* until it succeeds or is not worth repeating.

        Raises:
            MauticError: The last failure, with `verdict`, `attempts` and the earlier failures in `history`.
        """
        self._check_loop()
        check_not_refreshing(self.auth)
        timeouts = self.transport.timeouts
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
                ours = error if isinstance(error, MauticError) else None
                events.emit("done", events.attempts, seconds=self.clock.monotonic() - began, error=ours)
            raise
        if events is not None:
            events.emit("done", events.attempts, status=payload.status, seconds=self.clock.monotonic() - began)
        return payload

    # --- what attempts teach ------------------------------------------------------------------------------------------

    def record_success(self, call: Call, seconds: float) -> None:
        """Earn retries, and learn how long such a call takes."""
        self._retry_budget.deposit()
        route = _latency_key(call)
        known = self.latency.get(route)
        self.latency[route] = seconds if known is None else 0.8 * known + 0.2 * seconds

    def record_response(self, slot: Slot, answer: Response | None, token: str, *, failed: bool | None) -> None:
        """Give the slot back, and let the circuit breaker and the rate limiter learn from *answer*."""
        if failed is None:
            self.breaker.cancel_probe()  # it says nothing of the server
        else:
            self.breaker.record(self.clock.monotonic(), failed=failed)
        if answer is None:
            slot.complete(status=None, reading=None, retry_after=None, token=token)
            return
        self.version = protocol.parse_version(answer) or self.version
        slot.complete(
            status=answer.status,
            reading=protocol.parse_rate_limit(answer),
            retry_after=protocol.parse_retry_after(answer),
            token=token,
        )

    # --- deadlines and the end -------------------------------------------------------------------------------------

    def bind_loop(self) -> None:
        """Belong to the running event loop from now on."""
        self._check_loop()

    async def authorize(self, callback: str, state: str | None) -> None:
        """Let the credentials exchange what a browser brought back; see `Mautic.authorize`."""
        self._check_loop()
        exchange_code = getattr(self.auth, "exchange_code", None)
        if exchange_code is None:
            raise ConfigurationError("only AuthorizationCode credentials have a log-in to finish")
        await self.background.run_shielded(exchange_code(callback, state, self.auth_context))

    @asynccontextmanager
    async def deadline(self, seconds: float) -> AsyncIterator[None]:
        """Give all calls inside *seconds* in all; see `Mautic.deadline`."""
        until = self.clock.monotonic() + seconds
        outer = _DEADLINE.get()
        token = _DEADLINE.set(until if outer is None else min(until, outer))
        try:
            yield
        finally:
            _DEADLINE.reset(token)

    def remaining(self) -> float | None:
        """Return the seconds until the caller's deadline, or None if it has none."""
        until = _DEADLINE.get()
        return None if until is None else until - self.clock.monotonic()

    def _check_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._closed:
            raise ConfigurationError("this Mautic client is closed; make a new one")
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise ConfigurationError(
                f"this Mautic client belongs to the event loop {id(self._loop):#x} and was used on {id(loop):#x};"
                " make one client for each loop"
            )

    async def aclose(self) -> None:
        """Refuse new calls, wait for those under way, close the transport. May be called twice."""
        if self._closed:
            return
        self._closed = True
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
    """One attempt of a call: a slot of the rate limiter, the request, the meaning of its response.

    Attributes:
        pipeline: Whose call it is.
        call: What is asked.
        request: The HTTP request, not signed yet.
        failures: Of the earlier attempts of the same call.
        story: Whom to tell of it; None where nobody listens.
        number: Which attempt it is, from 1.
        sent_at: Epoch seconds at which it got its slot; None before. *began* is the loop time of the same moment.
    """

    pipeline: Pipeline
    call: Call
    request: Request
    failures: list[MauticError]
    story: CallEvents | None
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
            self._apply_deadline()
            self._check_circuit()
            slot = (
                pipeline.rate_limiter.try_acquire(background=call.background, job_requests_left=call.job_requests_left)
                or await self._acquire_slot()
            )
            self.sent_at, self.began = pipeline.clock.wall_time(), pipeline.clock.monotonic()
            self._tell("before")
            answer = await pipeline.background.run_shielded(self._send_handling_auth(slot))
            payload = protocol.parse_response(call, answer, pipeline.json, pipeline.clock.monotonic() - self.began)
        except MauticError as error:
            if isinstance(error, NotFound) and call.method == "DELETE" and any(map(may_have_applied, self.failures)):
                return Payload(200, None, attempts=self.number)  # an earlier attempt has deleted it
            raise self._failed(error) from error.__cause__
        pipeline.record_success(call, payload.seconds)
        self._tell("after", status=payload.status)
        return payload if self.number == 1 else evolve(payload, attempts=self.number)

    def _failed(self, error: MauticError) -> MauticError:
        """Classify *error*, and note it for the attempts that may follow."""
        outcome = classify(error, self.call, self.number, self.sent_at or 0.0)
        outcome.history = tuple(self.failures)
        if self.sent_at is not None:
            self._tell("after", status=getattr(error, "status", None), error=outcome)
        self.failures.append(outcome)
        return outcome

    def _tell(self, kind: str, **more: Any) -> None:
        if self.story is not None:
            seconds = self.pipeline.clock.monotonic() - self.began if kind == "after" else 0.0
            self.story.emit(kind, self.number, seconds=seconds, **more)

    def _apply_deadline(self) -> None:
        """Let a read end with the caller's deadline; a write is not cut short, or it would go on unseen in PHP."""
        left = self.pipeline.remaining()
        if left is None:
            return
        if left <= self.pipeline.latency.get(_latency_key(self.call), 0.0):
            raise DeadlineExceeded(
                f"{self.call}: {max(0.0, left):.1f} s are left, which such a call does not fit in; not sent"
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

    # --- rate limit ------------------------------------------------------------------------------------------------

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
        if self.story is not None:
            self.story.emit("wait", self.number, seconds=pipeline.clock.monotonic() - began)
        return slot

    # --- auth ------------------------------------------------------------------------------------------------------

    async def _send_handling_auth(self, slot: Slot) -> Response:
        """Add the token and send; refresh the token once after a 401.

        Runs in a task of its own: a leaving caller cuts nothing in half.
        """
        pipeline = self.pipeline
        answer: Response | None = None
        token = ""
        failed: bool | None = None
        try:
            token = await self._authorization()
            answer = await self._send_request(token)
            if answer.status == 401:
                newer = await self._authorization(token)
                if newer != token:
                    token = newer
                    answer = await self._send_request(token)
            failed = answer.status in _UPSTREAM_DOWN
        except TransportError as error:
            failed = error.kind != "certificate"
            raise
        except asyncio.CancelledError:  # the task is only ever cancelled by the end of the client
            raise TransportError("the client was closed before the answer came", kind="disconnected") from None
        else:
            return protocol.redact(answer, token)
        finally:
            pipeline.record_response(slot, answer, token, failed=failed)

    async def _authorization(self, refused: str | None = None) -> str:
        """Return the Authorization header, after a refresh if *refused* was refused.

        If the refresh fails, the error is marked ``sent=False``: the request was never sent, so retrying it is safe.
        """
        pipeline = self.pipeline
        try:
            if refused is not None:
                await pipeline.auth.renew(refused, pipeline.auth_context)
            return AuthorizationHeader(await pipeline.auth.header(pipeline.auth_context))
        except (TransportError, ServerError, UnexpectedResponse) as error:
            error.sent = False
            raise

    async def _send_request(self, header: str) -> Response:
        protocol.check_authorization(header)
        self.pipeline.requests += 1
        return await self.pipeline.transport.exchange(self.request.with_authorization(header))


def _latency_key(call: Call) -> str:
    return f"{call.method} {call.path.partition('/')[0]}"
