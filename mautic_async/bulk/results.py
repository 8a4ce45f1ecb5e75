"""Sorts the rows of an answer by what is to be done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import Factory, define

from mautic_async.bulk.adapter import Pending, outcome_of
from mautic_async.bulk.items import EarlierSteps
from mautic_async.journal.records import merge_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk.adapter import RowResult
    from mautic_async.bulk.items import WorkItem
    from mautic_async.bulk.outcomes import Outcome
    from mautic_async.bulk.pacing import Pacing

R = TypeVar("R")
E = TypeVar("E")


@define(eq=False)
class Classified(Generic[R, E]):
    """The rows of an answer.

    Attributes:
        finished: Rows with their outcomes.
        next_step: Rows of which another step is due.
        retry: Rows to send again, with the results that say so.
        unreported: Rows of which the answer says nothing, by the seconds to wait before they are looked up.
        rejected_late: Rows that were rejected after an attempt of unknown outcome.
        without_id: Rows that are stored in part, under an id that the answer does not give.
    """

    finished: list[tuple[WorkItem[R], Outcome[E]]] = Factory(list)
    next_step: list[WorkItem[R]] = Factory(list)
    retry: list[tuple[WorkItem[R], RowResult[E]]] = Factory(list)
    unreported: dict[float, list[WorkItem[R]]] = Factory(dict)
    rejected_late: list[tuple[WorkItem[R], RowResult[E]]] = Factory(list)
    without_id: list[tuple[WorkItem[R], RowResult[E]]] = Factory(list)


def classify(items: Sequence[WorkItem[R]], results: Sequence[RowResult[E]], pacing: Pacing) -> Classified[R, E]:
    """Update each row by its result, and return the rows sorted."""
    classified: Classified[R, E] = Classified()
    for item, result in zip(items, results, strict=True):
        merge_facts(item.facts, result.facts)
        # An answer without an id must not erase one that an earlier answer has given.
        item.id = result.id or item.id
        _place(item, result, classified, pacing)
    return classified


def _place(item: WorkItem[R], result: RowResult[E], classified: Classified[R, E], pacing: Pacing) -> None:
    state = result.state
    if state is Pending.NEXT_STEP:
        _begin_next_step(item, result)
        classified.next_step.append(item)
    elif state is Pending.LOOK_UP:
        item.sends.had_unknown_outcome = True
        classified.unreported.setdefault(result.retry_after, []).append(item)
    elif state is Pending.RETRY:
        if pacing.may_retry(item):
            classified.retry.append((item, result))
        else:
            classified.finished.append((item, outcome_of(item, result.status_if_given_up or "unknown", result)))
    elif state == "partial" and not item.id:
        classified.without_id.append((item, result))
    # An attempt whose answer was lost may have stored the row, and this refusal may be caused by just that entity.
    elif state == "rejected" and item.sends.had_unknown_outcome:
        classified.rejected_late.append((item, result))
    else:
        classified.finished.append((item, outcome_of(item, state, result)))


def _begin_next_step(item: WorkItem[R], result: RowResult[E]) -> None:
    # Each step has attempts of its own: a step that took many must not leave the next one too few.
    item.step, item.sends.attempts = result.next_step, 0
    earlier = item.earlier
    entity = result.entity if result.entity is not None else earlier.entity
    item.earlier = EarlierSteps(earlier.count + 1, result.status_if_given_up or earlier.status, entity)
