"""Upsert the customers of a database into Mautic, every night.

    python nightly_sync.py customers.duckdb

Needs ``mautic-async``, ``duckdb`` and the environment variables MAUTIC_BASE_URL, MAUTIC_CLIENT_ID and
MAUTIC_CLIENT_SECRET. The database has the tables ``customers(id, email, first_name, city)`` and
``orders(customer_id, number, amount)``; for PostgreSQL replace `read_customers`, and nothing else. Beside the database
lie ``nightly.db``, the journal with which a killed run continues, and ``rejected.jsonl``, the rows that were not
stored, with the reasons.

The exit status is 0 if all rows are stored, and 1 otherwise.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import duckdb

from mautic_async import BulkOptions, BulkReport, Contact, CustomItem, Journal, Mautic, UniqueField

QUERY = """
    SELECT email, first_name, city, list(number ORDER BY number), list(amount ORDER BY number)
    FROM customers LEFT JOIN orders ON orders.customer_id = customers.id
    GROUP BY customers.id, email, first_name, city
    ORDER BY customers.id  -- a stable order: the journal continues a killed run only with the same rows
"""


async def read_customers(database: Path) -> AsyncIterator[Contact]:
    """Yield each customer as a contact with its orders as custom items."""
    with duckdb.connect(str(database), read_only=True) as connection:
        cursor = await asyncio.to_thread(connection.execute, QUERY)
        while page := await asyncio.to_thread(cursor.fetchmany, 1000):
            for email, first_name, city, numbers, amounts in page:
                orders = [
                    CustomItem("orders", name=f"Order {number}", attributes={"order-number": number, "amount": amount})
                    for number, amount in zip(numbers, amounts, strict=True)
                    if number is not None
                ]
                yield Contact(email=email, firstname=first_name, city=city, custom_items=orders)


async def sync(database: Path, mautic: Mautic) -> BulkReport:
    """Send all customers; continue an interrupted run."""
    return await mautic.contacts.bulk_upsert(
        read_customers(database),
        journal=Journal(database.with_name("nightly.db")),
        match_items=UniqueField("order-number"),
        options=BulkOptions(dead_letters=database.with_name("rejected.jsonl")),
    )


async def main(database: Path) -> int:
    """Run the synchronisation once; return the exit status."""
    async with Mautic.from_env() as mautic:
        report = await sync(database, mautic)
    print(report)
    return 0 if report.created + report.updated == report.read else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]))))
