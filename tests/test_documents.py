"""What the documents say of the tests is true: numbers, names and links.

``python -m tests.test_documents`` writes the lines of ``docs/invariants.md`` that begin with *Tests*, and
``docs/failure-model.md``.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.support.failure_model import failure_model
from tests.support.recordings import load_exchanges

ROOT = Path(__file__).resolve().parent.parent
INVARIANTS = ROOT / "docs" / "invariants.md"
FAILURE_MODEL = ROOT / "docs" / "failure-model.md"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / ".github").rglob("*.md"))]
GENERATED = "../reference/"
"""Links to pages that the build of the site writes; `mkdocs build --strict` checks these."""

NAMED = re.compile(r"(?<![a-z])(invariant|figure|fact)s?[ _](\d+(?:(?:, | and |_and_| to )\d+)*)", re.IGNORECASE)
FAILURE = re.compile(r"\bF(\d{1,2})\b")
ANCHOR = re.compile(r'<a id="([a-z]+)-?(\d+)"></a>\n\*\*([A-Za-z]+) ?(\d+)\.\*\*')

Number = tuple[str, int]


def numbers_in(text: str) -> Iterator[Number]:
    """Yield what *text* names: ``invariant_24_and_25``, ``Figure 12``, ``invariants 52 to 56``."""
    for family, listed in NAMED.findall(text):
        numbers = [int(number) for number in re.findall(r"\d+", listed)]
        for place, separator in enumerate(re.findall(r"\D+", listed)):
            numbers += range(numbers[place] + 1, numbers[place + 1]) if "to" in separator else []
        yield from ((family.lower(), number) for number in numbers)


def sources() -> Iterator[Path]:
    yield from (path for folder in ("tests", "mautic_async") for path in sorted((ROOT / folder).rglob("*.py")))


def described() -> Sequence[Number]:
    """Return the numbers that the document describes, in its order."""
    return [(family, int(number)) for family, number, _, _ in ANCHOR.findall(INVARIANTS.read_text("utf-8"))]


@cache
def names_by_number() -> Mapping[Number, Sequence[str]]:
    """Return the tests that name a number, in their name or docstring."""
    found: defaultdict[Number, set[str]] = defaultdict(set)
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for number in numbers_in(f"{node.name} {ast.get_docstring(node) or ''}"):
                    found[number].add(node.name)
    return {number: sorted(names) for number, names in found.items()}


def with_tests(text: str) -> str:
    """Return the document with its lines of tests as they should be."""
    tests = names_by_number()
    paragraphs = re.sub(r"  \n\*Tests:\* .*", "", text).split("\n\n")
    for place, paragraph in enumerate(paragraphs):
        anchor = ANCHOR.search(paragraph)
        names = tests.get((anchor[1], int(anchor[2])), ()) if anchor else ()
        if names:
            paragraphs[place] = f"{paragraph.rstrip()}  \n*Tests:* {', '.join(f'`{name}`' for name in names)}"
    return "\n\n".join(paragraphs).rstrip() + "\n"


def test_invariant_numbers_are_found_in_every_list_form() -> None:
    text = "test_invariants_29_and_30_hold; Figure 12: a task; invariants 52 to 54 and 60; Facts 1, 3"
    assert sorted(numbers_in(text)) == [
        *(("fact", number) for number in (1, 3)),
        ("figure", 12),
        *(("invariant", number) for number in (29, 30, 52, 53, 54, 60)),
    ]


def test_invariants_document_describes_every_number_that_a_test_names() -> None:
    known = set(described())
    missing = set()
    for path in sources():
        text = path.read_text("utf-8") if path != Path(__file__) else ""
        named = {*numbers_in(text), *(("f", int(number)) for number in FAILURE.findall(text))}
        missing |= {f"{path.relative_to(ROOT)}: {family} {number}" for family, number in named - known}
    assert not missing


def test_invariants_document_describes_each_number_once_under_its_anchor() -> None:
    assert len(set(described())) == len(described()) > 120
    anchors = ANCHOR.findall(INVARIANTS.read_text("utf-8"))
    assert all((name.lower(), one) == (family, other) for family, one, name, other in anchors)
    assert INVARIANTS.read_text("utf-8").count("<a id=") == len(anchors)


def test_invariants_document_lists_the_tests_of_every_invariant_and_figure() -> None:
    assert not [
        number for number in described() if number[0] in {"invariant", "figure"} and number not in names_by_number()
    ]
    text = INVARIANTS.read_text("utf-8")
    assert text == with_tests(text), "run `python -m tests.test_documents`"


def test_invariants_document_names_recorded_exchanges_only() -> None:
    lines = re.findall(r"^\*Recorded( \(7\.0\.2\))?:\* (.+)$", INVARIANTS.read_text("utf-8"), re.MULTILINE)
    assert len(lines) > 20
    for is_newer, names in lines:
        assert not set(re.findall(r"`([\w-]+)`", names)) - load_exchanges(7 if is_newer else 5).keys()


def test_failure_model_document_is_generated_from_the_failure_table() -> None:
    assert FAILURE_MODEL.read_text("utf-8") == failure_model(), "run `python -m tests.test_documents`"


def test_document_links_lead_to_existing_targets() -> None:
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        for target in re.findall(r"\]\((?!https?:|mailto:)([^)]+)\)", text):
            path, _, anchor = target.partition("#")
            if path.startswith((GENERATED, "reference/")):
                continue
            found = (document.parent / path).resolve() if path else document
            assert found.exists(), f"{document.name}: {target}"
            assert not anchor or anchor in anchors_of(found), f"{document.name}: {target}"


def test_document_commands_name_existing_paths() -> None:
    for document in DOCUMENTS:
        for block in re.findall(r"```sh\n(.*?)```", document.read_text("utf-8"), re.DOTALL):
            assert not [path for path in re.findall(r"\btests/[\w/.]+", block) if not (ROOT / path).exists()]


def anchors_of(document: Path) -> set[str]:
    """Return the anchors of a document: its own, and those that headings get."""
    text = document.read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([\w-]+)"', text))


if __name__ == "__main__":
    INVARIANTS.write_text(with_tests(INVARIANTS.read_text("utf-8")), "utf-8")
    FAILURE_MODEL.write_text(failure_model(), "utf-8")
