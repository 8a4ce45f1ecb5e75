"""CPU that the simulator takes for one upsert and for a batch of 200, and how they compare.

Run: python benchmarks/fake.py
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from mautic_async.testing import FakeMautic

SINGLES = 2000
BATCHES = 20
ROWS = 200


class Caller:
    """Sends JSON to a simulator in process."""

    def __init__(self, fake: FakeMautic) -> None:
        self.fake = fake
        self.headers = {"content-type": "application/json"}
        self.seconds = 0.0

    async def post(self, target: str, body: Any) -> Any:
        sent = json.dumps(body).encode()
        began = time.process_time()
        _, _, raw = await self.fake.exchange("POST", target, self.headers, sent)
        self.seconds += time.process_time() - began
        return json.loads(raw)

    def spent(self) -> float:
        """CPU seconds in the simulator since the last time."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds

    async def login(self) -> None:
        client = {"client_id": self.fake.client_id, "client_secret": self.fake.client_secret}
        token = await self.post("/oauth/v2/token", {"grant_type": "client_credentials", **client})
        self.headers["authorization"] = f"Bearer {token['access_token']}"


def row(name: str, number: int) -> dict[str, Any]:
    items = {"data": [{"alias": "products", "data": [{"name": "Boots", "attributes": {"sku": str(number)}}]}]}
    plain = {"email": f"{name}{number}@example.com", "firstname": "Ada", "lastname": "Example", "tags": ["alpha"]}
    return plain | ({"customObjects": items} if name == "items" else {})


async def main() -> None:
    async with FakeMautic() as fake:
        caller = Caller(fake)
        await caller.login()
        caller.spent()
        figures: dict[str, float] = {}
        for name in ("created", "known"):
            for number in range(SINGLES):
                await caller.post("/api/contacts/new", row("single", number))
            figures[f"one contact, {name}"] = caller.spent() / SINGLES
        for name in ("batch", "items"):
            for number in range(BATCHES):
                rows = [row(name, number * ROWS + place) for place in range(ROWS)]
                await caller.post("/api/contacts/batch/new", rows)
            figures[f"batch of {ROWS}, {'one item each' if name == 'items' else 'plain'}"] = caller.spent() / BATCHES
        for name, seconds in figures.items():
            print(f"{name:32}{1000 * seconds:9.3f} ms CPU")
        single, batch = figures["one contact, created"], figures[f"batch of {ROWS}, plain"]
        print(f"ratio: a row of a batch costs {batch / ROWS / single:.2f} of a single create")
        print(f"{'contacts held':32}{len(fake.contacts):9}")


if __name__ == "__main__":
    asyncio.run(main())
