"""Every program of the README runs against a simulated Mautic, and does what its text says."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mautic_async import errors
from tests.support import socket_server
from tests.support.socket_server import ServedFake

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def programs() -> dict[str, str]:
    """Code by the heading above it; several under one heading are numbered."""
    found: dict[str, str] = {}
    for part in re.split(r"\n(?=#{1,3} )", README):
        heading = part.partition("\n")[0].lstrip("# ")
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", part, re.DOTALL), 1):
            found[heading if number == 1 else f"{heading} {number}"] = code
    return found


PROGRAMS = programs()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ServedFake]:
    monkeypatch.chdir(tmp_path)
    with socket_server.serve_fake() as found:
        for name, value in found.env.items():
            monkeypatch.setenv(name, value)
        yield found


def play(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec", dont_inherit=True), names)
    return names


def emails(site: ServedFake) -> list[str]:
    return [contact["fields"].get("email") for contact in site.fake.contacts]


# --- what each of them has to do -------------------------------------------------------------------------------------


def first_program(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    play(code)
    site.fake.settings.skew += 2  # an item that is written twice within a second is answered with a 404
    play(code)
    assert emails(site) == ["ada@example.com"]
    assert [item["attributes"]["amount"] for item in site.fake.custom_items] == [45]
    assert shown().splitlines()[0] == "1 [1] 5.1.1"
    body = code.split("async def main")[1].split("asyncio.run", maxsplit=1)[0]
    assert len(body.strip().splitlines()) < 10


def log_in(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    play(code)
    assert int(shown()) >= 1
    token = Path("token.json")
    assert token.stat().st_mode & 0o777 == 0o600
    before = sum(seen.path.startswith("/oauth") for seen in site.fake.requests)
    play(code)
    assert sum(seen.path.startswith("/oauth") for seen in site.fake.requests) == before == 1


def own_store(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    names = play(code)
    for _ in range(2):
        asyncio.run(names["main"](*site.env.values()))
    assert json.loads(names["table"]["mautic"])["access_token"]
    assert sum(seen.path.startswith("/oauth") for seen in site.fake.requests) == 1


def read_and_write(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    play(code)
    lines = shown().splitlines()
    assert lines[:3] == ["London", "1 [1]", "0 created 2"]
    assert lines[3].startswith("1 rejected 0 ")
    assert "404" in lines[4]
    assert "'contacts'" in lines[5]
    assert emails(site) == ["bob@example.com"]


def read_everything(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    play(PROGRAMS["Upsert half a million contacts"])
    shown()
    play(code)
    assert shown().splitlines() == [f"{number} 1" for number in range(1, 501)]


def bulk(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    play(code)
    assert "created=500" in shown()
    assert len(set(emails(site))) == len(site.fake.contacts) == len(site.fake.custom_items) == 500
    play(code)
    assert "updated=500" in shown()
    assert len(site.fake.contacts) == len(site.fake.custom_items) == 500


def backend(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    app = play(code)["app"]

    async def visit() -> None:
        transport = httpx.ASGITransport(app)
        http = httpx.AsyncClient(transport=transport, base_url="http://app.test")
        async with app.router.lifespan_context(app), http:
            for _ in range(2):
                answer = await http.post("/sign-ups", json={"email": "ada@example.com", "city": "London"})
                assert (answer.status_code, answer.json()) == (201, {"id": 1})
            for wrong in ("not-an-address", "ä@example.com"):
                assert (await http.post("/sign-ups", json={"email": wrong, "city": "x"})).status_code == 422
            site.fake.limiter.limit = 1
            await app.state.mautic.contacts.list(limit=1)  # all other calls of this hour are refused
            answer = await http.post("/sign-ups", json={"email": "bob@example.com", "city": "Oslo"})
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 10

    asyncio.run(visit())
    assert emails(site) == ["ada@example.com"]
    assert site.fake.contacts[0]["tags"] == ["sign-up"]


def webhooks(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    """Told in full by `test_webhook_recipe`."""
    assert "FastAPI" in code
    assert "mautic_async.webhooks" in code


def fast(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    site.fake.limiter.limit = 100
    play(code)
    assert shown().split() == ["100", "99"]


def shared(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    site.fake.limiter.limit = 100
    names = play(code)
    for _ in range(2):
        asyncio.run(names["main"](*site.env.values()))
    assert shown().split() == ["99", "98"]
    assert Path("budget.json").stat().st_mode & 0o777 == 0o600


def watch(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    play(code)
    lines = shown().splitlines()
    assert "POST contacts/batch/new 201 1 attempts" in lines
    assert lines[-1].startswith("1 rows, ")


def own_tests(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    Path("test_mine.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def own_server(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    play(code)
    assert shown().strip() == "[('POST', '/oauth/v2/token', 200), ('GET', '/api/contacts', 200)]"


CHECKS: dict[str, Callable[[str, ServedFake, Callable[[], str]], None]] = {
    "A first program": first_program,
    "Log in": log_in,
    "Keep tokens somewhere else": own_store,
    "Read, write, delete": read_and_write,
    "Read everything": read_everything,
    "Upsert half a million contacts": bulk,
    "FastAPI": backend,
    "Take webhooks": webhooks,
    "Rate limits and speed": fast,
    "Several processes, one limit": shared,
    "Watch it": watch,
    "Test against a Mautic without PHP": own_tests,
    "Test against a Mautic without PHP 2": own_server,
}


def test_readme_programs_each_have_a_check() -> None:
    assert PROGRAMS.keys() == CHECKS.keys()


@pytest.mark.parametrize("heading", CHECKS)
def test_readme_program_does_as_its_text_says(
    heading: str, site: ServedFake, capsys: pytest.CaptureFixture[str]
) -> None:
    CHECKS[heading](PROGRAMS[heading], site, lambda: capsys.readouterr().out)


def test_readme_commands_stand_at_the_top_word_for_word() -> None:
    head = README.split("\n## ")[0]
    assert re.findall(r"```sh\n(.*?)\n```", head) == [
        "python3 -m pip install uv && python3 -m uv run mautic-async demo",
        "python3 -m pip install uv && python3 -m uv run pytest",
    ]


def test_readme_error_table_names_all_errors() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", README.split("## Errors")[1].split("\n## ")[0], re.MULTILINE))
    public = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.MauticError) and value is not errors.MauticError
    }
    assert told == public - {"WebhookRejected"}, "WebhookRejected has its own section"


def test_readme_import_options_exist() -> None:
    from typer.testing import CliRunner

    from mautic_async.cli.commands import app

    shown = CliRunner().invoke(app, ["import", "--help"]).stdout
    commands = [line for line in README.splitlines() if line.startswith("mautic-async import")]
    assert commands
    assert not {option for line in commands for option in re.findall(r"--[\w-]+", line)} - set(
        re.findall(r"--[\w-]+", shown)
    )


def test_readme_links_lead_to_headings() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
        for line in README.splitlines()
        if line.startswith("#")
    }
    assert not set(re.findall(r"\]\(#([\w-]+)\)", README)) - headings
