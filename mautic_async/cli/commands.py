"""The command ``mautic-async``: one module for each of its commands. Needs the extra ``cli``.

The modules load the client inside their functions, so that help and completion are fast.
"""

from __future__ import annotations

from typing import Annotated

import typer

from mautic_async.cli.check_command import check
from mautic_async.cli.demo import demo
from mautic_async.cli.export_command import export
from mautic_async.cli.import_command import import_
from mautic_async.cli.login import login
from mautic_async.cli.options import CREDENTIALS_HELP
from mautic_async.cli.serve import serve

app = typer.Typer(
    name="mautic-async",
    help="Import into Mautic, export from it, check it, or serve a simulated one.",
    invoke_without_command=True,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def main(
    *,
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version, and end.")] = False,
) -> None:
    """Print the version if that is asked for."""
    if version:
        from mautic_async import __version__

        typer.echo(f"mautic-async {__version__}")
        raise typer.Exit


app.command(epilog=CREDENTIALS_HELP)(check)
app.command()(demo)
app.command("import", epilog=CREDENTIALS_HELP)(import_)
app.command(epilog=CREDENTIALS_HELP)(export)
app.command()(login)
app.command()(serve)
