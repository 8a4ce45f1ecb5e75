"""Queries to the server's tables, which have parameters of their own: ``where`` and ``order`` by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mautic_async import wire
from mautic_async.errors import ConfigurationError
from mautic_async.resources import _paging, _where

if TYPE_CHECKING:
    from mautic_async.wire import Pairs


def parameters(*, where: object, order: Sequence[tuple[str, str]], start: int, limit: int) -> Pairs:
    """The query of one page.

    Raises:
        ConfigurationError: Mautic would answer with everything, or with an error of its database.
    """
    clauses = _where.clauses_of(where)
    query: dict[str, object] = dict(_paging.parameters({"start": start, "limit": limit}))
    if clauses:
        query["where"] = [clause.parameters() for clause in clauses]
    if order:
        query["order"] = [_by(*item) for item in order]
    return wire.pairs(query)


def _by(column: str, direction: str) -> dict[str, str]:
    if direction.lower() not in {"asc", "desc"}:
        raise ConfigurationError(f"order: {direction!r} must be asc or desc")
    return {"col": _where.column_of(column), "dir": direction.lower()}
