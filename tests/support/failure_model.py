"""Writes ``docs/failure-model.md`` from the failure table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mautic_async.errors import Action, TransportError, Verdict
from mautic_async.protocol import Effect
from mautic_async.retry.failure_table import FAILURE_TABLE
from mautic_async.retry.policy import verdict_for

INTRODUCTION: Final = """# What a failure means

Written from the failure table in `mautic_async/retry/failure_table.py` by `python -m tests.test_documents`.

**Who wrote the answer decides what it proves.** PHP goes on when its client has left, and a proxy before it is such a client: when its
connection to PHP breaks, or its own time runs out, it answers 502, 503 or 504 while PHP stores the rest of the batch. Only an answer that
Mautic itself wrote proves that a request has ended. Mautic's errors are a JSON `errors` list with a message and a code each, or carry
`Mautic-Version`; nginx, load balancers and firewalls send pages, and gateways send JSON of other shapes.

After every other answer, and after none, the request is *unknown*: the client waits (`reconcile_after`, counted from when the request left,
plus the slowest answer seen), looks twice what is stored, and only then acts. A proxy that could not connect at all answers the same 502,
so it is treated the same; a circuit breaker keeps the cost low while a server is down. A proxy that tries several backends may even hand on
the 429 of the second while the first still works. Three answers of a proxy are decided before a request is passed on, and prove that it
was not: 401, 413 and 414.

What cannot be known from outside: whether a proxy repeated a request by itself after a lost connection (nginx does so for reads, and for
writes only if told to: leave `proxy_next_upstream non_idempotent` off).

The columns say what follows for a call that reads, one that may be applied twice (PATCH, DELETE), an upsert, and one that adds something
each time. First for a single call: *repeat* it, or *raise*, as `OutcomeUnknown` where an upsert or an addition may have been applied. Then
for the rows of a batch: *repeat*; *wait, look* (what is missing goes again); *look*, at once where Mautic answered, and find the row to
blame if it fails again; *split* the batch; *reject* the row; *stop* the job.

| failure | answered by | what came | what it proves | still at work? | a single call | rows of a batch |
| --- | --- | --- | --- | --- | --- | --- |
"""

WORDS: Final = {
    Action.RAISE: "raise",
    Action.RETRY: "repeat",
    Action.RECONCILE_LATER: "wait, look",
    Action.RECONCILE: "look",
    Action.SPLIT: "split",
    Action.REJECT: "reject",
    Action.ABORT: "stop",
}


def _cells(words: list[str]) -> str:
    """Return one word where all effects have the same, else one for each."""
    return words[0] if len(set(words)) == 1 else " / ".join(words)


def _lines() -> Iterator[str]:
    for name, row in FAILURE_TABLE.items():
        verdicts: list[Verdict] = [verdict_for(TransportError("", kind=name), effect) for effect in Effect]
        single = _cells([WORDS[verdict.single] for verdict in verdicts])
        batch = _cells([WORDS[verdict.batch] for verdict in verdicts])
        live = "maybe" if row.may_still_run else "no"
        yield f"| `{name}` | {row.writer} | {row.answer} | {row.proves} | {live} | {single} | {batch} |\n"


def failure_model() -> str:
    """Return the document."""
    return INTRODUCTION + "".join(_lines())
