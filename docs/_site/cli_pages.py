"""Writes ``docs/cli.md``, the help of all commands: ``python -m docs._site.cli_pages``."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "cli.md"


def help_of(*command: str) -> str:
    """Return the help of a command, 80 columns wide."""
    from typer.testing import CliRunner

    from mautic_async.cli.commands import app

    env = {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1"}
    shown = CliRunner(env=env).invoke(app, [*command, "--help"], prog_name="mautic-async").stdout
    return re.sub(r"[ \t]+$", "", shown, flags=re.MULTILINE).strip()


def page() -> str:
    """Return the page."""
    from typer.main import get_command

    from mautic_async.cli.commands import app

    names = sorted(getattr(get_command(app), "commands", {}))
    parts = [
        "# Command line\n",
        "The extra `cli` installs the command `mautic-async`. Written by `python -m docs._site.cli_pages`.\n",
    ]
    parts += [f"```text\n{help_of()}\n```\n"]
    parts += [f"## mautic-async {name}\n\n```text\n{help_of(name)}\n```\n" for name in names]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
