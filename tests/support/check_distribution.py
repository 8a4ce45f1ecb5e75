"""What is published holds what it should, and is the same whoever builds it.

``python -m tests.support.check_distribution FIRST SECOND BILL`` compares two folders of ``uv build``, the first of which made its
wheel from its source archive and the second from the checkout, and looks into them and into the bill of materials.
"""

from __future__ import annotations

import json
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
FILES = {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO", ".gitignore"}
FOLDERS = {".ci", ".github", "mautic_async", "tests", "benchmarks", "docs"}
ALLOWED_SUFFIXES = {
    ".css",
    ".ipynb",
    ".py",
    ".svg",
    ".typed",
    ".toml",
    ".md",
    ".json",
    ".txt",
    ".csv",
    ".jsonl",
    ".tsv",
    ".yml",
    ".gz",
    "",
}


def sources(folder: str) -> set[str]:
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in found}


def compare_builds(first: Path, second: Path) -> Iterator[str]:
    """Where two builds differ."""
    names = [{path.name for path in folder.iterdir() if path.name != ".gitignore"} for folder in (first, second)]
    if names[0] != names[1] or len(names[0]) != 2:
        yield f"not the same two files: {names}"
        return
    yield from (f"{name} differs" for name in names[0] if (first / name).read_bytes() != (second / name).read_bytes())


def check_wheel(path: Path) -> Iterator[str]:
    """What is wrong with a wheel."""
    with zipfile.ZipFile(path) as file:
        names = {name for name in file.namelist() if not name.endswith("/")}
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        metadata_lines = file.read(metadata).decode()
    own_files = {name for name in names if name.startswith("mautic_async/")}
    other_files = {
        name.partition("/")[2] for name in names - own_files if ".dist-info/" in name.partition("/")[0] + "/"
    }
    yield from (f"the wheel misses {name}" for name in sorted(sources("mautic_async") - names))
    yield from (f"the wheel has {name} too" for name in sorted(own_files - sources("mautic_async")))
    if len(own_files) + len(other_files) != len(names) or other_files != {
        "METADATA",
        "WHEEL",
        "RECORD",
        "entry_points.txt",
        "licenses/LICENSE",
    }:
        yield f"the wheel holds more, or less, than the package: {sorted(names - own_files)}"
    if "mautic_async/py.typed" not in own_files:
        yield "the wheel has no py.typed"
    needed = [
        line for line in metadata_lines.splitlines() if line.startswith("Requires-Dist: ") and "extra ==" not in line
    ]
    if len(needed) != 5:
        yield f"the wheel requires {needed}"


def check_archive(path: Path) -> Iterator[str]:
    """What is wrong with a source archive."""
    with tarfile.open(path) as file:
        for member in file.getmembers():
            place = PurePosixPath(member.name)
            inside = PurePosixPath(*place.parts[1:])
            if not member.isfile() or place.is_absolute() or ".." in place.parts or member.mode & 0o022:
                yield f"the archive has {member.name}, mode {member.mode:o}"
            if str(inside) not in FILES and inside.parts[0] not in FOLDERS:
                yield f"the archive has {member.name} too"
            if inside.suffix not in ALLOWED_SUFFIXES and str(inside) not in FILES:
                yield f"the archive has {member.name}, which is no text"
        names = {member.name.partition("/")[2] for member in file.getmembers()}
    wanted = {*FILES, *(name for folder in FOLDERS for name in sources(folder))}
    yield from (f"the archive misses {name}" for name in sorted(wanted - names))


def check_bill_of_materials(path: Path) -> Iterator[str]:
    """What is wrong with a bill of materials (CycloneDX)."""
    parts = json.loads(path.read_text(encoding="utf-8"))["components"]
    yield from (
        f"the bill says too little of {part['name']}" for part in parts if not {"version", "purl"} <= part.keys()
    )
    missing = {"httpx", "authlib", "attrs", "cattrs", "tenacity"} - {part["name"] for part in parts}
    yield from (f"the bill misses {name}" for name in sorted(missing))


def main(first: Path, second: Path, parts: Path) -> int:
    problems = [*compare_builds(first, second), *check_bill_of_materials(parts)]
    for path in first.glob("*.whl"):
        problems += check_wheel(path)
    for path in first.glob("*.tar.gz"):
        problems += check_archive(path)
    print("\n".join(problems) or f"the same twice: {', '.join(sorted(path.name for path in first.glob('mautic*')))}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
