"""The programs of docs/guide/fastapi.md run, and pass mypy --strict."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from mautic_async import Contact, Mautic
from mautic_async.testing import FakeMautic
from tests.support import socket_server

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "guide" / "fastapi.md").read_text("utf-8"), re.DOTALL)


def play(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(code, "fastapi.md", "exec", dont_inherit=True), names)
    return names


def test_application_signs_up_with_test_client_as_context_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket_server.serve_fake() as site:
        for name, value in site.env.items():
            monkeypatch.setenv(name, value)
        with TestClient(play(PROGRAMS[0])["app"]) as client:
            stored = client.post("/sign-ups", json={"email": "ada@example.com", "city": "London"})
            refused = client.post("/sign-ups", json={"email": "", "city": "London"})
    assert (stored.status_code, stored.json()) == (201, {"id": 1})
    assert refused.status_code == 422


async def test_entities_are_responses_of_the_application() -> None:
    app = play(PROGRAMS[1])["app"]
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        ada = await mautic.contacts.create(Contact(email="ada@example.com", firstname="Ada", owner=1))
        app.state.mautic = mautic
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            one = await http.get(f"/contacts/{ada.id}")
            found = await http.get("/contacts", params={"search": "ada@example.com"})
            missing = await http.get("/contacts/99")
            schema = (await http.get("/openapi.json")).json()
    assert one.json()["email"] == "ada@example.com"
    assert one.json()["owner"]["id"] == 1
    assert "UNSET" not in one.text
    assert [contact["firstname"] for contact in found.json()] == ["Ada"]
    assert missing.status_code == 404
    response = schema["paths"]["/contacts/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert response["type"] == "object"


def test_test_client_without_context_manager_works_with_the_recipe() -> None:
    play(PROGRAMS[2])


def test_programs_pass_mypy_strict(tmp_path: Path) -> None:
    paths = [tmp_path / f"program_{number}.py" for number in range(len(PROGRAMS))]
    for path, code in zip(paths, PROGRAMS, strict=True):
        path.write_text(code, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--cache-dir",
        str(ROOT / ".mypy_cache" / "guide"),
    ]
    checked = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, cwd=ROOT, check=False)
    assert checked.returncode == 0, checked.stdout
