"""Imports of campaigns and tables whose ids are UUIDs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from mautic_async import ConfigurationError
from tests.support.canned_client import run_with_answers
from tests.support.recordings import load_exchange

DONE = ["Import successful: Imported campaigns are switched off by default."]


def imported(source: Any) -> Any:
    found, server = run_with_answers(
        {"POST campaigns/import": (201, DONE)}, lambda mautic: mautic.campaigns.import_(source)
    )
    assert found == DONE
    return server.last


def test_campaigns_import_takes_the_list_of_an_export_or_one_element() -> None:
    export = load_exchange("campaigns-export", 7)["response"]["body"]
    assert isinstance(export, list)
    assert imported(export).body == imported(export[0]).body == export


@pytest.mark.parametrize("name", ["c.json", "c.txt", "campaign"])
def test_campaigns_import_takes_json_under_any_file_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(json.dumps([{"campaign": [{"id": 6}]}]))
    assert imported(path).body == [{"campaign": [{"id": 6}]}]


@pytest.mark.parametrize("name", ["c.zip", "c.json", "campaign"])
def test_campaigns_import_takes_a_zip_file_under_any_file_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04...")
    request = imported(path)
    assert b"PK\x03\x04..." in request.content
    assert f'filename="{Path(name).stem}.zip"'.encode() in request.content


def test_campaigns_import_names_a_file_that_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("hello")
    for path, reason in ((tmp_path / "none.json", "cannot be read"), (tmp_path / "c.txt", "neither a zip file nor")):
        with pytest.raises(ConfigurationError, match=reason):
            run_with_answers({}, lambda mautic, path=path: mautic.campaigns.import_(path))


UUIDS = [f"{first}0000000-0000-11ee-b962-0242ac120002" for first in "08af"]


def test_stats_iterate_walks_a_table_with_uuids() -> None:
    """The shape of ``email_stat_replies`` on 5.1.1."""

    def page(request: Any) -> Any:
        query = {unquote(key): value for key, value in request.query}
        last = query.get("where[0][val]", "")
        rows = [{"id": id, "stat_id": "1", "message_id": "m"} for id in UUIDS if id > last]
        return {"total": str(len(UUIDS)), "stats": rows[: int(query["limit"])]}

    async def walk(mautic: Any) -> list[str]:
        return [row["id"] async for row in mautic.stats.iterate("email_stat_replies", limit=2)]

    found, server = run_with_answers({"GET stats/email_stat_replies": page}, walk)
    assert found == UUIDS
    assert len(server.requests) == 3
