"""The export of a namespace into a file: iterate, spool, write."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from mautic_async import ConfigurationError, MauticError, NotFound, PermissionDenied, where
from mautic_async.cli.exit_status import ALL, INTERRUPTED, SOME
from mautic_async.cli.export_files import ExportFormat, write_file
from mautic_async.cli.export_rows import CONTACT_COLUMNS, ToRow, contact_to_row, entity_to_row
from mautic_async.cli.export_spool import Spool
from mautic_async.cli.parquet_file import require_pyarrow
from mautic_async.cli.server_fields import ask_fields
from mautic_async.models import Published

if TYPE_CHECKING:
    from mautic_async import Mautic
    from mautic_async.cli.progress import ProgressBar
    from mautic_async.where import Where

NOUNS: Final = (
    *("contacts", "companies", "segments", "campaigns", "emails", "forms", "pages", "assets", "categories"),
    *("dynamic_contents", "messages", "notes", "notifications", "points", "point_triggers", "reports", "roles"),
    *("smses", "stages", "tags", "tweets", "users", "webhooks", "contact_fields", "company_fields", "focus"),
)
"""Namespaces that can be exported."""


@frozen(kw_only=True)
class ExportSettings:
    """Selection, form and target of an export.

    Attributes:
        noun: The namespace.
        target: The file; None is standard output.
        file_format: Of the file.
        columns: Keys wanted, in this order; None: all, for contacts those that ``import`` reads.
        since: Only entities added or changed since then.
        conditions: All of which hold, as given to ``--where``.
        clauses: The same, parsed.
        search: Mautic's search expression.
        custom_objects: Whether contacts come with their custom items.
        ids: Whether contacts and their items come with their ids.
        resume: Whether to go on with an interrupted export.
    """

    noun: str
    target: Path | None
    file_format: ExportFormat
    columns: Sequence[str] | None = None
    since: datetime | None = None
    conditions: Sequence[str] = ()
    clauses: Sequence[Where] = ()
    search: str = ""
    custom_objects: bool = False
    ids: bool = False
    resume: bool = False

    @property
    def request(self) -> dict[str, Any]:
        """Return what must be equal for an interrupted export to be continued."""
        return {
            "noun": self.noun,
            "format": self.file_format,
            "columns": self.columns if self.columns is None else list(self.columns),
            "since": self.since and self.since.isoformat(),
            "where": list(self.conditions),
            "search": self.search,
            "custom_objects": self.custom_objects,
            "ids": self.ids,
        }

    def to_row(self) -> ToRow:
        """Return the function that turns entities into rows."""
        if self.noun == "contacts":
            return contact_to_row(self.columns, with_ids=self.ids)
        return entity_to_row(self.columns)


@define
class ExportResult:
    """The outcome of an export.

    Attributes:
        rows: In the file.
        watermark: For ``--since`` of the next export; "" where the namespace has no dates.
        truncated: Contacts that may have more items of an object than the ten that Mautic shows.
        interrupted: Whether a signal ended it early.
        error: The error that ended it early.
    """

    rows: int = 0
    watermark: str = ""
    truncated: int = 0
    interrupted: bool = False
    error: Exception | None = field(default=None)

    @property
    def status(self) -> int:
        """Exit status: 0 the file is complete, 1 the export ended early and can be resumed, 130 interrupted."""
        return INTERRUPTED if self.interrupted else SOME if self.error is not None else ALL


async def run_export(settings: ExportSettings, mautic: Mautic, display: ProgressBar) -> ExportResult:
    """Export into the file.

    Raises:
        ConfigurationError: Before the first request: the noun, the spool or the settings cannot be used.
        MauticError: The server refused the first page; later errors are in the result.
    """
    if settings.resume and not getattr(mautic, settings.noun).endpoint.keyset:
        raise ConfigurationError(f"--resume: {settings.noun} cannot be read from the middle; export them anew")
    if settings.file_format == "parquet":
        require_pyarrow()
    with tempfile.TemporaryDirectory(prefix="mautic-async-") as folder:
        target = settings.target or Path(folder) / "stdout"
        spool = Spool.beside(target, settings.request)
        if settings.resume:
            spool.resume()
        # The fields are asked for first: without them a server that refuses everything leaves no empty spool.
        first_columns = await _first_columns(settings, mautic)
        spool.open()
        result = ExportResult()
        try:
            await _fill(spool, settings, mautic, display, result)
        finally:
            spool.close()
            display.stop()
        result.rows = spool.rows
        if result.status == ALL:
            await asyncio.to_thread(write_file, spool, settings.target, settings.file_format, first_columns)
            sys.stdout.flush()
        return result


async def _first_columns(settings: ExportSettings, mautic: Mautic) -> Sequence[str]:
    """Return the columns that a table has in any case."""
    if settings.columns is not None:
        return [name for name in settings.columns if name != "custom_items"]
    if settings.noun != "contacts" or settings.file_format == "jsonl":
        return ["id"] if settings.noun != "contacts" else []
    fields = (await ask_fields(mautic)).contact
    ids = ["id"] if settings.ids else []
    return [*ids, *(name for name in fields if name not in {"points", "last_active"}), *CONTACT_COLUMNS[:-1]]


async def _fill(
    spool: Spool, settings: ExportSettings, mautic: Mautic, display: ProgressBar, result: ExportResult
) -> None:
    """Iterate the namespace into the spool; a later error or Ctrl-C is kept in *result*."""
    namespace = getattr(mautic, settings.noun)
    query = _query(settings)
    total = spool.rows + await _count(namespace, query, settings.since, spool.last_id)
    display.start_bar(settings.noun)
    if spool.last_id:
        query["where"] = [*settings.clauses, where.gt("id", spool.last_id)]
    convert = settings.to_row()
    dates = {} if settings.since is None else {"changed_since": settings.since}
    entities = namespace.iterate(read_ahead=True, **dates, **query)
    started_at = datetime.now(UTC)
    spool.started_at = spool.started_at or started_at
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    try:
        async for entity in entities:
            spool.add(convert(entity), entity.id)
            result.truncated += bool(getattr(entity, "custom_items_truncated", False))
            display.show(min(1.0, spool.rows / max(1, total)), f"{spool.rows:,} of {max(total, spool.rows):,}")
        if entities.watermark is not None and issubclass(namespace.endpoint.model, Published):
            # Rows of an earlier run were read that much before the watermark of this one.
            result.watermark = (entities.watermark - (started_at - spool.started_at)).isoformat(timespec="seconds")
    except asyncio.CancelledError:
        task.uncancel()  # the spool is kept; what remains is to say how to go on
        result.interrupted = True
    except (MauticError, OSError) as error:
        if not spool.rows:
            raise
        result.error = error
    finally:
        await entities.aclose()


def _query(settings: ExportSettings) -> dict[str, Any]:
    query: dict[str, Any] = {}
    if settings.clauses:
        query["where"] = list(settings.clauses)
    if settings.search:
        query["search"] = settings.search
    if settings.custom_objects:
        query["include_custom_objects"] = True
    return query


async def _count(namespace: Any, query: dict[str, Any], since: datetime | None, last_id: int) -> int:
    """Return how many entities are still to come, for the progress display; 0 if the server cannot tell."""
    clauses = list(query.get("where", ()))
    if since is not None:
        clauses.append(where.any_of(*(where.gte(column, since) for column in namespace.endpoint.date_columns)))
    if last_id:
        clauses.append(where.gt("id", last_id))
    with suppress(NotFound, PermissionDenied):
        wanted = {key: value for key, value in query.items() if key == "search"}
        page = await namespace.list(limit=1, **wanted, **({"where": clauses} if clauses else {}))
        return int(page.total)
    return 0
