"""Large answers, parsed in pieces between which the event loop gets its turn.

The answer to 200 rows is 1.4 MB, and to parse it takes 10 ms in which nobody else is served. PHP writes JSON without
spaces, and every row of an answer begins with the same key: so the text is cut between rows, and each piece is parsed
by itself. A cut in a wrong place makes pieces that are no JSON; then, as in every other form, the text is parsed whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator
from typing import Any, Final

from mautic_async.protocol.json import STDLIB, Json, parse

LARGE: Final = 96 * 2**10
"""Bytes up to which an answer is parsed at once: under a millisecond."""

_START: Final = re.compile(
    rb'(\{(?:"total":(?:"\d{1,12}"|\d{1,12}),)?)"(\w{1,40})":([\[{])(?:"\d{1,12}":)?\{("\w{1,40}":)'
)
_AFTER: Final = (b',"statusCodes":', b',"errors":', b"}")


def in_pieces(
    content: bytes, library: Json = STDLIB, keep: Collection[str] = (), size: int = LARGE
) -> Generator[None, None, Any]:
    """Parse *content*; a generator that pauses between pieces and returns the value.

    Args:
        content: Of an answer.
        library: That parses.
        keep: Properties of rows that are wanted, if not all: the others are dropped piece by piece.
        size: Bytes up to which a text is parsed at once; pieces have half of that.

    Raises:
        ValueError: As `parse` does.
    """
    start = _START.match(content) if len(content) > size else None
    try:
        body = (yield from _cut(content, start, library, keep, size // 2)) if start is not None else None
    except (ValueError, TypeError):
        body = None  # not cut where rows end
    return parse(content, library) if body is None else body


def _cut(
    content: bytes, start: re.Match[bytes], library: Json, keep: Collection[str], size: int
) -> Generator[None, None, dict[str, Any] | None]:
    head, name, opening, first = start.groups()
    close = b"]" if opening == b"[" else b"}"
    end = _end(content, close)
    if end < 0:
        return None
    rows: Any = [] if opening == b"[" else {}
    place = start.end(3)
    while place < end:
        stop = _next(content, place + size, end, first, since=place if opening == b"{" else None)
        piece = parse(opening + content[place:stop] + close, library)
        _take(rows, piece, keep)
        place = stop + 1
        yield
    before = parse(head + b'"":0}', library)
    after = parse(b'{"":0' + content[end + 1 :], library)
    body = {**before, name.decode(): rows, **after}
    del body[""]
    return body


def _end(content: bytes, close: bytes) -> int:
    """Where the container of the rows is closed."""
    found = [content.rfind(b"}" + close + after) for after in _AFTER[:2]]
    if content.endswith(b"}" + close + b"}"):
        found.append(len(content) - 3)
    return min((place + 1 for place in found if place >= 0), default=-1)


def _next(content: bytes, place: int, end: int, first: bytes, *, since: int | None) -> int:
    """The first comma between rows after *place*, or the end of all; in a map, whose last piece began at *since*."""
    if since is None:
        found = content.find(b"},{" + first, place, end)
        return found + 1 if found >= 0 else end
    found = content.find(b'":{' + first, place, end)
    comma = content.rfind(b'},"', since, found) + 1 if found >= 0 else 0
    return comma or end


def _take(rows: Any, piece: Any, keep: Collection[str]) -> None:
    if isinstance(rows, dict):
        if not rows.keys().isdisjoint(piece):
            raise ValueError("a row twice")
        rows.update({key: _kept(row, keep) for key, row in piece.items()})
    else:
        rows.extend([_kept(row, keep) for row in piece])


def _kept(row: Any, keep: Collection[str]) -> Any:
    if not keep or not isinstance(row, dict):
        return row
    return {key: row[key] for key in keep if key in row}
