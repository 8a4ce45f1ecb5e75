import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "webhooks.md"
SECRET = "s3cr3t"


@asynccontextmanager
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[dict[str, Any], httpx.AsyncClient]]:
    programs = [code for code in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "FastAPI" in code]
    recipe = next(code for code in programs if "mautic_async.webhooks" in code)
    monkeypatch.setenv("MAUTIC_WEBHOOK_SECRET", SECRET)
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(recipe, "webhooks.md", "exec", dont_inherit=True), names)
    app = names["app"]
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield names, http


def signed(body: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    raw = json.dumps(body).encode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), raw, hashlib.sha256).digest()).decode()
    return raw, {"Webhook-Signature": signature, "Content-Type": "application/json"}


async def test_recipe_accepts_signed_bodies_and_refuses_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC).isoformat()
    raw, headers = signed(
        {
            "mautic.lead_post_save_update": [{"contact": {"id": 3, "fields": []}, "timestamp": now}],
            "mautic.lead_post_delete": [{"id": 4, "timestamp": now}],
            "plugin.other": [{"timestamp": now}],
        }
    )
    async with running(monkeypatch) as (names, http):
        statuses = [
            (await http.post("/mautic", content=raw, headers=headers)).status_code,
            (await http.post("/mautic", content=raw, headers=headers)).status_code,
            (await http.post("/mautic", content=raw + b" ", headers=headers)).status_code,
            (await http.post("/mautic", content=raw)).status_code,
            (await http.post("/mautic", content=b"x" * (10 * 2**20 + 1), headers=headers)).status_code,
        ]
        async with asyncio.timeout(5):
            await names["arrived"].join()
    assert statuses == [204, 200, 401, 401, 413]
    assert names["done"][:2] == ["contact 3 changed", "contact 4 is gone"]
    assert names["done"][2].startswith("plugin.other at ")
