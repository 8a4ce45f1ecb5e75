"""The import graph: layers of the package, cycles between modules, and the libraries that single modules may import.

Imports point down only, those for type checkers and those inside functions included.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from attrs import frozen

PACKAGE = Path(__file__).resolve().parents[1] / "mautic_async"
PUBLIC = "the public API"

# Top to bottom: a module imports only from its own unit and from rows below. A unit is a module or a package directly
# below mautic_async; PUBLIC is mautic_async/__init__.py.
LAYERS: list[set[str]] = [
    {"__main__"},
    {"cli"},
    {"testing", "taskiq", "dlt"},
    {PUBLIC},
    {"_blocking"},
    {"client"},
    {"resources", "webhooks"},
    {"sync"},
    {"bulk", "pipeline"},
    {"otel", "redis"},
    {"journal", "auth", "ratelimit", "retry", "transport", "events"},
    {"_client_state"},
    {"protocol", "codec", "where", "frames"},
    {"models", "_files"},
    {"errors"},
    {"_verdict", "_masking", "_background", "_html", "clock"},
]
LEVEL = {unit: level for level, row in enumerate(LAYERS) for unit in row}

# Imports that break the layers today, as "module -> module"; nothing may be added.
EXCEPTIONS: set[str] = set()

# Packages whose modules import each other in a circle today; nothing may be added.
CYCLES_TODAY: set[str] = set()

# Which modules, or packages, are alone to import a library.
LIBRARIES = {
    "aiohttp": {"transport.aiohttp"},
    "authlib": {"auth.token_endpoint"},
    "cattrs": {"codec"},
    "httpcore": {"transport.connection_pool"},
    "httpx": {"transport", "client"},  # the client names its types for two optional arguments
    "opentelemetry": {"otel"},
    "orjson": {"protocol.json", "testing"},
    "pydantic_core": {"models._plain"},  # only when pydantic itself asks for a schema
    "pyarrow": {"cli.parquet_file"},
    "pytest": {"testing"},
    "dlt": {"dlt"},
    "redis": {"redis", "taskiq"},
    "rich": {"cli"},
    "sqlite3": {"journal.sqlite", "sync.state_file", "testing"},  # the simulator keeps its state in a file of its own
    "starlette": {"testing"},
    "taskiq": {"taskiq"},
    "tenacity": {"retry"},
    "typer": {"cli"},
    "uvicorn": {"testing"},
    "yarl": {"transport.aiohttp"},
}


def dotted(path: Path) -> str:
    parts = [PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


@frozen
class Import:
    """One imported module.

    Attributes:
        module: The module that imports.
        target: The module that is imported, dotted.
        typing: Whether the import is for type checkers only.
    """

    module: str
    target: str
    typing: bool

    @property
    def is_ours(self) -> bool:
        return self.library == PACKAGE.name

    @property
    def library(self) -> str:
        return self.target.partition(".")[0]

    @property
    def units(self) -> tuple[str, str]:
        return unit_of(self.module), unit_of(self.target)

    def __str__(self) -> str:
        return f"{self.module} -> {self.target}"


def unit_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else PUBLIC


def targets(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports name the package"
        assert node.module is not None
        for alias in node.names:
            name = f"{node.module}.{alias.name}"
            yield name if name in MODULES else node.module


def imports(name: str) -> Iterator[Import]:
    guarded = {
        id(inner)
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(TREES[name]):
        for target in targets(node):
            yield Import(name, target, id(node) in guarded)


ALL = [found for name in MODULES for found in imports(name)]
PACKAGES = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def test_every_unit_has_a_layer() -> None:
    assert {unit_of(name) for name in MODULES} <= LEVEL.keys()


def test_imports_point_down() -> None:
    found = {str(one) for one in ALL if one.is_ours and one.units[0] != one.units[1] and not is_down(*one.units)}
    assert found == EXCEPTIONS


def is_down(unit: str, below: str) -> bool:
    return LEVEL[unit] < LEVEL[below]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_cycles(package: str) -> None:
    graph: dict[str, set[str]] = {}
    for found in ALL:
        if found.is_ours and found.units == (package, package) and found.module != found.target:
            graph.setdefault(found.module, set()).add(found.target)
    cycle: list[str] = []
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle = error.args[1]
    if package in CYCLES_TODAY:
        assert cycle, f"take {package} out of CYCLES_TODAY"
    else:
        assert not cycle


def test_known_cycles_name_existing_packages() -> None:
    assert set(PACKAGES) >= CYCLES_TODAY


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_third_party_libraries_are_imported_only_in_their_modules(library: str) -> None:
    places = tuple(f"{PACKAGE.name}.{place}" for place in LIBRARIES[library])
    found = [one for one in ALL if one.library == library]
    assert not [str(one) for one in found if not f"{one.module}.".startswith(tuple(f"{place}." for place in places))]
    assert not [str(one) for one in found if one.units[0] == "client" and not one.typing]


def test_third_party_libraries_each_have_modules() -> None:
    assert {found.library for found in ALL} <= {*sys.stdlib_module_names, *LIBRARIES, PACKAGE.name, "attrs"}


def test_package_init_imports_only_the_standard_library() -> None:
    at_top = {found.library for found in ALL if found.module == PACKAGE.name and not found.typing}
    assert at_top <= set(sys.stdlib_module_names)


def test_command_line_imports_public_names_from_public_modules() -> None:
    places = {
        PACKAGE.name,
        *(f"{PACKAGE.name}.{place}" for place in ("bulk", "models", "resources", "testing", "where")),
    }
    taken = {one.target for one in ALL if one.units[0] == "cli" and one.units[1] != "cli" and not one.typing}
    assert {target for target in taken if target.startswith(PACKAGE.name)} <= places


def test_only_background_tasks_create_detached_tasks() -> None:
    naked = ("asyncio.create_task", "asyncio.ensure_future", "asyncio.gather", "loop.create_task")
    found = {
        f"{name}: {ast.unparse(node.func)}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(naked)
    }
    assert found <= {f"{PACKAGE.name}._background: {call}" for call in ("asyncio.create_task", "loop.create_task")}


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert not {name: length for name, length in lengths.items() if length > 400}


BANNED = {"manager", "helper", "util", "utils", "handler", "common", "data", "info", "process"}


def test_modules_and_classes_have_telling_names() -> None:
    names = {path.stem.strip("_") for path in MODULES.values()}
    for tree in TREES.values():
        names |= {node.name.lower() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    assert not {name for name in names if name in BANNED} - {"data"}, "`data` is a route of Mautic's"
