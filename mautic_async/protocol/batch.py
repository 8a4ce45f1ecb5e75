"""Batches, whose answers report row by row. Mautic: REST API, Batch requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define

from mautic_async.errors import Problem
from mautic_async.protocol.error_bodies import add_hint, parse_row_problems


@define
class RowAnswer:
    """What a batch answer says of one row. Not frozen: a frozen one takes four times as long to make.

    Attributes:
        status: Mautic's code for it, or None where it gives none: 201, 200, a 4xx, 0 (saved, but an item failed).
        entity: The entity as it stands in the answer, or None.
        problems: The complaints; a row with any has failed.
    """

    status: int | None
    entity: Any
    problems: tuple[Problem, ...] = ()


def php_array_to_dict(container: Any) -> dict[int, Any]:
    """A PHP array as a map from index: a list when it has no gap, else an object with text keys, in any order."""
    if isinstance(container, list):
        return dict(enumerate(container))
    if isinstance(container, Mapping):
        return {int(key): value for key, value in container.items() if isinstance(key, str) and key.isdecimal()}
    return {}


def parse_batch(body: Any, many: str, count: int) -> list[RowAnswer]:
    """Split the answer of a batch of *count* rows, by position in the request.

    Mautic: REST API, Batch requests.
    """
    if not isinstance(body, Mapping):
        return [RowAnswer(None, None)] * count
    if (
        not body.get("errors")
        and _is_plain_list(body.get(many), dict, count)
        and _is_plain_list(body.get("statusCodes"), int, count)
    ):
        return [RowAnswer(code, entity) for code, entity in zip(body["statusCodes"], body[many], strict=True)]
    entities, codes, errors = (php_array_to_dict(body.get(key)) for key in (many, "statusCodes", "errors"))
    rows = []
    for index in range(count):
        code = codes.get(index)
        problems = tuple(map(add_hint, parse_row_problems(errors[index]))) if index in errors else ()
        entity = entities.get(index)
        rows.append(RowAnswer(_row_status(code, problems), entity if isinstance(entity, Mapping) else None, problems))
    return rows


def _is_plain_list(container: Any, kind: type, count: int) -> bool:
    """Whether it is a list of so many of a *kind*, as in the answer to a batch without a fault."""
    return container.__class__ is list and len(container) == count and all(item.__class__ is kind for item in container)


def _row_status(code: Any, problems: Iterable[Problem]) -> int | None:
    first = next(iter(problems), None)
    if first is not None and isinstance(first.code, int):
        return first.code
    return code if isinstance(code, int) else None
