"""JSON, from a server that may be broken or hostile."""

from __future__ import annotations

import json
from collections.abc import Callable
from gc import get_referents, is_tracked
from typing import Any, Final

from attrs import frozen

from mautic_async.errors import ConfigurationError

MAX_DEPTH: Final = 64
"""Nesting that no answer of Mautic comes near; beyond it a text is hostile."""


@frozen
class JsonLibrary:
    """A JSON library: the standard one, or orjson where the ``fast`` extra is installed and chosen."""

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
    """The JSON of the ``fast`` extra.

    Raises:
        ConfigurationError: orjson is not installed.
    """
    try:
        import orjson as library
    except ImportError as error:
        raise ConfigurationError("orjson is not installed: pip install 'mautic-async[fast]'") from error
    options = library.OPT_PASSTHROUGH_DATETIME | library.OPT_PASSTHROUGH_DATACLASS

    def dumps(value: Any) -> bytes:
        """The same as the standard library writes or refuses: that one takes over where orjson knows less, or more."""
        try:
            text: bytes = library.dumps(value, option=options)
        except TypeError:
            return STDLIB.dumps(value)
        if b"null" in text:
            _encoder.encode(value)  # it may stand for a NaN, which is an error here
        return text

    return JsonLibrary("orjson", dumps, library.loads)


_COUNT_BRACKETS_BELOW: Final = 1024
"""Bytes up to which it is quicker to count brackets than to look at values."""
_NON_BRACKETS: Final = bytes(set(range(256)) - set(b"[{"))


def parse_json(content: bytes, library: JsonLibrary = STDLIB) -> Any:
    """Read JSON from a server that may be broken or hostile.

    Raises:
        ValueError: It is not JSON, holds NaN or Infinity, a number of absurd length, or is nested too deeply.
    """
    try:
        value = library.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if len(content) <= _COUNT_BRACKETS_BELOW and len(content.translate(None, _NON_BRACKETS)) <= MAX_DEPTH:
        return value  # a bracket in a text counts, too, so this may say too much, never too little
    if _too_deep(value):
        raise ValueError("nested too deeply")
    return value


def _too_deep(value: Any) -> bool:
    """Whether a JSON value is nested deeper than `MAX_DEPTH`.

    One level at a time, at the speed of C: Python's garbage collector knows what any number of containers hold, and
    does not track texts, numbers and maps of only those. To look at the bytes instead takes three times as long, since
    there a bracket may be part of a text.
    """
    level = [value]
    for _ in range(MAX_DEPTH):
        level = get_referents(*filter(is_tracked, level))
        if not level:
            return False
    return any(isinstance(item, (dict, list)) for item in level)
