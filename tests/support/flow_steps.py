"""Step the flows of a bulk job's recovery by hand, without an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from mautic_async.bulk import BulkOptions, EncodedRow, WorkItem
from mautic_async.bulk.flows import Sleep
from mautic_async.bulk.items import SendHistory
from mautic_async.bulk.pacing import Pacing

if TYPE_CHECKING:
    from mautic_async.bulk.flows import Flow, Request


class ManualClock:
    """Time that passes only where a flow sleeps; chance is always the most."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wall_time(self) -> float:
        return self.now

    def uniform(self, _: float, high: float) -> float:
        return high


def make_pacing(**plan: Any) -> Pacing:
    return Pacing(BulkOptions(**plan), cast("Any", ManualClock()), 200)


def sent_items(count: int) -> list[WorkItem[str]]:
    """Return rows that have been sent once."""
    return [
        WorkItem(index, f"row {index}", EncodedRow(b"{}"), sends=SendHistory(attempts=1, may_be_stored=True))
        for index in range(count)
    ]


class FlowSteps:
    """Runs a flow up to each of its requests; time passes by itself while it sleeps.

    Attributes:
        slept: The seconds of every pause so far.
        ended: Whether the flow has returned.
        returned: What it has returned.
    """

    def __init__(self, flow: Flow[Any], pacing: Pacing) -> None:
        self.slept: list[float] = []
        self.ended = False
        self.returned: Any = None
        self._flow = flow
        self._clock = cast("ManualClock", pacing._clock)

    def step(self, reply: Any = None) -> Request | None:
        """Send the reply to the last request; return the next one that is no pause, None at the end."""
        while True:
            try:
                request = self._flow.send(reply)
            except StopIteration as stop:
                self.ended, self.returned = True, stop.value
                return None
            if not isinstance(request, Sleep):
                return request
            self.slept.append(request.seconds)
            self._clock.now += max(0.0, request.seconds)
            reply = None
