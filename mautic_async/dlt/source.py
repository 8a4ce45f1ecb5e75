"""A dlt source that reads what has changed in Mautic since the last run of the pipeline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import dlt

from mautic_async import where

if TYPE_CHECKING:
    from mautic_async.client import Mautic

CHUNK: Final = 200
"""Entities that are handed to dlt at once."""
INCREMENTAL: Final[Mapping[str, Mapping[str, Any]]] = {
    "contacts": {"include_custom_objects": True},
    "companies": {},
    "segments": {},
    "emails": {},
    "campaigns": {},
    "forms": {},
    "pages": {},
    "assets": {},
}
"""Namespaces that can be read by date of change, with the arguments of their `iterate`."""
DEFAULT: Final = ("contacts", "companies", "segments", "email_stats")


@dlt.source(name="mautic")
def mautic_source(
    connect: Callable[[], Mautic], *, resources: Sequence[str] = DEFAULT, include_custom_objects: bool = True
) -> Any:
    """Return a source with one resource for each name, merged into its table by id.

    A resource of entities reads those that were added or changed since the last run of the pipeline that has the same
    name and ran to its end (`iterate` with ``changed_since``; the watermark is in the state of the pipeline). Mautic
    tells nothing of deletions: a deleted entity stays in the table. Custom fields are columns. Custom items, tags and
    other lists are child tables (``contacts__custom_items``); of each custom object Mautic shows the first ten items of
    a contact. A change of an item alone does not change its contact, so it is read with the contact's next change.

    Any other name is that of a table of statistics, such as ``email_stats`` or ``page_hits``: rows with a greater id
    than the last run has seen. A row that Mautic changes later (an e-mail that is opened) stays as it was at first.

    Args:
        connect: Returns a client; each resource enters and closes one of its own.
        resources: Names of the resources.
        include_custom_objects: Contacts bring their custom items; slower, and an error without the plugin.

    Example:
        ::

            pipeline = dlt.pipeline("mautic", destination="duckdb", dataset_name="crm")
            pipeline.run(mautic_source(lambda: Mautic(url, auth=auth)))

    Mautic: REST API, Contacts, Companies, Segments, Stats.
    """
    made = []
    for name in resources:
        options = dict(INCREMENTAL.get(name, {}))
        if not include_custom_objects:
            options.pop("include_custom_objects", None)
        read = _entities(connect, name, options) if name in INCREMENTAL else _stats(connect, name)
        made.append(dlt.resource(read, name=name, primary_key="id", write_disposition="merge"))
    return made


def _entities(
    connect: Callable[[], Mautic], name: str, options: Mapping[str, Any]
) -> Callable[[], AsyncIterator[list[dict[str, Any]]]]:
    async def read() -> AsyncIterator[list[dict[str, Any]]]:
        state = dlt.current.resource_state()
        since = state.get("watermark")
        async with connect() as mautic:
            changed = getattr(mautic, name).iterate(
                changed_since=None if since is None else datetime.fromisoformat(since), **options
            )
            chunk: list[dict[str, Any]] = []
            async for entity in changed:
                chunk.append(
                    {key: value for key, value in entity.to_dict().items() if value is not None and key != "extra"}
                )
                if len(chunk) >= CHUNK:
                    yield chunk
                    chunk = []
            yield chunk
            # Read to the end: the next run begins here. dlt keeps it together with the data of this run, or not at all.
            state["watermark"] = changed.watermark.astimezone(UTC).isoformat()

    return read


def _stats(connect: Callable[[], Mautic], table: str) -> Callable[[], AsyncIterator[list[dict[str, Any]]]]:
    async def read() -> AsyncIterator[list[dict[str, Any]]]:
        state = dlt.current.resource_state()
        # Ids only grow, so the last one seen is the watermark.
        seen = int(state.get("last_id", 0))
        async with connect() as mautic:
            chunk: list[dict[str, Any]] = []
            async for row in mautic.stats.iterate(table, where=where.gt("id", seen)):
                seen = int(row["id"])  # a number, or a text of digits
                chunk.append({**row, "id": seen})
                if len(chunk) >= CHUNK:
                    yield chunk
                    chunk = []
            yield chunk
        # Set after the last chunk: dlt commits the state together with the data, or neither.
        state["last_id"] = seen

    return read
