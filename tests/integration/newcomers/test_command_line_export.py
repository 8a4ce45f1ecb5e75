"""``mautic-async export`` from outside, and back by ``import`` into a second server."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mautic_async import Contact, CustomItem, Mautic
from mautic_async.models import DoNotContact
from tests.support.command_line import PROGRAM, environment, run, serving


@pytest.fixture(scope="module")
def site() -> Iterator[dict[str, str]]:
    with serving() as variables:
        yield variables


def contacts() -> list[Contact]:
    found = []
    for number in range(60):
        items = [
            CustomItem("products", name=f"P{number}", attributes={"sku": f"S{number}", "in-stock": number}),
            CustomItem("products", name=f'Second; "{number}"', attributes={"sku": f"T{number}"}),
            CustomItem("orders", name=f"O{number}", attributes={"order-number": f"N{number}", "amount": 5}),
        ]
        found.append(
            Contact(
                email=f"person{number}@example.com",
                firstname=f"Jürgen, {number}",
                company="Äcme",
                points=number,
                tags=["vip", f"group {number % 3}"],
                owner=1,
                do_not_contact=[DoNotContact(channel="email", reason=3)] if number % 5 == 0 else [],
                fields={"attribution_date": "2025-12-24", "preferred_locale": "de_DE"},
                custom_items=items[: 1 + number % 3],
            )
        )
    return found


async def content(variables: dict[str, str]) -> dict[str, Any]:
    """Return contacts and items of a server by e-mail address, without what each server gives by itself."""
    found: dict[str, Any] = {}
    async with Mautic.from_env(variables) as mautic:
        async for contact in mautic.contacts.iterate(include_custom_objects=True):
            data = contact.to_dict()
            kept: dict[str, Any] = {
                key: value
                for key, value in data.items()
                if key not in Contact.PROPERTIES or key in {"points", "is_published"}
            }
            kept["tags"] = sorted(contact.tags or ())
            kept["owner"] = contact.owner.id if contact.owner else 0
            kept["dnc"] = [(entry.channel, entry.reason) for entry in contact.do_not_contact or ()]
            kept["items"] = sorted(
                (item.object, str(item.name), sorted((key, str(value)) for key, value in item.attributes.items()))
                for item in contact.custom_items or ()
            )
            found[str(contact.email)] = kept
    return found


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
async def test_export_and_import_give_a_second_server_the_same_contacts(
    site: dict[str, str], tmp_path: Path, ending: str
) -> None:
    async with Mautic.from_env(site) as mautic:
        if not await mautic.contacts.find(email="person0@example.com"):
            assert (await mautic.contacts.bulk_upsert(contacts())).ok
    file = str(tmp_path / f"contacts.{ending}")
    done = run(["export", "contacts", file, "--custom-objects", "--json"], site)
    assert (done.returncode, json.loads(done.stdout)["rows"]) == (0, 60), done.stderr
    with serving() as second:
        imported = run(
            ["import", file, "--item-unique", "orders.order-number", "--item-marker", "products.sku"], second
        )
        assert imported.returncode == 0, imported.stdout + imported.stderr
        assert await content(second) == await content(site)


async def test_export_selects_rows_and_columns(site: dict[str, str], tmp_path: Path) -> None:
    async with Mautic.from_env(site) as mautic:
        await mautic.contacts.upsert(Contact(email="select1@example.com", city="Kiel", points=5000))
        await mautic.contacts.upsert(Contact(email="select2@example.com", city="Kiel", points=2))
        await mautic.contacts.upsert(Contact(email="select3@example.com", city="Bern", points=5000))
    file = tmp_path / "some.csv"
    conditions = ["--where", "city=Kiel", "--where", "points>=1000", "--since", "2020-01-01"]
    done = run(["export", "contacts", str(file), "--columns", "id,email,date_added", *conditions], site)
    assert done.returncode == 0, done.stderr
    assert "next time  --since " in done.stdout
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [(row["email"], int(row["id"]) > 0, row["date_added"][:2]) for row in rows] == [
        ("select1@example.com", True, "20")
    ]
    assert list(rows[0]) == ["id", "email", "date_added"]


def test_export_refuses_impossible_options_in_one_line(site: dict[str, str]) -> None:
    for arguments, words in (
        (["people", "a.csv"], "there is no 'people' to export; there are contacts, companies"),
        (["contacts", "a.xlsx"], "give --format csv, jsonl or parquet"),
        (["contacts", "a.csv", "--where", "x"], "write COLUMN=VALUE"),
        (["segments", "a.csv", "--ids"], "belong to contacts"),
        (["contacts", "-", "--resume"], "name a file"),
    ):
        done = run(["export", *arguments], site)
        assert (done.returncode, words in done.stderr, done.stderr.count("\n")) == (2, True, 1), done.stderr


def test_export_ends_with_ctrl_c_and_goes_on_with_resume(tmp_path: Path) -> None:
    with serving("--latency", "0.05") as variables:
        rows = "".join(f'{{"email": "many{number}@example.com"}}\n' for number in range(3000))
        assert run(["import", "-", "--format", "jsonl"], variables, text=rows).returncode == 0
        target = tmp_path / "many.jsonl"
        command = [*PROGRAM, "export", "contacts", str(target)]
        with subprocess.Popen(command, env=environment(variables), stderr=subprocess.PIPE, encoding="utf-8") as process:
            spool = tmp_path / "many.jsonl.part"
            deadline = time.monotonic() + 30
            while not (spool.exists() and spool.stat().st_size) and time.monotonic() < deadline:
                os.sched_yield()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate()
        assert (process.returncode, target.exists()) == (130, False), said
        assert "the same command with --resume" in said
        done = run(["export", "contacts", str(target), "--resume"], variables)
        assert done.returncode == 0, done.stderr
        emails = [json.loads(line)["email"] for line in target.read_text().splitlines()]
        assert sorted(emails) == sorted({f"many{number}@example.com" for number in range(3000)})
