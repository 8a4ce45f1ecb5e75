"""Pagination: checked parameters of a list, and iteration over all pages that neither misses nor repeats an entity.

A list has no defined order unless one is asked for, and offsets shift while entities are added and deleted. Where
conditions work, `Paginator` uses keyset pagination: each page asks for ids above the last one. Elsewhere it pages by
offset, and pages overlap by one entity. If the overlap is missing, entities before it were deleted, and the paginator
goes back until it finds one that it has seen.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

from attrs import frozen

from mautic_async import where
from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from mautic_async.resources._endpoint import ResultPage

T = TypeVar("T")
FetchPage: TypeAlias = "Callable[[Mapping[str, Any]], Awaitable[ResultPage[T]]]"
StartTask: TypeAlias = Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]

_COLUMNS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*(,[A-Za-z_][A-Za-z0-9_.]*)*")
_MAUTIC_NAMES: Final = {
    "order_by": "orderBy",
    "order_by_dir": "orderByDir",
    "include_custom_objects": "includeCustomObjects",
}
PARAMETER_NAMES: Final = frozenset(
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


def parameters(query: Mapping[str, Any], *, filters_published: bool = True) -> dict[str, object]:
    """Return *query* under Mautic's names.

    Raises:
        ConfigurationError: Mautic would answer a parameter with a 500 or with all entities, or would ignore it.
    """
    unknown = set(query) - PARAMETER_NAMES
    if unknown:
        raise ConfigurationError(f"unknown parameters {sorted(unknown)}; there are {sorted(PARAMETER_NAMES)}")
    _check_numbers(query)
    # Conditions are read first: `published` is written as one of them where there are any.
    clauses = where.to_clauses(query.get("where"))
    found: dict[str, object] = {}
    for name, value in query.items():
        if name in {"where", "published"} or value is None:
            continue
        if name in {"minimal", "include_custom_objects"}:
            if value:
                found[_MAUTIC_NAMES.get(name, name)] = "true"  # any text counts as yes, `false` too
        else:
            found[_MAUTIC_NAMES.get(name, name)] = _validate(name, value)
    if query.get("published"):
        _add_published(found, clauses, filters_published=filters_published)
    if clauses:
        found["where"] = [clause.parameters() for clause in clauses]
    return found


def _check_numbers(query: Mapping[str, Any]) -> None:
    for name, least in (("start", 0), ("limit", 1)):
        value = query.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            more = "; to read all, use iterate()" if name == "limit" else ""
            raise ConfigurationError(f"{name} must be an integer of at least {least}, not {value!r}{more}")


def _validate(name: str, value: Any) -> object:
    if name == "order_by" and not _COLUMNS.fullmatch(value):
        raise ConfigurationError(f"order_by must be a column's name, not {value!r}")
    if name == "order_by_dir" and value not in {"asc", "desc", "ASC", "DESC"}:
        raise ConfigurationError(f"order_by_dir must be asc or desc, not {value!r}")
    if name == "select":
        columns = [value] if isinstance(value, str) else list(value)
        # Entities without an id could not be told apart.
        return columns if "id" in columns else ["id", *columns]
    return value


def _add_published(found: dict[str, object], clauses: list[where.Where], *, filters_published: bool) -> None:
    if not filters_published:
        raise ConfigurationError("published does not work on this resource: it is not something that can be published")
    if clauses:
        clauses.append(where.eq("isPublished", value=True))  # a condition switches the parameter off
    else:
        found["published"] = 1


@frozen(kw_only=True)
class Paginator(Generic[T]):
    """Iteration over all pages of one list.

    Attributes:
        fetch: Asks for one page.
        query: Parameters of every page.
        size: Items a page.
        get_id: Returns the id of an item: a number, or in keyset pagination also a text.
        column: The column of that id.
        keyset: Whether conditions on that column work.
        ordered: Whether the list can be ordered; if not, it is expected to come in the same order each time.
        above: Id that the first page begins above, or None for a first page without a condition.
    """

    fetch: FetchPage[T]
    query: Mapping[str, Any]
    size: int
    get_id: Callable[[T], Any]
    column: str = "id"
    keyset: bool = True
    ordered: bool = True
    above: int | None = 0

    def pages(self) -> AsyncGenerator[list[T], None]:
        """Yield the new items of each page, in order.

        Raises:
            ConfigurationError: The query asks for a page in the middle.
        """
        query = self.query
        if query.get("start"):
            raise ConfigurationError("iterate() starts at the beginning; use list() for a page in the middle")
        order, direction = query.get("order_by"), str(query.get("order_by_dir", "asc")).lower()
        # Keyset pagination needs ascending ids; in any other order items move between pages.
        if order not in {None, self.column} or direction == "desc" or not self.ordered:
            return self._offset_with_dedup(order or self.column)
        return self._keyset() if self.keyset else self._offset_by_id()

    async def _keyset(self) -> AsyncGenerator[list[T], None]:
        """Yield pages of ids above the last one."""
        # Keyset pagination: the bound is one more condition beside those of the caller.
        own = where.to_clauses(self.query.get("where"))
        ordered = {**self.query, "order_by": self.column, "order_by_dir": "asc", "limit": self.size}
        last: Any = self.above
        while True:
            # An entity that is deleted or added meanwhile moves no other one across this bound.
            after = [] if last is None else [where.gt(self.column, last)]
            page = await self.fetch({**ordered, "where": [*own, *after]})
            fresh = [item for item in page.items if last is None or self.get_id(item) > last]
            yield fresh
            # A full page without a new id would come again for ever.
            if len(page.items) < self.size or not fresh:
                return
            # The largest id, not that of the last item: nothing relies on the order within a page.
            last = max(map(self.get_id, fresh))

    async def _offset_by_id(self) -> AsyncGenerator[list[T], None]:
        """Yield pages in the order of ids, each beginning with the last item of the one before."""
        ordered = {**self.query, "order_by": self.column, "order_by_dir": "asc"}
        last = 0

        def is_new(item: T) -> bool:
            return bool(self.get_id(item) > last)

        async for items in self._overlapping_pages(ordered, is_new):
            fresh = [item for item in items if is_new(item)]
            yield fresh
            last = max([last, *map(self.get_id, fresh)])

    async def _offset_with_dedup(self, order: str) -> AsyncGenerator[list[T], None]:
        """Yield pages in another order, in which an item may move anywhere, so all ids seen are remembered.

        The id breaks ties, which the database would otherwise shuffle from page to page.
        """
        column = order if self.column in order.split(",") else f"{order},{self.column}"
        ordered = {**self.query, "order_by": column} if self.ordered else self.query
        # Memory grows with the list here, by one id for each entity.
        seen: set[int] = set()
        async for items in self._overlapping_pages(ordered, lambda item: self.get_id(item) not in seen):
            fresh = [item for item in items if self.get_id(item) not in seen]
            seen.update(map(self.get_id, fresh))
            yield fresh

    async def _overlapping_pages(
        self, ordered: Mapping[str, Any], is_new: Callable[[T], bool]
    ) -> AsyncGenerator[Sequence[T], None]:
        """Yield pages that begin with a seen item; if deletions have moved it, go back until a page shows one."""
        offset = 0
        while True:
            start, asked = max(0, offset - 1), self.size + (offset > 0)  # one item more: the last one seen
            page = await self.fetch({**ordered, "start": start, "limit": asked})
            # No item of this page was seen: deletions before it have moved unseen items to an earlier page.
            while start > 0 and all(map(is_new, page.items)):
                start, asked = max(0, start - self.size), self.size + 1
                page = await self.fetch({**ordered, "start": start, "limit": asked})
            yield page.items
            if len(page.items) < asked:
                return
            offset = start + len(page.items)


async def iterate(paginator: Paginator[T], start_task: StartTask | None = None) -> AsyncGenerator[T, None]:
    """Yield every item once; *start_task* fetches the next page while the caller works on this one."""
    async with aclosing(paginator.pages()) as pages:
        if start_task is None:
            async for page in pages:
                for item in page:
                    yield item
            return
        # One page ahead, no more: memory holds two pages.
        pending = start_task(_next_page(pages))
        try:
            while (page := await pending) is not None:
                pending = start_task(_next_page(pages))
                for item in page:
                    yield item
        finally:
            pending.cancel()  # the request itself runs in a background task and ends there
            await asyncio.wait([pending])


async def _next_page(pages: AsyncIterator[list[T]]) -> list[T] | None:
    return await anext(pages, None)
