"""Reading what has changed since the last run, and from when the next run has to read.

A contact is stamped with the clock of the server that saves it, before its transaction ends. So a change with an
earlier stamp may become visible after it has been asked for. Each run therefore begins a while before the last one
did, and gives the changes of that while once more: at least once from run to run, exactly once within a run.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from mautic_async import where
from mautic_async.errors import ConfigurationError
from mautic_async.models import Entity, Published
from mautic_async.resources._endpoint import PAGE_SIZE, Endpoint
from mautic_async.resources._pagination import FetchPage, Paginator

if TYPE_CHECKING:
    from typing import Self

    from mautic_async.clock import Clock

T = TypeVar("T")
E = TypeVar("E", bound=Entity)

OVERLAP: Final = timedelta(minutes=10)
"""Time between the watermark and the beginning of its run: five minutes for clocks that differ, five for a transaction
that commits late."""


class EntityIterator(AsyncIterator[T], Generic[T]):
    """Iterator over entities. At its end it knows the point from which the next run has to read.

    Attributes:
        watermark: None until the iteration has reached its end. Then ten minutes before its first request, by the
            clock of this machine. ``iterate(changed_since=watermark)`` gives every entity that was added or changed
            since this iteration saw it, and those of the ten minutes once more. Nothing is missed as long as the clocks
            of the servers and of this machine differ by less than five minutes and no transaction takes more than five.

    Example:
        ::

            changed = mautic.contacts.iterate(changed_since=watermark)
            async for contact in changed:
                ...
            save(changed.watermark)
    """

    def __init__(self, items: AsyncIterator[T], clock: Clock) -> None:
        self.watermark: datetime | None = None
        self._items = items
        self._clock = clock
        self._started_at: float | None = None

    def __aiter__(self) -> Self:
        """Return the iterator itself: every entity is given once."""
        return self

    async def __anext__(self) -> T:
        """Return the next entity."""
        if self._started_at is None:
            # Taken before the first request: changes during the iteration must be read again by the next run.
            self._started_at = self._clock.wall_time()
        try:
            return await anext(self._items)
        except StopAsyncIteration:
            # Only here: an iteration that was left early has not seen every change.
            self.watermark = datetime.fromtimestamp(int(self._started_at), UTC) - OVERLAP
            raise

    async def aclose(self) -> None:
        """End an iteration that was left early, and the request that reads ahead."""
        if isinstance(self._items, AsyncGenerator):
            await self._items.aclose()


def new_paginator(
    fetch: FetchPage[E], query: Mapping[str, Any], model: type[E], endpoint: Endpoint[Any], since: datetime | None
) -> Paginator[E]:
    """Return how to read all entities of a namespace, or those that were added or changed since *since*.

    An entity that was never changed has no date of a change before Mautic 7, so both dates are asked for.

    Raises:
        ConfigurationError: Mautic keeps no dates of these entities, or *since* has no time zone.
    """
    keyset = endpoint.keyset or since is not None  # with one condition, another one hides nothing more
    if since is not None:
        if not issubclass(model, Published):
            raise ConfigurationError(f"{endpoint.path}: changed_since: Mautic tells no dates of these; read them all")
        # The caller keeps its own conditions; all clauses must hold.
        clauses = [*where.to_clauses(query.get("where")), since_clause(since, *endpoint.date_columns)]
        query = {**query, "where": clauses}
    size = query.get("limit", PAGE_SIZE)
    return Paginator(fetch=fetch, query=query, size=size, get_id=_get_id, keyset=keyset)


def _get_id(entity: Entity) -> int:
    return entity.id


def since_clause(since: datetime, *columns: str) -> where.Where:
    """Return the condition that one of *columns* is at or after *since*.

    Raises:
        ConfigurationError: *since* has no time zone.
    """
    if since.tzinfo is None:
        raise ConfigurationError("changed_since and since need a time zone, such as datetime.now(UTC)")
    moments = [where.gte(column, since) for column in columns]
    return where.any_of(*moments) if len(moments) > 1 else moments[0]
