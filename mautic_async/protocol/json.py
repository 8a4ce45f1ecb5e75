"""JSON of responses and requests; a server may be broken or hostile."""

from __future__ import annotations

import json
from collections.abc import Callable
from gc import get_referents, is_tracked
from typing import Any, Final

from attrs import frozen

from mautic_async.errors import ConfigurationError

MAX_DEPTH: Final = 64
"""Levels of nesting that no response of Mautic comes near; a deeper text is hostile."""


@frozen
class JsonLibrary:
    """A JSON library: the standard one, or orjson with the ``fast`` extra.

    Attributes:
        name: Name of the library.
        dumps: Write a value as compact UTF-8 JSON; raise ValueError or TypeError if it has no JSON form.
        loads: Read a JSON text; raise ValueError if it is none.
    """

    name: str
    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decoder: Final = json.JSONDecoder(parse_constant=_reject_constant)
_encoder: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))

STDLIB: Final = JsonLibrary(
    "json", lambda value: _encoder.encode(value).encode(), lambda content: _decoder.decode(content.decode())
)


def orjson_library() -> JsonLibrary:
    """Return the JSON library of the ``fast`` extra.

    Raises:
        ConfigurationError: orjson is not installed.
    """
    try:
        import orjson as library
    except ImportError as error:
        raise ConfigurationError("orjson is not installed: pip install 'mautic-async[fast]'") from error
    options = library.OPT_PASSTHROUGH_DATETIME | library.OPT_PASSTHROUGH_DATACLASS

    def dumps(value: Any) -> bytes:
        """Write or refuse the same values as the standard library, which writes the types that orjson does not know."""
        try:
            text: bytes = library.dumps(value, option=options)
        except TypeError:
            return STDLIB.dumps(value)
        if b"null" in text:
            _encoder.encode(value)  # orjson writes NaN as null; the standard library raises ValueError
        return text

    return JsonLibrary("orjson", dumps, library.loads)


_COUNT_BRACKETS_BELOW: Final = 1024
"""Bytes up to which counting brackets is faster than walking the values."""
_NON_BRACKETS: Final = bytes(set(range(256)) - set(b"[{"))


def parse_json(content: bytes, library: JsonLibrary = STDLIB) -> Any:
    """Return the value of a JSON text from a server.

    Raises:
        ValueError: It is not JSON, holds NaN or Infinity, a number of absurd length, or is nested too deeply.
    """
    try:
        value = library.loads(content)
    # From the standard library; orjson refuses deep nesting with a ValueError.
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if len(content) <= _COUNT_BRACKETS_BELOW and len(content.translate(None, _NON_BRACKETS)) <= MAX_DEPTH:
        return value  # brackets in texts count too, so the depth may be overestimated, never underestimated
    if _too_deep(value):
        raise ValueError("nested too deeply")
    return value


def _too_deep(value: Any) -> bool:
    """Return True if a JSON value is nested deeper than `MAX_DEPTH`.

    The garbage collector lists the contents of a whole level at once, and leaves out objects of plain values. For a
    page of 30 contacts (62 KB) that takes 12 us. A loop in Python takes 670 us, and reading the page 1100 us.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        level = get_referents(*filter(is_tracked, level))
        if not level:
            return False
    return any(isinstance(item, (dict, list)) for item in level)
