"""The command ``mautic-async``: one module for each of its commands. Needs the extra ``cli``.

The modules load the client inside their functions, so that help and completion are fast.
"""

from __future__ import annotations

import typer

from mautic_async.cli.demo import demo
from mautic_async.cli.import_command import CREDENTIALS_HELP, import_
from mautic_async.cli.serve import serve

app = typer.Typer(
    name="mautic-async",
    help="Import contacts and their custom items into Mautic; every row gets an outcome.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.command()(demo)
app.command("import", epilog=CREDENTIALS_HELP)(import_)
app.command()(serve)
