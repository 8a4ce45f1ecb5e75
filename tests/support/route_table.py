"""Writes ``docs/routes.md``, the table of all routes: ``python -m tests.support.route_table``."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from tests.support import call_every_method

RequestsByMethod: TypeAlias = Sequence[tuple[str, list[call_every_method.RecordedRequest]]]
"""What each method asked for."""

PLACEHOLDERS = {str(number): "{" + name + "}" for name, number in call_every_method.NUMBERS.items()} | {
    word: "{" + name + "}" for name, word in call_every_method.WORDS.items()
}
PLACEHOLDERS |= {"images": "{folder}", "a_file.txt": "{name}"}


def pattern(path: str) -> str:
    """A path that was asked for, with names instead of the arguments."""
    segments = "/" + "/".join(PLACEHOLDERS.get(part, part) for part in path.split("/"))
    return segments.replace("{group_id}/plus", "{group_id}/{operator}")


def routes(requests_by_method: RequestsByMethod) -> dict[tuple[str, str], list[str]]:
    """Methods by route; where several reach it, those that do nothing else."""
    methods_by_route: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for method, requests in requests_by_method:
        for request in requests:
            methods_by_route.setdefault((request.method, pattern(request.path)), []).append((len(requests), method))
    return {
        route: sorted({method for count, method in methods if count == min(methods)[0]}, key=_sort_key)
        for route, methods in methods_by_route.items()
    }


ORDER = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def _sort_key(method: str) -> tuple[int, str]:
    """Methods of the same route as a reader looks for them: the plain one first."""
    name = method.partition(".")[2]
    return (1 if name.startswith("iterate") else 2 if name in {"bulk_upsert", "available"} else 0, method)


def markdown(requests_by_method: RequestsByMethod) -> str:
    """The table."""
    lines = ["| route | call |", "| --- | --- |"]
    methods_by_route = routes(requests_by_method)
    for verb, path in sorted(methods_by_route, key=lambda route: (_key(route[1]), ORDER.index(route[0]))):
        calls = " · ".join(f"`mautic.{method}`" for method in methods_by_route[verb, path])
        lines.append(f"| `{verb} {path}` | {calls} |")
    return "\n".join(lines)


def _key(path: str) -> str:
    return re.sub(r"[{}]", "~", path)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        table = markdown(asyncio.run(call_every_method.requests_by_method(Path(folder))))
    document = Path(__file__).resolve().parents[2] / "docs" / "routes.md"
    introduction, _, _ = document.read_text("utf-8").partition("| route | call |")
    document.write_text(f"{introduction}{table}\n", "utf-8")
