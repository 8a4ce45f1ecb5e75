"""What goes wrong on purpose: by count, by route, by chance, or by a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from attrs import define, field

from mautic_async.testing.exchange import Headers, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.clock import Clock

Work: TypeAlias = Literal["undone", "half", "done", "running"]
What: TypeAlias = int | str
_WORDS: Final = ("refuse", "reset", "cut", "drip", "timeout", "html", "garbage")
_REASONS: Final = {
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


class Killed(BaseException):
    """The worker died between two rows; what was stored stays."""


@define(kw_only=True)
class Fault:
    """One thing that is going to fail.

    Attributes:
        what: A status (429, 500, 502, 503, 504, any), or ``refuse`` (no connection), ``reset`` (connection lost without
            an answer), ``cut`` (lost within the answer), ``drip`` (the answer takes *seconds*), ``timeout`` (no answer
            for *seconds*), ``html`` (a page instead of JSON, status 200), ``garbage`` (a PHP notice before the JSON).
        times: How often; None for always.
        route: Part of ``METHOD path``, or None for every route.
        after: How many matching requests pass first.
        probability: Chance of each matching request, or None for certain.
        when: Asked last, with the request.
        work: What the server does all the same: ``undone`` nothing, ``half`` of the rows, ``done`` all, ``running``:
            the answer comes at once and the work goes on.
        retry_after: Value of the header, or None.
        seconds: For ``drip``, ``timeout`` and ``running``.
        share: For ``cut``: the part of the body that arrives.
    """

    what: What
    times: int | None = 1
    route: str | None = None
    after: int = 0
    probability: float | None = None
    when: Callable[[Request], bool] | None = None
    work: Work = "undone"
    retry_after: str | None = None
    seconds: float = 0.0
    share: float = 0.5
    seen: int = field(default=0, init=False)
    done: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.what, str) and self.what not in _WORDS:
            raise ValueError(f"unknown fault {self.what!r}: give a status or one of {', '.join(_WORDS)}")

    def strikes(self, request: Request, clock: Clock) -> bool:
        """Whether it is this request's turn."""
        if self.times is not None and self.done >= self.times:
            return False
        if self.route is not None and self.route not in f"{request.method} {request.path}":
            return False
        if self.when is not None and not self.when(request):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.probability is not None and clock.random() >= self.probability):
            return False
        self.done += 1
        return True

    def answer(self, date: str) -> Response:
        """The answer of a fault that has a status."""
        status = self.what if isinstance(self.what, int) else 200
        headers: Headers = [("Date", date)]
        if self.retry_after is not None:
            headers.append(("Retry-After", self.retry_after))
        if status == 500:
            from mautic_async.testing.answers import Crash, encode

            headers.append(("Content-Type", "application/json"))
            return Response(500, headers, encode(Crash().said().body))
        title = f"{status} {_REASONS.get(status, 'Error')}" if status != 200 else "Welcome"
        headers.append(("Content-Type", "text/html"))
        page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><center><h1>{title}</h1></center></body>"
        return Response(status, headers, f"{page}\r\n</html>\r\n".encode())


class Faults:
    """All scheduled faults; the first that strikes counts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Schedule one."""
        self._all.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything work again."""
        self._all.clear()

    def pick(self, request: Request) -> Fault | None:
        """The fault that strikes this request, or None."""
        if not self._all:
            return None
        return next((fault for fault in self._all if fault.strikes(request, self._clock)), None)


def broken(response: Response, fault: Fault) -> Any:
    """What the client meets of an answer that *fault* spoils: an exception to raise, or the answer."""
    from mautic_async.testing.exchange import Truncated

    if fault.what == "cut":
        return Truncated(response.status, response.headers, response.body[: int(len(response.body) * fault.share)])
    if fault.what == "garbage":
        response.body = b"<br />\n<b>Notice</b>:  Undefined index in <b>/var/www</b>\n" + response.body
    if fault.what == "drip":
        response.pace = fault.seconds
    return response
