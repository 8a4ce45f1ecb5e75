"""The file of ``--map-file``: a TOML table of column names and fields."""

from __future__ import annotations

import tomllib
from pathlib import Path

from mautic_async import ConfigurationError


def read_map_file(path: Path | None) -> dict[str, str]:
    """Return the target by column name; no entries for None.

    Raises:
        ConfigurationError: The file cannot be read, or is not a table of texts.
    """
    if path is None:
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"--map-file {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"--map-file {path}: {error}") from error
    if odd := [name for name, target in table.items() if not isinstance(target, str)]:
        raise ConfigurationError(f'--map-file {path}: {odd[0]!r} is no line like "Column name" = "field"')
    return table
