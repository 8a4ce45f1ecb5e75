"""What the engine asks of a kind of row: the courier, who alone knows the server.

The engine reads rows, keeps their order per key, forms batches, journals, waits, halves and counts. It never looks into
a row. A courier (one object a run) packs rows, carries batches, and goes to look what became of those whose answer was
lost. Contacts, companies, edits by id and deletes are four couriers and one engine.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeAlias, TypeVar

from attrs import Factory, define, field, frozen

from mautic_async.models._base import JSON

if TYPE_CHECKING:
    from mautic_async.bulk.outcomes import Budget, Status
    from mautic_async.errors import Problem

E = TypeVar("E")
R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)

Facts: TypeAlias = Mapping[str, JSON]
"""What was learned of a row and must survive a crash: ids, mostly. JSON, so that the journal can keep it."""

State: TypeAlias = Literal["created", "updated", "rejected", "partial", "unknown", "step", "again", "look"]


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
class Parcel(Generic[R]):
    """One row on its way. A courier reads the first group; the rest is the engine's.

    Attributes:
        index: The row's place in the input.
        row: As the caller gave it.
        packed: As `Courier.pack` made it.
        step: What is to be done next: "" first, then what the last receipt named.
        known: What receipts, the journal or an earlier run taught about it.
        since: Epoch seconds of this machine at which the row was first about to leave, over all runs: an entity made
            after that is the row's own. 0 before.
        sent_at: The same of the last try of this step: what is changed after that is this very request's doing.
        tries: How often this step has been sent.
    """

    index: int
    row: R = field(repr=False)
    packed: Packed
    step: str = ""
    known: dict[str, JSON] = Factory(dict)
    since: float = 0.0
    sent_at: float = 0.0
    tries: int = 0

    id: int = 0
    """Of the entity, once known."""
    digest: bytes = b""
    """Hash of the content, where there is a journal."""
    keys: Sequence[Hashable] = field(default=(), repr=False)
    """The lanes it holds or awaits; none before it has entered them."""
    carried_at: float = 0.0
    """Loop time at which it was last handed to the courier."""
    ahead: int = 0
    """In how many lanes another row is before it."""
    maybe: bool = False
    """Whether the server may hold some of it."""
    blows: int = 0
    """What is held against it: the requests it was in that failed as a whole without a reason."""
    alone: int = 0
    """The same for requests of its own."""
    struck_at: int = 0
    """How many requests of the job had succeeded when it was first in such a one."""
    sends: int = 0
    """How often it was sent, over all steps."""
    uncertain: bool = False
    """Whether an earlier request with it may have stored some of it: a later refusal does not mean that nothing is."""
    began_at: float = 0.0
    """Loop time at which its first step was last sent: all that it has written since is on the server in this order."""
    resent: Parcel[R] | None = None
    """The row whose values it sends once more, since they may have been overwritten by an older row; often itself."""
    original: tuple[R, Packed] | None = field(default=None, repr=False)
    """What it was before that."""
    untouched: bool = False
    """Whether the last look showed that nothing has changed its entity since the row first left."""
    entity: Any = field(default=None, repr=False)
    """What an earlier step returned of it, for the outcome."""
    stages: int = 1
    """How many steps it has had."""
    so_far: Status | None = None
    """What the steps that are done have made of it."""
    brings: int = -1
    """Which of its names it has to bring, a bit each; the others were there when it was first sent."""


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
