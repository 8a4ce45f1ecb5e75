"""DuckDB to FakeMautic to DuckDB, with dlt; then a second round, which moves only what changed.

python -m tests.stress.dlt_round_trip --rows 50000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import duckdb

from mautic_async import ClientCredentials, Mautic
from mautic_async.dlt import mautic_destination, mautic_source
from tests.support import socket_server

COLUMNS = "email, firstname, lastname, city"


def read(path: Path, query: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a query in lists."""
    with duckdb.connect(str(path), read_only=True) as db:
        cursor = db.execute(query)
        names = [column[0] for column in cursor.description or ()]
        while rows := cursor.fetchmany(5000):
            yield [dict(zip(names, row, strict=True)) for row in rows]


def round_trip(count: int, folder: Path) -> dict[str, Any]:
    """Move *count* rows there and back twice; return what was seen."""
    source, target = folder / "source.duckdb", folder / "target.duckdb"
    with duckdb.connect(str(source)) as db:
        db.execute(
            "CREATE TABLE customers AS SELECT 'c' || i || '@example.com' AS email, 'N' || i AS firstname,"
            f" 'L' || (i % 97) AS lastname, 'City ' || (i % 11) AS city FROM range({count}) t(i)"
        )
    with socket_server.serve_fake() as site:
        url, client_id, client_secret = site.env.values()

        def connect() -> Mautic:
            return Mautic(url, auth=ClientCredentials(client_id, client_secret))

        def run(name: str, destination: Any, data: Any, **options: Any) -> None:
            pipeline = dlt.pipeline(name, destination=destination, dataset_name="crm", pipelines_dir=str(folder / "p"))
            pipeline.run(data, **options)

        def there(query: str) -> int:
            before = len(site.fake.requests)
            run("there", mautic_destination(connect), read(source, query), table_name="contacts")
            return len(site.fake.requests) - before

        def back() -> int:
            before = len(site.fake.requests)
            wanted = mautic_source(connect, resources=["contacts"], include_custom_objects=False)
            run("back", dlt.destinations.duckdb(str(target)), wanted)
            return len(site.fake.requests) - before

        def equal() -> bool:
            with duckdb.connect(str(target), read_only=True) as db:
                db.execute(f"ATTACH '{source}' AS given (READ_ONLY)")
                missing, surplus = (
                    db.execute(
                        f"SELECT count(*) FROM (SELECT {COLUMNS} FROM {a} EXCEPT SELECT {COLUMNS} FROM {b})"
                    ).fetchone()
                    for a, b in (("given.customers", "crm.contacts"), ("crm.contacts", "given.customers"))
                )
            return missing == surplus == (0,)

        site.fake.settings.skew = -86400
        began = time.perf_counter()
        seen: dict[str, Any] = {"there": there("SELECT * FROM customers"), "back": back(), "equal": equal()}
        seen["seconds"] = round(time.perf_counter() - began, 1)
        site.fake.settings.skew = 0  # the first round was yesterday, by the dates of the server
        with duckdb.connect(str(source)) as db:
            db.execute("UPDATE customers SET city = 'Paris' WHERE lastname = 'L3'")
        seen["there again"] = there("SELECT * FROM customers WHERE lastname = 'L3'")
        seen["back again"], seen["equal again"] = back(), equal()
        seen["contacts"] = len(site.fake.contacts)
    return seen


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    with tempfile.TemporaryDirectory() as folder:
        seen = round_trip(parser.parse_args().rows, Path(folder))
    print(seen)
    if not (seen["equal"] and seen["equal again"]):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
