"""A bulk job of a namespace, with a `SyncState` or without."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Hashable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mautic_async.bulk import BulkJob, BulkOptions
from mautic_async.journal.sqlite import as_journal
from mautic_async.sync.stage import SyncJob

if TYPE_CHECKING:
    from os import PathLike

    from mautic_async.bulk import BulkAdapter, EncodedRow
    from mautic_async.journal.records import JobJournal
    from mautic_async.models import Published
    from mautic_async.resources._base import ReadOnlyResource
    from mautic_async.sync import SyncState

R = TypeVar("R")
E = TypeVar("E")

DRIFT_PAGE: Final = 1000
"""Contacts a page when only their ids and dates are asked for: about 250 bytes each."""

ITEM_KEYS: Final = frozenset({"id", "unique", "lookup"})
"""First words of a contact row's ordering keys that name a custom item, not the contact."""


def new_job(
    resource: ReadOnlyResource[Any],
    adapter: BulkAdapter[R, E],
    rows: Iterable[R] | AsyncIterable[R],
    *,
    journal: JobJournal | str | PathLike[str] | None,
    state: SyncState | None,
    options: BulkOptions | None,
) -> BulkJob[R, E]:
    """Return a job over *rows*, contacts or companies, with the client's own bounds where none are given."""
    pipeline = resource._pipeline
    # Without options the client decides how many requests a job has in flight.
    bounds = options or BulkOptions(concurrency=pipeline.concurrency)
    if state is None:
        return BulkJob(adapter, rows, options=bounds, clock=pipeline.clock, journal=as_journal(journal))

    def changes(since: float) -> AsyncIterator[tuple[int, float]]:
        return _changes(resource, since)

    noun = resource.endpoint.path
    # A state stores rows under these identities, so they must be the same in every run.
    identify = _contact_identity if noun == "contacts" else _company_identity
    run = state.begin(pipeline.transport.base, noun, identify, changes)
    return SyncJob(adapter, rows, run, options=bounds, clock=pipeline.clock, journal=as_journal(journal))


def _contact_identity(encoded: EncodedRow) -> Hashable | None:
    """Return the first of a row's keys that names its contact; None if there is none."""
    return next((key for key in encoded.ordering_keys if isinstance(key, tuple) and key[0] not in ITEM_KEYS), None)


def _company_identity(encoded: EncodedRow) -> Hashable | None:
    """Return the first of a row's keys, all of which name its company; None if there is none."""
    return next(iter(encoded.ordering_keys), None)


async def _changes(resource: ReadOnlyResource[Any], since: float) -> AsyncIterator[tuple[int, float]]:
    moment = datetime.fromtimestamp(since, UTC)
    # The dates come with the id; Mautic 5.1 answers a 500 to a selection that names them.
    changed = resource._iterate({"select": ["id"], "limit": DRIFT_PAGE, "minimal": True}, changed_since=moment)
    async for entity in changed:
        yield entity.id, _modified_at(entity)


def _modified_at(entity: Published) -> float:
    """Return when an entity was last changed; 0.0, which is never what a job has noted, where Mautic does not say.

    Mautic 5.1 tells no dates of companies. Those that the last job has written then count as changed, and are sent once
    more.
    """
    moment = entity.date_modified or entity.date_added
    return moment.timestamp() if moment is not None else 0.0
