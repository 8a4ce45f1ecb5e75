"""``mautic-async`` and ``python -m mautic_async``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, or say which extra it needs."""
    try:
        from mautic_async.cli.commands import app
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich", "click"}:
            raise
        sys.exit("The command line needs typer and rich: python3 -m pip install 'mautic-async[cli]'")
    app()


if __name__ == "__main__":
    main()
