"""Counts what can be counted of the style of the package: ``python -m tests.support.style_figures``.

Printed are docstrings that open with a question word, docstrings with words for nobody in particular, comments per 100
lines, the 95th percentile of the length of functions, modules over 400 lines, and classes with more than 12 attributes.
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import tokenize
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "mautic_async"

QUESTION = re.compile(r"(What|Whether|Who|Whose|How|Why|Where|When|Which|With what)\b")
NOBODY = re.compile(r"\b(somebody|nobody|whoever|anybody|everybody|strangers?)\b", re.IGNORECASE)
SETTINGS = {"Call", "Limits", "Timeouts", "Plan", "BulkOptions", "FakeMautic"}
"""Classes whose many attributes are settings of the user's."""

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> Iterator[tuple[Path, str, ast.Module]]:
    """Yield each module with its text and its tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text("utf-8")
        yield path, text, ast.parse(text)


def docstrings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the name and the docstring of all that has one."""
    for node in ast.walk(tree):
        if isinstance(node, Documented) and (text := ast.get_docstring(node)):
            yield getattr(node, "name", "module"), text


def comment_lines(text: str) -> int:
    """Return how many lines hold a comment that is no instruction for a tool."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(
        1 for token in tokens if token.type == tokenize.COMMENT and not re.match(r"#\s*(noqa|type:|fmt:)", token.string)
    )


def function_lengths(tree: ast.Module) -> Iterator[int]:
    """Yield the number of lines of each function, its docstring left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and ast.get_docstring(node) is not None
            skipped = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            yield node.end_lineno - node.lineno + 1 - skipped


def attribute_counts(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the number of attributes of each class: declared ones, and those set on ``self``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            declared = {
                it.target.id
                for it in node.body
                if isinstance(it, ast.AnnAssign) and isinstance(it.target, ast.Name) and "ClassVar" not in ast.dump(it)
            }
            assigned = {
                it.attr
                for it in ast.walk(node)
                if isinstance(it, ast.Attribute)
                and isinstance(it.ctx, ast.Store)
                and ast.dump(it.value).startswith("Name(id='self'")
            }
            yield node.name, len(declared | assigned)


def figures() -> dict[str, object]:
    """Return the figures by name."""
    questions: list[str] = []
    nobody: list[str] = []
    lengths: list[int] = []
    long_modules: dict[str, int] = {}
    wide: dict[str, int] = {}
    lines = comments = total = 0
    for path, text, tree in modules():
        name = str(path.relative_to(PACKAGE))
        count = len(text.splitlines())
        lines += count
        comments += comment_lines(text)
        lengths += function_lengths(tree)
        if count > 400:
            long_modules[name] = count
        for owner, docstring in docstrings(tree):
            total += 1
            questions += [f"{name}:{owner}"] * bool(QUESTION.match(docstring))
            nobody += [f"{name}:{owner}"] * bool(NOBODY.search(docstring))
        if not name.startswith(("models/", "testing/", "webhooks/events")):
            wide |= {
                f"{name}:{owner}": many for owner, many in attribute_counts(tree) if many > 12 and owner not in SETTINGS
            }
    return {
        "lines": lines,
        "lines without testing": sum(
            len(text.splitlines()) for path, text, _ in modules() if "testing" not in path.parts
        ),
        "docstrings": total,
        "docstrings that open with a question word": len(questions),
        "docstrings with somebody, nobody, whoever, stranger": len(nobody),
        "comments per 100 lines": round(100 * comments / lines, 1),
        "95th percentile of the length of functions": statistics.quantiles(lengths, n=20)[-1],
        "modules over 400 lines": long_modules or 0,
        "classes with more than 12 attributes": wide or 0,
    }


if __name__ == "__main__":
    for name, figure in figures().items():
        print(f"{name:>52}  {figure}")
