"""What MkDocs calls while it builds the site: adds all documents of the repository and the generated pages.

The documents keep their places relative to ``docs/``, so that their links lead somewhere here and in the repository.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

DOCS = Path(__file__).resolve().parent.parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))

OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    ".github/CONTRIBUTING.md": "contributing.md",
    ".github/SECURITY.md": "security.md",
    ".github/CODE_OF_CONDUCT.md": "code-of-conduct.md",
    ".github/RELEASING.md": "releasing.md",
    "benchmarks/README.md": "benchmarks.md",
    "tests/recordings/README.md": "recordings.md",
}
"""Documents elsewhere in the repository that are pages too."""
GUIDE = "How to"
"""The part of the navigation that takes guides which it does not name."""


def on_config(config: Any) -> Any:
    """Complete the navigation: the guides that it does not name, and the pages of the reference."""
    from docs._site import reference

    named = set(re.findall(r"[\w./-]+\.md", json.dumps(config.nav)))
    extra = [f"guide/{path.name}" for path in sorted((DOCS / "guide").glob("*.md"))]
    extra += [path.name for path in sorted(DOCS.glob("*.md"))]
    for part in config.nav:
        part.get(GUIDE, []).extend(page for page in extra if page not in named)
        if "Reference" in part:
            part["Reference"] += [{title: page} for page, title, _ in reference.pages() if "/nouns/" not in page]
            nouns = [{title: page} for page, title, _ in reference.pages() if "/nouns/" in page]
            part["Reference"].append({"Nouns": nouns})
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Return all documents, pictures and examples, and the generated pages."""
    from docs._site import reference

    found = Files([file for file in files if not file.src_uri.endswith(".svg")])
    for path in sorted(DOCS.rglob("*")):
        name = path.relative_to(DOCS).as_posix()
        if path.suffix in {".md", ".svg"} and not name.startswith("_site/"):
            found.append(File.generated(config, name, content=path.read_bytes()))
        elif name.startswith("examples/") and path.suffix in {".py", ".ipynb"}:
            page = source_page(path) if path.suffix == ".py" else notebook_page(path)
            found.append(File.generated(config, name.rpartition(".")[0] + ".md", content=page))
    for name, page in OUTSIDE.items():
        found.append(File.generated(config, page, content=(ROOT / name).read_bytes()))
    for page, _, text in reference.pages():
        found.append(File.generated(config, page, content=text))
    return found


def source_page(path: Path) -> str:
    """Return a page that shows a program."""
    return f"# {path.name}\n\n```python\n{path.read_text('utf-8')}```\n"


def notebook_page(path: Path) -> str:
    """Return a page that shows a notebook."""
    parts = []
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        text = "".join(cell["source"])
        parts.append(f"```python\n{text}\n```" if cell["cell_type"] == "code" else text)
    return "\n\n".join(parts) + "\n"


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Return the text with the links that leave ``docs/`` changed to the pages of the site."""
    origin = {new: old for old, new in OUTSIDE.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def changed(found: re.Match[str]) -> str:
        target, hash_, anchor = found[2].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return found[0]
        place = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
        new = OUTSIDE.get(place) or place.removeprefix("docs/")
        if place == "README.md":
            new = "index.md"
        if new.startswith("examples/"):
            new = re.sub(r"\.(py|ipynb)$", ".md", new)
        here = posixpath.relpath(new, posixpath.dirname(page.file.src_uri) or ".")
        return f"{found[1]}({here}{hash_}{anchor})"

    return re.sub(r"(\[[^\]]*\])\(([^)\s]+)\)", changed, markdown)
