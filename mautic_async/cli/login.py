"""``mautic-async login``: a person allows the access in a browser, and the token is kept in a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mautic_async.cli.exit_status import ALL, run_async
from mautic_async.cli.options import AsJson, Authority, Insecure, Proxy, Verbose

if TYPE_CHECKING:
    from mautic_async.cli.connection import Connection

DEFAULT_TOKEN_FILE: Final = Path("mautic-token.json")
DEFAULT_REDIRECT_URI: Final = "http://127.0.0.1:8099/callback"
LOGIN_SECONDS: Final = 600.0
"""Seconds for the person in the browser; Mautic's state is good for as long."""


def login(
    *,
    token_file: Annotated[
        Path, typer.Option(envvar="MAUTIC_TOKEN_FILE", help="File to keep the token in.")
    ] = DEFAULT_TOKEN_FILE,
    redirect_uri: Annotated[
        str, typer.Option(help="Where the browser comes back to: on this machine, and as in Mautic's API credentials.")
    ] = DEFAULT_REDIRECT_URI,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address instead of opening it in a browser.")
    ] = False,
    ca: Authority = None,
    proxy: Proxy = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
    verbose: Verbose = 0,  # noqa: ARG001 - read by its callback
) -> None:
    """Log a person in by the browser (OAuth2 authorization code), with MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET."""
    from mautic_async.cli.connection import Connection

    connection = Connection(token_file=token_file, ca=ca, proxy=proxy, insecure=insecure)
    raise typer.Exit(run_async(lambda: _login(connection, redirect_uri, browser=not no_browser, as_json=as_json)))


async def _login(connection: Connection, redirect_uri: str, *, browser: bool, as_json: bool) -> int:
    """Open the browser, wait for it to come back, exchange its code; return the exit status.

    Raises:
        ConfigurationError: A setting is missing or wrong, or no browser came back in time.
        MauticError: The person declined, or Mautic refused the code.
    """
    from mautic_async import ConfigurationError
    from mautic_async.cli.connection import base_url
    from mautic_async.cli.loopback import RedirectListener
    from mautic_async.cli.tables import print_json

    credentials = connection.credentials(redirect_uri)
    listener = RedirectListener(redirect_uri)
    async with connection.client(auth=credentials) as mautic, listener.listen():
        address = credentials.authorization_url(base_url())
        typer.echo(f"Allow the access in your browser:\n{address}", err=True)
        # The listener is open before the browser: an earlier consent is answered at once.
        if browser:
            await asyncio.to_thread(typer.launch, address)
        try:
            async with asyncio.timeout(LOGIN_SECONDS):
                callback = await listener.callbacks.get()
        except TimeoutError:
            raise ConfigurationError(
                f"no browser came back to {redirect_uri} in {LOGIN_SECONDS / 60:.0f} minutes; the address must be in"
                " Mautic's API credentials, letter for letter"
            ) from None
        await mautic.authorize(callback)
        user = await mautic.users.me()
    token_file = str(connection.token_file)
    if as_json:
        print_json({"status": ALL, "user": user.username, "token_file": token_file})
    else:
        typer.echo(f"logged in as {user.username}; the token is in {token_file}")
        typer.echo(f"other commands use it with --token-file {token_file}, or MAUTIC_TOKEN_FILE={token_file}", err=True)
    return ALL
