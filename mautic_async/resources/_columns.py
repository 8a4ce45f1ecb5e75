"""Columns of conditions and orders: one that is nearly the name of a known column is refused, with the right name.

Mautic answers an unknown column with a 500 that does not name it. A column that resembles no known one is sent: plugins
and newer servers have more.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from attrs import fields

from mautic_async import where
from mautic_async.codec import camel_case
from mautic_async.errors import ConfigurationError

SIMILARITY: Final = 0.8
"""Share of equal characters, from 0 to 1, from which a column counts as a mistyped one."""


@lru_cache(maxsize=256)
def of_model(model: Any) -> frozenset[str]:
    """Return the columns of a namespace whose lists name them by property."""
    return frozenset(str(field.metadata.get("json", camel_case(field.name))) for field in fields(model)) | {"uuid"}


@lru_cache(maxsize=256)
def of_record(model: Any) -> frozenset[str]:
    """Return the columns of contacts or companies, whose lists name them as the database does."""
    names = frozenset(field.name for field in fields(model) if field.name not in {"extra", "fields", "field_groups"})
    return names | {"owner_id", "stage_id", "internal", "checked_out", "uuid"}


def check(query: Mapping[str, Any], known: Collection[str], method: str) -> None:
    """Refuse mistyped columns in the ``where`` and ``order_by`` of *query*.

    Raises:
        ConfigurationError: A column is not *known*, and one that is known is nearly the same.
    """
    for column in unknown_columns(query, known):
        # Both spellings, date_added and dateAdded, are equal here, so that one is suggested for the other.
        plain = {_plain(name): name for name in known}
        close = difflib.get_close_matches(_plain(column), plain, n=1, cutoff=SIMILARITY)
        # A name that resembles none is sent: plugins and newer servers have more columns.
        if close:
            raise ConfigurationError(
                f"{method}: there is no column {column!r}, on which Mautic answers with a bare 500; did you mean"
                f" {plain[close[0]]!r}?"
            )


def unknown_columns(query: Mapping[str, Any], known: Collection[str]) -> Iterator[str]:
    """Yield the columns in *query* that are not *known*; those with the name of a table before them are left out."""
    columns = list(where.columns_of(where.to_clauses(query.get("where"))))
    order = query.get("order_by")
    columns += order.split(",") if isinstance(order, str) else []
    # A prefix names a joined table, whose columns are not known here.
    yield from (column for column in columns if "." not in column and column not in known)


def _plain(column: str) -> str:
    return column.replace("_", "").lower()
