"""``mautic-async export``: the options of the command."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mautic_async.cli.exit_status import run
from mautic_async.cli.options import AsJson, Authority, Insecure, Proxy, TokenFile, Verbose

if TYPE_CHECKING:
    from mautic_async.cli.export_job import ExportResult, ExportSettings


def export(
    noun: Annotated[str, typer.Argument(help="contacts, companies, segments, emails, forms, users ...")],
    file: Annotated[str, typer.Argument(help="File to write: .csv, .jsonl or .parquet; - is standard output.")],
    *,
    since: Annotated[
        str, typer.Option(metavar="DATE", help="Only what was added or changed since: 2026-01-31T08:00:00Z.")
    ] = "",
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="CONDITION", help="Such as points>=10, city=Berlin, email~%@example.com; all must hold."),
    ] = None,
    search: Annotated[str, typer.Option(help="Mautic's search, such as segment:newsletter or !is:anonymous.")] = "",
    columns: Annotated[
        str, typer.Option(metavar="A,B,...", help="Columns to write. [default for contacts: what import reads]")
    ] = "",
    custom_objects: Annotated[
        bool, typer.Option("--custom-objects", help="Write the custom items of contacts, the newest ten of an object.")
    ] = False,
    ids: Annotated[
        bool, typer.Option("--ids", help="Write ids of contacts and items, for an import into the same Mautic.")
    ] = False,
    file_format: Annotated[
        str | None, typer.Option("--format", help="csv, jsonl or parquet. [default: by the file's ending]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted export into this file.")] = False,
    token_file: TokenFile = None,
    ca: Authority = None,
    proxy: Proxy = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
    verbose: Verbose = 0,  # noqa: ARG001 - read by its callback
) -> None:
    """Export into a file. Exit status: 0 complete, 1 ended early, 2 nothing was exported, 130 Ctrl-C."""
    from mautic_async import ConfigurationError
    from mautic_async.cli.connection import Connection
    from mautic_async.cli.export_files import ENDINGS
    from mautic_async.cli.export_job import NOUNS, ExportSettings, run_export
    from mautic_async.cli.progress import ProgressBar
    from mautic_async.cli.where_option import parse_since, parse_where

    def make_settings() -> ExportSettings:
        name = noun.replace("-", "_")
        if name not in NOUNS:
            raise ConfigurationError(f"there is no {noun!r} to export; there are {', '.join(NOUNS)}")
        ending = f".{file_format}" if file_format else ".jsonl" if file == "-" else Path(file).suffix.lower()
        if ending not in ENDINGS:
            raise ConfigurationError(f"{file}: give --format csv, jsonl or parquet, or a file with such an ending")
        if name != "contacts" and (custom_objects or ids):
            raise ConfigurationError("--custom-objects and --ids belong to contacts; others always come with their ids")
        if file == "-" and (resume or ENDINGS[ending] == "parquet"):
            raise ConfigurationError("standard output cannot be resumed, and takes no Parquet: name a file")
        return ExportSettings(
            noun=name,
            target=None if file == "-" else Path(file),
            file_format=ENDINGS[ending],
            columns=[part.strip() for part in columns.split(",") if part.strip()] or None,
            since=parse_since(since),
            conditions=where or (),
            clauses=parse_where(where or ()),
            search=search,
            custom_objects=custom_objects,
            ids=ids,
            resume=resume,
        )

    def work() -> int:
        settings = make_settings()

        async def export_all() -> ExportResult:
            async with Connection(token_file=token_file, ca=ca, proxy=proxy, insecure=insecure).client() as mautic:
                return await run_export(settings, mautic, ProgressBar())

        result = asyncio.run(export_all())
        _print(settings, result, as_json=as_json)
        return result.status

    raise typer.Exit(run(work))


def _print(settings: ExportSettings, result: ExportResult, *, as_json: bool) -> None:
    """Print the report; where the rows go to standard output, on standard error."""
    from mautic_async.cli.option_words import in_option_words
    from mautic_async.cli.tables import print_json, print_table

    report = {
        "rows": result.rows,
        "file": None if settings.target is None else str(settings.target),
        "since_next_time": result.watermark or None,
        "interrupted": result.interrupted,
        "error": None if result.error is None else in_option_words(str(result.error)),
    }
    if settings.target is None:
        typer.echo(f"{result.rows:,} rows", err=True)
    elif as_json:
        print_json(report)
    else:
        lines: list[tuple[str, object]] = [("rows", f"{result.rows:,}"), ("file", settings.target)]
        print_table("Export", [*lines, *([("next time", f"--since {result.watermark}")] if result.watermark else [])])
    if result.truncated:
        typer.echo(
            f"warning: {result.truncated:,} contacts show ten items of an object, and may have more, which Mautic does"
            " not show",
            err=True,
        )
    if result.error is not None:
        typer.echo(f"error: {report['error']}", err=True)
    if result.status and settings.target is not None:
        typer.echo("ended before the end; to go on: the same command with --resume", err=True)
