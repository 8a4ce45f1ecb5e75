"""What the engine asks of a kind of row: the courier, who alone knows the server.

The engine reads rows, keeps their order per key, forms batches, journals, waits, halves and counts. It never looks into
a row. A courier (one object a run) packs rows, carries batches, and goes to look what became of those whose answer was
lost. Contacts, companies, edits by id and deletes are four couriers and one engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeAlias, TypeVar

from attrs import define, field, frozen

from mautic_async.bulk.outcomes import Outcome

if TYPE_CHECKING:
    from mautic_async.bulk.items import EncodedRow, Facts, WorkItem
    from mautic_async.bulk.outcomes import RateLimitStatus, Status
    from mautic_async.errors import Problem

E = TypeVar("E")
R_contra = TypeVar("R_contra", contravariant=True)

ResultState: TypeAlias = Literal["created", "updated", "rejected", "partial", "unknown", "step", "again", "look"]


@define
class RowResult(Generic[E]):
    """What an answer, or a look at the server, says of one row.

    ====================  ==============================================================================================
    state                 meaning
    ====================  ==============================================================================================
    created, updated      the step is done and nothing is left to do
    rejected              refused; nothing of it is stored (row codes 400 to 499)
    partial               the entity is stored, a part is not, and repeating would not mend it (row code 0)
    unknown               from `look_up`: it cannot be told, and sending it again could do it twice: the end
    step                  this step is done; *next_step* names the next one, *facts* holds what it needs (the id)
    again                 send the step again after *retry_after* seconds: from `deliver`, a refusal that time mends
                          (404 ``ID = 0``, 409, a deadlock); from `look_up`, it is missing, or repeating it does no harm
    look                  from `deliver`: the answer does not say what became of the row: look, after *retry_after*
    seconds ====================
    ==============================================================================================

    Attributes:
        state: See above.
        id: Of the entity; 0 when not known.
        problems: For `rejected`, `partial`, `unknown`; also for `again`, in case it is given up.
        entity: For the caller, if entities are wanted.
        facts: Facts to add to what is known of the row; kept by the journal.
        next_step: The next step, with state ``next_step``.
        retry_after: Seconds, with the states ``again`` and ``look``.
        changed_at: When the entity was last changed, as the answer says: epoch seconds of the server's clock.
        proves_request_ended: From `look_up`: what is stored can only have been written by this very request (created
            since, a marker). When the last row of a batch is fresh and done, the server has ended the request: no need
            to wait.
        overload: Whether it says that the server is overloaded (a deadlock).
        status_if_given_up: With ``next_step``: whether the finished step created or updated the entity (None: it only
            looked). With ``again``: what the row is if it has to be given up; ``unknown`` unless said. From `look_up`:
            ``partial`` if the entity was made since the row first left, ``rejected`` if it surely was not touched
            since.
    """

    state: ResultState
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
    """An answer to a batch.

    Attributes:
        results: One a parcel, in the order of the parcels.
        requests: How many HTTP requests it took.
        seconds: How long the server took over them, without waits for the rate limiter; None if not known.
    """

    results: Sequence[RowResult[E]]
    requests: int = 1
    seconds: float | None = None


class BulkAdapter(Protocol[R_contra, E]):
    """What the engine needs to know of a kind of row and of the server.

    Attributes:
        max_rows: The most rows a request may hold, as far as is known before the first one.
        guarantee: What may be relied on for new custom items (or whatever else is not idempotent); goes to the report.
        requests_left: Set before each `send`: how many requests the job still needs at most, or None where nobody
            knows. A rate limit that leaves room for them need not be spread over its window.
    """

    max_rows: int
    guarantee: str
    requests_left: int | None

    async def prepare(self, job: str) -> None:
        """Ask the server what rows can be checked against; once, before the first row is packed.

        Args:
            job: The journal's name for the job, or "": stable over resumption, so that markers can be derived from it.

        Raises:
            MauticError: The job cannot work at all; nothing was sent.
        """

    def encode(self, row: R_contra, index: int) -> EncodedRow:
        """Make *row* ready. Pure and quick: it is called once a row, and never awaits.

        A row that cannot be encoded is no exception: it is packed with `EncodedRow.problems`.
        """

    def decode(self, body: bytes) -> Any:
        """The row that was packed as *body*. Asked only of a journal that keeps rows; any error means: it cannot."""

    def idempotent_part(self, row: Any) -> Any:
        """Return *row* without what a second sending would add once more: new items that nothing tells apart.

        Asked when a newer row may have been overwritten by an older one that named the same entity by another key.
        """

    async def send(self, step: str, batch: Sequence[WorkItem[Any]]) -> BatchResult[E]:
        """Send one batch, all of the same step, in one request, without repeating it.

        The request must be sent such that nothing below repeats it (``Call.retryable=False``); a look-up step may.

        Returns:
            One receipt a parcel, by position.

        Raises:
            MauticError: No row-by-row answer; ``.verdict.batch`` says what the rows are to suffer.
        """

    async def look_up(self, step: str, batch: Sequence[WorkItem[Any]]) -> BatchResult[E]:
        """Look what the server holds of these rows, of which *step* was sent and not answered.

        For each row: a final state if it is there whole; ``step`` if this step is done and the next one is due;
        ``again`` if it is missing, or if it cannot be told and repeating does no harm (an update by unique value, an
        item by id), with what is now known, so that only what is missing is sent; ``unknown`` if it cannot be told and
        repeating could do it twice. Equal values prove that a row is stored; others prove nothing (the server cleans
        text).

        Rows of which every part may be repeated need no request at all: ``again`` for each.

        Raises:
            MauticError: The look itself failed; the engine tries it later.
        """

    def rate_limit(self) -> RateLimitStatus | None:
        """What is left of the rate limit, for the progress display; None if the server has told none."""


def outcome_of(item: WorkItem[Any], status: Status, result: RowResult[E]) -> Outcome[E]:
    """Return the outcome of *item*, which ends with *status*.

    What earlier steps stored counts: a row that is refused in its second step is ``partial``.
    """
    if item.partial_status is not None:
        if status in ("created", "updated"):
            status = item.partial_status
        elif status == "rejected":
            status = "partial"
    return Outcome(item.index, status, item.id, result.problems, result.entity or item.entity, item.total_attempts)
