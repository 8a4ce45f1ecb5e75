"""The pages that are generated: the reference holds every public name, and the committed ones are not stale."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs._site import cli_pages, pictures, reference
from tests.support import socket_server

DOCS = Path(__file__).resolve().parent.parent / "docs"
NEWER = {"projects", "company_segments", "field_groups"}
"""Namespaces that Mautic 5 does not have."""
PROGRAMS = {
    name: program
    for name, kind in reference.namespaces().items()
    if (program := reference.program_of(name, kind)) and name not in NEWER
}


def test_reference_shows_every_public_name_once() -> None:
    shown = [
        name
        for _, _, text in reference.pages()
        for name in re.findall(r"^::: mautic_async\.(\S+)$", text, re.MULTILINE)
    ]
    modules = {name for name in shown if name in reference.MODULES}
    topics = {name for name in reference.public_names() if name.partition(".")[0] in modules}
    aliases = ("FieldValue", "FromServer", "JSON", "Maybe", "Ref", "StatRow", "ToServer", "UNSET")
    values = {reference.qualified(name) for name in aliases}  # described in words at the top of their page
    assert set(reference.public_names()) - set(shown) - topics - modules - values == set()
    assert len(set(shown)) == len(shown)


def test_reference_pages_all_have_or_link_an_example() -> None:
    for page, _, text in reference.pages():
        assert page == "reference/index.md" or "```python" in text or "../guide/" in text or "../index.md" in text, page


@pytest.mark.parametrize("name", PROGRAMS)
def test_reference_example_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket_server.serve_fake(v2=name.startswith("custom_")) as site:
        for variable, value in site.env.items():
            monkeypatch.setenv(variable, value)
        exec(compile(PROGRAMS[name], name, "exec", dont_inherit=True), {"__name__": "example"})
        assert [request for request in site.fake.requests if request.status >= 400] == []


def test_command_line_page_is_the_help_of_the_commands() -> None:
    assert (DOCS / "cli.md").read_text("utf-8") == cli_pages.page(), "run `python -m docs._site.cli_pages`"


@pytest.mark.parametrize("name", pictures.pictures())
def test_pictures_are_as_their_program_draws_them(name: str) -> None:
    drawn = pictures.pictures()[name]
    assert (DOCS / "assets" / name).read_text("utf-8") == drawn, "run `python -m docs._site.pictures`"
    assert "http://" not in drawn.replace("http://www.w3.org/2000/svg", "")


def test_picture_of_the_demo_shows_a_demo_that_passed() -> None:
    shown = (DOCS / "assets" / "demo.svg").read_text("utf-8").replace("&#160;", " ")
    assert "PROVED: nothing lost, nothing doubled, every row accounted for." in shown
    assert "@font-face" not in shown
