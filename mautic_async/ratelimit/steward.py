"""The window of a budget that several processes share, as the gate of one of them sees it.

It stands in the place of the gate's own `Window`. A call goes at once if the lease has one left, which costs no lock
and no file; the lease is filled up before it runs out, and what it holds is given back when it lies idle. That is the
work of one task, which ends when nothing is leased and nobody waits. Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import secrets
from typing import TYPE_CHECKING, Final

from mautic_async._background import Flights
from mautic_async.ratelimit.fixed_window import ANSWER, GO, Reading, Window
from mautic_async.ratelimit.shares import Claim, Grant, Told, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.clock import Clock
    from mautic_async.ratelimit.store import SharedBudget

_TICK: Final = 0.25
"""Seconds within which an answer is reported, and after which an unused lease is given back."""
_BEAT: Final = 5.0
"""Seconds between two words of a process that only waits for its answers."""
_VALID: Final = 30.0
"""Seconds for which a lease may be spent after the claim; the others keep it in mind for much longer."""
_POLL: Final = (0.02, 1.0)
"""Seconds between two questions while others' answers are out: at first, and at most."""
_LEAVING: Final = 5.0
"""Seconds that the last word of a client may take."""


class Steward:
    """What the gate asks instead of its own window.

    Args:
        budget: Where the record is kept.
        clock: Time; the wall clock is that of all who share the record.
        window: Makes a new window, with the gate's reserve and pace.
        busy: Tells the calls of this process that are under way.
        wake: Called when those who wait should be looked at.
        refuse: Called with the error when the record cannot be reached.
        by_token: Whether each token has a budget of its own; else all on this site share one.
    """

    def __init__(
        self,
        budget: SharedBudget,
        clock: Clock,
        window: Callable[[], Window],
        busy: Callable[[], int],
        *,
        wake: Callable[[], None],
        refuse: Callable[[Exception], None],
        by_token: bool,
    ) -> None:
        self._budget, self._clock = budget, clock
        self._new, self._busy, self._wake, self._refuse = window, busy, wake, refuse
        self._name = secrets.token_hex(6)
        self._by_token = by_token
        self._token = "" if by_token else _digest("site")
        self._belongs = False
        self._mirror = window()
        """The record's window as of the last claim, by the wall clock, and what was told since."""
        self._told: list[Told] = []
        self._calls = 0
        self._front = 0
        self._low = 0
        self._used = 0
        self._good_until = -math.inf
        self._probing = False
        self._hungry: set[bool] = set()
        self._rest: int | None = None
        self._again: dict[bool, float] = {}
        self._poll = _POLL[0]
        self._due = math.inf
        self._bell = asyncio.Event()
        self._flights = Flights()
        self._task: asyncio.Task[None] | None = None
        self._leaving = False

    # -- what the gate asks --

    def turn(self, *, now: float, in_flight: int, background: bool, rest: int | None = None) -> float:
        """As `Window.turn`; `ANSWER` also while the record is being asked."""
        del in_flight  # leased, each of them
        if self._mirror.unlimited:
            return GO
        if now < self._good_until and (self._calls or (self._front and not background)):
            return GO
        again = self._again.get(background, GO)
        if now < again < ANSWER:
            return again
        self._hungry.add(background)
        if background:
            self._rest = rest
        self._settle_by(now + self._poll if again == ANSWER else now)
        return ANSWER

    def spent(self, now: float, *, background: bool) -> None:
        """A call has been admitted."""
        if self._mirror.unlimited:
            return
        if self._front and not background:
            self._front -= 1
        elif self._calls:
            self._calls -= 1  # else: a call beside, which waits for no lease and is reported with the next claim
        self._used += 1
        if self._calls + self._front < self._low:
            self._low = 0
            self._hungry.add(background)
            self._settle_by(now)

    def tightest(self, now: float) -> tuple[int, int, int] | None:
        """As `Window.tightest`, of what all processes know."""
        del now
        return self._mirror.tightest(self._clock.wall())

    # -- what answers say --

    def observe(self, reading: Reading, *, now: float, wall: float, refused: bool = False) -> bool:
        """As `Window.observe`."""
        sensible = self._mirror.observe(reading, now=wall, wall=wall, refused=refused)
        self._note(Told(wall, self._token, reading, 429 if refused else 200), now)
        return sensible

    def silent(self, status: int | None) -> None:
        """As `Window.silent`."""
        was_unlimited = self._mirror.unlimited
        self._mirror.silent(status)
        if not was_unlimited:
            self._note(Told(self._clock.wall(), self._token, None, status), self._clock.time())

    def belong(self, token: object) -> None:
        """As `Window.belong`: what is leased of another token's budget is given back."""
        if not self._by_token:
            return
        self._token = _digest(str(token))
        if self._belongs:
            self._give_up()
            self._mirror = self._new()
            self._again.clear()
        self._belongs = True

    def _note(self, told: Told, now: float) -> None:
        self._told.append(told)
        self._again.clear()
        self._settle_by(now + _TICK)

    # -- the one task --

    def _settle_by(self, at: float) -> None:
        if self._leaving or at >= self._due:
            return
        self._due = at
        self._bell.set()
        if self._task is None:
            self._task = self._flights.start(self._keep())

    async def leave(self) -> None:
        """Give everything back and end; nothing is admitted any more."""
        self._give_up()
        self._hungry.clear()
        self._leaving = True
        if self._task is None:
            return
        self._due = -math.inf
        self._bell.set()
        await self._flights.land(_LEAVING)

    async def _keep(self) -> None:
        try:
            while True:
                if not self._leaving:
                    await self._rest_until_due()
                last = self._leaving
                left = await self._settle()
                if not self._leaving:
                    self._wake()
                if last or not (left or self._hungry or self._told or self._calls + self._front):
                    return
                self._plan()
        except Exception as error:  # noqa: BLE001 - whatever somebody's store raises, those who wait for it get it
            self._refuse(error)
        finally:
            self._task = None
            self._due = math.inf
            self._hungry.clear()

    async def _rest_until_due(self) -> None:
        while (seconds := self._due - self._clock.time()) > 0:
            self._bell.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._bell.wait()

    async def _settle(self) -> int:
        """One exchange with the record.

        Returns:
            How many calls of this process the record counts now.
        """
        self._due = math.inf
        now = self._clock.time()
        if self._leaving or now >= self._good_until or not (self._used or self._hungry):
            self._give_up()
        claim = self._claim()
        self._used = 0
        self._hungry.clear()
        granted: list[Grant] = []

        def step(text: str | None) -> str:
            after, grant = settle(text, claim, now=self._clock.wall(), window=self._new)
            granted[:] = [grant]
            return after

        await self._budget.change(step)
        (grant,) = granted
        self._take(grant, claim, now)
        return claim.in_flight + claim.kept + grant.calls + grant.front

    def _claim(self) -> Claim:
        busy = 0 if self._mirror.unlimited else self._busy()
        self._probing = self._probing and busy + self._calls > 0
        return Claim(
            holder=self._name,
            token=self._token,
            told=tuple(self._told),
            in_flight=busy,
            kept=self._calls + self._front,
            wanted=max(1, 2 * self._used),
            front=False in self._hungry,
            back=True in self._hungry,
            rest=self._rest,
            probing=self._probing,
        )

    def _take(self, grant: Grant, claim: Claim, claimed_at: float) -> None:
        """Go by what was granted, unless the token has changed meanwhile: then it is given back with the next claim."""
        del self._told[: len(claim.told)]
        if self._token != claim.token and claim.token:
            return
        now, wall = self._clock.time(), self._clock.wall()
        self._mirror = grant.window
        for told in self._told:
            told.teach(self._mirror)
        self._calls += grant.calls
        self._front += grant.front
        self._probing = self._probing or grant.probe
        self._low = (self._calls + self._front) // 4
        self._good_until = min(claimed_at + _VALID, now + grant.window.until - wall)
        for kind, asked, at in ((False, claim.front, grant.again_front), (True, claim.back, grant.again_back)):
            if asked:
                self._again[kind] = GO if at == GO else now + at - grant.at
        if grant.calls or grant.front:
            self._poll = _POLL[0]

    def _plan(self) -> None:
        """When to speak again, if nothing happens before."""
        now = self._clock.time()
        if self._hungry:
            self._settle_by(now + self._poll)
            self._poll = min(_POLL[1], self._poll * 1.5)
        else:
            self._settle_by(now + (_TICK if self._told or self._calls + self._front else _BEAT))

    def _give_up(self) -> None:
        self._calls = self._front = self._low = 0


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
