"""Query parameters of routes that list database tables: ``where`` and ``order`` by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mautic_async import protocol
from mautic_async import where as conditions
from mautic_async.errors import ConfigurationError
from mautic_async.resources import _pagination

if TYPE_CHECKING:
    from mautic_async.protocol import QueryParams


def parameters(*, where: object, order: Sequence[tuple[str, str]], start: int, limit: int) -> QueryParams:
    """Return the query of one page.

    Raises:
        ConfigurationError: Mautic would ignore a parameter, or answer with a database error.
    """
    clauses = conditions.to_clauses(where)
    query: dict[str, object] = dict(_pagination.parameters({"start": start, "limit": limit}))
    if clauses:
        query["where"] = [clause.parameters() for clause in clauses]
    if order:
        query["order"] = [_order_clause(*item) for item in order]
    return protocol.encode_query(query)


def _order_clause(column: str, direction: str) -> dict[str, str]:
    if direction.lower() not in {"asc", "desc"}:
        raise ConfigurationError(f"order: {direction!r} must be asc or desc")
    return {"col": conditions.validate_column(column), "dir": direction.lower()}
