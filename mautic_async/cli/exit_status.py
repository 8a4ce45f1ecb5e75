"""Exit statuses of the commands, and errors as lines on standard error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import typer

ALL: Final = 0
SOME: Final = 1
NONE: Final = 2
"""Nothing was stored, or the command could not begin: a wrong option, no credentials, no such file."""
INTERRUPTED: Final = 130
TERMINATED: Final = 143


def run_async(work: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Return the exit status of *work*, run on an event loop; see `run`."""
    return run(lambda: asyncio.run(work()))


def run(work: Callable[[], int]) -> int:
    """Return the exit status of *work*; print an error that ends it as one line, without a traceback."""
    from mautic_async import MauticError

    try:
        return work()
    except (MauticError, OSError) as error:
        from mautic_async.cli.option_words import in_option_words

        typer.echo(f"error: {in_option_words(str(error))}", err=True)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        return INTERRUPTED
    return NONE
