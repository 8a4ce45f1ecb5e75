"""The decisions about a request that asks to be sent."""

from __future__ import annotations

from typing import Final, TypeAlias

from attrs import frozen


@frozen
class Go:
    """The decision to send the request now."""


@frozen
class Probe:
    """The decision to send the request now unless another probe is under way, whose response is then awaited."""


@frozen
class WaitForResponse:
    """The decision to ask again when a request under way has ended."""


@frozen
class WaitUntil:
    """The decision to ask again at a given time.

    Attributes:
        at: The time, on the clock that the question was asked by.
    """

    at: float


Decision: TypeAlias = Go | Probe | WaitUntil | WaitForResponse

GO: Final = Go()
PROBE: Final = Probe()
WAIT_FOR_RESPONSE: Final = WaitForResponse()


class TooLong(Exception):
    """The wait for the rate limit is longer than the caller's patience.

    Attributes:
        seconds: The length of the wait.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the rate limit asks for {seconds:.0f} s")
        self.seconds = seconds
