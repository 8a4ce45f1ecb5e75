from __future__ import annotations

import asyncio
import csv
import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mautic_async import ConfigurationError, Contact, CustomItem, Mautic, where
from mautic_async.cli.column_mapping import ColumnMapping
from mautic_async.cli.export_files import to_cell, write_file
from mautic_async.cli.export_job import ExportResult, ExportSettings, run_export
from mautic_async.cli.export_rows import contact_to_row, flatten
from mautic_async.cli.export_spool import Spool
from mautic_async.cli.parquet_file import read_parquet
from mautic_async.cli.progress import ProgressBar
from mautic_async.cli.where_option import parse_since, parse_where
from mautic_async.codec import encode
from mautic_async.testing import FakeMautic


class Watcher(ProgressBar):
    """Cancels the export when so many rows are there."""

    def __init__(self, rows: int, then: Callable[[], object]) -> None:
        super().__init__()
        self.rows, self.then = rows, then

    def show(self, fraction: float | None, summary: str, details: str = "") -> None:
        super().show(fraction, summary, details)
        if int(summary.split(maxsplit=1)[0].replace(",", "")) == self.rows:
            self.then()


async def export(settings: ExportSettings, fake: FakeMautic, display: ProgressBar | None = None) -> ExportResult:
    async with Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        return await run_export(settings, mautic, display or ProgressBar())


def to_file(path: Path, **settings: Any) -> ExportSettings:
    return ExportSettings(noun="contacts", target=path, file_format="jsonl", **settings)


async def people(fake: FakeMautic, count: int) -> None:
    async with Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        rows = [Contact(email=f"person{n}@example.com", points=n + 1, tags=["a", "b"]) for n in range(count)]
        assert (await mautic.contacts.bulk_upsert(rows)).ok


# --- rows ------------------------------------------------------------------------------------------------------------


def test_contact_to_row_has_importable_columns_and_ids_on_request() -> None:
    items = [CustomItem("products", id=9, name="B", attributes={"sku": "2"}), CustomItem("products", id=8, name="A")]
    contact = Contact(id=5, email="a@b.co", city="", points=3, tags=["x"], owner=4, custom_items=items)
    without = contact_to_row(None, with_ids=False)(contact)
    assert without == {
        "email": "a@b.co",
        "points": 3,
        "tags": ["x"],
        "owner": 4,
        "custom_items": [
            {"object": "products", "name": "A", "attributes": {}},
            {"object": "products", "name": "B", "attributes": {"sku": "2"}},
        ],
    }
    row = contact_to_row(None, with_ids=True)(contact)
    assert (row["id"], [item["id"] for item in row["custom_items"]]) == (5, [8, 9])
    assert contact_to_row(["email", "id"], with_ids=False)(contact) == {"email": "a@b.co", "id": 5}


def test_flatten_numbers_the_items_of_an_object() -> None:
    items = [
        {"object": "o", "name": "x", "attributes": {"a": 1}},
        {"object": "o", "id": 3, "name": "y", "attributes": {"b": ["1"]}},
    ]
    row = {"email": "a@b.co", "custom_items": items}
    assert dict(flatten(row)) == {
        "email": "a@b.co",
        "o.name": "x",
        "o.a": 1,
        "o.2.id": 3,
        "o.2.name": "y",
        "o.2.b[]": ["1"],
    }


_ALIAS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name not in {"id", "name"})
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1, max_size=8).filter(str.strip)
_ITEM = st.fixed_dictionaries(
    {
        "object": _ALIAS,
        "name": _TEXT.filter(lambda name: name.strip() != "0"),
        "attributes": st.dictionaries(_ALIAS, _TEXT, max_size=3),
    }
)


@given(
    fields=st.dictionaries(st.sampled_from(["firstname", "city", "my_field"]), _TEXT),
    tags=st.lists(st.from_regex(r"[a-z ü]*[a-zü]", fullmatch=True), max_size=3, unique_by=str.strip),
    items=st.lists(_ITEM, max_size=3),
)
def test_rows_of_an_export_are_read_by_import(
    fields: dict[str, str], tags: list[str], items: list[dict[str, Any]]
) -> None:
    custom_items = [
        CustomItem(item["object"], id=n, **{k: item[k] for k in ("name", "attributes")})
        for n, item in enumerate(items, 1)
    ]
    contact = Contact(
        email="a@b.co", points=5, tags=[tag.strip() for tag in tags], fields=fields, custom_items=custom_items
    )
    row = contact_to_row(None, with_ids=False)(contact)
    cells = [(name, to_cell(value)) for name, value in flatten(row)]
    wanted = Contact(
        email="a@b.co",
        points=5,
        fields=fields,
        custom_items=[CustomItem(item["object"], name=item["name"], attributes=item["attributes"]) for item in items],
    )
    if tags:
        wanted.tags = [tag.strip() for tag in tags]
    for values in (list(row.items()), cells):
        read, problems = ColumnMapping().contact(values)
        assert not problems
        assert sorted_items(encode(read)) == sorted_items(encode(wanted))


def sorted_items(body: dict[str, Any]) -> dict[str, Any]:
    groups = body.get("customObjects", {"data": []})["data"]
    return {**body, "customObjects": sorted(groups, key=lambda group: group["alias"])}


def test_cells_are_texts_that_import_splits_again() -> None:
    assert [to_cell(value) for value in (None, True, False, 1.5, ["a", "b"], ["a|b"], {"x": 1})] == [
        *("", "1", "0", "1.5", "a|b", '["a|b"]', '{"x": 1}'),
    ]


def test_where_and_since_are_read_or_refused_in_words() -> None:
    assert parse_where(["points>=10", "city=Berlin", "email ~ %@x", "city!=", "a="]) == [
        where.gte("points", "10"),
        where.eq("city", "Berlin"),
        where.like("email", "%@x"),
        where.is_not_empty("city"),
        where.is_empty("a"),
    ]
    assert parse_since("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)
    assert parse_since("") is None
    with pytest.raises(ConfigurationError, match="--where 'points'"):
        parse_where(["points"])
    with pytest.raises(ConfigurationError, match="--since 'monday'"):
        parse_since("monday")


# --- spool -----------------------------------------------------------------------------------------------------------


async def test_export_resumes_an_interrupted_one_without_loss_or_repetition(
    tmp_path: Path, fake_mautic: FakeMautic
) -> None:
    await people(fake_mautic, 950)
    target, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    task = asyncio.current_task()
    assert task is not None
    first = await export(to_file(target), fake_mautic, Watcher(700, task.cancel))
    assert (first.interrupted, first.status, target.exists()) == (True, 130, False)
    with (tmp_path / "out.jsonl.part").open("ab") as file:
        file.write(b'{"email": "half a li')  # what a killed process may leave behind the last saved row
    with pytest.raises(ConfigurationError, match="had other options"):
        await export(to_file(target, resume=True, ids=True), fake_mautic)
    second = await export(to_file(target, resume=True), fake_mautic)
    assert (second.status, second.rows) == (0, 950)
    await export(to_file(whole), fake_mautic)
    assert target.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "whole.jsonl"]
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="there is no interrupted export"):
        await export(to_file(target, resume=True), fake_mautic)


async def test_export_keeps_the_rows_before_an_error(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    await people(fake_mautic, 500)
    fault = fake_mautic.fail(403, route="GET /api/contacts", after=2, times=50)
    result = await export(to_file(tmp_path / "out.jsonl"), fake_mautic)
    assert fault.hits
    assert (result.status, 0 < result.rows < 500) == (1, True)
    fake_mautic.faults.clear()
    again = await export(to_file(tmp_path / "out.jsonl", resume=True), fake_mautic)
    assert (again.status, again.rows) == (0, 500)


async def test_export_of_changes_tells_where_the_next_one_begins(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    await people(fake_mautic, 3)
    result = await export(to_file(tmp_path / "out.jsonl", since=datetime(2020, 1, 1, tzinfo=UTC)), fake_mautic)
    assert result.rows == 3
    later = datetime.fromisoformat(result.watermark).replace(year=2099)
    assert (await export(to_file(tmp_path / "out.jsonl", since=later), fake_mautic)).rows == 0


async def test_export_of_pages_cannot_be_resumed(tmp_path: Path, fake_mautic: FakeMautic) -> None:
    settings = ExportSettings(noun="pages", target=tmp_path / "a.csv", file_format="csv", resume=True)
    with pytest.raises(ConfigurationError, match="pages cannot be read from the middle"):
        await export(settings, fake_mautic)


def filled_spool(folder: Path, rows: int) -> Spool:
    spool = Spool(folder / "out.part", {})
    spool.open()
    for number in range(rows):
        item = {"object": "products", "name": f"P{number}", "attributes": {"sku": number}}
        spool.add(
            {"email": f"p{number}@x.co", "tags": ["a"], "n": number % 2 or 1.5, "custom_items": [item]}, number + 1
        )
    spool.close()
    return spool


def test_tables_hold_all_rows_and_columns(tmp_path: Path) -> None:
    columns = ["email", "tags", "phone", "n", "products.name", "products.sku"]
    write_file(filled_spool(tmp_path, 3), tmp_path / "out.csv", "csv", ["email", "tags", "phone"])
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[:2] == [columns, ["p0@x.co", "a", "", "1.5", "P0", "0"]]
    write_file(filled_spool(tmp_path, 3), tmp_path / "out.parquet", "parquet", ["email", "tags", "phone"])
    names, count, found = read_parquet(str(tmp_path / "out.parquet"))
    assert (names, count) == (columns, 3)
    first = {"email": "p0@x.co", "tags": ["a"], "n": 1.5, "products.name": "P0", "products.sku": 0}
    assert next(found) == first
    found.close()


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_tables_are_written_in_constant_memory(tmp_path: Path, file_format: Any) -> None:
    write_file(filled_spool(tmp_path, 10), tmp_path / "warm", file_format, [])
    spool = filled_spool(tmp_path, 40_000)
    tracemalloc.start()
    write_file(spool, tmp_path / "out", file_format, [])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000  # the rows alone are 40,000 dictionaries of some 1,500 bytes


def test_parquet_that_cannot_be_read_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("email\n")
    with pytest.raises(ConfigurationError, match=r"a\.parquet"):
        read_parquet(str(tmp_path / "a.parquet"))


async def test_export_to_standard_output_writes_rows_only(
    fake_mautic: FakeMautic, capsys: pytest.CaptureFixture[str]
) -> None:
    await people(fake_mautic, 2)
    await export(ExportSettings(noun="contacts", target=None, file_format="jsonl"), fake_mautic)
    assert [json.loads(line)["points"] for line in capsys.readouterr().out.splitlines()] == [1, 2]
    await export(ExportSettings(noun="contacts", target=None, file_format="csv", columns=["email"]), fake_mautic)
    assert capsys.readouterr().out == "email\nperson0@example.com\nperson1@example.com\n"
