"""Entities that are printed, stored as JSON and sent by FastAPI, and webhooks in tests: from outside, in a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PRINTING = """
from mautic_async import Contact, CustomItem
from mautic_async.models import Webhook
print(Contact(id=3, email="ada@example.com", city=None, custom_items=[CustomItem("products", name="Hello")]))
print(Webhook(name="n", secret="s3cret"))
"""

STORING = """
import json
from mautic_async import Contact
print(json.dumps(Contact(id=3, email="ada@example.com", owner=1, fields={"seats": 3}).to_dict()))
"""

SENDING = """
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel
from mautic_async import Contact

class Found(BaseModel):
    contact: Contact
    score: int

app = FastAPI()

@app.get("/contact")
async def contact() -> Contact:
    return Contact(id=3, email="ada@example.com")

@app.get("/found")
async def found() -> Found:
    return Found(contact=Contact(id=3), score=1)

client = TestClient(app)
print(client.get("/contact").text)
print(client.get("/found").text)
"""

RECEIVING = """
import asyncio
from mautic_async.webhooks import ContactDeleted, Webhooks, sample_body, sign

async def main():
    body = sample_body(ContactDeleted)
    async with Webhooks("secret").receive(body, sign(body, "secret")) as events:
        print(*events)

asyncio.run(main())
"""


def output(program: str, folder: Path) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_print_shows_set_properties_without_secrets(tmp_path: Path) -> None:
    assert output(PRINTING, tmp_path) == [
        "Contact(id=3, custom_items=[CustomItem(object='products', name='Hello')], email='ada@example.com')",
        "Webhook(name='n', secret='***')",
    ]


def test_to_dict_is_json_with_custom_fields_flat(tmp_path: Path) -> None:
    (line,) = output(STORING, tmp_path)
    assert json.loads(line) == {"id": 3, "email": "ada@example.com", "owner": {"id": 1}, "seats": 3}


def test_fastapi_returns_entities_alone_and_in_models(tmp_path: Path) -> None:
    assert output(SENDING, tmp_path) == ['{"id":3,"email":"ada@example.com"}', '{"contact":{"id":3},"score":1}']


def test_sample_body_serves_tests_of_receivers(tmp_path: Path) -> None:
    (line,) = output(RECEIVING, tmp_path)
    assert line.startswith("ContactDeleted(key='mautic.lead_post_delete', timestamp=")
    assert line.endswith("id=12, contact=Contact(id=12))")
