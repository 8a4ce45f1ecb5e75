"""The rate limiter: a fixed hour per token, opened by its first call, counted on each node by itself."""

from __future__ import annotations

from typing import Final

from mautic_async.testing.exchange import Headers

WINDOW: Final = 3600
"""Seconds."""


class Limiter:
    """Counts calls.

    Args:
        limit: Calls an hour; 0 switches it off, and its headers.
        nodes: How many servers, each with a counter of its own, take turns in answering.
        headers: Whether answers tell the state of the window.
        window: Seconds that a window lasts.
    """

    def __init__(self, limit: int, nodes: int = 1, *, headers: bool = True, window: int = WINDOW) -> None:
        self.limit = limit
        self.window = window
        self.headers = headers
        self._nodes: list[dict[str, list[int]]] = [{} for _ in range(max(1, nodes))]
        self._turn = 0

    def count(self, key: str, now: float) -> tuple[bool, Headers]:
        """Count a call.

        Args:
            key: The access token, or what all Basic callers share.
            now: Epoch seconds of the server.

        Returns:
            Whether it may pass, and the headers of its answer.
        """
        if self.limit <= 0:
            return True, []
        node = self._nodes[self._turn % len(self._nodes)]
        self._turn += 1
        window = node.get(key)
        if window is None or window[1] <= int(now):
            window = node[key] = [0, int(now) + self.window]
        window[0] += 1
        told: Headers = []
        if self.headers:
            told = [
                ("X-RateLimit-Limit", str(self.limit)),
                ("X-RateLimit-Remaining", str(max(0, self.limit - window[0]))),
                ("X-RateLimit-Reset", str(window[1])),
            ]
        return window[0] <= self.limit, told

    def reset(self) -> None:
        """Forget all windows, as a cleared cache does."""
        for node in self._nodes:
            node.clear()
