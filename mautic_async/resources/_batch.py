"""Several rows in one request: chunks, outcomes by position, and what a batch may not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import evolve

from mautic_async import codec, protocol
from mautic_async.bulk import Outcome
from mautic_async.errors import (
    ConfigurationError,
    Fate,
    MauticError,
    OutcomeUnknown,
    Problem,
    ServerError,
    Then,
)
from mautic_async.protocol import Call, Effect, Row

if TYPE_CHECKING:
    from mautic_async.bulk.outcomes import Status
    from mautic_async.models import Entity
    from mautic_async.resources._batch_resource import BatchResource

E = TypeVar("E", bound="Entity")

LIMIT: Final = 200
"""Rows a request: Mautic's default ``api_batch_max_limit``; beyond it Mautic to 7 answers a 500 that no retry mends."""


TRANSIENT: Final = frozenset({1040, 1053, 1062, 1205, 1213, 1412, 1615, 2002, 2003, 2006, 2013})
"""MySQL's words for what passes: too many connections, a shutdown, a lost race, a lock that took too long, a deadlock,
a table changed meanwhile, and a database that cannot be reached or has gone. The same row may pass later; part of it
may be stored."""

_BEFORE_THE_SAVE: Final = (
    *("Failed to parse time string", "name cannot be blank"),
    *("name is too long", "should not be blank"),
)


def nothing_stored(problems: Iterable[Problem]) -> bool:
    """Whether a row of code 0 was refused before its contact was saved, by the plugin's dry run."""
    return any(words in problem.message for problem in problems for words in _BEFORE_THE_SAVE)


def with_ids(entities: Iterable[E], encode: Callable[[E], dict[str, Any]]) -> list[dict[str, Any]]:
    """Encode rows of a batch edit, each with its id.

    Raises:
        ConfigurationError: A row has no id, or two have the same: the server would write onto the wrong entities.
    """
    rows = list(entities)
    distinct(row.id for row in rows)
    return [{"id": row.id, **encode(row)} for row in rows]


def distinct(ids: Iterable[object]) -> None:
    """See that a batch edit has an id in every row, and none twice.

    Raises:
        ConfigurationError: It is not so.
    """
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


def status_of(row: Row) -> Status:
    """What an answer says of one row: its problems first, then its entity; the HTTP status says nothing."""
    if row.problems:
        refused = row.status is not None and 400 <= row.status < 500 and not _link_lost(row)
        return "rejected" if refused or nothing_stored(row.problems) else "partial"
    if row.entity is None or (row.status is not None and not 200 <= row.status < 300):
        return "unknown"
    return "created" if row.status in {201, 202} else "updated"


def _link_lost(row: Row) -> bool:
    """A 404 that means: the contact is stored, its item is there, but was written twice in a second."""
    return row.status == 404 and any("ID = 0" in problem.message for problem in row.problems)


def outcome_of(index: int, row: Row, space: BatchResource[E], body: Mapping[str, Any] | None = None) -> Outcome[E]:
    """The outcome of one row of a batch answer; *body* is what was sent to change an entity."""
    status, problems = status_of(row), row.problems
    if status not in {"created", "updated", "partial"} or row.entity is None:
        return Outcome(index, status, 0, problems)
    entity = space._settled(codec.decode(space._model, row.entity), row.status)
    lost = space._lost(body, entity) if body is not None and not problems else ()
    return Outcome(index, "partial" if lost else status, entity.id, problems or lost, entity)


async def send_many(
    space: BatchResource[E], method: str, path: str, effect: Effect, bodies: Sequence[dict[str, Any]]
) -> list[Outcome[E]]:
    """Send *bodies* in chunks, one after another; a chunk that fails does not hide the outcome of the others.

    Raises:
        MauticError: The very first chunk failed in a way that dooms all (401, 403, a wrong set-up).
    """
    outcomes: list[Outcome[E]] = []
    size = LIMIT
    while len(outcomes) < len(bodies):
        offset = len(outcomes)
        chunk = bodies[offset : offset + size]
        call = Call(method, f"{space.endpoint.path}/{path}", effect, body=chunk, rows=len(chunk), batch=True)
        try:
            body = (await space._send(call)).body
        except MauticError as error:
            smaller = _smaller(error, len(chunk))
            if smaller:
                size = smaller
                continue
            if not outcomes and error.verdict is not None and error.verdict.bulk is Then.STOP:
                raise
            outcomes.extend(_failed(error, chunk, offset))
            continue
        rows = protocol.read_rows(body, space.endpoint.many, len(chunk))
        sent = [None] * len(chunk) if method == "POST" else chunk
        outcomes.extend(
            outcome_of(offset + index, row, space, body)
            for index, (row, body) in enumerate(zip(rows, sent, strict=True))
        )
    return outcomes


def _smaller(error: MauticError, rows: int) -> int:
    """How many rows to send instead, where there were too many of them, or too many bytes; 0 where that is not why."""
    if isinstance(error, ServerError) and error.batch_limit is not None:
        return error.batch_limit
    return rows // 2 if error.verdict is not None and error.verdict.bulk is Then.SPLIT else 0


def _failed(error: MauticError, chunk: Sequence[object], offset: int) -> list[Outcome[Any]]:
    """Outcomes of rows whose request failed as a whole."""
    sure = error.verdict is not None and error.verdict.fate in {Fate.REFUSED, Fate.FATAL}
    status: Status = "rejected" if sure and not isinstance(error, OutcomeUnknown) else "unknown"
    problems = getattr(error, "problems", ()) or (Problem(str(error)),)
    return [Outcome(offset + index, status, problems=tuple(problems)) for index in range(len(chunk))]


async def delete_many(space: BatchResource[E], ids: Sequence[int]) -> list[Outcome[E]]:
    """Delete in chunks; before each look what is there, after it what still is."""
    outcomes: list[Outcome[E]] = []
    for offset in range(0, len(ids), LIMIT):
        chunk = ids[offset : offset + LIMIT]
        try:
            told = await _delete_chunk(space, chunk)
        except MauticError as error:
            if not outcomes:
                raise
            told = _failed(error, chunk, 0)
        outcomes.extend(evolve(outcome, index=offset + outcome.index) for outcome in told)
    return outcomes


async def _delete_chunk(space: BatchResource[E], ids: Sequence[int]) -> list[Outcome[E]]:
    before = await space._present(ids)
    call = Call(
        "DELETE",
        f"{space.endpoint.path}/batch/delete",
        Effect.SET,
        query=(("ids", ",".join(map(str, ids))),),
        rows=len(ids),
        batch=True,
    )
    problem: tuple[Problem, ...] = ()
    try:
        await space._send(call)
    except MauticError as error:
        if error.verdict is None or error.verdict.fate in {Fate.REFUSED, Fate.FATAL}:
            raise
        problem = (Problem(str(error)),)
    try:
        after = await space._present(ids)
    except MauticError as error:
        why = Problem(f"it was deleted or not: the look afterwards failed ({error})", "id")
        return [Outcome(index, "unknown", id, (*problem, why)) for index, id in enumerate(ids)]
    return [_deleted(index, id, before, after, problem) for index, id in enumerate(ids)]


def _deleted(
    index: int, id: int, before: Mapping[int, Any], after: Mapping[int, Any], problem: tuple[Problem, ...]
) -> Outcome[Any]:
    if id in after:
        reason = problem or (Problem("it is still there: this role may not delete it", "id"),)
        return Outcome(index, "unknown" if problem else "rejected", id, reason, after[id])
    if id not in before:
        return Outcome(index, "rejected", id, (Problem("nothing had this id", "id", 404),))
    return Outcome(index, "updated", id, (), before[id])
