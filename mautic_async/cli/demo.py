"""``mautic-async demo``: an import into a simulated Mautic that fails on purpose, and a check of what it holds."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mautic_async.cli.exit_status import ALL, SOME, run_async
from mautic_async.cli.options import AsJson, Verbose

if TYPE_CHECKING:
    from mautic_async.cli.demo_run import DemoRun


def demo(
    *,
    rows: Annotated[int, typer.Option(min=100, help="Rows to import; some are bad on purpose.")] = 5250,
    seed: Annotated[int, typer.Option(help="Of the people and of chance.")] = 1,
    as_json: AsJson = False,
    verbose: Verbose = 0,  # noqa: ARG001 - read by its callback
) -> None:
    """Import thousands of contacts into a simulated Mautic that fails on purpose; prove none lost, none doubled."""
    raise typer.Exit(run_async(lambda: _run(rows, seed, as_json=as_json)))


async def _run(rows: int, seed: int, *, as_json: bool) -> int:
    """Run the demo over a loopback socket; return 0 if every check holds."""
    from mautic_async.cli.demo_run import make_server, run_demo

    with tempfile.TemporaryDirectory(prefix="mautic-async-") as folder:
        async with make_server(seed) as fake, fake.serve():
            demo_run = await run_demo(fake, Path(folder), rows=rows, seed=seed)
    if as_json:
        print_demo_json(demo_run)
    else:
        print_tables(demo_run)
    return ALL if demo_run.passed else SOME


def print_demo_json(demo_run: DemoRun) -> None:
    """Print the same as one JSON object."""
    from mautic_async.cli.tables import print_json, result_json

    print_json(
        {
            "passed": demo_run.passed,
            "import": result_json(demo_run.result),
            "incidents": dict(demo_run.incidents),
            "checks": {check.claim: {"passed": check.passed, "evidence": check.evidence} for check in demo_run.checks},
        }
    )


def print_tables(demo_run: DemoRun) -> None:
    """Print what was imported, what went wrong on the way, and what the server holds."""
    from mautic_async.cli.tables import print_table, result_lines

    lines = [line for line in result_lines(demo_run.result) if line[0] != "rejected rows in"]  # the folder is gone
    print_table("The import", lines)
    print_table("Met on the way", [(name, f"{count} x") for name, count in demo_run.incidents])
    check_lines = [(check.claim, check.evidence + ("" if check.passed else "  FAILED")) for check in demo_run.checks]
    print_table("What the server holds", check_lines)
    verdict = "PROVED: nothing lost, nothing doubled, every row accounted for."
    sys.stdout.write(f"{verdict if demo_run.passed else 'FAILED: see above.'}\n")
