"""One row of a bulk job: its encoded form, and what the job knows of it while it is under way."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from attrs import Factory, define, field

from mautic_async.journal.records import RowRecord
from mautic_async.models._base import JSON

if TYPE_CHECKING:
    from mautic_async.bulk.outcomes import Status
    from mautic_async.errors import Problem

R = TypeVar("R")

Facts: TypeAlias = Mapping[str, JSON]
"""What was learned of a row and must survive a crash: ids, mostly. JSON, so that the journal can keep it."""


@define
class EncodedRow:
    """A row made ready for sending, once, when it is read. Not frozen: that takes twice as long, each row.

    Attributes:
        body: The row as JSON text. Its length is its weight in a batch, its hash tells a changed input from the same
            one, and it is what a dead letter holds. Without anything that differs from run to run.
        ordering_keys: Everything by which two rows could meet on the server: all unique values of the contact, coarser
            than the database compares them (cleaned, trimmed, NFKC, casefolded, accents stripped), and every unique
            value of its custom items (exact, per object). Two rows with a common key are never under way at once, and
            are sent in the order of the input. Empty: the row meets nobody.
        creates: Keys that count only until one row with them is stored: names that the server makes where they are
            missing, and would make twice if two rows brought them at once.
        problems: Reasons to refuse the row here; it is then not sent.
        is_stored: Whether the server is known to hold the row as it is; it is then not sent, and ``unchanged``.
        id: Of the entity of a row that is stored; 0 where it is not known.
        payload: Whatever `BulkAdapter.send` wants to have at hand, such as the decoded form.
        hold_keys_seconds: Seconds after the answer before a row with a common key may leave (unique custom items: more
            than 1).
        facts_key: The name under which what is learned of the row is kept for the next run of the same job, or "".
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


@define(eq=False)
class Blame:
    """The evidence against one row whose requests fail as a whole; read and written by `bisect` alone.

    Attributes:
        suspicion: Points for failed requests that the row was in.
        solo_failures: Points for failed requests that held this row alone.
        successes_at_first_failure: Requests of the job that had succeeded when the row first failed. If more have
            succeeded since, the server as a whole is well.
        untouched: Whether the last look-up showed that nothing has changed the row's entity since it was first sent.
    """

    suspicion: int = 0
    solo_failures: int = 0
    successes_at_first_failure: int = 0
    untouched: bool = False


@define(eq=False)
class WorkItem(Generic[R]):
    """One row under way. An adapter reads the first group of attributes; the others belong to the bulk job.

    Attributes:
        index: The row's place in the input.
        row: As the caller gave it.
        encoded: As `BulkAdapter.encode` encoded it.
        step: What is to be done next: "" first, then what the last result named.
        facts: What results, the journal or an earlier run said about it.
        first_sent_at: Epoch seconds of this machine at which the row was first about to be sent, over all runs: an
            entity made after that is the row's own. 0 before.
        sent_at: The same of the last attempt of this step: what is changed after that was changed by this request.
        attempts: How often this step has been sent.
        had_unknown_outcome: Whether an earlier request with it may have stored some of it: a later refusal does not
            mean that nothing is stored.
    """

    index: int
    row: R = field(repr=False)
    encoded: EncodedRow
    step: str = ""
    facts: dict[str, JSON] = Factory(dict)
    first_sent_at: float = 0.0
    sent_at: float = 0.0
    attempts: int = 0
    had_unknown_outcome: bool = False

    # Read by the ordering of rows and by `collisions`.
    queue_keys: Sequence[Hashable] = field(default=(), repr=False)
    """The keys whose queues it is in; none before it has entered them."""
    first_step_sent_at: float = 0.0
    """Loop time at which its first step was last sent: all that it has written since is on the server in this order."""
    resend_of: WorkItem[R] | None = None
    """The row whose values it sends once more, since they may have been overwritten by an older row; often itself."""
    original: tuple[R, EncodedRow] | None = field(default=None, repr=False)
    """Its own row and encoded form, while it sends those of another."""

    # Read by recovery.
    sent_loop_time: float = 0.0
    """Loop time at which it was last handed to the adapter."""
    may_be_stored: bool = False
    """Whether the server may hold some of it."""
    blame: Blame | None = None
    """The evidence against it, once a request with it has failed as a whole."""

    # Read for its outcome and for the journal.
    id: int = 0
    """Of the entity, once known."""
    row_hash: bytes = b""
    """Hash of the content, where there is a journal."""
    total_attempts: int = 0
    """How often it was sent, over all steps."""
    steps: int = 1
    """How many steps it has had."""
    partial_status: Status | None = None
    """What the steps that are done have made of it."""
    entity: Any = field(default=None, repr=False)
    """What an earlier step returned of it, for the outcome."""


def journal_record(item: WorkItem[Any], state: str, *, creates: int, status: str = "") -> RowRecord:
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
        attempts=item.attempts,
        first_sent_at=item.first_sent_at,
        facts=item.facts,
        status=status,
        partial_status=item.partial_status or "",
        id=item.id,
        facts_key=item.encoded.facts_key,
        creates_mask=creates,
    )


def undo_attempt(items: Iterable[WorkItem[Any]]) -> None:
    """Do not count the last attempt of *items*: their request was refused before any row was processed."""
    for item in items:
        item.attempts -= 1
