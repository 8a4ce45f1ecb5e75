"""Options that several commands share."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

CREDENTIALS_HELP: Final = (
    "Credentials come from the environment: MAUTIC_BASE_URL, with MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET, or with"
    " MAUTIC_USERNAME and MAUTIC_PASSWORD."
)


def _set_verbosity(count: int) -> int:
    """Print the client's log records on standard error: with one ``-v`` from INFO on, with two from DEBUG on."""
    if count:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        logger = logging.getLogger("mautic_async")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO if count == 1 else logging.DEBUG)
    return count


Verbose: TypeAlias = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        callback=_set_verbosity,
        help="Log retries, failures and long waits; -vv logs each call.",
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the report as JSON on standard output.")]
Insecure: TypeAlias = Annotated[
    bool, typer.Option("--insecure", help="Allow http:// to a host that is not this machine.")
]
Authority: TypeAlias = Annotated[
    Path | None, typer.Option("--ca", metavar="FILE", help="Certificates of your own authority. [env: SSL_CERT_FILE]")
]
Proxy: TypeAlias = Annotated[
    str | None, typer.Option(metavar="URL", help="Proxy to the server. [env: HTTPS_PROXY, NO_PROXY]")
]
TokenFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--token-file", envvar="MAUTIC_TOKEN_FILE", help="File that `mautic-async login` has written."),
]
