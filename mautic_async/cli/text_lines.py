"""The lines of a text file or of standard input, decoded one by one."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from mautic_async import ConfigurationError

_BOMS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class TextLines:
    """An iterator over the lines of an input, which counts what it has read.

    Args:
        path: The file; ``-`` is standard input.
        encoding: Any encoding in which a line ends with a single byte, that of LF.

    Attributes:
        name: The input's name in messages.
        size: Bytes in the file, or None where that is not known.
        line_number: Lines read so far.
        bytes_read: Bytes read so far.

    Raises:
        ConfigurationError: The file cannot be opened, the encoding cannot be used, or (while iterating) a line is not
            text of that encoding.
    """

    def __init__(self, path: str, encoding: str = "utf-8") -> None:
        self.path = path
        self.name: str = "standard input" if path == "-" else path
        self.line_number: int = 0
        self.bytes_read: int = 0
        self._encoding = _validated_encoding(encoding)
        self._file, self.size = _open(path)
        self._lines = self._decode()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._lines)

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.path != "-":
            self._file.close()

    def _decode(self) -> Iterator[str]:
        # Split as bytes, decoded line by line: an error can name its line, and only LF ends one.
        for encoded in self._file:
            self.line_number += 1
            self.bytes_read += len(encoded)
            line = encoded
            if self.line_number == 1:
                if line.startswith(_BOMS):
                    raise ConfigurationError(f"{self.name} is UTF-16 text; save it as UTF-8 (Excel: 'CSV UTF-8')")
                line = line.removeprefix(codecs.BOM_UTF8)
            try:
                yield line.decode(self._encoding)
            except UnicodeDecodeError as error:
                raise ConfigurationError(
                    f"{self.name}, line {self.line_number}: byte 0x{line[error.start]:02x} at place {error.start + 1}"
                    f" is not {self._encoding}; give the file's encoding, such as --encoding cp1252"
                ) from error


def _validated_encoding(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        if "\n".encode(name) == b"\n":
            return name
    except (LookupError, UnicodeError):
        raise ConfigurationError(f"--encoding {encoding}: Python knows no such encoding of text") from None
    raise ConfigurationError(f"--encoding {encoding}: its lines do not end with one byte; save the file as UTF-8")


def _open(path: str) -> tuple[BinaryIO, int | None]:
    if path == "-":
        return _standard_input(), None
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed by `TextLines.close`
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    return file, Path(path).stat().st_size or None


def _standard_input() -> BinaryIO:
    """Return a reader of its own: the interpreter aborts at exit if a thread still reads the one of ``sys.stdin``."""
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except OSError:
        return sys.stdin.buffer  # another object stands in for it
