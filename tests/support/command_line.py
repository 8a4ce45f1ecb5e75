"""The command line as a user has it: ``python -m mautic_async`` in processes of its own, and `serve` on a socket."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

PROGRAM = [sys.executable, "-W", "error", "-m", "mautic_async"]
_VARIABLES = ("MAUTIC_BASE_URL", "MAUTIC_CLIENT_ID", "MAUTIC_CLIENT_SECRET", "MAUTIC_USERNAME", "MAUTIC_PASSWORD")


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that knows only this Mautic."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAUTIC_")}
    return {**kept, "PYTHONIOENCODING": "utf-8", **variables}


def run(
    arguments: Sequence[str],
    variables: Mapping[str, str] | None = None,
    *,
    text: str | None = None,
    seconds: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=environment(variables or {}),
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=seconds,
    )


@contextmanager
def serving(*arguments: str) -> Iterator[dict[str, str]]:
    """Run ``mautic-async serve``, and give the environment variables that lead to it."""
    command = [*PROGRAM, "serve", "--port", "0", "--quiet", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment({}), encoding="utf-8") as server:
        assert server.stdout is not None
        try:
            yield dict(server.stdout.readline().strip().split("=", 1) for _ in _VARIABLES)
        finally:
            server.terminate()


def run_on_terminal(
    arguments: Sequence[str], variables: Mapping[str, str], *, columns: int = 120, seconds: float = 120
) -> tuple[int, str]:
    """Run a command on a pseudo-terminal; return its exit status and all that it showed."""
    import pty

    main, side = pty.openpty()
    env = environment(variables) | {"TERM": "xterm-256color", "COLUMNS": str(columns)}
    with subprocess.Popen([*PROGRAM, *arguments], stdin=side, stdout=side, stderr=side, env=env) as process:
        os.close(side)
        shown = b""
        with suppress(OSError):  # Linux says so when the last process has closed the terminal
            while chunk := os.read(main, 65536):
                shown += chunk
        os.close(main)
        return process.wait(seconds), shown.decode()
