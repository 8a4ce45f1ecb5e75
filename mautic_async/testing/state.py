"""The state of the simulated server: its tables, clock, settings, limits and faults, shared by all requests."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from attrs import define

if TYPE_CHECKING:
    import random

    from mautic_async.clock import Clock
    from mautic_async.testing.faults import FaultKind, Faults
    from mautic_async.testing.limiter import RateLimiter
    from mautic_async.testing.store import Store
    from mautic_async.testing.workers import WorkerPool


@define
class RecordedRequest:
    """One request that the server received.

    Attributes:
        method: HTTP verb.
        path: Without the query.
        query: The raw query string.
        time: Epoch seconds of the server when the request came in.
        token: The value of the Authorization header.
        body: The body of the request, or nothing if the server keeps no bodies.
        status: HTTP status of the answer; 0 while there is none.
        rows: Number of rows that the request has written so far.
        fault: The fault that was scheduled for the request, or None.
        ended: Epoch seconds when the server had finished the work, or None.
    """

    method: str
    path: str
    query: str
    time: float
    token: str
    body: bytes
    status: int = 0
    rows: int = 0
    fault: FaultKind | None = None
    ended: float | None = None


@define(kw_only=True)
class ServerSettings:
    """The configuration of the server. Tests may change it while the server runs.

    The attributes are explained at the arguments of `FakeMautic`.
    """

    version: str
    skew: float
    access_token_lifetime: float
    refresh_token_lifetime: float
    basic_auth: bool
    api_enabled: bool
    custom_objects: bool
    batch_limit: int
    username: str
    password: str
    client_id: str
    client_secret: str

    @property
    def is_7(self) -> bool:
        """True if the server is a Mautic 7."""
        return self.version.startswith("7.")


class ServerState:
    """All that lasts longer than one request.

    Args:
        store: The tables of the database.
        clock: Source of time and chance.
        settings: The configuration.
        limiter: Counter of calls by token.
        workers: Processes that serve requests, with their speed.
        faults: Scheduled faults.
        rng: Source of tokens.
        url: The base URL that absolute links of the server begin with.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        settings: ServerSettings,
        limiter: RateLimiter,
        workers: WorkerPool,
        faults: Faults,
        rng: random.Random,
        url: str,
    ) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings
        self.limiter = limiter
        self.workers = workers
        self.faults = faults
        self.rng = rng
        self.url = url
        self._cached_date = (0, "")

    def now(self) -> float:
        """Return the time of the server in epoch seconds: the clock plus the configured skew."""
        return self.clock.wall_time() + self.settings.skew

    def http_date(self) -> str:
        """Return the value of the ``Date`` header."""
        second = int(self.now())
        if self._cached_date[0] != second:
            self._cached_date = (second, formatdate(second, usegmt=True))
        return self._cached_date[1]

    def new_token(self) -> str:
        """Return a new random token of 86 hexadecimal digits."""
        return f"{self.rng.getrandbits(344):086x}"

    def absolute_url(self, target: str) -> str:
        """Return the absolute URL of a path of this server."""
        return self.url + target

    def new_grant(self, kind: str, client: dict[str, Any], user: int | None, lifetime: float, **more: Any) -> Any:
        """Store a new token or authorization code, and return its row."""
        row = {"token": self.new_token(), "kind": kind, "client": client["id"], "user": user}
        return self.store["tokens"].save(row | {"expires": self.now() + lifetime} | more)
