"""The import graph: rooms, what each may know of, and what each is alone to import.

Imports point down only. Where a line differs from the plan of the rooms, the reason stands beside it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from attrs import frozen

PACKAGE = Path(__file__).resolve().parent.parent / "mautic_async"
PUBLIC = "the public API"

ROOMS: dict[str, set[str]] = {
    # What everything stands on.
    "errors": set(),
    "clock": set(),
    "models": set(),
    "flights": set(),  # the one naked create_task; auth's renewals and the pipeline's exchanges are flights
    "meter": set(),  # what the server took, apart from waits for a turn: pipeline tells, bulk steers by it
    "private": {"errors"},  # files for their owner alone: journals, dead letters
    "ledger": set(),  # what a job writes down, without the SQLite of `journal`
    "window": set(),  # arithmetic of the rate window, apart from the gate that waits for it
    # Bytes, JSON, meaning.
    "wire": {"models", "errors"},
    "codec": {"models", "errors"},
    "hooks": {"errors", "wire"},  # what observers are told; not in the plan
    "otel": {"errors", "hooks"},  # one observer, for an extra
    "connections": set(),  # httpx's pool, the half of `transport` that knows its inside
    "fast": {"connections"},  # the same for aiohttp, of the extra `fast`
    "unpack": {"errors"},  # gzip and caps, the half of `transport` that waits for nothing
    "transport": {"errors", "wire", "connections", "fast", "unpack"},
    "trust": {"errors"},  # whether a client handed in checks certificates; looks at any library's, imports none
    "webhooks": {
        *("codec", "models", "errors", "clock"),  # the way back: Mautic's own requests; not in the plan
        "wire",  # its one reading of hostile JSON
    },
    # With what right. The plan has one room `auth`; a token's life, its store and its protocol are three ideas.
    "tokens": {"errors", "private"},
    "oauth": {"errors", "wire"},
    "renewal": {"errors", "wire", "clock", "tokens", "oauth"},
    "auth": {"errors", "wire", "clock", "tokens", "oauth", "renewal"},
    # When, and how often. The plan has `limits` and `retry`; throttle and breaker are their halves without a wait.
    "throttle": {"window"},
    "waiting": {"window"},  # the two lines before the gate
    "budget": {"errors", "private"},  # where processes keep what they share; `shares` is its arithmetic, without a wait
    "shares": {"window"},
    "steward": {"clock", "flights", "window", "budget", "shares"},  # its one task is a flight: it outlives callers
    "limits": {
        *("clock", "window", "throttle", "waiting", "budget", "steward"),
        "errors",  # a wrong setting is told like any other
    },
    "breaker": {"errors", "clock", "wire"},
    "retry": {"errors", "wire", "clock", "breaker"},
    "pipeline": {
        *("errors", "wire", "clock", "limits", "retry", "auth", "transport"),
        *("flights", "breaker", "hooks", "meter", "renewal"),  # `renewal`: a header that hides itself in frames
    },
    # Many rows.
    "journal": {"errors", "ledger", "private"},
    "bulk": {
        "errors",
        "models",
        "clock",
        "ledger",
        "private",
        "flights",
        "meter",
    },  # `ledger` instead of `journal`: no SQLite
    # The doors.
    "resources": {"models", "codec", "wire", "pipeline", "bulk", "errors", "ledger"},  # refusals of their own
    "client": {
        *("errors", "models", "wire", "clock", "limits", "retry", "auth", "transport"),
        *("pipeline", "resources", "bulk", "journal", "hooks", "tokens", "renewal", "trust"),
    },
    # Below no one: what users see, and what they test with.
    "testing": {PUBLIC, "clock", "models", "transport", "flights"},  # `in_process`; work that outlives its request
    "cli": {
        PUBLIC,
        "testing",
        "bulk",
        "resources",
        "ledger",
    },  # Plan, Contacts.check and a type: public, not at the top
    "__main__": {"cli"},
    PUBLIC: {
        *("auth", "budget", "bulk", "client", "clock", "errors", "hooks", "journal", "limits", "models"),
        *("pipeline", "resources"),
        *("tokens", "transport"),
    },
}

ALONE = {
    "httpx": {"transport", "connections", "fast"},
    "httpcore": {"connections"},
    "httpx_aiohttp": {"fast"},
    "aiohttp": {"fast"},
    "multidict": {"fast"},
    "yarl": {"fast"},
    "cattrs": {"codec"},
    "authlib": {"oauth"},
    "tenacity": {"retry"},
    "sqlite3": {"journal", "testing"},  # the simulator keeps its state in a file of its own
    "orjson": {"wire", "testing"},
    "starlette": {"testing"},
    "uvicorn": {"testing"},
    "pytest": {"testing"},
    "typer": {"cli"},
    "rich": {"cli"},
    "opentelemetry": {"otel"},
}

MODULES = sorted(PACKAGE.rglob("*.py"))


@frozen
class Import:
    """One import statement of the package.

    Attributes:
        module: Where it stands.
        room: Of that module.
        target: What is imported, dotted.
        typing: Whether it is for type checkers only.
    """

    module: str
    room: str
    target: str
    typing: bool

    @property
    def top(self) -> str:
        return self.target.partition(".")[0]


def dotted(path: Path) -> str:
    parts = [PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else PUBLIC


def targets(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports name the package"
        assert node.module is not None
        for alias in node.names:
            inside = PACKAGE.joinpath(*node.module.split(".")[1:], alias.name)
            is_module = node.module.startswith(PACKAGE.name) and (inside.is_dir() or inside.with_suffix(".py").exists())
            yield f"{node.module}.{alias.name}" if is_module else node.module


def imports(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    name = dotted(path)
    for node in ast.walk(tree):
        for target in targets(node):
            yield Import(name, room_of(name), target, id(node) in guarded)


ALL = [found for path in MODULES for found in imports(path)]


def test_every_room_is_in_the_table() -> None:
    assert {room_of(dotted(path)) for path in MODULES} <= ROOMS.keys()


def test_no_room_knows_of_one_that_it_may_not() -> None:
    wrong = [
        f"{found.module} imports {found.target}"
        for found in ALL
        if found.top == PACKAGE.name and (room := room_of(found.target)) != found.room and room not in ROOMS[found.room]
    ]
    assert not wrong


def test_the_table_has_no_way_back_up() -> None:
    order = list(TopologicalSorter(ROOMS).static_order())
    assert order.index("errors") < order.index("pipeline") < order.index("cli")


@pytest.mark.parametrize("library", sorted(ALONE))
def test_a_library_is_known_only_in_its_rooms(library: str) -> None:
    at = {found.room for found in ALL if found.top == library and not (found.typing and found.room == "client")}
    assert at <= ALONE[library], "only the two optional arguments of the client may name httpx, as types"


def test_every_library_has_its_rooms() -> None:
    known = {*sys.stdlib_module_names, *ALONE, PACKAGE.name, "attrs"}
    assert {found.top for found in ALL} <= known


def test_nothing_outside_the_standard_library_is_imported_by_the_package_itself() -> None:
    at_top = {found.top for found in ALL if found.module == PACKAGE.name and not found.typing}
    assert at_top <= set(sys.stdlib_module_names)


def test_the_command_line_takes_public_names_from_public_places() -> None:
    places = {PACKAGE.name, *(f"{PACKAGE.name}.{room}" for room in ("bulk", "resources", "testing"))}
    taken = {found.target for found in ALL if found.room == "cli" and not found.typing and found.top == PACKAGE.name}
    assert {target for target in taken if room_of(target) != "cli"} <= places


def test_only_flights_start_a_task_that_nobody_owns() -> None:
    naked = ("asyncio.create_task", "asyncio.ensure_future", "asyncio.gather", "loop.create_task")
    found = {
        f"{dotted(path)}: {ast.unparse(node.func)}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(naked)
    }
    assert found <= {"mautic_async.flights: asyncio.create_task", "mautic_async.flights: loop.create_task"}


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {dotted(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert not {name: length for name, length in lengths.items() if length > 400}


BANNED = {"manager", "helper", "util", "utils", "handler", "common", "data", "info", "process"}


def test_no_module_and_no_class_has_a_name_that_says_nothing() -> None:
    names = {path.stem.strip("_") for path in MODULES}
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names |= {node.name.lower() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    assert not {name for name in names if name in BANNED} - {"data"}, "`data` is a route of Mautic's"
