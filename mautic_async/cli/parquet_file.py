"""Parquet files, read and written in bounded memory. Needs the extra ``parquet``."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

from mautic_async import ConfigurationError

GROUP_ROWS: Final = 10_000
"""Rows of a row group, and of a batch when reading."""


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ConfigurationError("Parquet needs pyarrow: python3 -m pip install 'mautic-async[parquet]'") from error
    return pa, pq


def require_pyarrow() -> None:
    """Check that Parquet can be written, before the first request.

    Raises:
        ConfigurationError: pyarrow is not installed.
    """
    _pyarrow()


def read_parquet(path: str) -> tuple[list[str], int, Generator[dict[str, Any], None, None]]:
    """Return the columns of a file, the number of its rows, and an iterator over the rows without their nulls.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    arrow, parquet = _pyarrow()
    try:
        file = parquet.ParquetFile(path)
    except (OSError, arrow.ArrowInvalid) as error:
        raise ConfigurationError(f"{path}: {str(error).splitlines()[0]}") from error

    def rows() -> Generator[dict[str, Any], None, None]:
        with file:
            for batch in file.iter_batches(GROUP_ROWS):
                for row in batch.to_pylist():
                    yield {name: _from_arrow(value) for name, value in row.items() if value is not None}

    return list(file.schema_arrow.names), file.metadata.num_rows, rows()


def _from_arrow(value: Any) -> Any:
    """Return dates and decimals as Mautic takes them; other values as they are."""
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def write_parquet(path: Path, names: Sequence[str], rows: Callable[[], Iterable[dict[str, Any]]]) -> None:
    """Write rows whose columns are *names*; a column whose values have several types is one of texts.

    Args:
        path: The file.
        names: All columns.
        rows: Yields the rows; called twice, since types are known only after the last row.
    """
    arrow, parquet = _pyarrow()
    kinds = _kinds(names, rows())
    schema = arrow.schema([(name, _arrow_type(arrow, kinds[name])) for name in names])
    texts = {name for name in names if schema.field(name).type == arrow.string()}
    with parquet.ParquetWriter(path, schema) as writer:
        source = iter(rows())
        while group := list(islice(source, GROUP_ROWS)):
            columns = [[_value(row.get(name), as_text=name in texts) for row in group] for name in names]
            arrays = [arrow.array(values, schema.field(name).type) for name, values in zip(names, columns, strict=True)]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))


def _kinds(names: Sequence[str], rows: Iterable[dict[str, Any]]) -> dict[str, set[str]]:
    kinds: dict[str, set[str]] = {name: set() for name in names}
    for row in rows:
        for name, value in row.items():
            texts = isinstance(value, list) and all(isinstance(part, str) for part in value)
            kinds[name].add("texts" if texts else type(value).__name__)
    return kinds


def _arrow_type(arrow: Any, kinds: set[str]) -> Any:
    if kinds == {"int"}:
        return arrow.int64()
    if kinds and kinds <= {"int", "float"}:
        return arrow.float64()
    if kinds == {"bool"}:
        return arrow.bool_()
    return arrow.list_(arrow.string()) if kinds == {"texts"} else arrow.string()


def _value(value: Any, *, as_text: bool) -> Any:
    if not as_text or value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict, bool)) else str(value)
