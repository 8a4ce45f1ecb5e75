"""The protocol between a bulk job and one kind of row: `BulkAdapter`, and the results that it returns.

A job reads rows, keeps their order per key, forms batches, journals, waits and counts. It never looks into a row. An
adapter (one object for each job) encodes rows, sends batches, and looks up the rows of batches whose answer was lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from attrs import define, field, frozen

from mautic_async.bulk.outcomes import Outcome

if TYPE_CHECKING:
    from mautic_async.bulk.items import EncodedRow, Facts, WorkItem
    from mautic_async.bulk.outcomes import RateLimitStatus, SentStatus, Status
    from mautic_async.errors import Problem

E = TypeVar("E")
R_contra = TypeVar("R_contra", contravariant=True)


class Pending(Enum):
    """The state of a row that has no outcome yet, after an answer or a look-up."""

    NEXT_STEP = "next step"
    """This step is done; `RowResult.next_step` is due, and `RowResult.facts` holds what it needs."""
    RETRY = "retry"
    """Send the step again after `RowResult.retry_after` seconds. From `BulkAdapter.send`: a refusal that passes with
    time (404 ``ID = 0``, 409, a deadlock). From `BulkAdapter.look_up`: the row is missing, or repeating is harmless."""
    LOOK_UP = "look up"
    """From `BulkAdapter.send`: the answer does not tell what became of the row. Look it up after
    `RowResult.retry_after` seconds."""


@define
class RowResult(Generic[E]):
    """The result of one row, from an answer or from a look-up.

    Attributes:
        state: `Pending`, or the status with which the row ends. ``rejected``: nothing of it is stored. ``partial``:
            the entity is stored, a part is not, and repeating would not help. ``unknown``: it cannot be told, and
            repeating could store it twice.
        id: Of the entity; 0 if not known.
        problems: Reasons for ``rejected``, ``partial`` and ``unknown``; with `Pending.RETRY` those for giving up.
        entity: For the caller, if entities are wanted.
        facts: Facts to add to those of the row; the journal keeps them.
        next_step: The next step, with `Pending.NEXT_STEP`.
        retry_after: Seconds, with `Pending.RETRY` and `Pending.LOOK_UP`.
        proves_request_ended: From a look-up: only this very request can have written what is stored. If that holds for
            the last row of a batch, the server has ended the request, and waiting is over.
        overload: The result says that the server is overloaded (a deadlock).
        status_if_given_up: With `Pending.NEXT_STEP`: the status that the finished step has earned, None if it only
            looked. With `Pending.RETRY`: the status of the row if it has to be given up, None for ``unknown``. From a
            look-up: ``partial`` if the entity was created since the row was first sent, ``rejected`` if it surely was
            not touched since.
        changed_at: The time of the entity's last change, from the answer: epoch seconds of the server's clock.
    """

    state: SentStatus | Pending
    id: int = 0
    problems: tuple[Problem, ...] = ()
    entity: E | None = field(default=None, eq=False)
    facts: Facts | None = None
    next_step: str = ""
    retry_after: float = 0.0
    proves_request_ended: bool = False
    overload: bool = False
    status_if_given_up: Status | None = None
    changed_at: float | None = None


@frozen
class BatchResult(Generic[E]):
    """The answer to a batch.

    Attributes:
        results: One for each row, in the order of the rows.
        requests: The number of HTTP requests that it took.
        seconds: The time that the server took, without waits for the rate limiter; None if not known.
    """

    results: Sequence[RowResult[E]]
    requests: int = 1
    seconds: float | None = None


class BulkAdapter(Protocol[R_contra, E]):
    """One kind of row, and the requests that store it.

    Attributes:
        max_rows: The most rows a request may hold, as far as is known before the first one.
        guarantee: The guarantee for new custom items, in words, for the report.
        requests_left: Set before each `send`: the most requests that the job still needs, None if not known. A rate
            limit that leaves room for them need not be spread over its window.
    """

    max_rows: int
    requests_left: int | None

    @property
    def guarantee(self) -> str: ...  # noqa: D102 - see above

    async def prepare(self, job: str) -> None:
        """Ask the server for what rows are checked against; called once, before the first row is encoded.

        Args:
            job: The journal's name for the job, the same after a resumption; "" without a journal.

        Raises:
            MauticError: The job cannot work at all; nothing was sent.
        """

    def encode(self, row: R_contra, index: int) -> EncodedRow:
        """Encode and check one row. Pure and quick; a row that cannot be sent gets `EncodedRow.problems`."""

    def decode(self, body: bytes) -> Any:
        """Return the row that was encoded as *body*. Only journals that keep rows need it; any error is caught."""

    def idempotent_part(self, row: Any) -> Any:
        """Return *row* without the new items that sending it again would double.

        Called when an older row, which named the same entity by another key, may have overwritten a newer one.
        """

    async def send(self, step: str, batch: Sequence[WorkItem[Any]]) -> BatchResult[E]:
        """Send one batch, all of the same step.

        A request that writes must not be retried below (``Call.retryable=False``).

        Raises:
            MauticError: There is no row-by-row answer; ``.verdict.batch`` says how to go on.
        """

    async def look_up(self, step: str, batch: Sequence[WorkItem[Any]]) -> BatchResult[E]:
        """Look up what the server holds of rows of which *step* was sent and not answered.

        The result of a row is a final status if it is stored whole; `Pending.NEXT_STEP` if this step is done;
        `Pending.RETRY` if it is missing, or cannot be told and repeating is harmless; ``unknown`` if it cannot be told
        and repeating could store it twice. Equal values prove that a row is stored; different values prove nothing,
        since the server cleans text. Rows of which every part may be repeated need no request at all.

        Raises:
            MauticError: The look-up itself failed; the job repeats it later.
        """

    def rate_limit(self) -> RateLimitStatus | None:
        """Return what is left of the rate limit; None if the server has not told one."""


def outcome_of(item: WorkItem[Any], status: Status, result: RowResult[E]) -> Outcome[E]:
    """Return the outcome of *item*, which ends with *status*.

    Finished steps count: a row that is refused in its second step is ``partial``.
    """
    earlier = item.earlier
    if earlier.status is not None:
        if status in ("created", "updated"):
            status = earlier.status
        elif status == "rejected":
            status = "partial"
    entity = result.entity if result.entity is not None else earlier.entity
    return Outcome(item.index, status, item.id, result.problems, entity, item.sends.total)
