"""The rows of an answer, by what is to be done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import Factory, define

from mautic_async.bulk.adapter import outcome_of
from mautic_async.journal.records import learn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk.adapter import Receipt
    from mautic_async.bulk.items import Parcel
    from mautic_async.bulk.outcomes import Outcome
    from mautic_async.bulk.pacing import Helm

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
        rejected_late: Rows that were rejected after an attempt of unknown fate.
        without_id: Rows that are stored in part, under an id that the answer does not give.
    """

    finished: list[tuple[Parcel[R], Outcome[E]]] = Factory(list)
    next_step: list[Parcel[R]] = Factory(list)
    retry: list[tuple[Parcel[R], Receipt[E]]] = Factory(list)
    unreported: dict[float, list[Parcel[R]]] = Factory(dict)
    rejected_late: list[tuple[Parcel[R], Receipt[E]]] = Factory(list)
    without_id: list[tuple[Parcel[R], Receipt[E]]] = Factory(list)


def classify(items: Sequence[Parcel[R]], results: Sequence[Receipt[E]], pacing: Helm) -> Classified[R, E]:
    """Note on each row what its result says, and return the rows by what is to be done with them."""
    classified: Classified[R, E] = Classified()
    for item, result in zip(items, results, strict=True):
        learn(item.known, result.known)
        item.id = result.id or item.id
        item.entity = result.entity if result.entity is not None else item.entity
        _place(item, result, classified, pacing)
    return classified


def _place(item: Parcel[R], result: Receipt[E], classified: Classified[R, E], pacing: Helm) -> None:
    state = result.state
    if state == "step":
        item.step, item.tries = result.step, 0
        item.stages += 1
        item.so_far = result.so_far or item.so_far
        classified.next_step.append(item)
    elif state == "look":
        item.uncertain = True
        classified.unreported.setdefault(result.pause, []).append(item)
    elif state == "partial" and not item.id:
        classified.without_id.append((item, result))
    elif state == "rejected" and item.uncertain:
        classified.rejected_late.append((item, result))
    elif state != "again":
        classified.finished.append((item, outcome_of(item, state, result)))
    elif pacing.may_retry(item):
        classified.retry.append((item, result))
    else:
        classified.finished.append((item, outcome_of(item, result.so_far or "unknown", result)))
