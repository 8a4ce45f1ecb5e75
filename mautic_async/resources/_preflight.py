"""What a server is asked before a bulk job, so that rows it would refuse, or half store, are refused here.

Mautic: REST API, Fields (GET /fields/contact).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from mautic_async import wire
from mautic_async.errors import NotFound, PermissionDenied, Problem
from mautic_async.resources import _checks
from mautic_async.wire import Call

if TYPE_CHECKING:
    from mautic_async.pipeline import Pipeline

PAGE: Final = 500
_NOT_FIELDS: Final = frozenset({"points", "last_active", "attribution_date"})


@define(eq=False)
class Known:
    """What is known of one contact field."""

    type: str
    options: frozenset[str] | None = None
    length: int | None = None


@define(eq=False)
class Preflight:
    """The contact fields of one Mautic, asked once and kept for the client's life."""

    pipeline: Pipeline
    fields: dict[str, Known] | None = None
    unique: tuple[str, ...] = ()
    _asked: bool = field(default=False, init=False)

    async def ask(self) -> None:
        """Ask for the fields, if that has not been done; a role that may not see them leaves rows unchecked."""
        if self._asked:
            return
        query = wire.pairs({"limit": PAGE, "orderBy": "id"})
        try:
            body = (await self.pipeline.send(Call("GET", "fields/contact", query=query))).body
        except (PermissionDenied, NotFound):
            self._asked = True
            return
        raw = body.get("fields") if isinstance(body, Mapping) else None
        rows = list(raw.values()) if isinstance(raw, Mapping) else raw or []
        self.fields = {str(row["alias"]): _known(row) for row in rows if isinstance(row, Mapping) and "alias" in row}
        self.unique = tuple(
            str(row["alias"])
            for row in rows
            if isinstance(row, Mapping) and row.get("isUniqueIdentifier") in {True, "1"}
        )
        self._asked = True

    def problems(self, body: Mapping[str, Any]) -> list[Problem]:
        """Why the server would refuse this row, as far as its fields tell."""
        if self.fields is None:
            return []
        found: list[Problem] = []
        for key, value in _checks.fields_in(body):
            known = self.fields.get(key)
            if known is None:
                if key not in _NOT_FIELDS:
                    found.append(Problem("this Mautic has no such contact field, and would ignore the value", key))
            elif not _checks.is_blank(value):
                found += _field_problems(key, value, known)
        return found


def _known(row: Mapping[str, Any]) -> Known:
    kind = str(row.get("type") or "text")
    properties = row.get("properties")
    listed = properties.get("list") if isinstance(properties, Mapping) else None
    options = None
    if kind in {"select", "multiselect"} and isinstance(listed, list):
        options = frozenset(str(item["value"]) for item in listed if isinstance(item, Mapping) and "value" in item)
    length = row.get("charLengthLimit")
    return Known(kind, options, length if isinstance(length, int) and length > 0 else None)


def _field_problems(key: str, value: Any, known: Known) -> list[Problem]:
    if known.type == "number":
        return _number_problems(key, value)
    if known.options is not None:
        chosen = (
            value
            if isinstance(value, (list, tuple))
            else str(value).split("|")
            if known.type == "multiselect"
            else [value]
        )
        odd = [item for item in map(str, chosen) if item not in known.options]
        return [Problem(f"not among the options: {', '.join(odd[:5])}", key)] if odd else []
    if known.length is not None and isinstance(value, str) and len(value) > known.length:
        return [Problem(f"{len(value)} characters, of {known.length} that the field takes", key)]
    return []


def _number_problems(key: str, value: Any) -> list[Problem]:
    try:
        float(value)
    except (TypeError, ValueError):
        return [Problem("not a number", key)]
    if _checks.is_zero(value, "number"):
        return [Problem("Mautic drops a zero that comes this way, and keeps the old value", key)]
    return []
