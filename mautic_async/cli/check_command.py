"""``mautic-async check``: a look at a Mautic before the first import."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

import typer

from mautic_async.cli.exit_status import ALL, SOME, run
from mautic_async.cli.options import AsJson, Authority, Insecure, Proxy, TokenFile, Verbose

if TYPE_CHECKING:
    from mautic_async.cli.check_lines import Line
    from mautic_async.cli.connection import Connection

PATIENCE: Final = 5.0
"""Seconds for which a call of the check waits for the rate limit."""


def check(
    *,
    token_file: TokenFile = None,
    ca: Authority = None,
    proxy: Proxy = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
    verbose: Verbose = 0,  # noqa: ARG001 - read by its callback
) -> None:
    """Log in and look at a Mautic; nothing is written. Exit status: 0 without a problem, 1 with one."""
    from mautic_async.cli.connection import Connection

    connection = Connection(token_file=token_file, ca=ca, proxy=proxy, insecure=insecure)
    raise typer.Exit(run(lambda: _check(connection, as_json=as_json)))


def _check(connection: Connection, *, as_json: bool) -> int:
    from mautic_async.cli.tables import print_json, print_table

    lines = asyncio.run(_lines(connection))
    status = SOME if any(line.state == "problem" for line in lines) else ALL
    if as_json:
        found = [{"name": line.name, "state": line.state, "text": line.text} for line in lines]
        print_json({"status": status, "lines": found})
    else:
        marks = {"ok": "ok      ", "warning": "warning ", "problem": "PROBLEM "}
        print_table("Check", [(line.name, marks[line.state] + line.text) for line in lines])
    return status


async def _lines(connection: Connection) -> list[Line]:
    from mautic_async.cli.check_lines import check as ask
    from mautic_async.cli.connection import base_url

    async with connection.client(patience=PATIENCE) as mautic:
        return [line async for line in ask(mautic, base_url(), _kind(connection))]


def _kind(connection: Connection) -> str:
    if connection.token_file is not None:
        return f"token file {connection.token_file}"
    has_client = os.environ.get("MAUTIC_CLIENT_ID") and os.environ.get("MAUTIC_CLIENT_SECRET")
    return "OAuth2 client" if has_client else "user and password"
