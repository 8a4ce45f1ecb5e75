"""``mautic-async serve``: the simulated Mautic on a socket."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mautic_async.cli.exit_status import ALL, run_async
from mautic_async.cli.options import AsJson
from mautic_async.cli.tables import print_json

if TYPE_CHECKING:
    from mautic_async.testing.http import Request, Response


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 lets the system choose.")] = 8080,
    limit: Annotated[int, typer.Option(min=0, help="API calls an hour for each token; 0 is off.")] = 0,
    latency: Annotated[
        str, typer.Option(metavar="SECONDS[,SECONDS]", help="Time for a request, and for each row.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of tokens and chance.")] = 0,
    state: Annotated[Path | None, typer.Option(help="SQLite file to keep the state in.")] = None,
    username: Annotated[str, typer.Option(help="User name of the administrator.")] = "admin",
    password: Annotated[str, typer.Option(help="Password of the administrator.")] = "mautic",  # noqa: S107 - of a simulator
    client_id: Annotated[str, typer.Option(help="Id of the OAuth2 client.")] = "1_fake-client",
    client_secret: Annotated[str, typer.Option(help="Secret of the OAuth2 client.")] = "fake-secret",  # noqa: S107 - of a simulator
    mautic: Annotated[str, typer.Option(metavar="5.1|7.0", help="Release of Mautic to simulate.")] = "5.1",
    initial: Annotated[
        str, typer.Option(help="lab or clean: the state of a new server; clean has no second user, no custom objects.")
    ] = "lab",
    v2: Annotated[bool, typer.Option("--v2", help="Answer /api/v2, which lists custom objects, too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no line for each request.")] = False,
    as_json: AsJson = False,
) -> None:
    """Serve a simulated Mautic on a socket, for any client, until Ctrl-C. Requests are logged on standard error."""
    from mautic_async import ConfigurationError

    async def work() -> int:
        if initial not in {"lab", "clean"}:
            raise ConfigurationError(f"--initial {initial}: it is lab or clean")
        if mautic not in {"5.1", "7.0"}:
            raise ConfigurationError(f"--mautic {mautic}: it is 5.1 or 7.0")
        if mautic == "7.0" and limit:
            raise ConfigurationError("--limit: Mautic 7 has no rate limiter; leave the option out, or use --mautic 5.1")
        start: Literal["lab", "clean"] = "lab" if initial == "lab" else "clean"
        return await serve_until_cancelled(
            host,
            port,
            log=not quiet,
            as_json=as_json,
            rate_limit=limit,
            latency=parse_latency(latency),
            seed=seed,
            state=state,
            username=username,
            password=password,
            client_id=client_id,
            client_secret=client_secret,
            initial=start,
            v2=v2,
            version=mautic,
        )

    raise typer.Exit(run_async(work))


def parse_latency(text: str) -> float | tuple[float, float] | None:
    """Read seconds a request, or seconds a request and seconds a row; None for no text.

    Raises:
        ConfigurationError: It is neither.
    """
    from mautic_async import ConfigurationError

    if not text.strip():
        return None
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if len(parts) not in {1, 2} or not all(0 <= part < float("inf") for part in parts):
        raise ConfigurationError(f"--latency {text}: write seconds a request, or seconds a request,seconds a row")
    return parts[0] if len(parts) == 1 else (parts[0], parts[1])


async def serve_until_cancelled(
    host: str, port: int, *, log: bool = False, as_json: bool = False, **settings: Any
) -> int:
    """Print the address and credentials of a simulated Mautic, and serve until the task is cancelled; return 0.

    Args:
        host: Address to listen on.
        port: 0 lets the system choose.
        log: Whether to print a line for each request on standard error.
        as_json: Whether to print address and credentials as one JSON object.
        **settings: Of the `FakeMautic`.
    """
    from mautic_async.testing import FakeMautic

    class LoggingMautic(FakeMautic):
        async def answer(self, request: Request) -> Response:
            began = time.monotonic()
            result: object = "connection broken"
            try:
                response = await super().answer(request)
                result = response.status
                return response
            finally:
                if log:
                    seconds = time.monotonic() - began
                    sys.stderr.write(f"{request.method} {request.path} {result} in {seconds:.3f} s\n")

    async with LoggingMautic(**settings) as fake, fake.serve(port=port, host=host) as url:
        variables = {
            "MAUTIC_BASE_URL": url,
            "MAUTIC_CLIENT_ID": fake.client_id,
            "MAUTIC_CLIENT_SECRET": fake.client_secret,
            "MAUTIC_USERNAME": fake.username,
            "MAUTIC_PASSWORD": fake.password,
        }
        if as_json:
            print_json(variables)
        else:
            sys.stdout.write("".join(f"{name}={value}\n" for name, value in variables.items()))
        sys.stdout.flush()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # Ctrl-C is the normal end: the cancellation is taken back, and the exit status is 0.
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
    return ALL
