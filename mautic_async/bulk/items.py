"""One row of a bulk job: its encoded form, and the state that the parts of the job keep of it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from attrs import Factory, define, field, frozen

from mautic_async.journal.records import RecordState, RowRecord
from mautic_async.models._base import JSON

if TYPE_CHECKING:
    from mautic_async.bulk.outcomes import Status
    from mautic_async.errors import Problem

R = TypeVar("R")

Facts: TypeAlias = Mapping[str, JSON]
"""Facts about a row that must survive a crash, ids mostly. JSON, so that the journal can keep them."""


@define
class EncodedRow:
    """A row ready to be sent, encoded once, when it is read. Not frozen: that would double the time for each row.

    Attributes:
        body: The row as JSON text, the same in every run. Its length is its weight in a batch, its hash shows a
            changed input, and dead letters hold it.
        ordering_keys: Everything by which two rows could meet on the server: all unique values of the contact, compared
            at least as coarsely as by the database, and every unique value of its custom items (exact, per object).
            Two rows with a common key are never in flight together, and are sent in the order of the input.
        problems: Reasons to reject the row without sending it.
        payload: Anything that `BulkAdapter.send` needs, such as the decoded form.
        hold_keys_seconds: Seconds after the answer during which no row with a common key may be sent.
        facts_key: The name under which the journal keeps the row's facts for the next run of the same job, or "".
        creates: Keys that count only until one row with them is stored: names that the server creates if they are
            missing, and would create twice if two rows brought them at once.
        is_stored: The server is known to hold the row as it is: it is not sent, and becomes ``unchanged``.
        id: Of the entity of a row that is stored; 0 if not known.
    """

    body: bytes = field(repr=False)
    ordering_keys: Sequence[Hashable] = field(default=(), repr=False)
    problems: Sequence[Problem] = ()
    payload: Any = field(default=None, repr=False)
    hold_keys_seconds: float = 0.0
    facts_key: str = ""
    creates: Sequence[Hashable] = field(default=(), repr=False)
    is_stored: bool = False
    id: int = 0


@define
class SendHistory:
    """The record of when and how often a row was sent, and of the outcome of those requests.

    Attributes:
        attempts: Attempts of the current step.
        total: Attempts over all steps.
        first_at: Epoch seconds of this machine at the first attempt, over all runs; 0 before. An entity created after
            that is the row's own.
        last_at: The same for the last attempt of this step: changes since then were made by this request.
        last_loop_time: Loop time of the last attempt.
        first_step_loop_time: Loop time at which the first step was last sent. Its writes are later than that.
        may_be_stored: The server may hold some of the row.
        had_unknown_outcome: An earlier request may have stored some of the row, so a later refusal does not prove that
            nothing is stored.
    """

    attempts: int = 0
    total: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    last_loop_time: float = 0.0
    first_step_loop_time: float = 0.0
    may_be_stored: bool = False
    had_unknown_outcome: bool = False


@frozen
class EarlierSteps:
    """The finished steps of a row.

    Attributes:
        count: Their number.
        status: The status that they have earned; None if they only looked.
        entity: The entity that they returned, for the outcome.
    """

    count: int = 0
    status: Status | None = None
    entity: Any = field(default=None, repr=False)


@define(eq=False)
class Blame:
    """The evidence against one row whose requests fail as a whole; read and written by `bisect` alone.

    Attributes:
        suspicion: Points for failed requests that the row was in.
        solo_failures: Points for failed requests that held this row alone.
        successes_at_first_failure: Requests of the job that had succeeded when the row first failed. If more have
            succeeded since, the server as a whole is well.
        untouched: The last look-up has shown that nothing has changed the row's entity since it was first sent.
    """

    suspicion: int = 0
    solo_failures: int = 0
    successes_at_first_failure: int = 0
    untouched: bool = False


@define(eq=False)
class Resend(Generic[R]):
    """A row that sends the values of the newest row of its entity once more, see `collisions`.

    Attributes:
        newest: The row whose values are sent; often the row itself.
        row: The row's own content, for its outcome.
        encoded: The same, encoded.
    """

    newest: WorkItem[R]
    row: R = field(repr=False)
    encoded: EncodedRow = field(repr=False)


NO_STEPS: Final = EarlierSteps()


@define(eq=False)
class WorkItem(Generic[R]):
    """One row under way.

    Attributes:
        index: The row's place in the input.
        row: As the caller gave it.
        encoded: As `BulkAdapter.encode` returned it.
        row_hash: Hash of the content, if there is a journal.
        step: The step that is due: "" first, then as the last result named it.
        facts: Facts from results, the journal or an earlier run.
        id: Of the entity, once known.
        sends: When and how often it was sent.
        earlier: The finished steps.
        queue_keys: The keys whose queues it is in; none before it has entered them.
        resend: Set while it sends the values of another row.
        blame: The evidence against it, once a request with it has failed as a whole.
    """

    index: int
    row: R = field(repr=False)
    encoded: EncodedRow
    row_hash: bytes = b""
    step: str = ""
    facts: dict[str, JSON] = Factory(dict)
    id: int = 0
    sends: SendHistory = Factory(SendHistory)
    earlier: EarlierSteps = NO_STEPS
    queue_keys: Sequence[Hashable] = field(default=(), repr=False)
    resend: Resend[R] | None = None
    blame: Blame | None = None


def journal_record(item: WorkItem[Any], state: RecordState, *, creates: int, status: str = "") -> RowRecord:
    """Return the journal's record of *item*.

    Args:
        item: The row.
        state: The state to record.
        creates: The names that the row has to create, a bit each.
        status: Its outcome, if it has one.
    """
    return RowRecord(
        item.index,
        item.row_hash,
        state=state,
        step=item.step,
        attempts=item.sends.attempts,
        first_sent_at=item.sends.first_at,
        facts=item.facts,
        status=status,
        partial_status=item.earlier.status or "",
        id=item.id,
        facts_key=item.encoded.facts_key,
        creates_mask=creates,
    )


def undo_attempt(items: Iterable[WorkItem[Any]]) -> None:
    """Do not count the last attempt of *items*: their request was refused before any row was processed."""
    for item in items:
        item.sends.attempts -= 1
