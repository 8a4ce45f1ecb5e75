"""The failure table: the meaning of each failure, as data.

A row is a kind of failure. It names the writer of the response, the effect that is known of the request, and the
reaction for each class of `Effect`: for a single call, and for the rows of a batch (see `Action`).

The writer decides what a response proves. PHP goes on when its client disconnects, and a proxy is such a client: when
its connection to PHP breaks, or its own time-out ends, the proxy answers 502, 503 or 504 while PHP stores the rest of
the batch. So only a response that Mautic itself wrote proves that the request has ended. After every other response,
and after none, the server may still be working on it (`may_still_run`). A proxy that could not connect at all answers
the same 502, so it is treated alike. With 401, 413 and 414 a proxy refuses a request before passing it on.

``docs/failure-model.md`` is written from this table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from attrs import frozen

from mautic_async.errors import Action, Fate, Verdict
from mautic_async.protocol import Effect

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen(kw_only=True)
class FailureRule:
    """One row of the table.

    Attributes:
        answer: The response, or the failure without one.
        proves: The conclusion about the request.
        writer: Writer of the response: ``mautic`` or a ``proxy``; or ``none``, if no response came.
        fate: Known effect of the request.
        single: Reactions for a single call: one letter of `_ACTIONS` for each effect of `_EFFECTS`.
        batch: Reactions for the rows of a batch, in the same form.
        may_still_run: Whether the server may still be working on the request.
        overload: Whether the failure means that the server is overloaded.
        backoff_base: Base of the exponential back-off, in seconds.
        max_attempts: Attempts in total for an effect, where it differs from the retry policy.
    """

    answer: str
    proves: str
    writer: Literal["mautic", "proxy", "none"]
    fate: Fate
    single: str
    batch: str
    may_still_run: bool = False
    overload: bool = False
    backoff_base: float = 1.0
    max_attempts: Mapping[Effect, int] = {}


_ACTIONS: Final = {
    ".": Action.RAISE,
    "R": Action.RETRY,
    "P": Action.RECONCILE_LATER,
    "L": Action.RECONCILE,
    "S": Action.SPLIT,
    "J": Action.REJECT,
    "X": Action.ABORT,
}
_EFFECTS: Final = (Effect.READ, Effect.IDEMPOTENT, Effect.UPSERT, Effect.NON_IDEMPOTENT)
_MAX_ATTEMPTS_ON_500: Final = {Effect.READ: 1, Effect.IDEMPOTENT: 2}

_N: Final = "none"
_P: Final = "proxy"
_M: Final = "mautic"
FAILURE_TABLE: Final[Mapping[str, FailureRule]] = {
    # No answer.
    "connect": FailureRule(
        answer="no connection: name, refusal, TLS, time-out",
        proves="nothing was sent, so nothing is applied",
        writer=_N,
        fate=Fate.REFUSED,
        single="RRRR",
        batch="RRRR",
        backoff_base=0.2,
        overload=True,
    ),
    "certificate": FailureRule(
        answer="the certificate is not valid",
        proves="nothing was sent, and no repetition helps",
        writer=_N,
        fate=Fate.REFUSED,
        single="....",
        batch="XXXX",
    ),
    "write": FailureRule(
        answer="the body did not go out whole",
        proves="PHP reads JSON whole, so most likely nothing is applied; a server may close after it has read all",
        writer=_N,
        fate=Fate.UNKNOWN,
        single="RR..",
        batch="RPPP",
        backoff_base=0.2,
    ),
    "read-timeout": FailureRule(
        answer="none in time",
        proves="PHP goes on when its client has left: nothing, a part or all may be applied, and more may follow",
        writer=_N,
        fate=Fate.UNKNOWN,
        single="RR..",
        batch="RPPP",
        may_still_run=True,
        overload=True,
        backoff_base=0.2,
    ),
    "disconnected": FailureRule(
        answer="the connection broke after the request was sent",
        proves="the same as no answer in time",
        writer=_N,
        fate=Fate.UNKNOWN,
        single="RR..",
        batch="RPPP",
        may_still_run=True,
        backoff_base=0.2,
    ),
    # A proxy's answer.
    "bad-gateway": FailureRule(
        answer="502",
        proves="the proxy lost PHP, or never reached it; behind it PHP may go on to the last row",
        writer=_P,
        fate=Fate.UNKNOWN,
        single="RR..",
        batch="RLLL",
        may_still_run=True,
        overload=True,
    ),
    "unavailable": FailureRule(
        answer="503",
        proves="the same as a 502: a proxy answers it for a broken connection, too",
        writer=_P,
        fate=Fate.UNKNOWN,
        single="RR..",
        batch="RLLL",
        may_still_run=True,
        overload=True,
    ),
    "gateway-timeout": FailureRule(
        answer="504, 520 to 524",
        proves="the proxy did not wait any longer; PHP goes on",
        writer=_P,
        fate=Fate.UNKNOWN,
        single="RR..",
        batch="RPPP",
        may_still_run=True,
        overload=True,
    ),
    "proxy-fault": FailureRule(
        answer="500 as a page",
        proves="a proxy's own, or PHP's last breath through it: not Mautic's JSON, so no proof",
        writer=_P,
        fate=Fate.UNKNOWN,
        single=".R..",
        batch="LLLL",
        may_still_run=True,
        max_attempts=_MAX_ATTEMPTS_ON_500,
    ),
    "proxy-limit": FailureRule(
        answer="429 without Mautic's body or headers",
        proves="a limit of the proxy; one that tries several backends may have passed the request on before",
        writer=_P,
        fate=Fate.UNKNOWN,
        single="RR..",
        batch="RLLL",
        may_still_run=True,
    ),
    "retry-later": FailureRule(
        answer="408 or 425",
        proves="the proxy gave up waiting or asks for another try; no proof that PHP saw nothing",
        writer=_P,
        fate=Fate.UNKNOWN,
        single="RR..",
        batch="RLLL",
        may_still_run=True,
    ),
    "not-mautic": FailureRule(
        answer="a page with another status: a firewall, a log-in, maintenance",
        proves="a firewall may check answers, too: the request behind a hidden answer may be applied",
        writer=_P,
        fate=Fate.UNKNOWN,
        single="R...",
        batch="RLLL",
        may_still_run=True,
        max_attempts={Effect.READ: 2},
    ),
    "unauthorized": FailureRule(
        answer="401, after one renewal and replay",
        proves="decided before the request is worked on; no other row would fare better",
        writer=_P,
        fate=Fate.REFUSED,
        single="....",
        batch="XXXX",
    ),
    "too-large": FailureRule(
        answer="413",
        proves="the body was not passed on: send smaller pieces",
        writer=_P,
        fate=Fate.REFUSED,
        single="....",
        batch="SSSS",
    ),
    "redirect": FailureRule(
        answer="3xx",
        proves="a wrong base URL; nothing is applied",
        writer=_P,
        fate=Fate.REFUSED,
        single="....",
        batch="XXXX",
    ),
    # Mautic's answer: the request has ended.
    "server-fault": FailureRule(
        answer="500 with Mautic's JSON and no details",
        proves="the request has ended; the rows before the one that threw are stored, and repeating mostly fails again",
        writer=_M,
        fate=Fate.UNKNOWN,
        single=".R..",
        batch="LLLL",
        max_attempts=_MAX_ATTEMPTS_ON_500,
    ),
    "too-many-rows": FailureRule(
        answer="500 that names its limit",
        proves="refused before the first row",
        writer=_M,
        fate=Fate.REFUSED,
        single="....",
        batch="SSSS",
    ),
    "refused-500": FailureRule(
        answer="500 with details, 501",
        proves="refused on purpose, such as a missing theme",
        writer=_M,
        fate=Fate.REFUSED,
        single="....",
        batch="JJJJ",
    ),
    "rate-limit": FailureRule(
        answer="429 of Mautic's limiter",
        proves="refused before anything was done; the rate limiter knows how long to wait",
        writer=_M,
        fate=Fate.REFUSED,
        single="RRRR",
        batch="RRRR",
        backoff_base=0.0,
    ),
    "forbidden": FailureRule(
        answer="403 with Mautic's JSON",
        proves="the role or a switch forbids it; no other row would fare better",
        writer=_M,
        fate=Fate.REFUSED,
        single="....",
        batch="XXXX",
    ),
    "refused": FailureRule(
        answer="400, 404, 422 and every other 4xx",
        proves="refused; of a contact nothing is stored",
        writer=_M,
        fate=Fate.REFUSED,
        single="....",
        batch="JJJJ",
    ),
    "undecodable-body": FailureRule(
        answer="a success that cannot be read",
        proves="applied; only the answer is lost",
        writer=_M,
        fate=Fate.DONE,
        single="R...",
        batch="RLLL",
        max_attempts={Effect.READ: 2},
    ),
    "conflict": FailureRule(
        answer="409",
        proves="another user edits the record; later it will pass",
        writer=_M,
        fate=Fate.REFUSED,
        single="RRRR",
        batch="RRRR",
    ),
    "item-not-found": FailureRule(
        answer="404 `ID = 0`",
        proves="the same unique item twice within a second: the contact is stored, the link may be missing",
        writer=_M,
        fate=Fate.UNKNOWN,
        single="RRR.",
        batch="RRRL",
        backoff_base=1.1,
    ),
    # Nothing was sent.
    "rate-limit-wait-too-long": FailureRule(
        answer="the wait for the rate limit is beyond the patience",
        proves="held back here",
        writer=_N,
        fate=Fate.REFUSED,
        single="....",
        batch="RRRR",
        backoff_base=0.0,
    ),
    "token-unavailable": FailureRule(
        answer="the token request failed",
        proves="held back here",
        writer=_N,
        fate=Fate.REFUSED,
        single="RRRR",
        batch="RRRR",
    ),
    "circuit-open": FailureRule(
        answer="the circuit breaker is open",
        proves="held back here",
        writer=_N,
        fate=Fate.REFUSED,
        single="....",
        batch="RRRR",
    ),
    "invalid-configuration": FailureRule(
        answer="the set-up cannot work",
        proves="held back here",
        writer=_N,
        fate=Fate.REFUSED,
        single="....",
        batch="XXXX",
    ),
}

VERDICTS: Final[Mapping[str, Mapping[Effect, Verdict]]] = {
    event: {
        effect: Verdict(
            kind=event,
            # A lost read leaves nothing behind that would have to be looked up.
            fate=Fate.REFUSED if effect is Effect.READ and row.fate is Fate.UNKNOWN else row.fate,
            may_still_run=row.may_still_run and effect is not Effect.READ,
            single=_ACTIONS[row.single[column]],
            batch=_ACTIONS[row.batch[column]],
            backoff_base=row.backoff_base,
            max_attempts=row.max_attempts.get(effect),
            overload=row.overload,
        )
        for column, effect in enumerate(_EFFECTS)
    }
    for event, row in FAILURE_TABLE.items()
}
"""Each cell of the table."""
