"""``mautic-async import``: the options of the command."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mautic_async.cli.exit_status import run
from mautic_async.cli.options import AsJson, Authority, Insecure, Proxy, TokenFile, Verbose

if TYPE_CHECKING:
    from mautic_async.cli.connection import Connection
    from mautic_async.cli.import_settings import ImportResult, ImportSettings


def import_(
    file: Annotated[
        str, typer.Argument(help="CSV with column names in the first line, JSON lines or Parquet; - is standard input.")
    ],
    *,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="COLUMN=FIELD",
            help="Where a column goes, if not to the field of its own name; COLUMN= leaves it out. FIELD: an alias,"
            " tags, owner, stage, products.sku (attribute of a custom item), products.2.sku (of the second); [] after"
            " it splits a cell at |.",
        ),
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option(help='TOML file of such lines: "First name" = "firstname"; --map goes before it.')
    ] = None,
    ignore_unknown: Annotated[
        bool, typer.Option("--ignore-unknown", help="Leave out columns that lead to no field of this Mautic.")
    ] = False,
    unique: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Field by which contacts are found again. [default: email]"),
    ] = None,
    item_unique: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OBJECT.ATTRIBUTE", help="Attribute that Mautic itself keeps unique among the items of an object."
        ),
    ] = None,
    item_marker: Annotated[
        list[str] | None,
        typer.Option(metavar="OBJECT.ATTRIBUTE", help="Attribute, or name, that differs from item to item."),
    ] = None,
    items_append: Annotated[
        bool,
        typer.Option(
            "--items-append",
            help="Add items of objects with neither option anew at each import.",
        ),
    ] = False,
    clear_empty: Annotated[
        bool, typer.Option("--clear-empty", help="Let empty cells clear their field, instead of leaving it alone.")
    ] = False,
    zeros: Annotated[
        str,
        typer.Option(
            metavar="refuse|drop",
            help="Zeros in number fields, which Mautic does not store: refuse the row, or drop.",
        ),
    ] = "refuse",
    tag_separator: Annotated[str, typer.Option(help="Between the tags, or the values of a list, in a cell.")] = "|",
    decimal: Annotated[str, typer.Option(metavar=".|,", help="Decimal mark of numbers.")] = ".",
    date_format: Annotated[
        str, typer.Option(metavar="FORMAT", help="How dates are written, such as %d.%m.%Y. [default: YYYY-MM-DD]")
    ] = "",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check all rows, against the server if MAUTIC_BASE_URL is set; send nothing."),
    ] = False,
    rejected: Annotated[
        Path | None,
        typer.Option(help="File for rows that were not stored, with the reasons; it can be imported again."),
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="File that makes the import resumable after a crash or Ctrl-C.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted import of the journal.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="With --resume: import the file again if the journal's import is finished.")
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(help="File by which the next import sends only rows that differ from what this one has stored."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="With --state: send all rows, and renew the file.")] = False,
    check_drift: Annotated[
        bool,
        typer.Option("--check-drift", help="With --state: send rows of contacts that Mautic has changed, too."),
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with counts, reasons and the course of the import as a picture.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=100, help="The most requests at once.")] = 8,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="The most rows a request.")] = 200,
    reconcile_after: Annotated[
        float,
        typer.Option(min=0, help="Seconds after which a request without an answer has ended on the server."),
    ] = 120.0,
    file_format: Annotated[
        str | None, typer.Option("--format", help="csv, jsonl or parquet. [default: by the file's ending]")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of the file's text.")] = "utf-8",
    delimiter: Annotated[str | None, typer.Option(help="Between the cells of a CSV. [default: found out]")] = None,
    token_file: TokenFile = None,
    ca: Authority = None,
    proxy: Proxy = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
    verbose: Verbose = 0,  # noqa: ARG001 - read by its callback
) -> None:
    """Import contacts with their custom items. Exit status: 0 all rows are stored, 1 some, 2 none, 130 Ctrl-C."""
    from mautic_async import ConfigurationError
    from mautic_async.bulk import BulkOptions
    from mautic_async.cli.column_mapping import parse_mapping
    from mautic_async.cli.column_settings import CellFormat, ColumnSettings
    from mautic_async.cli.connection import Connection
    from mautic_async.cli.import_settings import ImportSettings, JournalSettings, StateSettings
    from mautic_async.cli.map_file import read_map_file
    from mautic_async.cli.match_options import parse_match_options

    def choice(option: str, value: str | None, *choices: str) -> Any:
        if value is None or value in choices:
            return value
        raise ConfigurationError(f"{option} {value}: it is {' or '.join(choices)}")

    def make_settings() -> ImportSettings:
        if resume and journal is None:
            raise ConfigurationError("--resume needs the journal of the import that is to go on: --journal FILE")
        if (full or check_drift) and state is None:
            raise ConfigurationError("--full and --check-drift need the file of the state: --state FILE")
        if not tag_separator:
            raise ConfigurationError("--tag-separator must not be empty")
        return ImportSettings(
            file=file,
            file_format=choice("--format", file_format, "csv", "jsonl", "parquet"),
            encoding=encoding,
            delimiter=delimiter,
            columns=ColumnSettings(
                mapping=read_map_file(map_file) | parse_mapping(map_ or ()),
                unique=unique or ("email",),
                clear_empty=clear_empty,
                ignore_unknown=ignore_unknown,
                zeros=choice("--zeros", zeros, "refuse", "drop"),
                cells=CellFormat(
                    tag_separator=tag_separator, decimal=choice("--decimal", decimal, ".", ","), date_format=date_format
                ),
            ),
            match_items=parse_match_options(item_unique or (), item_marker or ()),
            append_items=items_append,
            rejected=rejected,
            journal=JournalSettings(path=journal, resume=resume, again=again) if journal is not None else None,
            state=StateSettings(path=state, full=full, check_drift=check_drift) if state is not None else None,
            options=BulkOptions(concurrency=concurrency, batch=batch, reconcile_after=reconcile_after),
        )

    def work() -> int:
        settings, connection = make_settings(), Connection(token_file=token_file, ca=ca, proxy=proxy, insecure=insecure)
        if dry_run:
            return _dry_run(settings, connection, as_json=as_json)
        return _import(settings, connection, html, as_json=as_json)

    raise typer.Exit(run(work))


def _dry_run(settings: ImportSettings, connection: Connection, *, as_json: bool) -> int:
    from mautic_async.cli import import_job, tables

    async def work() -> ImportResult:
        async with connection.client(concurrency=settings.options.concurrency) as mautic:
            return await import_job.dry_run(settings, mautic)

    result = asyncio.run(work()) if os.environ.get("MAUTIC_BASE_URL") else import_job.dry_run_offline(settings)
    lines = tables.dry_run_lines(result)
    tables.print_result("Dry run: nothing was sent", lines, settings, result, as_json=as_json)
    return result.status


def _import(settings: ImportSettings, connection: Connection, html: Path | None, *, as_json: bool) -> int:
    from mautic_async.cli import import_job, tables
    from mautic_async.cli.progress import ProgressDisplay

    async def work() -> ImportResult:
        async with connection.client(concurrency=settings.options.concurrency) as mautic:
            return await import_job.run_import(settings, mautic, ProgressDisplay())

    result = asyncio.run(work())
    if html is not None:
        tables.write_html(html, f"Import of {settings.file}", result)
    tables.print_result("Import", tables.result_lines(result), settings, result, as_json=as_json)
    return result.status
