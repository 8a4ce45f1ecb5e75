"""One row of a bulk job: its encoded form, and what the job knows of it while it is under way."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from attrs import Factory, define, field

from mautic_async.journal.records import Entry
from mautic_async.models._base import JSON

if TYPE_CHECKING:
    from mautic_async.bulk.outcomes import Status
    from mautic_async.errors import Problem

R = TypeVar("R")

Facts: TypeAlias = Mapping[str, JSON]
"""What was learned of a row and must survive a crash: ids, mostly. JSON, so that the journal can keep it."""


@define
class Packed:
    """A row made ready for sending, once, when it is read. Not frozen: that takes twice as long, each row.

    Attributes:
        body: The row as JSON text. Its length is its weight in a batch, its hash tells a changed input from the same
            one, and it is what a dead letter holds. Without anything that differs from run to run.
        keys: Everything by which two rows could meet on the server: all unique values of the contact, coarser than the
            database compares them (cleaned, trimmed, NFKC, casefolded, accents stripped), and every unique value of its
            custom items (exact, per object). Two rows with a common key are never under way at once, and are sent in
            the order of the input. Empty: the row meets nobody.
        firsts: Keys that count only until one row with them is stored: names that the server makes where they are
            missing, and would make twice if two rows brought them at once.
        problems: Reasons to refuse the row here; it is then not sent.
        cargo: Whatever `Courier.deliver` wants to have at hand, such as the decoded form.
        linger: Seconds after the answer before a row with a common key may leave (unique custom items: more than 1).
        memory: The name under which what is learned of the row is kept for the next run of the same job, or "".
    """

    body: bytes = field(repr=False)
    keys: Sequence[Hashable] = field(default=(), repr=False)
    problems: Sequence[Problem] = ()
    cargo: Any = field(default=None, repr=False)
    linger: float = 0.0
    memory: str = ""
    firsts: Sequence[Hashable] = field(default=(), repr=False)


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
class Parcel(Generic[R]):
    """One row under way. An adapter reads the first group of attributes; the others belong to the bulk job.

    Attributes:
        index: The row's place in the input.
        row: As the caller gave it.
        packed: As `Courier.pack` encoded it.
        step: What is to be done next: "" first, then what the last result named.
        known: What results, the journal or an earlier run said about it.
        since: Epoch seconds of this machine at which the row was first about to be sent, over all runs: an entity made
            after that is the row's own. 0 before.
        sent_at: The same of the last attempt of this step: what is changed after that was changed by this request.
        tries: How often this step has been sent.
        uncertain: Whether an earlier request with it may have stored some of it: a later refusal does not mean that
            nothing is stored.
    """

    index: int
    row: R = field(repr=False)
    packed: Packed
    step: str = ""
    known: dict[str, JSON] = Factory(dict)
    since: float = 0.0
    sent_at: float = 0.0
    tries: int = 0
    uncertain: bool = False

    # Read by the ordering of rows and by `collisions`.
    keys: Sequence[Hashable] = field(default=(), repr=False)
    """The keys whose queues it is in; none before it has entered them."""
    began_at: float = 0.0
    """Loop time at which its first step was last sent: all that it has written since is on the server in this order."""
    resent: Parcel[R] | None = None
    """The row whose values it sends once more, since they may have been overwritten by an older row; often itself."""
    original: tuple[R, Packed] | None = field(default=None, repr=False)
    """Its own row and encoded form, while it sends those of another."""

    # Read by recovery.
    carried_at: float = 0.0
    """Loop time at which it was last handed to the adapter."""
    maybe: bool = False
    """Whether the server may hold some of it."""
    blame: Blame | None = None
    """The evidence against it, once a request with it has failed as a whole."""

    # Read for its outcome and for the journal.
    id: int = 0
    """Of the entity, once known."""
    digest: bytes = b""
    """Hash of the content, where there is a journal."""
    sends: int = 0
    """How often it was sent, over all steps."""
    stages: int = 1
    """How many steps it has had."""
    so_far: Status | None = None
    """What the steps that are done have made of it."""
    entity: Any = field(default=None, repr=False)
    """What an earlier step returned of it, for the outcome."""


def journal_record(item: Parcel[Any], state: str, *, creates: int, status: str = "") -> Entry:
    """Return the journal's record of *item*.

    Args:
        item: The row.
        state: The state to record.
        creates: The names that the row has to create, a bit each.
        status: Its outcome, if it has one.
    """
    return Entry(
        item.index,
        item.digest,
        state=state,
        step=item.step,
        tries=item.tries,
        since=item.since,
        known=item.known,
        status=status,
        so_far=item.so_far or "",
        id=item.id,
        memory=item.packed.memory,
        brings=creates,
    )


def undo_attempt(items: Iterable[Parcel[Any]]) -> None:
    """Do not count the last attempt of *items*: their request was refused before any row was processed."""
    for item in items:
        item.tries -= 1
