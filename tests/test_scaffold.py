"""What holds for the repository as a whole."""

from __future__ import annotations

import gzip
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = ("mautic_async", "tests", "benchmarks", "docs", ".ci", ".github")
FILES = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore")

A_MACHINE = re.compile(
    rb"(?<![\w.~-])/(?:wo"
    rb"rk|ro"
    rb"ot|ho"
    rb"me|Use"
    rb"rs)/[\w.-]+"  # somebody's folders
    rb"|[A-Z]:\\\\?Use"
    rb"rs"
    rb"|(?:index|find-links)[-_]?url|--ind"
    rb"ex\b|/sim"
    rb"ple(?:/|\b(?=[\"']))|artifac"
    rb"tory|dev"
    rb"pi\b"
)

TEST_NAME = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
VAGUE = re.compile(
    r"_(?:what|who|whose|whether|whoever|whatever|somebody|nobody|everybody|anybody|strangers?|ours|invariants?_\d+)(?:_|$)"
)
"""Words that hide the actor or the subject; the number of an invariant belongs into the docstring."""


def files() -> Iterator[Path]:
    yield from (ROOT / name for name in FILES)
    for folder in FOLDERS:
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def content(path: Path) -> bytes:
    """Return the bytes of a file, unpacked when it is a recording."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def test_repository_has_its_required_files() -> None:
    assert not [name for name in FILES if not (ROOT / name).is_file()]
    assert (ROOT / "mautic_async" / "py.typed").is_file()
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_pytest_treats_warnings_as_errors_and_markers_as_strict() -> None:
    options = PROJECT["tool"]["pytest"]["ini_options"]
    assert options["filterwarnings"][0] == "error"
    assert not [line for line in options["filterwarnings"][1:] if "ignore" in line and "mautic_async" in line]
    assert {"--strict-markers", "--strict-config"} <= set(options["addopts"])


def test_mypy_is_strict_and_all_ruff_rules_are_on() -> None:
    assert PROJECT["tool"]["mypy"]["strict"] is True
    assert PROJECT["tool"]["ruff"]["lint"]["select"] == ["ALL"]


def test_no_file_names_a_machine_path_or_a_package_index() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {match.group().decode()}"
        for path in files()
        for match in A_MACHINE.finditer(content(path))
    }
    assert not found


def test_names_of_tests_are_short_and_name_the_actor() -> None:
    long_or_vague = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in TEST_NAME.findall(path.read_text(encoding="utf-8"))
        if len(name) > 80 or VAGUE.search(name)
    }
    assert not long_or_vague


def test_lock_file_is_ignored() -> None:
    assert "uv.lock" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_dependencies_are_the_decided_ones() -> None:
    project = PROJECT["project"]
    names = {re.match(r"[a-z-]+", line)[0] for line in project["dependencies"]}  # type: ignore[index]
    assert names == {"httpx", "authlib", "attrs", "cattrs", "tenacity"}
    assert {"cli", "fast", "testing"} <= project["optional-dependencies"].keys()
    assert project["requires-python"] == ">=3.11"


def test_workflows_call_the_scripts_of_ci_and_pin_their_actions() -> None:
    workflows = {path.name: path.read_text("utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")}
    assert workflows.keys() == {"checks.yml", "release.yml", "site.yml"}
    for text in workflows.values():
        actions = re.findall(r"uses: (\S+)(.*)", text)
        assert all(action.startswith("./") or re.search(r"@[0-9a-f]{40}$", action) for action, _ in actions)
        assert all(action.startswith("./") or re.match(r" # v\d", comment) for action, comment in actions)
        assert "permissions: {contents: read}" in text
    parts = re.search(r"part: \[(.*)\]", workflows["checks.yml"])
    assert parts
    called = {*parts[1].split(", "), *re.findall(r"run: \.ci/(\w+)", "".join(workflows.values()))}
    assert {*called, "run", "setup"} == {path.name for path in (ROOT / ".ci").iterdir()}
    assert all((ROOT / ".ci" / name).stat().st_mode & 0o111 for name in called)
