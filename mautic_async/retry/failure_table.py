"""What each failure means, as data: who answered, what that proves, and what follows for a call and for a batch's rows.

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

``docs/failure-model.md`` is written from this table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from attrs import frozen

from mautic_async.errors import Fate, Then, Verdict
from mautic_async.protocol import Effect

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen(kw_only=True)
class _Row:
    """One event; the four letters of *single* and *bulk* stand for READ, SET, UPSERT, APPEND (see `_LETTERS`).

    Attributes:
        answer: What came, or what went wrong.
        proves: What follows from it for the request.
        writer: Who wrote the answer: ``mautic``, a ``proxy``, or ``nobody`` (none came, or nothing was sent).
    """

    answer: str
    proves: str
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
    "connect": _Row(
        answer="no connection: name, refusal, TLS, time-out",
        proves="nothing was sent, so nothing is applied",
        writer=_N,
        fate=R,
        single="RRRR",
        bulk="RRRR",
        pause=0.2,
        load=True,
    ),
    "certificate": _Row(
        answer="the certificate is not valid",
        proves="nothing was sent, and no repetition helps",
        writer=_N,
        fate=X,
        single="....",
        bulk="XXXX",
    ),
    "write": _Row(
        answer="the body did not go out whole",
        proves="PHP reads JSON whole, so most likely nothing is applied; a server may close after it has read all",
        writer=_N,
        fate=U,
        single="RR..",
        bulk="RPPP",
        pause=0.2,
    ),
    "read-timeout": _Row(
        answer="none in time",
        proves="PHP goes on when its client has left: nothing, a part or all may be applied, and more may follow",
        writer=_N,
        fate=U,
        single="RR..",
        bulk="RPPP",
        live=True,
        load=True,
        pause=0.2,
    ),
    "disconnected": _Row(
        answer="the connection broke after the request was sent",
        proves="the same as no answer in time",
        writer=_N,
        fate=U,
        single="RR..",
        bulk="RPPP",
        live=True,
        pause=0.2,
    ),
    # A proxy's answer.
    "bad-gateway": _Row(
        answer="502",
        proves="the proxy lost PHP, or never reached it; behind it PHP may go on to the last row",
        writer=_P,
        fate=U,
        single="RR..",
        bulk="RLLL",
        live=True,
        load=True,
    ),
    "unavailable": _Row(
        answer="503",
        proves="the same as a 502: a proxy answers it for a broken connection, too",
        writer=_P,
        fate=U,
        single="RR..",
        bulk="RLLL",
        live=True,
        load=True,
    ),
    "gateway-timeout": _Row(
        answer="504, 520 to 524",
        proves="the proxy did not wait any longer; PHP goes on",
        writer=_P,
        fate=U,
        single="RR..",
        bulk="RPPP",
        live=True,
        load=True,
    ),
    "proxy-fault": _Row(
        answer="500 as a page",
        proves="a proxy's own, or PHP's last breath through it: not Mautic's JSON, so no proof",
        writer=_P,
        fate=U,
        single=".R..",
        bulk="LLLL",
        live=True,
        limits=_TWICE,
    ),
    "proxy-limit": _Row(
        answer="429 without Mautic's body or headers",
        proves="a limit of the proxy; one that tries several backends may have passed the request on before",
        writer=_P,
        fate=U,
        single="RR..",
        bulk="RLLL",
        live=True,
    ),
    "not-now": _Row(
        answer="408 or 425",
        proves="the proxy gave up waiting or asks for another try; no proof that PHP saw nothing",
        writer=_P,
        fate=U,
        single="RR..",
        bulk="RLLL",
        live=True,
    ),
    "not-mautic": _Row(
        answer="a page with another status: a firewall, a log-in, maintenance",
        proves="a firewall may look at answers, too: what it hides may be done",
        writer=_P,
        fate=U,
        single="R...",
        bulk="RLLL",
        live=True,
        limits={Effect.READ: 2},
    ),
    "unauthorized": _Row(
        answer="401, after one renewal and replay",
        proves="decided before the request is worked on; no other row would fare better",
        writer=_P,
        fate=X,
        single="....",
        bulk="XXXX",
    ),
    "too-large": _Row(
        answer="413",
        proves="the body was not passed on: send smaller pieces",
        writer=_P,
        fate=R,
        single="....",
        bulk="SSSS",
    ),
    "redirect": _Row(
        answer="3xx", proves="a wrong base URL; nothing is applied", writer=_P, fate=X, single="....", bulk="XXXX"
    ),
    # Mautic's answer: the request has ended.
    "server-fault": _Row(
        answer="500 with Mautic's JSON and no details",
        proves="the request has ended; the rows before the one that threw are stored, and repeating mostly fails again",
        writer=_M,
        fate=U,
        single=".R..",
        bulk="LLLL",
        limits=_TWICE,
    ),
    "too-many-rows": _Row(
        answer="500 that names its limit",
        proves="refused before the first row",
        writer=_M,
        fate=R,
        single="....",
        bulk="SSSS",
    ),
    "refused-500": _Row(
        answer="500 with details, 501",
        proves="refused on purpose, such as a missing theme",
        writer=_M,
        fate=R,
        single="....",
        bulk="JJJJ",
    ),
    "rate-limit": _Row(
        answer="429 of Mautic's limiter",
        proves="refused before anything was done; the rate limiter knows how long to wait",
        writer=_M,
        fate=R,
        single="RRRR",
        bulk="RRRR",
        pause=0.0,
    ),
    "forbidden": _Row(
        answer="403 with Mautic's JSON",
        proves="the role or a switch forbids it; no other row would fare better",
        writer=_M,
        fate=X,
        single="....",
        bulk="XXXX",
    ),
    "refused": _Row(
        answer="400, 404, 422 and every other 4xx",
        proves="refused; of a contact nothing is stored",
        writer=_M,
        fate=R,
        single="....",
        bulk="JJJJ",
    ),
    "unreadable": _Row(
        answer="a success that cannot be read",
        proves="applied; only the answer is lost",
        writer=_M,
        fate=D,
        single="R...",
        bulk="RLLL",
        limits={Effect.READ: 2},
    ),
    "locked": _Row(
        answer="409",
        proves="another user edits the record; later it will pass",
        writer=_M,
        fate=R,
        single="RRRR",
        bulk="RRRR",
    ),
    "item-not-found": _Row(
        answer="404 `ID = 0`",
        proves="the same unique item twice within a second: the contact is stored, the link may be missing",
        writer=_M,
        fate=U,
        single="RRR.",
        bulk="RRRL",
        pause=1.1,
    ),
    # Nothing was sent.
    "no-budget": _Row(
        answer="the wait for the rate limit is beyond the patience",
        proves="held back here",
        writer=_N,
        fate=R,
        single="....",
        bulk="RRRR",
        pause=0.0,
    ),
    "no-token": _Row(
        answer="the token request failed", proves="held back here", writer=_N, fate=R, single="RRRR", bulk="RRRR"
    ),
    "breaker": _Row(
        answer="the circuit breaker is open", proves="held back here", writer=_N, fate=R, single="....", bulk="RRRR"
    ),
    "rejected-unsent": _Row(
        answer="the set-up cannot work", proves="held back here", writer=_N, fate=X, single="....", bulk="XXXX"
    ),
}

VERDICTS: Final[Mapping[str, Mapping[Effect, Verdict]]] = {
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
"""Each cell of the table."""
