"""A dlt destination that upserts contacts and companies through the bulk job."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import attrs
import dlt
from dlt.common.destination.exceptions import DestinationTerminalException

from mautic_async.bulk import BulkJob, BulkOptions
from mautic_async.errors import ConfigurationError
from mautic_async.journal.records import MemoryJournal
from mautic_async.models import Company, Contact, CustomItem

if TYPE_CHECKING:
    from mautic_async.client import Mautic

M = TypeVar("M", bound=Contact | Company)

Kind = Literal["contacts", "companies"]

BATCH_SIZE: Final = 2000
"""Rows that dlt hands over at once; the bulk job divides them into its own batches."""
_NOT_WRITTEN: Final = frozenset(
    {"id", "created_by", "created_by_user", "date_added", "date_modified", "modified_by", "modified_by_user"}
    | {"is_published", "color", "date_identified", "ip_addresses", "utm_tags", "field_groups", "extra", "last_active"}
    | {"custom_items_truncated", "do_not_contact", "frequency_rules", "points"}
)
"""Columns of `mautic_source` that an upsert by e-mail must not, or cannot, write."""


class RowsRefused(DestinationTerminalException):
    """Rows are not stored whole, and the user wanted the load to fail then. All other rows are stored."""


def mautic_destination(
    connect: Callable[[], Mautic],
    *,
    tables: Mapping[str, Kind] | None = None,
    on_refused: Literal["fail", "continue"] = "fail",
    dead_letters: str | os.PathLike[str] | None = None,
    to_row: Callable[[Mapping[str, Any]], Contact | Company] | None = None,
    store: Callable[[Mautic, list[Any], MemoryJournal, BulkOptions], BulkJob[Any, Any]] | None = None,
    options: BulkOptions | None = None,
    batch_size: int = BATCH_SIZE,
) -> Any:
    """Return a destination that upserts the rows of a pipeline: contacts by e-mail, companies by name.

    dlt sends a batch again when the load is repeated. Contacts and companies are then updated; custom items are found
    again only where the job knows them by a key: give *store* with ``match_items=``. Tables are loaded one after the
    other, one batch at a time; the job sends its requests side by side.

    Args:
        connect: Returns a client; each batch enters and closes one.
        tables: Kind of the rows of each table; None: the tables ``contacts`` and ``companies``.
        on_refused: ``fail`` ends the load with `RowsRefused` after a batch with rows that were rejected, stored in part
            or of unknown outcome; ``continue`` leaves them to *dead_letters*.
        dead_letters: File for such rows, with reasons; see `read_dead_letters`.
        to_row: Makes an entity of a row; None: `to_entity`.
        store: Makes the bulk job of a batch, to set its arguments; None: ``bulk_upsert`` with its defaults.
        options: Bounds of the bulk job.
        batch_size: Rows a batch.

    Raises:
        ConfigurationError: Rows would be lost: ``continue`` without *dead_letters*.

    Example:
        ::

            pipeline = dlt.pipeline("to_mautic", destination=mautic_destination(lambda: Mautic(url, auth=auth)))
            pipeline.run([{"email": "ada@example.com", "firstname": "Ada"}], table_name="contacts")

    Mautic: REST API, Batch create contacts (POST /contacts/batch/new), Batch create companies.
    """
    if on_refused == "continue" and dead_letters is None:
        raise ConfigurationError('on_refused="continue" needs a file for the rows: dead_letters=')
    kinds: Mapping[str, Kind] = tables or {"contacts": "contacts", "companies": "companies"}
    bounds = attrs.evolve(options or BulkOptions(), dead_letters=dead_letters)

    async def upsert(kind: Kind, items: list[Mapping[str, Any]]) -> None:
        model: type[Contact | Company] = Contact if kind == "contacts" else Company
        rows = [to_row(item) if to_row is not None else to_entity(model, item) for item in items]
        journal = MemoryJournal(
            secrets.token_hex(8)
        )  # its name tells the dead letters of one batch from those of another
        # A client for each batch, since each batch has an event loop of its own.
        async with connect() as mautic:
            if store is not None:
                job = store(mautic, rows, journal, bounds)
            else:
                job = getattr(mautic, kind).bulk_upsert(rows, journal=journal, options=bounds)
            report = await job
        if not report.ok and on_refused == "fail":
            raise RowsRefused(
                f"{kind}: {report.rejected} rows rejected, {report.partial} stored in part, {report.unknown} of unknown"
                f" outcome{f'; see {os.fspath(dead_letters)}' if dead_letters is not None else ''}"
            )

    @dlt.destination(
        name="mautic",
        batch_size=batch_size,
        loader_file_format="typed-jsonl",
        loader_parallelism_strategy="sequential",  # two jobs at once would not keep the order of one contact's rows
        naming_convention="direct",
        max_table_nesting=0,  # custom items stay in their contact's row
    )
    def mautic(items: Any, table: Any) -> None:
        kind = kinds.get(table["name"])
        if kind is None:
            raise DestinationTerminalException(
                f"table {table['name']}: name it in tables=, as contacts or as companies"
            )
        # dlt calls the function in a worker thread, which has no event loop.
        asyncio.run(upsert(kind, items))

    return mautic()


def to_entity(model: type[M], row: Mapping[str, Any]) -> M:
    """Return an entity with the values of *row*.

    Columns are attributes of the class or aliases of custom fields. Columns that Mautic writes by itself (id, dates,
    points and the like, as `mautic_source` reads them) are left out, and so are columns without a value: an upsert of
    None would clear the field.
    """
    known = {attribute.name for attribute in attrs.fields(model)}
    values = {key: _plain(value) for key, value in row.items() if value is not None and key not in _NOT_WRITTEN}
    named = {key: value for key, value in values.items() if key in known}
    if "custom_items" in named:
        named["custom_items"] = [_item(item) for item in named["custom_items"]]
    if custom := {key: value for key, value in values.items() if key not in known}:
        named["fields"] = custom
    return model(**named)


def _item(item: Mapping[str, Any]) -> CustomItem:
    given = {key: value for key, value in item.items() if key in {"object", "name", "language", "attributes"}}
    return CustomItem(**given)


def _plain(value: Any) -> Any:
    # The JSON libraries cannot write a Decimal.
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):  # dlt brings a subclass of its own
        return datetime.fromisoformat(value.isoformat())
    if isinstance(value, date):
        return date.fromisoformat(value.isoformat())
    return value
