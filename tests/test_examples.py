"""The programs of ``docs/examples`` run against simulated servers, and do as their text says."""

from __future__ import annotations

import asyncio
import json
import runpy
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from mautic_async.webhooks import sign
from tests.support import socket_server
from tests.support.socket_server import ServedFake

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"


def load(name: str) -> dict[str, Any]:
    """Return the names of a program, which is not run."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="example")


def emails(site: ServedFake) -> set[str]:
    return {contact["fields"]["email"] for contact in site.fake.contacts}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedFake]:
    with socket_server.serve_fake() as found:
        for name, value in found.env.items():
            monkeypatch.setenv(name, value)
        yield found


def test_nightly_sync_stores_customers_with_orders_and_repeats_safely(
    site: ServedFake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    duckdb = pytest.importorskip("duckdb", reason="needs the group `examples`")
    database = tmp_path / "customers.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "CREATE TABLE customers AS SELECT range AS id, 'c' || range || '@example.com' AS email,"
            " 'Ada' AS first_name, 'Oslo' AS city FROM range(2500)"
        )
        connection.execute(
            "CREATE TABLE orders AS SELECT range * 2 AS customer_id, 'N' || range AS number,"
            " 10 AS amount FROM range(100)"
        )
    main = load("nightly_sync")["main"]
    assert asyncio.run(main(database)) == 0
    assert "created=2500" in capsys.readouterr().out
    assert (len(emails(site)), len(site.fake.custom_items)) == (2500, 100)
    with duckdb.connect(str(database)) as connection:
        connection.execute("INSERT INTO customers VALUES (9999, 'not an address', 'Bob', 'Rome')")
    assert asyncio.run(main(database)) == 1
    assert "updated=2500" in capsys.readouterr().out
    assert (len(site.fake.contacts), len(site.fake.custom_items)) == (2500, 100)
    assert "not an address" in (tmp_path / "rejected.jsonl").read_text("utf-8")


def test_fastapi_backend_stores_sign_ups_and_takes_webhooks(site: ServedFake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAUTIC_WEBHOOK_SECRET", "s3cr3t")
    app = load("fastapi_backend")["app"]
    event = {"contact": {"id": 7, "fields": []}, "timestamp": datetime.now(UTC).isoformat()}
    body = json.dumps({"mautic.lead_post_save_update": [event]}).encode()

    async def visit() -> None:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://a") as http,
        ):
            new = {"email": "ada@example.com", "city": "Oslo"}
            answer = await http.post("/sign-ups", json=new)
            assert (answer.status_code, answer.json()) == (201, {"id": 1})
            assert (await http.post("/sign-ups", json={**new, "email": "?"})).status_code == 422
            site.fake.fail("reset", route="contacts/new", work="done")
            assert (await http.post("/sign-ups", json={**new, "email": "bob@example.com"})).status_code == 504
            headers = {"webhook-signature": sign(body, "s3cr3t")}
            assert (await http.post("/mautic", content=body, headers=headers)).status_code == 204
            assert (await http.post("/mautic", content=body + b" ", headers=headers)).status_code == 401
            await app.state.backend.events.join()
            assert app.state.backend.changed_contacts == {7}
            assert (await http.get("/health")).json()["waiting"] == 0

    asyncio.run(visit())
    assert emails(site) == {"ada@example.com", "bob@example.com"}


def test_tenant_fleet_sends_to_each_tenant_and_survives_a_failing_one(tmp_path: Path) -> None:
    with ExitStack() as stack:
        sites = {name: stack.enter_context(socket_server.serve_fake()) for name in ("acme", "globex", "initech")}
        tenants = []
        for name, served in sites.items():
            rows = tmp_path / f"{name}.jsonl"
            rows.write_text("".join(json.dumps({"email": f"{n}@{name}.example"}) + "\n" for n in range(50)), "utf-8")
            tenants.append({
                "name": name,
                "base_url": served.env["MAUTIC_BASE_URL"],
                "client_id": served.env["MAUTIC_CLIENT_ID"],
                "client_secret": "wrong" if name == "initech" else served.env["MAUTIC_CLIENT_SECRET"],
                "rows": rows.name,
            })  # fmt: skip
        path = tmp_path / "tenants.json"
        path.write_text(json.dumps(tenants), "utf-8")
        assert load("tenant_fleet")["main"](path) == 1
        assert {name: len(served.fake.contacts) for name, served in sites.items()} == {
            "acme": 50,
            "globex": 50,
            "initech": 0,
        }


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning", "ignore::ResourceWarning")
def test_notebook_runs_from_top_to_bottom() -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs the group `examples`")
    client = pytest.importorskip("nbclient", reason="needs the group `examples`")
    pytest.importorskip("ipykernel", reason="needs the group `examples`")
    notebook = nbformat.read(EXAMPLES / "explore.ipynb", as_version=4)
    client.NotebookClient(notebook, timeout=60).execute()
    shown = [
        output.get("text") or output["data"]["text/plain"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    ]
    assert shown[:2] == ["300", "(100, ['person0@example.com', 'person3@example.com'])"]
    assert shown[2:] == ["OutcomeUnknown\n", "'ada@example.com'"]
