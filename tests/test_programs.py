"""Every program of the README and of the documents runs against a simulated Mautic, and does as its text says.

A new program needs nothing: it is run with the environment of a served `FakeMautic`, and its ``main`` called with base URL,
client id and secret where it takes them. `CHECKS` has more for programs that show what they do. Programs that need a server
of another kind get a check that skips where it is missing.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mautic_async import errors
from tests.support import socket_server
from tests.support.redis_server import running_redis
from tests.support.socket_server import ServedFake

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def programs() -> dict[str, str]:
    """Return the programs by document and heading; several under one heading are numbered."""
    found: dict[str, str] = {}
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for part in re.split(r"\n(?=#{1,3} )", path.read_text(encoding="utf-8")):
            heading = f"{path.relative_to(ROOT)}: {part.partition(chr(10))[0].lstrip('# ')}"
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
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(code, "program", "exec", dont_inherit=True), names)
    return names


def run(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    """Run a program to its end; call its ``main`` where it leaves that to its user."""
    names = play(code)
    main = names.get("main")
    if inspect.iscoroutinefunction(main) and "asyncio.run(" not in code:
        asyncio.run(main(*[*site.env.values()][: len(inspect.signature(main).parameters)]))


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
    play(PROGRAMS["docs/guide/bulk-jobs.md: Upsert half a million contacts"])
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


def many_rows(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    for status in ("created", "updated"):
        play(code)
        assert f"{status}=1000" in shown()
    assert len(set(emails(site))) == len(site.fake.contacts) == 1000


def lost_answer(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    site.fake.fail("reset", route="contacts/new", work="done")
    play(code)
    assert (shown().strip(), len(site.fake.contacts)) == ("1", 1)


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
    assert f"{code.count('def test_')} passed" in done.stdout


def own_server(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    play(code)
    assert shown().strip() == "[('POST', '/oauth/v2/token', 200), ('GET', '/api/contacts', 200)]"


def with_redis(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    with running_redis() as url:
        os.environ["REDIS_URL"] = url
        names = play(code)
        asyncio.run(names["main"](*site.env.values()))
    assert "created=1000" in shown()


def taskiq_jobs(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    """Run both modules as their readers do: workers as processes, the application in one."""
    backend = PROGRAMS[f"{TASKIQ} 2"]
    Path("jobs.py").write_text(code, encoding="utf-8")
    Path("backend.py").write_text(backend, encoding="utf-8")
    visit = Path("visit.py")
    visit.write_text(VISIT, encoding="utf-8")
    with running_redis() as url:
        environment = {**os.environ, "REDIS_URL": url, "PYTHONPATH": f"{Path.cwd()}:{ROOT}"}
        command = [sys.executable, "-m", "taskiq", "worker", "jobs:broker", "--workers", "1", "--log-level", "ERROR"]
        worker = subprocess.Popen(command, env=environment, start_new_session=True)
        try:
            done = subprocess.run(
                [sys.executable, "visit.py"], env=environment, capture_output=True, text=True, timeout=60, check=False
            )
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"states": ["done"] * 4, "read": 50}
    assert len(site.fake.contacts) == 50


TASKIQ = "docs/guide/several-machines.md: Bulk jobs on taskiq workers"

VISIT = """
import io, json, time
from fastapi.testclient import TestClient
from backend import app

lines = "".join(json.dumps({"email": f"c{number}@example.com"}) + chr(10) for number in range(50))
with TestClient(app) as client:
    assert client.post("/imports/first", files={"file": io.BytesIO(lines.encode())}).status_code == 202
    while (answer := client.get("/imports/first").json())["states"] != ["done"] * 4:
        time.sleep(0.1)
    print(json.dumps(answer))
"""


def taskiq_backend(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    """Run by `taskiq_jobs`, whose module it needs."""
    assert "from jobs import" in code


def from_mautic(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    for _ in range(2):  # in a process of its own: dlt keeps the active pipeline in global state
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert Path("warehouse.duckdb").exists()


def to_mautic(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert emails(site) == ["ada@example.com", "bob@example.com"]


def shows(*lines: str) -> Callable[[str, ServedFake, Callable[[], str]], None]:
    """Return the check that a program prints these lines."""

    def check(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
        play(code)
        assert shown().splitlines() == list(lines)

    return check


def changed(code: str, site: ServedFake, shown: Callable[[], str]) -> None:
    play(PROGRAMS["README.md: A first program"])
    shown()
    for _ in range(2):
        play(code)
        assert shown().splitlines() == ["1 ada@example.com"], "the overlap gives recent changes once more"


SYNC = "docs/guide/sync.md"

CHECKS: dict[str, Callable[[str, ServedFake, Callable[[], str]], None]] = {
    "README.md: A first program": first_program,
    "README.md: Send many rows": many_rows,
    "README.md: Test without PHP": own_tests,
    "docs/index.md: A first program": first_program,
    "docs/guide/authentication.md: Log in": log_in,
    "docs/guide/authentication.md: Keep tokens somewhere else": own_store,
    "docs/guide/read-and-write.md: Read, write, delete": read_and_write,
    "docs/guide/export.md: Read everything": read_everything,
    "docs/guide/bulk-jobs.md: Upsert half a million contacts": bulk,
    "docs/guide/errors.md: Errors": lost_answer,
    "docs/guide/fastapi.md: One client for the application": backend,
    "docs/guide/webhooks.md: Take webhooks": webhooks,
    "docs/guide/rate-limits.md: Speed": fast,
    "docs/guide/rate-limits.md: Several processes, one limit": shared,
    "docs/guide/observe.md: Observe": watch,
    "docs/guide/several-machines.md: One token, one limit, one journal": with_redis,
    TASKIQ: taskiq_jobs,
    f"{TASKIQ} 2": taskiq_backend,
    f"{SYNC}: Send only what changed": shows("100 0 0", "0 0 100", "0 1 99"),
    f"{SYNC}: Rows that have vanished": shows("2"),
    f"{SYNC}: Read what changed": changed,
    f"{SYNC}: Sets in step": shows(
        "would add 2 and remove 2", "2 2 2 True", *(f"p{number}@example.com" for number in range(2, 6)), "1"
    ),
    f"{SYNC}: Data frames": shows("6"),
    "docs/guide/dlt.md: From Mautic": from_mautic,
    "docs/guide/dlt.md: To Mautic": to_mautic,
    "docs/guide/testing.md: With pytest": own_tests,
    "docs/guide/testing.md: On a socket": own_server,
}


def test_checks_name_existing_programs() -> None:
    assert CHECKS.keys() <= PROGRAMS.keys()


@pytest.mark.parametrize("heading", PROGRAMS)
def test_program_does_as_its_text_says(heading: str, site: ServedFake, capsys: pytest.CaptureFixture[str]) -> None:
    CHECKS.get(heading, run)(PROGRAMS[heading], site, lambda: capsys.readouterr().out)


def test_readme_is_at_most_300_lines() -> None:
    assert README.count("\n") <= 300


def test_readme_commands_stand_at_the_top_word_for_word() -> None:
    head = README.split("\n## ")[0]
    assert re.findall(r"```sh\n(.*?)\n```", head) == [
        "python3 -m pip install uv && python3 -m uv run mautic-async demo",
        "python3 -m pip install uv && python3 -m uv run pytest",
    ]


def test_error_table_names_all_errors() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/guide/errors.md").read_text("utf-8"), re.MULTILINE))
    public = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.MauticError) and value is not errors.MauticError
    }
    assert told == public - {"WebhookRejected"}, "WebhookRejected has its own section"


def test_import_options_in_documents_exist() -> None:
    from typer.testing import CliRunner

    from mautic_async.cli.commands import app

    shown = CliRunner().invoke(app, ["import", "--help"]).stdout
    text = README + (ROOT / "docs/guide/import.md").read_text("utf-8")
    commands = [line for line in text.splitlines() if line.startswith("mautic-async import")]
    assert commands
    assert not {option for line in commands for option in re.findall(r"--[\w-]+", line)} - set(
        re.findall(r"--[\w-]+", shown)
    )
