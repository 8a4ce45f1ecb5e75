"""What namespaces are made of and give: where each lives, what a list may be asked, and a page of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Generic, Literal, TypedDict, TypeVar

from attrs import field, frozen

from mautic_async.protocol import Effect
from mautic_async.resources._sent_along import SentAlong
from mautic_async.where import Where

T = TypeVar("T")

PAGE_SIZE: Final = 100
"""Entities a page of `iterate`: Mautic takes any number, but a full contact is 9 kB."""


class PageParams(TypedDict, total=False):
    """What every list takes. Mautic: REST API, List (query parameters).

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
    """What `list` and `iterate` take beside `PageParams`. Mautic: REST API, List (query parameters).

    Attributes:
        published: Only published entities.
        minimal: Leave out what is related.
        where: Conditions, from `mautic_async.where`. They replace filters that a list has by itself, also the
            restriction of a limited user to what is his own.
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
        total: How many there are in all; for contacts up to 5 seconds old.
        start: Offset of the first of `items`.
    """

    items: list[T] = field(repr=lambda items: f"<{len(items)}>")
    total: int
    start: int = 0

    def __len__(self) -> int:
        """How many items this page holds."""
        return len(self.items)


@frozen
class Endpoint(Generic[T]):
    """Where a namespace lives, and what its payloads call it.

    Attributes:
        path: Below ``/api/``.
        one: Key of a single entity.
        many: Key of several.
        model: Its class.
        create_effect: The effect of a repeated create.
        keyset: Whether `iterate` may page by ``where id > last``; where a condition would switch off a filter that the
            list has by itself (e-mails and pages hide their variants), it pages by offset.
        filters_published: Whether ``published`` works there.
        create_requires: Properties without which Mautic answers a creation with a 500, a batch of them after it has
            stored the rows before; JSON names, like the next two.
        replace_requires: Properties without which Mautic answers a replacement with a bare 500.
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
