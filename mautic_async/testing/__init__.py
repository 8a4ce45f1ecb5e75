"""A Mautic to test against: in process, on virtual time, or on a socket for any client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mautic_async.testing.server import FakeMautic
    from mautic_async.testing.workers import Latency

__all__ = ["FakeMautic", "Latency"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the pytest plugin stays light."""
    if name == "FakeMautic":
        from mautic_async.testing.server import FakeMautic

        return FakeMautic
    if name == "Latency":
        from mautic_async.testing.workers import Latency

        return Latency
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
