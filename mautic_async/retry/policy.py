"""What a failure means, and whether the call may be sent again. The failure table is data, and stands here once.

Rows follow the events F1-F24 of a Mautic server's behaviour under failure; columns are the effect classes of
`Effect`. For a single call a cell says RAISE or REPEAT; for the rows of a batch also PARK (wait until the server
can no longer be at work, look, send what is missing), LOOK (the same, and find the row to blame), SPLIT, REJECT or
STOP.

Each row names who wrote the answer, and that decides what it proves. PHP goes on when its client has left, and a proxy
before it is such a client: when its connection to PHP breaks, or its own time runs out, it answers 502, 503 or 504
while PHP stores the rest of the batch. So only an answer that Mautic itself wrote proves that the request has ended.
After every other one (and after none) the server may still be at work: `live`. A proxy that could not connect at all
answers the same 502, so it is treated the same. Three answers of a proxy are decided before a request is passed on,
and prove that it was not: 401, 413 and 414.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from attrs import evolve, frozen
from tenacity import AsyncRetrying, retry_if_exception

from mautic_async.errors import (
    APIError,
    Fate,
    MauticError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    Then,
    TransportError,
    Unavailable,
    UnexpectedResponse,
    Verdict,
)
from mautic_async.protocol import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tenacity import RetryCallState

    from mautic_async.clock import Clock

    OnPause = Callable[[MauticError, float, int], None]
    from mautic_async.protocol import Call
    from mautic_async.retry.circuit_breaker import RetryBudget


@frozen(kw_only=True)
class _Row:
    """One event; the four letters of *single* and *bulk* stand for READ, SET, UPSERT, APPEND (see `_LETTERS`).

    Attributes:
        writer: Who wrote the answer: ``mautic``, a ``proxy``, or ``nobody`` (none came, or nothing was sent).
    """

    writer: Literal["mautic", "proxy", "nobody"]
    fate: Fate
    single: str
    bulk: str
    live: bool = False
    load: bool = False
    pause: float = 1.0
    limits: Mapping[Effect, int] = {}


_LETTERS: Final = {
    ".": Then.RAISE,
    "R": Then.REPEAT,
    "P": Then.PARK,
    "L": Then.LOOK,
    "S": Then.SPLIT,
    "J": Then.REJECT,
    "X": Then.STOP,
}
_COLUMNS: Final = (Effect.READ, Effect.SET, Effect.UPSERT, Effect.APPEND)
_TWICE: Final = {Effect.READ: 1, Effect.SET: 2}

R, U, D, X = Fate.REFUSED, Fate.UNKNOWN, Fate.DONE, Fate.FATAL
_N: Final = "nobody"
_P: Final = "proxy"
_M: Final = "mautic"
EVENTS: Final[Mapping[str, _Row]] = {
    # No answer.
    "connect": _Row(writer=_N, fate=R, single="RRRR", bulk="RRRR", pause=0.2, load=True),  # F1: no connection was made
    "certificate": _Row(writer=_N, fate=X, single="....", bulk="XXXX"),
    "write": _Row(writer=_N, fate=U, single="RR..", bulk="RPPP", pause=0.2),  # F2: the body did not go out whole
    "read-timeout": _Row(writer=_N, fate=U, single="RR..", bulk="RPPP", live=True, load=True, pause=0.2),  # F4
    "disconnected": _Row(writer=_N, fate=U, single="RR..", bulk="RPPP", live=True, pause=0.2),  # F3, F5: after sending
    # A proxy's answer.
    "bad-gateway": _Row(writer=_P, fate=U, single="RR..", bulk="RLLL", live=True, load=True),  # F6: 502
    "unavailable": _Row(writer=_P, fate=U, single="RR..", bulk="RLLL", live=True, load=True),  # F7: 503
    "gateway-timeout": _Row(writer=_P, fate=U, single="RR..", bulk="RPPP", live=True, load=True),  # F8: 504, 520-524
    "proxy-fault": _Row(writer=_P, fate=U, single=".R..", bulk="LLLL", live=True, limits=_TWICE),  # F9: 500 as a page
    "proxy-limit": _Row(writer=_P, fate=U, single="RR..", bulk="RLLL", live=True),  # F12: a proxy's own 429
    "not-now": _Row(writer=_P, fate=U, single="RR..", bulk="RLLL", live=True),  # 408, 425
    "not-mautic": _Row(writer=_P, fate=U, single="R...", bulk="RLLL", live=True, limits={Effect.READ: 2}),  # a page
    "unauthorized": _Row(writer=_P, fate=X, single="....", bulk="XXXX"),  # F13: Mautic's or a proxy's, after renewal
    "too-large": _Row(writer=_P, fate=R, single="....", bulk="SSSS"),  # F16: 413
    "redirect": _Row(writer=_P, fate=X, single="....", bulk="XXXX"),  # F21: a wrong base URL
    # Mautic's answer: the request has ended.
    "server-fault": _Row(writer=_M, fate=U, single=".R..", bulk="LLLL", limits=_TWICE),  # F9: 500, mostly permanent
    "too-many-rows": _Row(writer=_M, fate=R, single="....", bulk="SSSS"),  # F10: 500 that names its limit
    "refused-500": _Row(writer=_M, fate=R, single="....", bulk="JJJJ"),  # a 500 that Mautic meant: a missing theme
    "rate-limit": _Row(writer=_M, fate=R, single="RRRR", bulk="RRRR", pause=0.0),  # F11: the gate knows how long
    "forbidden": _Row(writer=_M, fate=X, single="....", bulk="XXXX"),  # F14
    "refused": _Row(writer=_M, fate=R, single="....", bulk="JJJJ"),  # F15: 400, 404, 422 and the other 4xx
    "unreadable": _Row(
        writer=_M, fate=D, single="R...", bulk="RLLL", limits={Effect.READ: 2}
    ),  # F19: its answer is cut
    "locked": _Row(writer=_M, fate=R, single="RRRR", bulk="RRRR"),  # F23: 409, somebody edits the record
    "item-not-found": _Row(writer=_M, fate=U, single="RRR.", bulk="RRRL", pause=1.1),  # F24: an item twice in a second
    # Nothing was sent.
    "no-budget": _Row(writer=_N, fate=R, single="....", bulk="RRRR", pause=0.0),  # the wait is beyond the patience
    "no-token": _Row(writer=_N, fate=R, single="RRRR", bulk="RRRR"),  # the token request failed
    "breaker": _Row(writer=_N, fate=R, single="....", bulk="RRRR"),  # the server was down a moment ago
    "rejected-unsent": _Row(writer=_N, fate=X, single="....", bulk="XXXX"),  # a set-up that cannot work
}

_BY_STATUS: Final[Mapping[int, str]] = {
    401: "unauthorized",
    403: "forbidden",
    408: "not-now",
    413: "too-large",
    425: "not-now",
    502: "bad-gateway",
    503: "unavailable",
    504: "gateway-timeout",
}
_SPELLED: Final = {
    event: {
        effect: Verdict(
            event=event,
            fate=Fate.REFUSED if effect is Effect.READ and row.fate is Fate.UNKNOWN else row.fate,
            live=row.live and effect is not Effect.READ,
            then=_LETTERS[row.single[column]],
            bulk=_LETTERS[row.bulk[column]],
            pause=row.pause,
            limit=row.limits.get(effect),
            load=row.load,
        )
        for column, effect in enumerate(_COLUMNS)
    }
    for event, row in EVENTS.items()
}


_FATAL: Final = frozenset({"certificate", "redirect"})


def event_of(error: MauticError) -> str:
    """The row of the table that *error* belongs to."""
    if isinstance(error, (TransportError, UnexpectedResponse)) and error.event in _FATAL:
        return error.event  # of the token request too: asking again would not help
    if not error.sent:
        return "no-budget" if isinstance(error, RateLimited) else "no-token"
    if isinstance(error, (TransportError, UnexpectedResponse)):
        return error.event
    if isinstance(error, ServerError):
        return _server_event(error)
    if isinstance(error, Unavailable):
        return "breaker"
    return _refusal_event(error) if isinstance(error, APIError) else "rejected-unsent"


def _refusal_event(error: APIError) -> str:
    if isinstance(error, RateLimited):
        return "rate-limit" if error.refusal or not error.by_proxy else "proxy-limit"
    texts = " ".join(problem.message for problem in error.problems)
    if isinstance(error, NotFound) and "ID = 0" in texts:
        return "item-not-found"
    if error.status == 409 and "lock" in texts.lower():
        return "locked"
    return _BY_STATUS.get(error.status, "refused")


def _server_event(error: ServerError) -> str:
    if error.batch_limit is not None:
        return "too-many-rows"
    if error.by_proxy:
        late = 520 <= error.status <= 524
        return "gateway-timeout" if late else _BY_STATUS.get(error.status, "proxy-fault")
    return "refused-500" if error.refusal or error.status == 501 else "server-fault"


def verdict_of(error: MauticError, effect: Effect) -> Verdict:
    """What *error* means for a call of class *effect*."""
    return _SPELLED[event_of(error)][effect]


def judged(error: MauticError, call: Call, attempts: int, sent_at: float) -> MauticError:
    """*error* with its verdict; as `OutcomeUnknown` where a write may have been applied and must not be repeated."""
    verdict = verdict_of(error, call.effect)
    if not call.repeat and verdict.then is Then.REPEAT and verdict.event != "rate-limit":
        verdict = evolve(verdict, then=Then.RAISE)
    outcome = error
    unclear = verdict.fate is Fate.UNKNOWN and (verdict.then is Then.RAISE or verdict.event == "item-not-found")
    if unclear and call.effect in {Effect.UPSERT, Effect.APPEND}:
        outcome = OutcomeUnknown(
            f"{call}: it may have been applied ({error}). {_HOW[call.effect, verdict.live]}",
            call=str(call),
            sent_at=sent_at,
            live=verdict.live,
        )
        outcome.__cause__ = error
    outcome.verdict, outcome.attempts = verdict, attempts
    return outcome


def perhaps_applied(error: MauticError) -> bool:
    """Whether the attempt that ended in *error* may have done its work."""
    return error.verdict is not None and error.verdict.fate in {Fate.UNKNOWN, Fate.DONE}


_HOW: Final = {
    (
        Effect.UPSERT,
        True,
    ): "The server may still be at work: wait a few minutes, look it up by its unique field, then decide",
    (Effect.UPSERT, False): "Look it up by its unique field; the same upsert may then be sent again",
    (Effect.APPEND, True): "The server may still be at work: wait a few minutes, then look whether it is there",
    (Effect.APPEND, False): "Look whether it is there before sending it again: a repetition adds another",
}

ATTEMPTS: Final = 4
CAP: Final = 30.0


@frozen
class Retry:
    """Repeats a call while that is safe and worth it.

    Attributes:
        clock: For pauses and jitter.
        budget: Shared by all calls of a client.
        max_attempts: How often a call is sent at most.
    """

    clock: Clock
    budget: RetryBudget
    max_attempts: int = ATTEMPTS

    def pause(self, error: MauticError, attempt: int) -> float:
        """Seconds to wait after the *attempt*-th failure: full jitter, or the server's own time and a bit more."""
        asked = getattr(error, "retry_after", None)
        verdict = error.verdict
        if verdict is None or verdict.event == "rate-limit":
            return 0.0  # the gate waits for the window
        if asked is not None:
            return float(asked) + self.clock.uniform(0.0, min(10.0, 1.0 + asked / 10))
        if verdict.event == "item-not-found":
            return verdict.pause + self.clock.uniform(0.0, 0.5)
        return self.clock.uniform(0.0, min(CAP, verdict.pause * 2 ** (attempt - 1)))

    def worth(self, error: BaseException) -> bool:
        """Whether sending again is safe, and the budget allows it."""
        if not isinstance(error, MauticError) or error.verdict is None or error.verdict.then is not Then.REPEAT:
            return False
        return error.verdict.event == "rate-limit" or self.budget.spend(self.clock.time())

    def _stop(self, state: RetryCallState) -> bool:
        error = _failure(state)
        limit = error.verdict.limit if error is not None and error.verdict is not None else None
        return state.attempt_number >= (limit or self.max_attempts)

    def attempts(
        self, failures: Sequence[MauticError], remaining: Callable[[], float | None], on_pause: OnPause | None
    ) -> AsyncRetrying:
        """Return the attempts of one call, for ``async for``: tenacity decides after each whether another follows.

        A fresh `AsyncRetrying` each time: the object keeps state, and shared between tasks it hands one task another
        task's exception.

        Args:
            failures: Those so far; each attempt adds its own.
            remaining: Seconds until the caller's deadline, or None.
            on_pause: Called before each pause with the failure, the seconds, and the number of the attempt that failed.
        """

        def wait(state: RetryCallState) -> float:
            return self.pause(failures[-1], state.attempt_number) if failures else 0.0

        def stop(state: RetryCallState) -> bool:
            left = remaining()
            return self._stop(state) or (left is not None and left <= state.upcoming_sleep)

        def before_sleep(state: RetryCallState) -> None:
            if on_pause is not None:
                on_pause(failures[-1], state.upcoming_sleep, state.attempt_number)

        return AsyncRetrying(
            sleep=self.clock.sleep,
            stop=stop,
            wait=wait,
            retry=retry_if_exception(self.worth),
            before_sleep=before_sleep,
            reraise=True,
        )


def _failure(state: RetryCallState) -> MauticError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, MauticError) else None
