"""Responses to batches, which report row by row. Mautic: REST API, Batch requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define

from mautic_async.errors import Problem
from mautic_async.protocol.error_bodies import add_hint, parse_row_problems


@define
class RowAnswer:
    """The result of one row of a batch. The class is not frozen, because that would make instances four times slower.

    Attributes:
        status: Mautic's code of the row: 201, 200, a 4xx, or 0 (saved, but a custom item failed); None without a code.
        entity: The JSON of the entity, or None.
        problems: The reasons for a failure; a row with any has failed.
    """

    status: int | None
    entity: Any
    problems: tuple[Problem, ...] = ()


def php_array_to_dict(container: Any) -> dict[int, Any]:
    """Return a PHP array by index; its JSON is a list if it has no gap, else an object with text keys."""
    if isinstance(container, list):
        return dict(enumerate(container))
    if isinstance(container, Mapping):
        return {int(key): value for key, value in container.items() if isinstance(key, str) and key.isdecimal()}
    return {}


def parse_batch(body: Any, many: str, count: int) -> list[RowAnswer]:
    """Return the results of the *count* rows of a batch, in the order of the request.

    Args:
        body: The parsed response.
        many: Key of the entities, such as ``contacts``.
        count: Number of rows in the request.

    Mautic: REST API, Batch requests.
    """
    if not isinstance(body, Mapping):
        return [RowAnswer(None, None)] * count
    # Without a failed row both lists are plain, and the maps by index are not needed.
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
    """Return True if *container* is a list of *count* items of a *kind*, as in a response without failed rows."""
    # The class and not `isinstance`, since True must not pass as a status.
    return container.__class__ is list and len(container) == count and all(item.__class__ is kind for item in container)


def _row_status(code: Any, problems: Iterable[Problem]) -> int | None:
    # The code of the row's own error says more than the list of codes.
    first = next(iter(problems), None)
    if first is not None and isinstance(first.code, int):
        return first.code
    return code if isinstance(code, int) else None
