"""Pages: the parameters of a list, checked, and walks that neither miss nor repeat.

Lists have no defined order unless one is asked for, and offsets shift while others write. So a walk goes by id: where
conditions work, each page asks for ids above the last (keyset); elsewhere pages overlap by one entity, and where the
overlap is not what it should be the walk steps back until it is.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from mautic_async.errors import ConfigurationError
from mautic_async.resources import _where

if TYPE_CHECKING:
    from mautic_async.models import Entity
    from mautic_async.resources._base import ResultPage

E = TypeVar("E", bound="Entity")
Fetch: TypeAlias = "Callable[[Mapping[str, Any]], Awaitable[ResultPage[E]]]"

_COLUMNS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*(,[A-Za-z_][A-Za-z0-9_.]*)*")
_NAMES: Final = {"order_by": "orderBy", "order_by_dir": "orderByDir", "include_custom_objects": "includeCustomObjects"}
KNOWN: Final = frozenset(
    {
        "search",
        "start",
        "limit",
        "order_by",
        "order_by_dir",
        "published",
        "minimal",
        "where",
        "select",
        "include_custom_objects",
    }
)


def parameters(query: Mapping[str, Any], *, filters: bool = True) -> dict[str, object]:
    """*query* under Mautic's names.

    Raises:
        ConfigurationError: Mautic would answer with a 500, with everything, or would ignore it.
    """
    unknown = set(query) - KNOWN
    if unknown:
        raise ConfigurationError(f"unknown parameters {sorted(unknown)}; there are {sorted(KNOWN)}")
    _check_numbers(query)
    clauses = _where.clauses_of(query.get("where"))
    found: dict[str, object] = {}
    for name, value in query.items():
        if name in {"where", "published"} or value is None:
            continue
        if name in {"minimal", "include_custom_objects"}:
            if value:
                found[_NAMES.get(name, name)] = "true"  # any text counts as yes, `false` too
        else:
            found[_NAMES.get(name, name)] = _checked(name, value)
    if query.get("published"):
        _add_published(found, clauses, filters=filters)
    if clauses:
        found["where"] = [clause.parameters() for clause in clauses]
    return found


def _check_numbers(query: Mapping[str, Any]) -> None:
    for name, least in (("start", 0), ("limit", 1)):
        value = query.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            more = "; to read all, use iterate()" if name == "limit" else ""
            raise ConfigurationError(f"{name} must be an integer of at least {least}, not {value!r}{more}")


def _checked(name: str, value: Any) -> object:
    if name == "order_by" and not _COLUMNS.fullmatch(value):
        raise ConfigurationError(f"order_by must be a column's name, not {value!r}")
    if name == "order_by_dir" and value not in {"asc", "desc", "ASC", "DESC"}:
        raise ConfigurationError(f"order_by_dir must be asc or desc, not {value!r}")
    if name == "select":
        columns = [value] if isinstance(value, str) else list(value)
        return columns if "id" in columns else ["id", *columns]
    return value


def _add_published(found: dict[str, object], clauses: list[_where.Where], *, filters: bool) -> None:
    if not filters:
        raise ConfigurationError("published does not work on this resource: it is not something that can be published")
    if clauses:
        clauses.append(_where.eq("isPublished", value=True))  # a condition switches the parameter off
    else:
        found["published"] = 1


def iterate(
    fetch: Fetch[E], query: Mapping[str, Any], page: int, *, keyset: bool, read_ahead: bool
) -> AsyncIterator[E]:
    """Walk all pages; see `Reading.iterate`."""
    if query.get("start"):
        raise ConfigurationError("iterate() starts at the beginning; use list() for a page in the middle")
    size = query.get("limit", page)
    own_order = query.get("order_by") not in {None, "id"} or str(query.get("order_by_dir", "asc")).lower() == "desc"
    if own_order:
        return _by_overlap(fetch, dict(query), size, by_id=False)
    ordered = {**query, "order_by": "id", "order_by_dir": "asc"}
    if keyset:
        return _by_key(fetch, ordered, size, read_ahead=read_ahead)
    return _by_overlap(fetch, ordered, size, by_id=True)


async def _by_key(fetch: Fetch[E], query: Mapping[str, Any], size: int, *, read_ahead: bool) -> AsyncIterator[E]:
    own = _where.clauses_of(query.get("where"))

    def after(last: int) -> Awaitable[ResultPage[E]]:
        return fetch({**query, "limit": size, "where": [*own, _where.gt("id", last)]})

    pending: asyncio.Future[ResultPage[E]] | None = None
    last = 0
    try:
        while True:
            page = await (pending or after(last))
            pending = None
            fresh = [item for item in page.items if item.id > last]
            last = max((item.id for item in fresh), default=last)
            full = len(page.items) >= size and fresh
            if read_ahead and full:
                pending = asyncio.ensure_future(after(last))
            for item in fresh:
                yield item
            if not full:
                return
    finally:
        if pending is not None:
            pending.cancel()  # the request itself is a flight and ends by itself


async def _by_overlap(fetch: Fetch[E], query: Mapping[str, Any], size: int, *, by_id: bool) -> AsyncIterator[E]:
    recent: deque[int] = deque(maxlen=4 * size + 4)
    offset = 0
    while True:
        start, asked = max(0, offset - 1), size + (offset > 0)
        page = await fetch({**query, "start": start, "limit": asked})
        while start > 0 and not any(item.id in recent for item in page.items):
            start, asked = max(0, start - size), size + 1  # entities before us were deleted: step back to a known one
            page = await fetch({**query, "start": start, "limit": asked})
        known = set(recent)
        last = max(known, default=0) if by_id else 0
        for item in page.items:
            if item.id not in known and item.id > last:
                recent.append(item.id)
                yield item
        if len(page.items) < asked:
            return
        offset = start + len(page.items)
