"""Entities as columns, for pandas, polars and pyarrow, without holding all of them.

A batch is a dict of lists of equal length, which all three take as it is: ``pandas.DataFrame(batch)``,
``polars.DataFrame(batch)``, ``pyarrow.table(batch)``. None of them is imported here.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Any, TypeAlias, TypeVar

from mautic_async.errors import ConfigurationError
from mautic_async.models import Entity

E = TypeVar("E", bound=Entity)

Columns: TypeAlias = dict[str, list[Any]]
"""Values by column, None where an entity does not have one."""


async def batches(
    entities: AsyncIterable[E], *, columns: Sequence[str] | None = None, size: int = 10_000
) -> AsyncIterator[Columns]:
    """Yield *entities* as columns, up to *size* at a time.

    Args:
        entities: Such as ``mautic.contacts.iterate()``.
        columns: Keys of `to_dict` to take. Give them where batches are to be put together: without, a batch has the
            keys that its entities have, in the order in which they first appear.
        size: Entities a batch; memory holds one batch.

    Raises:
        ConfigurationError: *size* is not positive.

    Example:
        ``frames = [pandas.DataFrame(batch) async for batch in batches(mautic.contacts.iterate())]``
    """
    if size < 1:
        raise ConfigurationError(f"frames.batches: size must be at least 1, not {size}")
    batch, rows = _empty(columns), 0
    async for entity in entities:
        _append(batch, entity.to_dict(), rows, is_open=columns is None)
        rows += 1
        if rows == size:
            yield batch
            batch, rows = _empty(columns), 0
    if rows:
        yield batch


def _empty(columns: Sequence[str] | None) -> Columns:
    return {name: [] for name in columns or ()}


def _append(batch: Columns, row: dict[str, Any], rows: int, *, is_open: bool) -> None:
    if is_open:
        for name in row:
            if name not in batch:
                # A key that first appears in a later row is None in the rows before it.
                batch[name] = [None] * rows
    # A key that this row lacks gets None, so that all lists keep the same length.
    for name, values in batch.items():
        values.append(row.get(name))
