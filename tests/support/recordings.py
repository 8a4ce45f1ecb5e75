"""Recorded exchanges with real Mautic servers, as they lie in ``tests/recordings``.

``tests/recordings/README.md`` describes the files. Version ``5`` is Mautic 5.1.1, version ``7`` is Mautic 7.0.2.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).resolve().parents[1] / "recordings"
CONVERSATION = "conversation.jsonl.gz"

Version = Literal[5, 7]
Record = Mapping[str, Any]


def folder(version: Version = 5) -> Path:
    """Return the folder that holds what was recorded from one version."""
    return FOLDER / f"mautic{version}"


def read_records(path: Path) -> Iterator[Record]:
    """Yield the records of one ``.jsonl.gz`` file, in the order of the file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@cache
def load_exchanges(version: Version = 5) -> Mapping[str, Record]:
    """Return every single exchange by its name, sorted by name. The records are shared: do not change them."""
    paths = [path for path in folder(version).glob("*.jsonl.gz") if path.name != CONVERSATION]
    records = [record for path in paths for record in read_records(path)]
    return {record["name"]: record for record in sorted(records, key=lambda record: record["name"])}


def load_exchange(name: str, version: Version = 5) -> Record:
    """Return one exchange. Only the file that holds this name is read."""
    path = folder(version) / f"{name.partition('-')[0]}.jsonl.gz"
    return next(record for record in read_records(path) if record["name"] == name)


def load_conversation(version: Version = 5) -> list[Record]:
    """Return the conversation with a clean install, in the order in which it was held."""
    return list(read_records(folder(version) / CONVERSATION))


def load_initial_state(version: Version = 5) -> Record:
    """Return what the server answered to some GETs before the conversation, by path."""
    state: Record = json.loads(gzip.decompress((folder(version) / "initial-state.json.gz").read_bytes()))
    return state


def load_openapi() -> Record:
    """Return the OpenAPI document of ``/api/v2``, which only Mautic 7 serves."""
    document: Record = json.loads(gzip.decompress((folder(7) / "openapi-v2.json.gz").read_bytes()))
    return document


def load_routes(version: Version = 5) -> Sequence[tuple[str, str]]:
    """Return method and path of every row in the server's route table. A method may be several, as in ``GET|POST``."""
    with (folder(version) / "endpoints.tsv").open(encoding="utf-8", newline="") as file:
        return [(row["method"], row["path"]) for row in csv.DictReader(file, delimiter="\t")]
