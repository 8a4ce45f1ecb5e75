"""Reconciliation: look up rows whose request was not answered, and go on from what is stored.

PHP goes on when the client has left, and nothing but its own end stops it. Rows that are sent again before that become
duplicates, so reconciliation first waits until the server can no longer be at work on the request.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from mautic_async.bulk.adapter import Pending, RowResult, outcome_of
from mautic_async.bulk.flows import Abort, Apply, Finish, Flow, LookUp, Park, Results, Sleep
from mautic_async.bulk.items import WorkItem
from mautic_async.errors import Action, MauticError
from mautic_async.journal.records import merge_facts

if TYPE_CHECKING:
    from mautic_async.bulk.flows import Items
    from mautic_async.bulk.pacing import Pacing

Pairs: TypeAlias = Sequence[tuple[WorkItem[Any], RowResult[Any]]]

STORED_STATES: Final = frozenset({"created", "updated", Pending.NEXT_STEP})
"""States of a look-up that found the row stored, or this step of it done; all others are not proof of that."""

EARLY_LOOKUPS: Final = (5.0, 10.0, 20.0, 40.0)
"""Seconds between look-ups while rows wait: once the last row is stored, the server has ended the request."""


def reconcile_after_delay(items: Items, error: MauticError, pacing: Pacing) -> Flow[None]:
    """Wait until the server can no longer be at work on *items*, look them up, and apply the results."""
    yield Apply(items, (yield from _wait_and_look_up(items, pacing.reconcile_delay(items[0], error), pacing)))


def reconcile_interrupted(items: Items, pacing: Pacing) -> Flow[None]:
    """Reconcile rows that a killed run had sent.

    Which rows shared a request, and in which order, is no longer known, so no early look-up proves that it has ended.
    """
    yield Apply(items, (yield from _wait_and_look_up(items, pacing.reconcile_delay(items[0], None), pacing, early=())))


def look_up_when_ended(items: Items, error: MauticError, pacing: Pacing) -> Flow[Results]:
    """Look *items* up once the server can no longer be at work on their request, which failed with *error*."""
    verdict = error.verdict
    if verdict is None or not verdict.may_still_run:  # Mautic answered, so the request has ended
        return (yield from look_up(items, pacing))
    return (yield from _wait_and_look_up(items, pacing.reconcile_delay(items[0], error), pacing))


def _wait_and_look_up(
    items: Items, seconds: float, pacing: Pacing, early: Sequence[float] = EARLY_LOOKUPS
) -> Flow[Results]:
    # Parked rows do not count against the reader's capacity, so other rows go on being read and sent.
    yield Park(len(items))
    results = yield from _poll(items, seconds, pacing, early)
    yield Park(0)
    return results


def _poll(items: Items, seconds: float, pacing: Pacing, early: Sequence[float]) -> Flow[Results]:
    end = pacing.time() + seconds
    for pause in early:
        # The look-up at the end proves more than an early one, so an early one just before it would be wasted.
        if pacing.time() + pause >= end:
            break
        yield Sleep(pause)
        results = yield from look_up_once(items)
        # Rows are written in order: if this request has written the last one, it has ended.
        if results is not None and results[-1].proves_request_ended and results[-1].state in STORED_STATES:
            return results
    # No early look-up has proven the end of the request, so the whole wait is due.
    yield Sleep(end - pacing.time())
    last = yield from look_up(items, pacing)
    # A row that is found may still be written to, so only two look-ups that agree are believed. Rows of which nothing
    # is known have nothing to agree on. Without a wait, the caller has said that no request can still be running.
    while seconds and any(result.state is not Pending.RETRY or result.facts for result in last):
        yield Sleep(pacing.confirm_after)
        results = yield from look_up(items, pacing)
        if results == last:
            break
        last = results
    return last


def reconcile_now(items: Items, pause: float, pacing: Pacing) -> Flow[None]:
    """Look up, after *pause* seconds, rows of which Mautic's answer said nothing; their request has ended."""
    if pause:
        yield Sleep(pause)
    yield Apply(items, (yield from look_up(items, pacing)))


def reconcile_rejected(pairs: Pairs, created: Container[int], pacing: Pacing) -> Flow[None]:
    """Look up rows that Mautic rejected after an earlier attempt of unknown outcome, which may have stored them.

    A unique value that "must be unique" may be held by the contact that the row's own first attempt created. If the
    look-up shows that the entity was created or changed since, by whichever client, the row is ``unknown``.

    Args:
        pairs: The rows and their rejections.
        created: Ids of the entities that rows of this job have created.
        pacing: Gives the wait after a look-up that failed.
    """
    stored: list[tuple[WorkItem[Any], RowResult[Any]]] = []
    finished = []
    found = yield from look_up([item for item, _ in pairs], pacing)
    for (item, rejection), result in zip(pairs, found, strict=True):
        if result.state in STORED_STATES:
            stored.append((item, result))
            continue
        # The id makes the outcome useful to the caller even where the row is not known to be stored.
        item.id = result.id or item.id
        made = result.status_if_given_up == "partial" and item.id not in created  # not by another row of the job
        touched = made or (bool(result.id) and result.status_if_given_up is None)
        finished.append((item, outcome_of(item, "unknown" if touched else "rejected", rejection)))
    yield Finish(finished)
    yield Apply([item for item, _ in stored], [result for _, result in stored])


def resolve_ids(pairs: Pairs) -> Flow[None]:
    """Find the ids of rows that are stored in part and whose answer gave none, so that the caller can repair them.

    If the look-up finds nothing, nothing of the row is stored.
    """
    # Once only: the row's status is known already, and the id is not worth more waiting.
    results = yield from look_up_once([item for item, _ in pairs])
    missing: set[int] = set()
    for (item, _), result in zip(pairs, results or (), strict=bool(results)):
        item.id = item.id or result.id
        merge_facts(item.facts, result.facts)
        # Only a look-up that succeeded and found nothing proves that the entity does not exist.
        if result.state is Pending.RETRY and not item.id:
            missing.add(item.index)
    yield Finish(
        [(item, outcome_of(item, "rejected" if item.index in missing else "partial", answer)) for item, answer in pairs]
    )


def look_up_once(items: Items) -> Flow[Results | None]:
    """Look the rows up once; return None if the request fails."""
    reply: Results | MauticError = yield LookUp(items)
    return None if isinstance(reply, MauticError) else reply


def look_up(items: Items, pacing: Pacing) -> Flow[Results]:
    """Look the rows up until it succeeds.

    A look-up changes nothing, so it is repeated with backoff after any error. The job is aborted if that cannot help
    (the credentials are refused), or when look-ups have failed for `BulkOptions.max_outage` seconds.
    """
    attempts = 0
    began = pacing.time()
    while True:
        reply: Results | MauticError = yield LookUp(items)
        if not isinstance(reply, MauticError):
            return reply
        attempts += 1
        verdict = reply.verdict
        # The flow does not end here: `Abort` stops the job, whose end cancels this flow in its next wait.
        if verdict is None or verdict.batch is Action.ABORT or pacing.is_outage(attempts, began):
            yield Abort(reply)
        yield Sleep(getattr(reply, "retry_after", None) or pacing.backoff(1.0, attempts))
