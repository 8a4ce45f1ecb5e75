"""``mautic-async check`` and ``login`` from outside: processes, sockets, a person in a browser."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from tests.support.command_line import PROGRAM, environment, run, serving


@pytest.fixture(scope="module")
def site() -> Iterator[dict[str, str]]:
    with serving("--v2") as variables:
        yield variables


def test_check_prints_a_table_and_json(site: dict[str, str]) -> None:
    done = run(["check"], site)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"credentials +ok +OAuth2 client, user .+, role Administrator \(all rights\)", done.stdout)
    found = json.loads(run(["check", "--json"], site).stdout)
    assert (found["status"], {line["state"] for line in found["lines"]}) == (0, {"ok"})


def test_check_ends_with_1_where_something_is_wrong(site: dict[str, str]) -> None:
    done = run(["check"], {**site, "MAUTIC_CLIENT_SECRET": "wrong"})
    assert done.returncode == 1
    assert "PROBLEM OAuth2 client: " in done.stdout
    assert "wrong" not in done.stdout
    assert run(["check"]).returncode == 2
    assert "MAUTIC_BASE_URL is not set" in run(["check"]).stderr


class Fields(HTMLParser):
    """The hidden fields of a form."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("name") and given.get("value") is not None:
            self.values[str(given["name"])] = str(given["value"])


def allow(site: dict[str, str], address: str, *, accept: bool = True) -> httpx.Response:
    """Do as a person does in a browser: log in, and allow or deny the access."""
    base = site["MAUTIC_BASE_URL"]
    with httpx.Client(follow_redirects=True) as browser:
        assert "_password" in browser.get(address).text
        account = {"_username": site["MAUTIC_USERNAME"], "_password": site["MAUTIC_PASSWORD"]}
        consent = browser.post(f"{base}/oauth/v2/authorize_login_check", data=account)
        answer = {"accepted": "1"} if accept else {"rejected": "1"}
        return browser.post(f"{base}/oauth/v2/authorize", data=Fields(consent.text).values | answer)


@pytest.mark.parametrize("accept", [True, False])
def test_login_keeps_the_token_that_other_commands_use(site: dict[str, str], tmp_path: Path, *, accept: bool) -> None:
    token_file = tmp_path / "token.json"
    command = [*PROGRAM, "login", "--no-browser", "--token-file", str(token_file)]
    with subprocess.Popen(
        command, env=environment(site), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as login:
        assert login.stderr is not None
        assert login.stderr.readline() == "Allow the access in your browser:\n"
        page = allow(site, login.stderr.readline().strip(), accept=accept)
        assert "Back in the terminal" in page.text
        shown, said = login.communicate(timeout=60)
    if not accept:
        assert (login.returncode, token_file.exists()) == (2, False)
        assert "access_denied" in said
        return
    assert (login.returncode, shown) == (0, f"logged in as admin; the token is in {token_file}\n")
    assert token_file.stat().st_mode & 0o777 == 0o600
    assert json.loads(token_file.read_text())["access_token"] not in shown + said
    done = run(["check", "--token-file", str(token_file)], site)
    assert done.returncode == 0, done.stdout
    assert f"token file {token_file}, user admin" in done.stdout
    absent = run(["check", "--token-file", str(tmp_path / "none.json")], site)
    assert (absent.returncode, "log in first: mautic-async login" in absent.stderr) == (2, True)
