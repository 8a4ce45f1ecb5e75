"""Endpoints, the parameters of lists, and pages: the data that namespaces are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Generic, Literal, TypedDict, TypeVar

from attrs import field, fields, frozen, has

from mautic_async._html import html_table
from mautic_async.models import Published
from mautic_async.protocol import Effect
from mautic_async.resources._sent_along import SentAlong
from mautic_async.where import Where

T = TypeVar("T")

PAGE_SIZE: Final = 100
"""Entities a page of `iterate`: Mautic takes any number, but a full contact is 9 kB."""


class PageParams(TypedDict, total=False):
    """Parameters of every list. Mautic: REST API, List (query parameters).

    Attributes:
        search: Mautic's search syntax, such as ``segment:vip`` or ``email:ada@example.com``.
        start: Offset of the first entity, from 0.
        limit: Entities a page, at least 1; Mautic's own default is 30.
        order_by: Column; contacts take database names (``date_added``), most others property names (``dateAdded``).
        order_by_dir: ``asc`` or ``desc``.
    """

    search: str
    start: int
    limit: int
    order_by: str
    order_by_dir: Literal["asc", "desc", "ASC", "DESC"]


class Query(PageParams, total=False):
    """Parameters of `list` and `iterate`, beside those of `PageParams`. Mautic: REST API, List (query parameters).

    Attributes:
        published: Only published entities.
        minimal: Leave out related entities.
        where: Conditions, from `mautic_async.where`. They replace the filters that Mautic applies by itself, among them
            the restriction of a limited user to entities of that user.
        select: Columns to fill; the others keep their defaults.
    """

    published: bool
    minimal: bool
    where: Where | Sequence[Where]
    select: Sequence[str]


@frozen(kw_only=True)
class ResultPage(Generic[T]):
    """One page of a list.

    Attributes:
        items: In the order of the answer.
        total: Number of items on all pages; for contacts up to 5 seconds old.
        start: Offset of the first of `items`.
    """

    items: list[T] = field(repr=lambda items: f"<{len(items)}>")
    total: int
    start: int = 0

    def __len__(self) -> int:
        """Return the number of items on this page."""
        return len(self.items)

    def _repr_html_(self) -> str:
        """Return the page as a small table, for notebooks: the attributes that are set, as in the entities' repr."""
        shown = [_shown(item) for item in self.items[:MAX_SHOWN]]
        names = list(dict.fromkeys(name for row in shown for name in row))[:MAX_SHOWN_COLUMNS]
        title = f"{self.start + 1:,} to {self.start + len(shown):,} of {self.total:,}" if shown else "nothing"
        return html_table(title, ([row.get(name, "") for name in names] for row in shown), names)


_PUBLISH_BLOCK: Final = frozenset(one.name for one in fields(Published)) - {"id"}
MAX_SHOWN: Final = 20
MAX_SHOWN_COLUMNS: Final = 8


def _shown(item: object) -> dict[str, object]:
    """Return the set attributes that may be shown."""
    if isinstance(item, Mapping):
        return dict(item)
    kind: Any = type(item)
    if not has(kind):
        return {"": item}
    # Attributes that repr() hides, such as passwords, stay hidden in notebooks.
    kept = ((one.name, getattr(item, one.name), one.default) for one in fields(kind) if one.repr)
    return {
        name: value
        for name, value, default in kept
        if name == "id" or (value and value != default and name not in _PUBLISH_BLOCK)
    }


@frozen
class Endpoint(Generic[T]):
    """Path and names of one namespace, and how its lists and writes behave.

    Attributes:
        path: Below ``/api/``.
        one: Key of a single entity in payloads.
        many: Key of several entities.
        model: Class of the entities.
        create_effect: Effect class of a creation.
        keyset: Whether `iterate` may page by ``where id > last``; where a condition would switch off a filter that the
            list has by itself (e-mails and pages hide their variants), it pages by offset.
        filters_published: Whether ``published`` works there.
        create_requires: Properties without which Mautic answers a creation with a 500, a batch of them after it has
            stored the rows before; JSON names, like the next two.
        replace_requires: Properties without which Mautic answers a replacement with a bare 500, and any write that has
            None for one.
        sent_along: Stored properties that edits send along, because Mautic needs or resets them.
        date_columns: Of the creation and of the last change, as conditions name them.
    """

    path: str
    one: str
    many: str
    model: type[T]
    create_effect: Effect = Effect.NON_IDEMPOTENT
    keyset: bool = True
    filters_published: bool = True
    create_requires: tuple[str, ...] = ()
    replace_requires: tuple[str, ...] = ()
    sent_along: tuple[SentAlong, ...] = ()
    date_columns: tuple[str, str] = ("dateAdded", "dateModified")
