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
    from mautic_async.bulk.items import Facts, Packed, Parcel
    from mautic_async.bulk.outcomes import Budget, Status
    from mautic_async.errors import Problem

E = TypeVar("E")
R_contra = TypeVar("R_contra", contravariant=True)

State: TypeAlias = Literal["created", "updated", "rejected", "partial", "unknown", "step", "again", "look"]


@define
class Receipt(Generic[E]):
    """What an answer, or a look at the server, says of one row.

    ====================  ==============================================================================================
    state                 meaning
    ====================  ==============================================================================================
    created, updated      the step is done and nothing is left to do
    rejected              refused; nothing of it is stored (row codes 400 to 499)
    partial               the entity is stored, a part is not, and repeating would not mend it (row code 0)
    unknown               from `read_back`: it cannot be told, and sending it again could do it twice: the end
    step                  this step is done; *step* names the next one, *known* holds what it needs (the id)
    again                 send the step again after *pause* seconds: from `deliver`, a refusal that time mends (404
                          ``ID = 0``, 409, a deadlock); from `read_back`, it is missing, or repeating it does no harm
    look                  from `deliver`: the answer does not say what became of the row: look, after *pause* seconds
    ====================  ==============================================================================================

    Attributes:
        state: See above.
        id: Of the entity; 0 when not known.
        problems: For `rejected`, `partial`, `unknown`; also for `again`, in case it is given up.
        entity: For the caller, if entities are wanted.
        known: Facts to add to what is known of the row; kept by the journal.
        step: The next step, with state ``step``.
        pause: Seconds, with the states ``again`` and ``look``.
        fresh: From `read_back`: what is stored can only have been written by this very request (created since, a
            marker). When the last row of a batch is fresh and done, the server has ended the request: no need to wait.
        load: Whether it says that the server is overloaded (a deadlock).
        so_far: With ``step``: whether the finished step created or updated the entity (None: it only looked). With
            ``again``: what the row is if it has to be given up; ``unknown`` unless said. From `read_back`: ``partial``
            if the entity was made since the row first left, ``rejected`` if it surely was not touched since.
    """

    state: State
    id: int = 0
    problems: tuple[Problem, ...] = ()
    entity: E | None = field(default=None, eq=False)
    known: Facts | None = None
    step: str = ""
    pause: float = 0.0
    fresh: bool = False
    load: bool = False
    so_far: Status | None = None


@frozen
class Delivery(Generic[E]):
    """An answer to a batch.

    Attributes:
        receipts: One a parcel, in the order of the parcels.
        requests: How many HTTP requests it took.
        seconds: How long the server took over them, without waits for the rate limiter; None if not known.
    """

    receipts: Sequence[Receipt[E]]
    requests: int = 1
    seconds: float | None = None


class Courier(Protocol[R_contra, E]):
    """What the engine needs to know of a kind of row and of the server.

    Attributes:
        limit: The most rows a request may hold, as far as is known before the first one.
        guarantee: What may be relied on for new custom items (or whatever else is not idempotent); goes to the report.
        needed: Set before each `deliver`: how many requests the job still needs at most, or None where nobody knows. A
            rate limit that leaves room for them need not be spread over its window.
    """

    limit: int
    guarantee: str
    needed: int | None

    async def prepare(self, job: str) -> None:
        """Ask the server what rows can be checked against; once, before the first row is packed.

        Args:
            job: The journal's name for the job, or "": stable over resumption, so that markers can be derived from it.

        Raises:
            MauticError: The job cannot work at all; nothing was sent.
        """

    def pack(self, row: R_contra, index: int) -> Packed:
        """Make *row* ready. Pure and quick: it is called once a row, and never awaits.

        A row that cannot be encoded is no exception: it is packed with `Packed.problems`.
        """

    def unpack(self, body: bytes) -> Any:
        """The row that was packed as *body*. Asked only of a journal that keeps rows; any error means: it cannot."""

    def repeatable_part(self, row: Any) -> Any:
        """Return *row* without what a second sending would add once more: new items that nothing tells apart.

        Asked when a newer row may have been overwritten by an older one that named the same entity by another key.
        """

    async def deliver(self, step: str, parcels: Sequence[Parcel[Any]]) -> Delivery[E]:
        """Send one batch, all of the same step, in one request, without repeating it.

        The request must be sent such that nothing below repeats it (``Call.repeat=False``); a look-up step may.

        Returns:
            One receipt a parcel, by position.

        Raises:
            MauticError: No row-by-row answer; ``.verdict.bulk`` says what the rows are to suffer.
        """

    async def read_back(self, step: str, parcels: Sequence[Parcel[Any]]) -> Delivery[E]:
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

    def budget(self) -> Budget | None:
        """What is left of the rate limit, for the progress display; None if the server has told none."""


def outcome_of(item: Parcel[Any], status: Status, result: Receipt[E]) -> Outcome[E]:
    """Return the outcome of *item*, which ends with *status*.

    What earlier steps stored counts: a row that is refused in its second step is ``partial``.
    """
    if item.so_far is not None:
        if status in ("created", "updated"):
            status = item.so_far
        elif status == "rejected":
            status = "partial"
    return Outcome(item.index, status, item.id, result.problems, result.entity or item.entity, item.sends)
