"""Queries to the server's tables, which have parameters of their own: ``where`` and ``order`` by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mautic_async import protocol
from mautic_async import where as conditions
from mautic_async.errors import ConfigurationError
from mautic_async.resources import _pagination

if TYPE_CHECKING:
    from mautic_async.protocol import Pairs


def parameters(*, where: object, order: Sequence[tuple[str, str]], start: int, limit: int) -> Pairs:
    """The query of one page.

    Raises:
        ConfigurationError: Mautic would answer with everything, or with an error of its database.
    """
    clauses = conditions.clauses_of(where)
    query: dict[str, object] = dict(_pagination.parameters({"start": start, "limit": limit}))
    if clauses:
        query["where"] = [clause.parameters() for clause in clauses]
    if order:
        query["order"] = [_by(*item) for item in order]
    return protocol.pairs(query)


def _by(column: str, direction: str) -> dict[str, str]:
    if direction.lower() not in {"asc", "desc"}:
        raise ConfigurationError(f"order: {direction!r} must be asc or desc")
    return {"col": conditions.column_of(column), "dir": direction.lower()}
