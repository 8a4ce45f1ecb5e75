"""Batches of single calls, such as `edit_many`: chunks, outcomes by position, and checks of the rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from attrs import Factory, define, evolve

from mautic_async import codec, protocol
from mautic_async.bulk import Outcome
from mautic_async.errors import (
    Action,
    ConfigurationError,
    Fate,
    MauticError,
    OutcomeUnknown,
    Problem,
    ServerError,
)
from mautic_async.protocol import Call, Effect, RowAnswer

if TYPE_CHECKING:
    from mautic_async.bulk.outcomes import SentStatus, Status
    from mautic_async.models import Entity
    from mautic_async.resources._batch_resource import BatchResource

E = TypeVar("E", bound="Entity")

MAX_BATCH_ROWS: Final = 200
"""Rows a request: Mautic's default ``api_batch_max_limit``; beyond it Mautic to 7 answers a 500 that no retry mends."""


RETRYABLE_SQL_CODES: Final = frozenset({1040, 1053, 1062, 1205, 1213, 1412, 1615, 2002, 2003, 2006, 2013})
"""MySQL errors that pass with time: too many connections, a shutdown, a lost race, a lock wait timeout, a deadlock, a
changed table, a database that cannot be reached or has gone. The same row may pass later; some of it may be stored."""

CATEGORY: Final = "category"

NO_SUCH_ID: Final = Problem("nothing had this id", "id", 404)

_REFUSED_BEFORE_SAVE: Final = (
    *("Failed to parse time string", "name cannot be blank"),
    *("name is too long", "should not be blank"),
)


def refused_before_save(problems: Iterable[Problem]) -> bool:
    """Return True if a row of code 0 was refused before its contact was saved, by the plugin's dry run."""
    return any(words in problem.message for problem in problems for words in _REFUSED_BEFORE_SAVE)


def encode_with_ids(entities: Iterable[E], encode: Callable[[E], dict[str, Any]]) -> list[dict[str, Any]]:
    """Encode rows of a batch edit, each with its id.

    Raises:
        ConfigurationError: A row has no id, or two have the same: the server would write onto the wrong entities.
    """
    rows = list(entities)
    require_unique_ids(row.id for row in rows)
    return [{"id": row.id, **encode(row)} for row in rows]


def require_unique_ids(ids: Iterable[object]) -> None:
    """Check that a batch edit has an id in every row, and none twice.

    Raises:
        ConfigurationError: A row has no id, or two have the same.
    """
    # Mautic answers rows by position, and a row without an id shifts all others.
    seen: set[int] = set()
    for index, id in enumerate(ids):
        if isinstance(id, bool) or not isinstance(id, int) or id <= 0:
            raise ConfigurationError(
                f"row {index}: a batch edit needs the id of every row; one without it makes Mautic write the others"
                " onto the wrong entities"
            )
        if id in seen:
            raise ConfigurationError(f"row {index}: id {id} is there twice; Mautic would make a duplicate of it")
        seen.add(id)


def row_status(row: RowAnswer) -> SentStatus:
    """Return the status of one row of an answer, from its problems and its entity; the HTTP status says nothing."""
    if row.problems:
        # A problem without a 4xx code arose while or after the row was stored, so a part of it may be there.
        refused = row.status is not None and 400 <= row.status < 500 and not _is_lost_link(row)
        return "rejected" if refused or refused_before_save(row.problems) else "partial"
    if row.entity is None or (row.status is not None and not 200 <= row.status < 300):
        return "unknown"
    return "created" if row.status in {201, 202} else "updated"


def _is_lost_link(row: RowAnswer) -> bool:
    # The contact is stored and its item exists, but was written twice within a second.
    return row.status == 404 and any("ID = 0" in problem.message for problem in row.problems)


def row_outcome(index: int, row: RowAnswer, resource: BatchResource[E], body: Mapping[str, Any]) -> Outcome[E]:
    """Return the outcome of one row of a batch answer; *body* is what was sent of it."""
    status, problems = row_status(row), row.problems
    if status not in {"created", "updated", "partial"} or row.entity is None:
        return Outcome(index, status, 0, problems)
    entity = resource._after_read(codec.decode(resource._model, row.entity), row.status)
    # A row with problems is partial anyway; a comparison would only list what was refused.
    lost = () if problems else tuple(resource._values_not_kept(body, entity))
    return Outcome(index, "partial" if lost else status, entity.id, problems or lost, entity)


@define(eq=False)
class _Batches(Generic[E]):
    """Bodies that are sent in chunks, and the outcomes so far.

    Attributes:
        outcomes: By the place of a row among the bodies.
        chunks: The chunks that are left, as places, and True for one that comes from a chunk that failed.
    """

    resource: BatchResource[E]
    method: str
    path: str
    effect: Effect
    bodies: list[dict[str, Any]]
    outcomes: dict[int, Outcome[E]] = Factory(dict)
    chunks: deque[tuple[Sequence[int], bool]] = Factory(deque)

    async def send_next(self) -> None:
        """Send one chunk; if the request fails, leave smaller chunks, or record the outcomes."""
        places, is_retry = self.chunks.popleft()
        chunk = [self.bodies[place] for place in places]
        path = f"{self.resource.endpoint.path}/{self.path}"
        call = Call(self.method, path, self.effect, body=chunk, row_count=len(chunk), is_batch=True)
        try:
            answer = (await self.resource._send(call)).body
        except MauticError as error:
            # Nothing of an oversized batch is stored, so all that is left can be cut into smaller chunks.
            if size := _reduced_size(error, len(chunk)):
                left = [place for piece, _ in ((places, False), *self.chunks) for place in piece]
                self.chunks = _split(left, size)
            elif not self.outcomes and error.verdict is not None and error.verdict.batch is Action.ABORT:
                # Every chunk would fail like this one. Once there are outcomes, raising would lose them.
                raise
            elif self.effect is Effect.IDEMPOTENT and _ended_on_the_server(error):
                # The server has ended the request, so its rows may be sent again in other chunks.
                await self._recover(places, error, is_retry=is_retry)
            else:
                self._fail(places, error)
            return
        rows = protocol.parse_batch(answer, self.resource.endpoint.many, len(chunk))
        for place, row, sent in zip(places, rows, chunk, strict=True):
            self.outcomes[place] = row_outcome(place, row, self.resource, sent)

    async def _recover(self, places: Sequence[int], error: MauticError, *, is_retry: bool) -> None:
        """Find the reason for a bare 500 to edits, which may be sent again.

        Mautic 7 answers a batch with a missing id so. Mautic 5 does to the second row whose stored category the row
        before it shares, unless the row names its category.
        """
        left = places
        # The pieces of a chunk need no second look-up: it has named what there was to name.
        if not is_retry:
            try:
                stored = await self.resource._existing([self.bodies[place]["id"] for place in places])
            except MauticError:
                self._fail(places, error)
                return
            left = [place for place in places if self.bodies[place]["id"] in stored]
            for place in set(places).difference(left):
                self.outcomes[place] = Outcome(place, "rejected", problems=(NO_SUCH_ID,))
            # Either finding explains the 500, so the corrected chunk is tried before it is halved.
            if self._name_categories(left, stored) or len(left) < len(places):
                self.chunks.extendleft([(left, True)] if left else [])
                return
        if len(left) == 1:
            self._fail(left, error)
        else:
            # Bisection: halves are sent until the failing row is alone. extendleft reverses its argument.
            half = len(left) // 2
            self.chunks.extendleft([(left[half:], True), (left[:half], True)])

    def _name_categories(self, places: Sequence[int], stored: Mapping[int, E]) -> bool:
        """Let each row name its stored category, unless it names one; return True if any row has changed."""
        found = {place: stored_category(stored[self.bodies[place]["id"]]) for place in places}
        missing = {place: id for place, id in found.items() if id and CATEGORY not in self.bodies[place]}
        for place, id in missing.items():
            self.bodies[place] = {**self.bodies[place], CATEGORY: id}
        return bool(missing)

    def _fail(self, places: Sequence[int], error: MauticError) -> None:
        failed = _failed_outcomes(error, len(places))
        self.outcomes |= {place: evolve(outcome, index=place) for place, outcome in zip(places, failed, strict=True)}


async def send_many(
    resource: BatchResource[E], method: str, path: str, effect: Effect, bodies: Sequence[dict[str, Any]]
) -> list[Outcome[E]]:
    """Send *bodies* in chunks, one after another; a chunk that fails does not hide the outcome of the others.

    Raises:
        MauticError: The very first chunk failed in a way that no other one would escape (401, 403, a wrong set-up).
    """
    batches = _Batches(resource, method, path, effect, list(bodies), chunks=_split(range(len(bodies)), MAX_BATCH_ROWS))
    while batches.chunks:
        await batches.send_next()
    return [batches.outcomes[place] for place in range(len(bodies))]


def _split(places: Sequence[int], size: int) -> deque[tuple[Sequence[int], bool]]:
    return deque((places[start : start + size], False) for start in range(0, len(places), size))


def _ended_on_the_server(error: MauticError) -> bool:
    """Return True if Mautic itself answered with a bare 500, so that the request has ended."""
    verdict = error.verdict
    return verdict is not None and verdict.batch is Action.RECONCILE and not verdict.may_still_run


def stored_category(entity: Entity) -> int:
    """Return the id of the entity's category; 0 if it has none."""
    category = getattr(entity, CATEGORY, None)
    id = getattr(category, "id", 0)
    return id if isinstance(id, int) else 0


def _reduced_size(error: MauticError, rows: int) -> int:
    """Return how many rows to send instead, if there were too many of them, or too many bytes; else 0."""
    if isinstance(error, ServerError) and error.batch_limit is not None:
        return error.batch_limit
    return rows // 2 if error.verdict is not None and error.verdict.batch is Action.SPLIT else 0


def _failed_outcomes(error: MauticError, rows: int) -> list[Outcome[Any]]:
    """Return the outcomes of rows whose request failed as a whole."""
    refused = error.verdict is not None and error.verdict.fate is Fate.REFUSED
    status: Status = "rejected" if refused and not isinstance(error, OutcomeUnknown) else "unknown"
    problems = getattr(error, "problems", ()) or (Problem(str(error)),)
    return [Outcome(index, status, problems=tuple(problems)) for index in range(rows)]


async def delete_many(resource: BatchResource[E], ids: Sequence[int]) -> list[Outcome[E]]:
    """Delete in chunks; look up before each which ids exist, and after it which are left."""
    outcomes: list[Outcome[E]] = []
    for offset in range(0, len(ids), MAX_BATCH_ROWS):
        chunk = ids[offset : offset + MAX_BATCH_ROWS]
        try:
            chunk_outcomes = await _delete_chunk(resource, chunk)
        except MauticError as error:
            # From the second chunk on, an error would hide what became of the earlier ones.
            if not outcomes:
                raise
            chunk_outcomes = _failed_outcomes(error, len(chunk))
        outcomes.extend(evolve(outcome, index=offset + outcome.index) for outcome in chunk_outcomes)
    return outcomes


async def _delete_chunk(resource: BatchResource[E], ids: Sequence[int]) -> list[Outcome[E]]:
    # Mautic lists protected entities as deleted and leaves out missing ones: only look-ups tell them apart.
    before = after = await resource._existing(ids)
    problem: tuple[Problem, ...] = ()
    existing = [id for id in dict.fromkeys(ids) if id in before]  # Mautic 7 deletes nothing if one id is missing
    if existing:
        call = Call(
            "DELETE",
            f"{resource.endpoint.path}/batch/delete",
            Effect.IDEMPOTENT,
            query=(("ids", ",".join(map(str, existing))),),
            row_count=len(existing),
            is_batch=True,
        )
        try:
            await resource._send(call)
        except MauticError as error:
            # A refused request has deleted nothing. After any other failure only the look-up tells.
            if error.verdict is None or error.verdict.fate is Fate.REFUSED:
                raise
            problem = (Problem(str(error)),)
        try:
            after = await resource._existing(ids)
        except MauticError as error:
            why = Problem(f"it was deleted or not: the look-up afterwards failed ({error})", "id")
            return [Outcome(index, "unknown", id, (*problem, why)) for index, id in enumerate(ids)]
    return [_delete_outcome(index, id, before, after, problem) for index, id in enumerate(ids)]


def _delete_outcome(
    index: int, id: int, before: Mapping[int, Any], after: Mapping[int, Any], problem: tuple[Problem, ...]
) -> Outcome[Any]:
    if id in after:
        reason = problem or (Problem("it is still there: this role may not delete it", "id"),)
        return Outcome(index, "unknown" if problem else "rejected", id, reason, after[id])
    if id not in before:
        return Outcome(index, "rejected", id, (NO_SUCH_ID,))
    return Outcome(index, "updated", id, (), before[id])
