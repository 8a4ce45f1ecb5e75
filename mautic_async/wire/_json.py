"""JSON, from a server that may be broken or hostile."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]  # the first is not in its stubs
from typing import Any, Final

from attrs import frozen

from mautic_async.errors import ConfigurationError

MAX_DEPTH: Final = 64
"""Nesting that no answer of Mautic comes near; beyond it a text is hostile."""


@frozen
class Json:
    """A JSON library: the standard one, or orjson where the ``fast`` extra is installed and chosen."""

    name: str
    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decode: Final = json.JSONDecoder(parse_constant=_no_constant).decode
_encoder: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


def _writer() -> Callable[[Any], str]:
    """What `json.JSONEncoder.encode` does; it makes a new encoder in C for each call, which takes longer than a row."""
    if c_make_encoder is None:  # pragma: no cover - no C in this Python
        return _encoder.encode
    write = c_make_encoder(None, _encoder.default, encode_basestring, None, ":", ",", False, False, False)
    return lambda value: "".join(write(value, 0))


_encode: Final = _writer()
STDLIB: Final = Json("json", lambda value: _encode(value).encode(), lambda content: _decode(content.decode()))


def orjson() -> Json:
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
            _encode(value)  # it may stand for a NaN, which is an error here
        return text

    return Json("orjson", dumps, library.loads)


_ONE_KIND: Final = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b'[]{}"'))
_ESCAPED: Final = re.compile(rb"\\.")


def parse(content: bytes, library: Json = STDLIB) -> Any:
    """Read JSON from a server that may be broken or hostile.

    Raises:
        ValueError: It is not JSON, holds NaN or Infinity, a number of absurd length, or is nested too deeply.
    """
    try:
        value = library.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if _is_deep(content):
        raise ValueError("nested too deeply")
    return value


def _is_deep(content: bytes) -> bool:
    """Whether valid JSON is nested deeper than `MAX_DEPTH`, at the speed of C.

    What is left of it are brackets and quotes; first go the texts without brackets, then the others, then one level of
    nesting at a time.
    """
    opened = content.count(b"[") + content.count(b"{")
    empty = content.count(b"[]") + content.count(b"{}")  # of which only one can be innermost
    if opened - empty < MAX_DEPTH:
        return False
    if b"\\" in content:
        content = _ESCAPED.sub(b"", content)
    brackets = content.translate(_ONE_KIND, _NOT_BRACKETS).replace(b'""', b"")
    if b'"' in brackets:
        brackets = b"".join(brackets.split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
