"""``mautic-async import``: the options of the command."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mautic_async.cli.exit_status import run

if TYPE_CHECKING:
    from mautic_async.cli.import_settings import ImportResult, ImportSettings

CREDENTIALS_HELP = (
    "Credentials come from the environment: MAUTIC_BASE_URL, with MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET, or with"
    " MAUTIC_USERNAME and MAUTIC_PASSWORD."
)


def import_(
    file: Annotated[
        str, typer.Argument(help="CSV with column names in the first line, or JSON lines; - is standard input.")
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
    clear_empty: Annotated[
        bool, typer.Option("--clear-empty", help="Let empty cells clear their field, instead of leaving it alone.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check all rows; send nothing.")] = False,
    rejected: Annotated[
        Path | None,
        typer.Option(help="File for rows that were not stored, with the reasons; it can be imported again."),
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="File that makes the import resumable after a crash or Ctrl-C.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted import of the journal.")] = False,
    concurrency: Annotated[int, typer.Option(min=1, max=100, help="The most requests at once.")] = 8,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="The most rows a request.")] = 200,
    reconcile_after: Annotated[
        float,
        typer.Option(min=0, help="Seconds after which a request without an answer has ended on the server."),
    ] = 120.0,
    file_format: Annotated[
        str | None, typer.Option("--format", help="csv or jsonl. [default: by the file's ending]")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of the file's text.")] = "utf-8",
    delimiter: Annotated[str | None, typer.Option(help="Between the cells of a CSV. [default: found out]")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow http:// to a host that is not this machine.")
    ] = False,
) -> None:
    """Import contacts with their custom items. Exit status: 0 all rows are stored, 1 some, 2 none, 130 Ctrl-C."""
    from mautic_async import ConfigurationError
    from mautic_async.cli.column_mapping import parse_mapping
    from mautic_async.cli.column_settings import ColumnSettings
    from mautic_async.cli.import_settings import ImportSettings, JournalSettings
    from mautic_async.cli.match_options import parse_match_options

    def make_settings() -> ImportSettings:
        if file_format not in {None, "csv", "jsonl"}:
            raise ConfigurationError(f"--format {file_format}: it is csv or jsonl")
        if resume and journal is None:
            raise ConfigurationError("--resume needs the journal of the import that is to go on: --journal FILE")
        return ImportSettings(
            file=file,
            file_format="csv" if file_format == "csv" else "jsonl" if file_format else None,
            encoding=encoding,
            delimiter=delimiter,
            columns=ColumnSettings(
                mapping=parse_mapping(map_ or ()), unique=unique or ("email",), clear_empty=clear_empty
            ),
            match_items=parse_match_options(item_unique or (), item_marker or ()),
            rejected=rejected,
            journal=JournalSettings(path=journal, resume=resume) if journal is not None else None,
            concurrency=concurrency,
            batch=batch,
            reconcile_after=reconcile_after,
        )

    raise typer.Exit(run(lambda: _dry_run(make_settings()) if dry_run else _import(make_settings(), insecure=insecure)))


def _dry_run(settings: ImportSettings) -> int:
    from mautic_async.cli import import_job, tables

    result = import_job.dry_run(settings)
    tables.print_table("Dry run: nothing was sent", tables.dry_run_lines(result))
    return result.status


def _import(settings: ImportSettings, *, insecure: bool) -> int:
    from mautic_async import Limits, Mautic
    from mautic_async.cli import tables
    from mautic_async.cli.import_job import run_import
    from mautic_async.cli.progress import ProgressDisplay

    async def work() -> ImportResult:
        async with Mautic.from_env(limits=Limits(concurrency=settings.concurrency), insecure=insecure) as mautic:
            return await run_import(settings, mautic, ProgressDisplay())

    result = asyncio.run(work())
    tables.print_table("Import", tables.result_lines(result))
    for line in tables.notes(settings, result):
        typer.echo(line, err=True)
    return result.status
