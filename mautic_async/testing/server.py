"""`FakeMautic`: the simulated server, whatever carries its requests."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, Self, Unpack
from urllib.parse import unquote

from mautic_async._background import BackgroundTasks
from mautic_async.clock import Clock
from mautic_async.testing import app, faults, installation
from mautic_async.testing import seed as seeding
from mautic_async.testing.faults import Fault, FaultKind, Faults, FaultSettings
from mautic_async.testing.http import Request, Response
from mautic_async.testing.limiter import RateLimiter
from mautic_async.testing.router import Router
from mautic_async.testing.serve import listen
from mautic_async.testing.state import RecordedRequest, ServerSettings, ServerState
from mautic_async.testing.steps import DATABASE_ERRORS, Stall, Step
from mautic_async.testing.store import Store
from mautic_async.testing.workers import Latency, WorkerPool, to_latency

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from types import TracebackType

    from mautic_async.testing.store import Row


RELEASES: Final = {"5.1": "5.1.1", "7.0": "7.0.2"}
"""The release that stands for each version, as its answers name it."""


class FakeMautic:
    """A simulated Mautic 5.1.1 or 7.0.2: same routes, same answers, same traps, no PHP.

    Use it in process (`url`, `auth` and `transport` fit the client), or on a socket by `serve`.

    Args:
        clock: Time and chance; the real ones by default.
        rate_limit: Calls a window for each token; 0 is off.
        rate_window: Seconds that a window lasts; Mautic's own is an hour.
        rate_limit_headers: Whether answers carry ``X-RateLimit-*`` when it is on.
        rate_limit_loses: Chance that a call beside an earlier one of the same token, which is still under way, is lost
            from the count; see `RateLimiter`.
        nodes: Servers behind a balancer, each with a rate counter of its own.
        latency: A `Latency`, or seconds a request, or (seconds a request, seconds a row); None for none.
        workers: Requests worked on at once, where there is a latency.
        backlog: Requests that wait for a worker before others get a 502.
        seed: Of tokens and chance.
        skew: Seconds by which the server's clock is ahead of *clock*.
        access_token_lifetime: Seconds.
        refresh_token_lifetime: Seconds.
        basic_auth: Whether HTTP basic auth is switched on.
        api_enabled: Whether the API is switched on at all.
        custom_objects: Whether the Custom Objects plugin is switched on.
        batch_limit: Entities a batch may hold.
        v2: Whether ``/api/v2`` is there, as in builds with API Platform.
        username: Of the administrator.
        password: Of the administrator.
        client_id: Public id of the client-credentials client.
        client_secret: Its secret.
        initial: ``lab``: the state in which the recorded server began; ``clean``: without its second user, second
            client and custom objects.
        version: ``5.1`` or ``7.0``, which has no rate limiter and other quirks.
        state: A SQLite file to keep the state in; in memory by default.
        url: The base URL it believes to have.
        keep_bodies: Whether `requests` holds what was sent; simulations of many requests save memory without.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        rate_limit: int = 0,
        rate_window: int = 3600,
        rate_limit_headers: bool = True,
        rate_limit_loses: float = 0.0,
        nodes: int = 1,
        latency: Latency | float | tuple[float, float] | None = None,
        workers: int = 8,
        backlog: int = 511,
        seed: int = 0,
        skew: float = 0.0,
        access_token_lifetime: float = 3600,
        refresh_token_lifetime: float = 14 * 86400,
        basic_auth: bool = True,
        api_enabled: bool = True,
        custom_objects: bool = True,
        batch_limit: int = 200,
        v2: bool = False,
        username: str = "admin",
        password: str = "mautic",  # noqa: S107 - of a simulator
        client_id: str = "1_fake-client",
        client_secret: str = "fake-secret",  # noqa: S107 - of a simulator
        initial: Literal["lab", "clean"] = "lab",
        version: Literal["5.1", "7.0"] = "5.1",
        state: str | Path | None = None,
        url: str = "https://mautic.test",
        keep_bodies: bool = True,
    ) -> None:
        rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
        clock = clock if clock is not None else Clock(random=rng.random)
        self.username: str = username
        self.password: str = password
        self.client_id: str = client_id
        self.client_secret: str = client_secret
        self.settings: ServerSettings = ServerSettings(
            version=RELEASES[version],
            skew=skew,
            access_token_lifetime=access_token_lifetime,
            refresh_token_lifetime=refresh_token_lifetime,
            basic_auth=basic_auth,
            api_enabled=api_enabled,
            custom_objects=custom_objects,
            batch_limit=batch_limit,
            username=username,
            password=password,
            client_id=client_id,
            client_secret=client_secret,
        )
        rate_limit = 0 if version == "7.0" else rate_limit  # Mautic 7 has no limiter
        limiter = RateLimiter(rate_limit, nodes, headers=rate_limit_headers, window=rate_window)
        limiter.lose_counts(rate_limit_loses, clock)
        self.state: ServerState = ServerState(
            store=Store(),
            clock=clock,
            settings=self.settings,
            limiter=limiter,
            workers=WorkerPool(clock, to_latency(latency), workers, backlog),
            faults=Faults(clock),
            rng=rng,
            url=url.rstrip("/"),
        )
        self.requests: list[RecordedRequest] = []
        self._keep_bodies = keep_bodies
        self.routes: Router = Router()
        self._background = BackgroundTasks()
        installation.register_routes(self.routes, self.state, v2_routes=v2)
        seeding.install(self.state, lab=initial == "lab")
        if state is not None:
            self.store.open(state)

    # --- parts of the state ---------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The base URL."""
        return self.state.url

    @property
    def clock(self) -> Clock:
        """The clock, without the configured skew."""
        return self.state.clock

    @property
    def store(self) -> Store:
        """The tables."""
        return self.state.store

    @property
    def limiter(self) -> RateLimiter:
        """The rate limiter."""
        return self.state.limiter

    @property
    def workers(self) -> WorkerPool:
        """The workers, with their speed."""
        return self.state.workers

    @property
    def faults(self) -> Faults:
        """The scheduled faults."""
        return self.state.faults

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._background.drain(0.0)
        self.close()

    def close(self) -> None:
        """Write and close the state file, if there is one."""
        self.store.close()

    # --- for its client -------------------------------------------------------------------------------------------

    @property
    def auth(self) -> Any:
        """Client credentials that fit, for `Mautic`."""
        from mautic_async import ClientCredentials

        return ClientCredentials(self.client_id, self.client_secret)

    @property
    def basic_auth(self) -> Any:
        """The administrator's user name and password, for `Mautic`."""
        from mautic_async import BasicAuth

        return BasicAuth(self.username, self.password)

    @cached_property
    def transport(self) -> Any:
        """Transport that carries a client's requests here without a socket."""
        from mautic_async.transport.in_process import in_process

        return in_process(self)

    async def exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Serve one request of an in-process transport.

        Args:
            method: HTTP verb.
            target: Path and query.
            headers: Names in lower case.
            body: All of it.

        Raises:
            ConnectionRefusedError: Before anything was sent.
            ConnectionResetError: No answer came.
            Truncated: The answer broke off.
        """
        path, _, query = target.partition("?")
        response = await self.answer(Request(method, unquote(path), query, headers, body))
        if response.drip_seconds:
            await self.clock.sleep(response.drip_seconds)
        return response.status, response.headers, response.body

    async def answer(self, request: Request) -> Response:
        """Answer a request; the work goes on if the caller is cancelled."""
        recorded = RecordedRequest(
            request.method,
            request.path,
            request.query,
            self.now(),
            request.headers.get("authorization", ""),
            request.body if self._keep_bodies else b"",
        )
        self.requests.append(recorded)
        fault = self.faults.next_for(request)
        if fault is not None:
            recorded.fault = fault.what
            return await self._answer_with_fault(request, recorded, fault)
        if self.workers.latency is None:
            return await app.handle(self.state, self.routes, request, recorded)
        if self.workers.is_full:
            return Fault(what=502).answer(self.state.http_date())
        return await asyncio.shield(self._start_worker(request, recorded))

    def _start_worker(
        self, request: Request, recorded: RecordedRequest, fault: Fault | None = None
    ) -> asyncio.Task[Response]:
        """Start the work in a task that outlives a cancelled caller."""
        self.workers.accepted += 1

        async def work() -> Response:
            try:
                return await app.handle(self.state, self.routes, request, recorded, fault)
            finally:
                self.workers.accepted -= 1

        return self._background.spawn(work())

    async def _answer_with_fault(self, request: Request, recorded: RecordedRequest, fault: Fault) -> Response:
        if fault.what == "refuse":
            raise ConnectionRefusedError("scheduled")
        response: Response | None = None
        if fault.work == "continues":
            self._start_worker(request, recorded)
        elif fault.work != "undone" or fault.lets_server_work:
            response = await asyncio.shield(self._start_worker(request, recorded, fault))
        if fault.what == "timeout" or (fault.work == "continues" and fault.seconds):
            await self.clock.sleep(fault.seconds or 86400.0)
        if fault.what in ("reset", "timeout"):
            raise ConnectionResetError("scheduled")
        if fault.has_own_answer or response is None:
            response = fault.answer(self.state.http_date())
            recorded.status = response.status
        spoilt = faults.apply(response, fault)
        if isinstance(spoilt, BaseException):
            raise spoilt
        return response

    @asynccontextmanager
    async def serve(self, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[str]:
        """Listen on a loopback socket; gives the base URL.

        Args:
            port: 0 lets the system choose.
            host: Address to bind.
        """
        async with listen(self.answer, self.clock, host, port) as url:
            previous_url, self.state.url = self.url, url
            try:
                yield url
            finally:
                self.state.url = previous_url

    # --- the clock ------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Return the time of the server in epoch seconds: the clock plus the skew."""
        return self.state.now()

    # --- for tests ------------------------------------------------------------------------------------------------

    def fail(self, what: FaultKind, **settings: Unpack[FaultSettings]) -> Fault:
        """Schedule a fault; see `Fault` for the arguments.

        Returns:
            The fault: its ``done`` counts how often it struck.

        Raises:
            ValueError: There is no such fault, or its settings contradict each other.
        """
        return self.faults.add(Fault(what=what, **settings))

    def stall(self, seconds: float, *, at: Step = "columns", what: int = 1205, lock_timeout: float = 50.0) -> None:
        """Alter the table of contacts for *seconds* from now, as creating or deleting a contact field does.

        Each contact row that comes to the step *at* meanwhile waits until the table is altered. A row that has waited
        for *lock_timeout* seconds fails there: the request ends with a bare 500, and what the row had stored stays.
        Where the row waits in the Custom Objects plugin, the answer gives it the error *what*, and the next row waits
        anew.

        Args:
            seconds: Measured on real servers: up to 100.
            at: The step at which rows wait; see `mautic_async.testing.steps.Step`.
            what: The MySQL error of a row that has waited too long: 1205, or 1054 for a column that is gone.
            lock_timeout: Seconds that a row waits at most; MySQL's own default.

        Raises:
            ValueError: *what* is no MySQL error that can be scheduled.
        """
        if what not in DATABASE_ERRORS:
            raise ValueError(f"no MySQL error {what!r}: give one of {', '.join(map(str, DATABASE_ERRORS))}")
        self.faults.stall = Stall(self.clock.wall_time() + seconds, at, what, lock_timeout)

    def expire_tokens(self) -> None:
        """Let every access token expire now."""
        for row in self.store["tokens"].where(kind="access"):
            row["expires"] = self.now()

    def revoke_refresh_tokens(self) -> None:
        """Make every refresh token invalid."""
        for row in list(self.store["tokens"].where(kind="refresh")):
            self.store["tokens"].remove(row["id"])

    def add_field(self, label: str, alias: str, type: str = "text", *, object: str = "lead", **more: Any) -> Row:
        """Add a contact (or company) field.

        Args:
            label: Shown to people.
            alias: Key of the value.
            type: As in Mautic: text, number, boolean, date, datetime, select, multiselect ...
            object: ``lead`` or ``company``.
            more: Other properties of a field: ``isUniqueIdentifier=True``, ``properties={...}``, ``group="core"``.
        """
        return seeding.add_field(self.state, {"label": label, "alias": alias, "type": type, "object": object} | more)

    def add_custom_object(self, alias: str, fields: dict[str, Any], *, name: str | None = None) -> Row:
        """Add a custom object.

        Args:
            alias: Of the object.
            fields: Alias to type, or to a map: ``{"type": "text", "required": True, "unique": True, "options": []}``.
            name: Shown to people.
        """
        return seeding.add_custom_object(self.state, alias, fields, name)

    @property
    def contacts(self) -> list[dict[str, Any]]:
        """Every contact as plain data: id, fields by alias (without the unset ones), tags, owner, stage, points."""
        return installation.snapshot_contacts(self.state)

    @property
    def custom_items(self) -> list[dict[str, Any]]:
        """Every custom item as plain data: id, object, name, attributes, contacts it is linked to."""
        return installation.snapshot_items(self.state)
