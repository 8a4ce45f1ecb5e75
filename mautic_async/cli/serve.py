"""``mautic-async serve``: the simulated Mautic on a socket."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from mautic_async import ConfigurationError
from mautic_async.testing import FakeMautic


def parse_latency(text: str) -> float | tuple[float, float] | None:
    """Seconds a request, or seconds a request and seconds a row.

    Raises:
        ConfigurationError: It is neither.
    """
    if not text.strip():
        return None
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if len(parts) not in {1, 2} or not all(0 <= part < float("inf") for part in parts):
        raise ConfigurationError(f"--latency {text}: write seconds a request, or seconds a request,seconds a row")
    return parts[0] if len(parts) == 1 else (parts[0], parts[1])


async def serve_forever(host: str, port: int, **settings: Any) -> int:
    """Serve until cancelled, which is the way to end it."""
    async with FakeMautic(**settings) as fake, fake.serve(port=port, host=host) as url:
        sys.stdout.write(
            f"MAUTIC_BASE_URL={url}\n"
            f"MAUTIC_CLIENT_ID={fake.client_id}\n"
            f"MAUTIC_CLIENT_SECRET={fake.client_secret}\n"
            f"MAUTIC_USERNAME={fake.username}\n"
            f"MAUTIC_PASSWORD={fake.password}\n"
        )
        sys.stdout.flush()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
    return 0
