"""Several rows in one request: chunks, outcomes by position, and what a batch may not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import evolve

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
"""MySQL's words for what passes: too many connections, a shutdown, a lost race, a lock that took too long, a deadlock,
a table changed meanwhile, and a database that cannot be reached or has gone. The same row may pass later; part of it
may be stored."""

_REFUSED_BEFORE_SAVE: Final = (
    *("Failed to parse time string", "name cannot be blank"),
    *("name is too long", "should not be blank"),
)


def refused_before_save(problems: Iterable[Problem]) -> bool:
    """Whether a row of code 0 was refused before its contact was saved, by the plugin's dry run."""
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


def row_status(row: RowAnswer) -> SentStatus:
    """What an answer says of one row: its problems first, then its entity; the HTTP status says nothing."""
    if row.problems:
        refused = row.status is not None and 400 <= row.status < 500 and not _is_lost_link(row)
        return "rejected" if refused or refused_before_save(row.problems) else "partial"
    if row.entity is None or (row.status is not None and not 200 <= row.status < 300):
        return "unknown"
    return "created" if row.status in {201, 202} else "updated"


def _is_lost_link(row: RowAnswer) -> bool:
    """A 404 that means: the contact is stored, its item is there, but was written twice in a second."""
    return row.status == 404 and any("ID = 0" in problem.message for problem in row.problems)


def row_outcome(index: int, row: RowAnswer, resource: BatchResource[E], body: Mapping[str, Any]) -> Outcome[E]:
    """Return the outcome of one row of a batch answer; *body* is what was sent of it."""
    status, problems = row_status(row), row.problems
    if status not in {"created", "updated", "partial"} or row.entity is None:
        return Outcome(index, status, 0, problems)
    entity = resource._after_read(codec.decode(resource._model, row.entity), row.status)
    lost = () if problems else tuple(resource._values_not_kept(body, entity))
    return Outcome(index, "partial" if lost else status, entity.id, problems or lost, entity)


async def send_many(
    resource: BatchResource[E], method: str, path: str, effect: Effect, bodies: Sequence[dict[str, Any]]
) -> list[Outcome[E]]:
    """Send *bodies* in chunks, one after another; a chunk that fails does not hide the outcome of the others.

    Raises:
        MauticError: The very first chunk failed in a way that dooms all (401, 403, a wrong set-up).
    """
    outcomes: list[Outcome[E]] = []
    size = MAX_BATCH_ROWS
    while len(outcomes) < len(bodies):
        offset = len(outcomes)
        chunk = bodies[offset : offset + size]
        call = Call(method, f"{resource.endpoint.path}/{path}", effect, body=chunk, row_count=len(chunk), is_batch=True)
        try:
            body = (await resource._send(call)).body
        except MauticError as error:
            smaller = _reduced_size(error, len(chunk))
            if smaller:
                size = smaller
                continue
            if not outcomes and error.verdict is not None and error.verdict.batch is Action.ABORT:
                raise
            outcomes.extend(_failed_outcomes(error, chunk, offset))
            continue
        rows = protocol.parse_batch(body, resource.endpoint.many, len(chunk))
        outcomes.extend(
            row_outcome(offset + index, row, resource, sent)
            for index, (row, sent) in enumerate(zip(rows, chunk, strict=True))
        )
    return outcomes


def _reduced_size(error: MauticError, rows: int) -> int:
    """How many rows to send instead, where there were too many of them, or too many bytes; 0 where that is not why."""
    if isinstance(error, ServerError) and error.batch_limit is not None:
        return error.batch_limit
    return rows // 2 if error.verdict is not None and error.verdict.batch is Action.SPLIT else 0


def _failed_outcomes(error: MauticError, chunk: Sequence[object], offset: int) -> list[Outcome[Any]]:
    """Outcomes of rows whose request failed as a whole."""
    refused = error.verdict is not None and error.verdict.fate is Fate.REFUSED
    status: Status = "rejected" if refused and not isinstance(error, OutcomeUnknown) else "unknown"
    problems = getattr(error, "problems", ()) or (Problem(str(error)),)
    return [Outcome(offset + index, status, problems=tuple(problems)) for index in range(len(chunk))]


async def delete_many(resource: BatchResource[E], ids: Sequence[int]) -> list[Outcome[E]]:
    """Delete in chunks; before each look what is there, after it what still is."""
    outcomes: list[Outcome[E]] = []
    for offset in range(0, len(ids), MAX_BATCH_ROWS):
        chunk = ids[offset : offset + MAX_BATCH_ROWS]
        try:
            chunk_outcomes = await _delete_chunk(resource, chunk)
        except MauticError as error:
            if not outcomes:
                raise
            chunk_outcomes = _failed_outcomes(error, chunk, 0)
        outcomes.extend(evolve(outcome, index=offset + outcome.index) for outcome in chunk_outcomes)
    return outcomes


async def _delete_chunk(resource: BatchResource[E], ids: Sequence[int]) -> list[Outcome[E]]:
    before = await resource._existing(ids)
    call = Call(
        "DELETE",
        f"{resource.endpoint.path}/batch/delete",
        Effect.IDEMPOTENT,
        query=(("ids", ",".join(map(str, ids))),),
        row_count=len(ids),
        is_batch=True,
    )
    problem: tuple[Problem, ...] = ()
    try:
        await resource._send(call)
    except MauticError as error:
        if error.verdict is None or error.verdict.fate is Fate.REFUSED:
            raise
        problem = (Problem(str(error)),)
    try:
        after = await resource._existing(ids)
    except MauticError as error:
        why = Problem(f"it was deleted or not: the look afterwards failed ({error})", "id")
        return [Outcome(index, "unknown", id, (*problem, why)) for index, id in enumerate(ids)]
    return [_delete_outcome(index, id, before, after, problem) for index, id in enumerate(ids)]


def _delete_outcome(
    index: int, id: int, before: Mapping[int, Any], after: Mapping[int, Any], problem: tuple[Problem, ...]
) -> Outcome[Any]:
    if id in after:
        reason = problem or (Problem("it is still there: this role may not delete it", "id"),)
        return Outcome(index, "unknown" if problem else "rejected", id, reason, after[id])
    if id not in before:
        return Outcome(index, "rejected", id, (Problem("nothing had this id", "id", 404),))
    return Outcome(index, "updated", id, (), before[id])
