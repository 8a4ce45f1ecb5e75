"""The command line: arguments in, lines out. Needs the extra ``cli``; loads the client only when it is to work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from mautic_async.cli.import_settings import Job, Result

T = TypeVar("T")

app = typer.Typer(
    name="mautic-async",
    help="Contacts and their custom items into Mautic, with the fate of every row known.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_ENVIRONMENT = (
    "Credentials come from the environment: MAUTIC_BASE_URL, with MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET, or with"
    " MAUTIC_USERNAME and MAUTIC_PASSWORD."
)


@app.command("demo")
def demo_(
    *,
    rows: Annotated[int, typer.Option(min=100, help="Rows to import; some are bad on purpose.")] = 5250,
    seed: Annotated[int, typer.Option(help="Of the people and of chance.")] = 1,
) -> None:
    """Import thousands of contacts into a simulated Mautic that fails on purpose; prove none lost, none doubled."""
    from mautic_async.cli.demo import main

    raise typer.Exit(_run(lambda: main(rows=rows, seed=seed)))


@app.command("import", epilog=_ENVIRONMENT)
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
        typer.Option(metavar="OBJECT.ATTRIBUTE", help="Attribute, or name, that every item has another of."),
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
        typer.Option(min=0, help="Seconds after which a request without an answer has surely ended on the server."),
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
    """Import contacts with their custom items. Exit status: 0 all rows are stored, 1 some, 2 none."""
    from mautic_async import ConfigurationError
    from mautic_async.cli.column_mapping import parse_mapping
    from mautic_async.cli.import_job import parse_match_options
    from mautic_async.cli.import_settings import Job

    def make_job() -> Job:
        if file_format not in {None, "csv", "jsonl"}:
            raise ConfigurationError(f"--format {file_format}: it is csv or jsonl")
        if resume and journal is None:
            raise ConfigurationError("--resume needs the journal of the import that is to go on: --journal FILE")
        return Job(
            file=file,
            form="csv" if file_format == "csv" else "jsonl" if file_format else None,
            encoding=encoding,
            delimiter=delimiter,
            mapping=parse_mapping(map_ or ()),
            unique=unique or ("email",),
            items=parse_match_options(item_unique or (), item_marker or ()),
            clear=clear_empty,
            rejected=rejected,
            journal=journal,
            resume=resume,
            concurrency=concurrency,
            batch=batch,
            settle=reconcile_after,
        )

    raise typer.Exit(
        _exit_status(lambda: _dry_run(make_job()) if dry_run else _run_import(make_job(), insecure=insecure))
    )


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 lets the system choose.")] = 8080,
    limit: Annotated[int, typer.Option(min=0, help="API calls an hour for each token; 0 is off.")] = 0,
    latency: Annotated[
        str, typer.Option(metavar="SECONDS[,SECONDS]", help="Time for a request, and for each row.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Of tokens and chance.")] = 0,
    state: Annotated[Path | None, typer.Option(help="SQLite file to keep the state in.")] = None,
    username: Annotated[str, typer.Option(help="Of the administrator.")] = "admin",
    password: Annotated[str, typer.Option(help="Of the administrator.")] = "mautic",  # noqa: S107 - of a simulator
    client_id: Annotated[str, typer.Option(help="Of the OAuth2 client.")] = "1_fake-client",
    client_secret: Annotated[str, typer.Option(help="Of the OAuth2 client.")] = "fake-secret",  # noqa: S107 - of a simulator
    initial: Annotated[str, typer.Option(help="lab or clean: the state of a new server.")] = "lab",
) -> None:
    """Be a simulated Mautic on a socket, for any client, until Ctrl-C."""
    from mautic_async import ConfigurationError
    from mautic_async.cli.serve import parse_latency, serve_forever

    async def work() -> int:
        if initial not in {"lab", "clean"}:
            raise ConfigurationError(f"--initial {initial}: it is lab or clean")
        start: Literal["lab", "clean"] = "lab" if initial == "lab" else "clean"
        return await serve_forever(
            host,
            port,
            rate_limit=limit,
            latency=parse_latency(latency),
            seed=seed,
            state=state,
            username=username,
            password=password,
            client_id=client_id,
            client_secret=client_secret,
            initial=start,
        )

    raise typer.Exit(_run(work))


def _dry_run(job: Job) -> int:
    from mautic_async.cli import display
    from mautic_async.cli.import_job import dry_run

    result = dry_run(job)
    lines: list[tuple[str, object]] = [
        ("rows read", f"{result.read:,}"),
        ("fit to be sent", f"{result.report.updated:,}"),
    ]
    lines += [("rejected", f"{result.refused:,}"), *display.reason_lines(result.reasons)]
    if result.rejected is not None:
        lines.append(("rejected rows in", result.rejected))
    display.print_table("Dry run: nothing was sent", lines)
    return result.status


def _run_import(job: Job, *, insecure: bool) -> int:
    from mautic_async.cli import display
    from mautic_async.cli.import_job import make_client, run_import

    async def work() -> Result:
        async with make_client(job, insecure=insecure) as mautic:
            return await run_import(job, mautic, display.ProgressDisplay())

    result = asyncio.run(work())
    display.print_table("Import", display.result_lines(result))
    for line in display.notes(job, result):
        typer.echo(line, err=True)
    return result.status


def _run(work: Callable[[], Coroutine[Any, Any, int]]) -> int:
    return _exit_status(lambda: asyncio.run(work()))


def _exit_status(work: Callable[[], int]) -> int:
    """The exit status; what prevents all work is told in one line."""
    from mautic_async import MauticError

    try:
        return work()
    except (MauticError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
    return 2
