"""Faults that a test schedules: which requests they strike, what the client meets, what the server does all the same.

Who writes the answer decides what the answer proves. A front server (nginx, a balancer, a firewall) writes HTML pages,
and its page says nothing about the work behind it: that may never have begun, or be done, or go on. Mautic itself
writes JSON, after its work has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypedDict, get_args

from attrs import define, field

from mautic_async.testing.http import Headers, Request, Response, Truncated
from mautic_async.testing.replies import UnhandledError, to_json
from mautic_async.testing.steps import DATABASE_ERRORS, Break, Stall, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.clock import Clock

ServerProgress: TypeAlias = Literal["undone", "half", "done", "continues"]
FaultSource: TypeAlias = Literal["mautic", "front"]
FaultKind: TypeAlias = int | str
_WORDS: Final = ("refuse", "reset", "cut", "drip", "timeout", "html", "garbage")
_REASONS: Final = {
    403: "Forbidden",
    404: "Not Found",
    408: "Request Time-out",
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}
_PAGE: Final = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n{1}</body>\r\n</html>\r\n"
)
_FOOT: Final = "<hr><center>nginx/1.22.1</center>\r\n"


class FaultSettings(TypedDict, total=False):
    """The settings of a `Fault`, for `FakeMautic.fail`."""

    times: int | None
    route: str | None
    after: int
    probability: float | None
    when: Callable[[Request], bool] | None
    work: ServerProgress
    by: FaultSource | None
    retry_after: float | str | None
    seconds: float
    fraction: float
    row: int | None
    at: Step | None
    rows: int


def _text(value: float | str | None) -> str | None:
    return None if value is None else str(value)


@define(kw_only=True)
class Fault:
    """One thing that is going to fail.

    Attributes:
        what: One of: a status (429, 500, 502, 503, 504, any); the number of a MySQL error (1054, 1062, 1205, 1213,
            2006, 2013), with which a query fails while a row is saved, so that only writes are struck; ``refuse`` (no
            connection), ``reset`` (connection lost without an answer), ``cut`` (lost within the answer), ``drip`` (the
            answer takes *seconds*), ``timeout`` (no answer for *seconds*), ``html`` (a page instead of JSON, status
            200), ``garbage`` (a PHP notice before the JSON).
        times: How many requests it strikes at most; None for no bound.
        route: Part of ``METHOD path``, or None for every route.
        after: How many matching requests pass first.
        probability: Chance of each matching request, or None for certain.
        when: Asked last, with the request.
        work: What the server does all the same. ``undone``: nothing. ``half``: it dies at *row*. ``hits``: all of it.
            ``continues``: the client gets its answer after *seconds*, and the work goes on behind it to its end,
            however long that takes.
        by: Who writes the answer of a status: ``front`` an HTML page, as nginx does, or ``mautic`` JSON. By default 500
            is Mautic's, and every other status a front's: no other status of a failing server was recorded in Mautic's
            hand. Neither carries ``Mautic-Version``.
        retry_after: Value of the header, or None.
        seconds: For ``drip``, ``timeout`` and work that continues: until the answer. For a MySQL error: how long the
            failing query waits before.
        fraction: For ``cut``: the part of the body that arrives.
        row: For ``half`` and MySQL errors: index of the first row of the batch that may break; None is the middle one.
        at: The same: the step of saving this row at which it breaks; see `mautic_async.testing.steps.Step`. If the row
            does not pass this step, the next one that does is taken. Required for MySQL errors, ``start`` otherwise.
        rows: For MySQL errors in the plugin's steps: how many rows fail until the database is back; nothing is stored
            of those after the first.
        matched: How many requests have matched.
        hits: How many requests it has struck.
    """

    what: FaultKind
    times: int | None = 1
    route: str | None = None
    after: int = 0
    probability: float | None = None
    when: Callable[[Request], bool] | None = None
    work: ServerProgress = "undone"
    by: FaultSource | None = None
    retry_after: str | None = field(default=None, converter=_text)
    seconds: float = 0.0
    fraction: float = 0.5
    row: int | None = None
    at: Step | None = None
    rows: int = 1
    matched: int = field(default=0, init=False)
    hits: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.what, str) and self.what not in _WORDS:
            raise ValueError(f"unknown fault {self.what!r}: give a status or one of {', '.join(_WORDS)}")
        if isinstance(self.what, int) and self.what not in DATABASE_ERRORS and not 100 <= self.what < 600:
            numbers = ", ".join(map(str, DATABASE_ERRORS))
            raise ValueError(f"unknown fault {self.what}: no HTTP status, nor one of the MySQL errors {numbers}")
        if self.work not in get_args(ServerProgress):
            raise ValueError(f"unknown work {self.work!r}: give one of {', '.join(get_args(ServerProgress))}")
        if self.by == "mautic" and self.what != 500:
            raise ValueError(f"{self.what!r} by='mautic': the only such answer Mautic itself is known to write is 500")
        self._check_place()

    def _check_place(self) -> None:
        if self.what in DATABASE_ERRORS:
            if self.at is None:
                raise ValueError(f"MySQL error {self.what}: say by at= which step of saving a row fails")
        elif self.work != "half" and (self.row is not None or self.at is not None):
            raise ValueError("row= and at= say where the work breaks: they need work='half' or a MySQL error")
        if self.at is not None and self.at not in get_args(Step):
            raise ValueError(f"unknown step {self.at!r}: give one of {', '.join(get_args(Step))}")

    def matches(self, request: Request, clock: Clock) -> bool:
        """Return True if it is this request's turn."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.route is not None and self.route not in f"{request.method} {request.path}":
            return False
        # MySQL errors strike calls of the API that write; reads and log-ins pass.
        if self.what in DATABASE_ERRORS and (request.method == "GET" or "/api/" not in request.path):
            return False
        if self.when is not None and not self.when(request):
            return False
        # Counted before `after` and `probability`: both refer to the requests that all other settings match.
        self.matched += 1
        if self.matched <= self.after or (self.probability is not None and clock.random() >= self.probability):
            return False
        self.hits += 1
        return True

    @property
    def lets_server_work(self) -> bool:
        """True if the server works although *work* is not set: the fault spoils the answer or breaks the work."""
        return self.what in ("cut", "drip", "garbage") or self.what in DATABASE_ERRORS

    @property
    def has_own_answer(self) -> bool:
        """True if the fault has an answer of its own instead of the server's."""
        return self.what == "html" or (isinstance(self.what, int) and self.what not in DATABASE_ERRORS)

    def break_point(self, rows: int) -> Break | None:
        """Return where the work of a request with so many rows breaks; None if it does not."""
        first = rows // 2 if self.row is None else self.row
        if isinstance(self.what, int) and self.what in DATABASE_ERRORS:
            return Break(self.what, first, self.at or "start", self.rows, self.seconds)
        return Break(None, first, self.at or "start") if self.work == "half" else None

    def answer(self, date: str) -> Response:
        """Return the answer of a fault that has one of its own."""
        status = self.what if isinstance(self.what, int) else 200
        headers: Headers = [("Date", date)]
        if self.retry_after is not None:
            headers.append(("Retry-After", self.retry_after))
        if status == 500 and self.by != "front":
            headers.append(("Content-Type", "application/json"))
            return Response(500, headers, to_json(UnhandledError().to_reply().body))
        headers.append(("Content-Type", "text/html"))
        if status == 200:
            return Response(status, headers, _PAGE.format("Welcome", "").encode())
        title = f"{status} {_REASONS.get(status, 'Error')}"
        return Response(status, headers, _PAGE.format(title, _FOOT).encode())


class Faults:
    """All scheduled faults, in the order in which they were scheduled.

    Attributes:
        stall: The change of the contacts table that is under way, or None; see `FakeMautic.stall`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.stall: Stall | None = None
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Schedule one."""
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything work again."""
        self._faults.clear()

    def next_for(self, request: Request) -> Fault | None:
        """Return the fault that strikes this request, or None."""
        if not self._faults:
            return None
        return next((fault for fault in self._faults if fault.matches(request, self._clock)), None)


def apply(response: Response, fault: Fault) -> Any:
    """Return what the client meets of an answer that *fault* spoils: an exception to raise, or the answer."""
    if fault.what == "cut":
        return Truncated(response.status, response.headers, response.body[: int(len(response.body) * fault.fraction)])
    if fault.what == "garbage":
        response.body = b"<br />\n<b>Notice</b>:  Undefined index in <b>/var/www</b>\n" + response.body
    if fault.what == "drip":
        response.drip_seconds = fault.seconds
    return response
