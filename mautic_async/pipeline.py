"""The one path of a request: retry > gate > flight(auth > transport).

`send` says how often, `_attempt` when, `_fly` with what right. No call goes back up. Mautic: REST API, Getting started.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import define, evolve

from mautic_async import meter, protocol
from mautic_async._background import Flights
from mautic_async.auth.refresh import Header, check_not_refreshing
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
from mautic_async.events import LOG, Hook, Story, Teller
from mautic_async.protocol import STDLIB, Answer, Call, Effect, Json, Payload, Request
from mautic_async.ratelimit.limiter import Gate, Limits, Reading, Slot, TooLong
from mautic_async.retry.circuit_breaker import Breaker, RetryBudget
from mautic_async.retry.policy import Retry, judged, perhaps_applied

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from mautic_async.auth.authorization_code import Auth
    from mautic_async.clock import Clock
    from mautic_async.transport.client import Transport

T = TypeVar("T")

_DEADLINE: Final[ContextVar[float | None]] = ContextVar("mautic_async_deadline", default=None)
_DOWN: Final = frozenset({502, 503, 504, *range(520, 525)})


@define
class _Exchange:
    """What `Auth` is handed: the unsigned transport, the clock, and tasks that outlive their caller."""

    clock: Clock
    transport: Transport
    flights: Flights

    async def __call__(self, request: Request) -> Answer:
        return await self.transport.exchange(request)

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self.flights.start(work)


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
        json: Json = STDLIB,
        hooks: tuple[Hook, ...] = (),
    ) -> None:
        self.transport = transport
        self.auth = auth
        self.clock = clock
        self.concurrency = limits.concurrency
        self.gate = Gate(limits, clock, spread=bool(getattr(auth, "shared_bucket", False)))
        self.flights = Flights()
        self.version: str | None = None
        self.requests = 0
        self._exchange = _Exchange(clock, transport, self.flights)
        self._budget = RetryBudget()
        self._breaker = Breaker(clock.random)
        self._retry = Retry(clock, self._budget)
        self.json = json
        self._teller = Teller(hooks)
        self._latency: dict[str, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    # --- how often -------------------------------------------------------------------------------------------------

    async def send(self, call: Call) -> Payload:
        """Send *call* until it succeeds or is not worth repeating.

        Raises:
            MauticError: It failed; `verdict` and `attempts` say what is known.
        """
        self._check_loop()
        check_not_refreshing(self.auth)
        request = self._request(call)
        story = self._teller.story(call)
        if story is None:
            return await self._persist(call, request, None)
        began = self.clock.time()
        try:
            payload = await self._persist(call, request, story)
        except BaseException as error:
            ours = error if isinstance(error, MauticError) else None
            story.tell("done", story.attempts, seconds=self.clock.time() - began, error=ours)
            raise
        story.tell("done", story.attempts, status=payload.status, seconds=self.clock.time() - began)
        return payload

    async def _persist(self, call: Call, request: Request, story: Story | None) -> Payload:
        try:
            return await self._attempt(call, request, 1, story)
        except MauticError as error:
            first = error

        async def again(failures: Sequence[MauticError]) -> Payload:
            try:
                payload = await self._attempt(call, request, len(failures) + 1, story)
                return evolve(payload, attempts=len(failures) + 1)
            except NotFound:
                if call.method == "DELETE" and any(map(perhaps_applied, failures)):
                    return Payload(200, None)  # an earlier attempt has deleted it
                raise

        def pausing(error: MauticError, seconds: float, attempt: int) -> None:
            if story is not None:
                story.tell("retry", attempt, seconds=seconds, error=error)

        return await self._retry.around(first, again, pausing, self._remaining)

    def _request(self, call: Call) -> Request:
        headers = {"accept": "application/ld+json" if call.v2 else "application/json", "user-agent": _AGENT}
        content: bytes | None = None
        if call.file is not None:
            content, headers["content-type"] = protocol.multipart(call.file)
        elif call.text is not None or call.body is not None:
            try:
                content = call.text or self.json.dumps(call.body)
            except (TypeError, ValueError, RecursionError) as error:
                error.__traceback__ = None  # its frames hold the body
                raise ConfigurationError(f"{call}: the body cannot be written as JSON: {error}") from error
            headers["content-type"] = _V2_TYPES.get(call.method, "application/json") if call.v2 else "application/json"
        timeouts = self.transport.timeouts
        default = timeouts.read if call.effect is Effect.READ else timeouts.server
        return Request(
            call.method,
            f"api/{call.path}",
            protocol.query_string(call.query),
            headers,
            content,
            call.timeout or default,
            call.sink,
        )

    # --- when ------------------------------------------------------------------------------------------------------

    async def _attempt(self, call: Call, request: Request, attempt: int, story: Story | None) -> Payload:
        """Pass the gate, start the flight, read the answer."""
        sent_at, began = 0.0, 0.0
        try:
            request = self._within_deadline(call, request)
            self._ask_breaker(call)
            slot = self.gate.try_admit(background=call.background, rest=call.rest) or await self._admit(
                call, attempt, story
            )
            sent_at, began = self.clock.wall(), self.clock.time()
            if story is not None:
                story.tell("before", attempt)
            answer = await self.flights.outlive(self._fly(request, slot))
            payload = await self._read(call, answer)
        except MauticError as error:
            outcome = judged(error, call, attempt, sent_at)
            if story is not None and sent_at:
                status = getattr(error, "status", None)
                story.tell("after", attempt, status=status, seconds=self.clock.time() - began, error=outcome)
            raise outcome from outcome.__cause__
        self._learn(call, self.clock.time() - began)
        if story is not None:
            story.tell("after", attempt, status=payload.status, seconds=self.clock.time() - began)
        return payload

    async def _read(self, call: Call, answer: Answer) -> Payload:
        """What the answer means; a large one is read in pieces, between which others get their turn."""
        if len(answer.content) <= protocol.LARGE or call.raw:
            return protocol.read(call, answer, self.json)
        steps = protocol.in_pieces(answer.content, self.json, call.keep)
        try:
            while True:
                next(steps)
                await self.clock.sleep(0)
        except StopIteration as end:
            return protocol.read(call, answer, self.json, end.value)
        except ValueError:
            return protocol.read(call, answer, self.json)  # which tells what is wrong

    def _learn(self, call: Call, seconds: float) -> None:
        meter.add(seconds)
        self._budget.succeeded()
        route = _route(call)
        known = self._latency.get(route)
        self._latency[route] = seconds if known is None else 0.8 * known + 0.2 * seconds

    def _within_deadline(self, call: Call, request: Request) -> Request:
        """A read ends with the caller's deadline; a write is not cut short, or it would go on unseen in PHP."""
        left = self._remaining()
        if left is None:
            return request
        if left <= self._latency.get(_route(call), 0.0):
            raise DeadlineExceeded(
                f"{call}: {max(0.0, left):.1f} s are left, which such a call does not fit in; not sent"
            )
        if call.effect is not Effect.READ or request.timeout is None:
            return request
        return evolve(request, timeout=min(request.timeout, left))

    def _ask_breaker(self, call: Call) -> None:
        wait = self._breaker.wait(self.clock.time())
        if wait > 0:
            raise Unavailable(
                f"{call}: not sent; the server was down a moment ago, the next probe goes in {wait:.0f} s",
                retry_after=wait,
            )

    async def _admit(self, call: Call, attempt: int, story: Story | None) -> Slot:
        left = self._remaining()
        began = self.clock.time()
        try:
            slot = await self.gate.admit(background=call.background, patience=left, rest=call.rest)
        except TooLong as error:
            self._breaker.withdrawn()
            refused = RateLimited(
                f"{call}: not sent; the rate limit allows the next call in {error.seconds:.0f} s",
                status=429,
                call=str(call),
                retry_after=error.seconds,
            )
            refused.sent = False
            raise refused from error
        except BaseException:  # cancelled, closed, or a shared budget that cannot be reached
            self._breaker.withdrawn()
            raise
        if story is not None:
            story.tell("wait", attempt, seconds=self.clock.time() - began)
        return slot

    # --- with what right -------------------------------------------------------------------------------------------

    async def _fly(self, request: Request, slot: Slot) -> Answer:
        """One exchange, signed, and renewed once on 401.

        Runs in a task of its own: a leaving caller cuts nothing in half.
        """
        answer: Answer | None = None
        token = ""
        failed: bool | None = None
        try:
            token = await self._header()
            answer = await self._signed(request, token)
            if answer.status == 401:
                newer = await self._header(token)
                if newer != token:
                    token = newer
                    answer = await self._signed(request, token)
            failed = answer.status in _DOWN
        except TransportError as error:
            failed = error.event != "certificate"
            raise
        except asyncio.CancelledError:  # a flight is only ever cut by the end of the client
            raise TransportError("the client was closed before the answer came", event="disconnected") from None
        else:
            return protocol.blotted(answer, token)
        finally:
            self._land(slot, answer, token, failed=failed)

    async def _header(self, refused: str | None = None) -> str:
        """What the next attempt carries; a failure on the way there is none of the request's."""
        try:
            if refused is not None:
                await self.auth.renew(refused, self._exchange)
            return Header(await self.auth.header(self._exchange))
        except (TransportError, ServerError, UnexpectedResponse) as error:
            error.sent = False
            raise

    async def _signed(self, request: Request, header: str) -> Answer:
        _check_header(header)
        self.requests += 1
        return await self.transport.exchange(request.signed(header))

    def _land(self, slot: Slot, answer: Answer | None, token: str, *, failed: bool | None) -> None:
        if failed is None:
            self._breaker.withdrawn()  # it says nothing of the server
        else:
            self._breaker.record(self.clock.time(), failed=failed)
        if answer is None:
            slot.land(status=None, reading=None, retry_after=None, token=token)
            return
        self.version = protocol.version_of(answer) or self.version
        rate = protocol.rate_of(answer)
        reading = Reading(rate.limit, rate.remaining, rate.reset, rate.date) if rate is not None else None
        slot.land(status=answer.status, reading=reading, retry_after=protocol.retry_after(answer), token=token)

    # --- deadlines and the end -------------------------------------------------------------------------------------

    def bind(self) -> None:
        """Belong to the running event loop from now on."""
        self._check_loop()

    async def authorize(self, callback: str, state: str | None) -> None:
        """Let the credentials exchange what a browser brought back; see `Mautic.authorize`."""
        self._check_loop()
        redeem = getattr(self.auth, "redeem", None)
        if redeem is None:
            raise ConfigurationError("only AuthorizationCode credentials have a log-in to finish")
        await asyncio.shield(self.flights.start(redeem(callback, state, self._exchange)))

    @asynccontextmanager
    async def deadline(self, seconds: float) -> AsyncIterator[None]:
        """Give all calls inside *seconds* in all; see `Mautic.deadline`."""
        until = self.clock.time() + seconds
        outer = _DEADLINE.get()
        token = _DEADLINE.set(until if outer is None else min(until, outer))
        try:
            yield
        finally:
            _DEADLINE.reset(token)

    def _remaining(self) -> float | None:
        until = _DEADLINE.get()
        return None if until is None else until - self.clock.time()

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
        self.gate.close(ConfigurationError("this Mautic client was closed while the call waited; it was not sent"))
        try:
            cut = await self.flights.land(self.transport.timeouts.drain)
            if cut:
                LOG.warning("%d requests were cut at the end; their outcome is unknown", cut, extra={"cut": cut})
            await self.gate.leave()
        finally:
            await self.transport.aclose()


_AGENT: Final = "mautic_async/0.1"
_V2_TYPES: Final = {
    "PATCH": "application/merge-patch+json",
    "POST": "application/ld+json",
    "PUT": "application/ld+json",
}


def _route(call: Call) -> str:
    return f"{call.method} {call.path.partition('/')[0]}"


_MAX_HEADER: Final = 16 * 2**10
"""Characters; web servers refuse more, some with half of it."""


def _check_header(header: str) -> None:
    if not header.isascii() or not header.isprintable() or len(header) > _MAX_HEADER or header != header.strip():
        raise ConfigurationError(
            f"the Authorization header must be visible ASCII, at most {_MAX_HEADER} characters;"
            " check the credentials for line breaks, and for spaces around them"
        )
