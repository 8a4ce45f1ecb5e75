"""A Parquet file as the input of an import."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mautic_async.cli.input_file import FileFormat, InputRow
from mautic_async.cli.parquet_file import read_parquet

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class ParquetInput:
    """The rows of a Parquet file; a null is a cell that is left alone. See `InputFile` for the attributes.

    Raises:
        ConfigurationError: The file cannot be read, or pyarrow is not installed.
    """

    def __init__(self, path: str) -> None:
        self.path = self.name = path
        self.file_format: FileFormat = "parquet"
        self.delimiter = ""
        self._row_number = 0
        names, self._row_count, self._rows = read_parquet(path)
        self.columns: Sequence[str] | None = names

    @property
    def fraction_read(self) -> float | None:
        """Return the rows read of all rows, 0 to 1."""
        return self._row_number / self._row_count if self._row_count else None

    def __iter__(self) -> Iterator[InputRow]:
        """Yield the rows, once."""
        for row in self._rows:
            self._row_number += 1
            yield InputRow(self._row_number, tuple(row.items()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.close()
