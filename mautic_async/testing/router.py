"""The route table: paths with placeholders, the digits-only rule of ids, and what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mautic_async.testing.request_context import RequestContext

Action: TypeAlias = "Callable[[RequestContext], Awaitable[Any]]"
Match: TypeAlias = tuple[Action, dict[str, Any]]

_DIGITS, _WORD, _ACTIONS = "#", "*", ""


class Router:
    """A tree of path segments; literal ones win over placeholders."""

    def __init__(self) -> None:
        self._tree: dict[str, Any] = {}
        self._found: dict[tuple[str, str], Match] = {}

    def add(self, methods: str, pattern: str, action: Action) -> None:
        """Let *action* answer a path.

        Args:
            methods: One verb or several joined by ``|``.
            pattern: ``/api/stages/{id}/edit``; ``{id}`` and ``{...Id}`` are digits, other names any text.
            action: Takes the `RequestContext` (its ``path`` has the placeholders) and returns a `Reply` or a JSON body.
        """
        node = self._tree
        names: list[str] = []
        for segment in pattern.strip("/").split("/"):
            key = segment
            if segment.startswith("{"):
                names.append(segment[1:-1])
                key = _DIGITS if names[-1] == "id" or names[-1].endswith("Id") else _WORD
            node = node.setdefault(key, {})
        for method in methods.split("|"):
            node.setdefault(_ACTIONS, {})[method] = (action, tuple(names))

    def find(self, method: str, path: str) -> Match | None:
        """Return the action of a path and its placeholders, or None."""
        cached = self._found.get((method, path))
        if cached is not None:
            return cached
        found = _search(self._tree, path.strip("/").split("/"), method, [])
        if found is not None and not found[1]:
            self._found[method, path] = found
        return found


def _search(node: dict[str, Any], segments: list[str], method: str, captured: list[Any]) -> Match | None:
    if not segments:
        entry = node.get(_ACTIONS, {}).get(method)
        return None if entry is None else (entry[0], dict(zip(entry[1], captured, strict=True)))
    head, rest = segments[0], segments[1:]
    if head in node and head not in (_DIGITS, _WORD):
        found = _search(node[head], rest, method, captured)
        if found is not None:
            return found
    if _DIGITS in node and head.isascii() and head.isdigit():
        found = _search(node[_DIGITS], rest, method, [*captured, int(head)])
        if found is not None:
            return found
    if _WORD in node and head:
        return _search(node[_WORD], rest, method, [*captured, head])
    return None
